// Package crashtest kills real server processes and looks at what they left behind. The processes are this
// package's own test binary, started again as `ostiary serve`. It holds tests only.
package crashtest
