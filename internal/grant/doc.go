// Package grant owns what people let clients do, and how far a client is on its way to it: consents, authorization codes,
// device authorizations, the tokens that let somebody register clients, and the identifiers that must not be taken twice.
//
// It does not speak OAuth: package oauth decides what may be granted and what a client gets for it. The session in which a
// client then acts belongs to package session.
package grant
