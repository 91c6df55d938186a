// Package queue owns the outbox: jobs written in the transaction of the change that causes them, and the workers
// that claim, run, retry and finish them under fenced leases.
//
// It delivers at least once. What a job does is its handler's, in the package that owns the kind; a handler must
// bear being run twice with the same job id.
package queue
