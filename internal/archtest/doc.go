// Package archtest holds the rules of docs/ARCHITECTURE.md as tests: who may import whom, where SQL and HTTP may
// stand, who writes which rows, and how large a file, a function or an interface may grow. It contains no product
// code.
package archtest
