// Package secret makes, hides and compares the secrets of the house: identifiers and random tokens, API keys, the
// master key with the purpose-bound keys derived from it, sealing of values at rest, and password hashing through
// a bounded pool.
//
// It stores nothing and knows no noun. Which secret belongs to whom, how long it lives and what it opens is decided
// by the packages that own the rows.
package secret
