// Package auth is the vocabulary of the house: every noun as a plain type, the typed identifiers, the
// Caller of an operation, the closed list of error codes, and the pure rules that need nothing but their
// arguments (e-mail canonicalisation, scope containment, password length).
//
// It does no I/O, keeps no state and imports only the standard library, golang.org/x/text and
// golang.org/x/net/idna. Rows are read and written by package store; secrets are made and compared by
// package secret; rules that need rows live in the packages of the nouns.
package auth
