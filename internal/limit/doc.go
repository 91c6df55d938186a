// Package limit owns the named limiters of the house: request limits (GCRA, in memory, per node) and budgets
// for guesses and mails (rows, shared by all nodes and doors, surviving a restart).
//
// Every limiter has a name, a default and a setting; Catalogue lists them and docs/limits.md is made from it.
// Which subjects an operation counts against which limiter is decided by the operation, not here.
package limit
