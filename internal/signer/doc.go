// Package signer owns the keys that sign access tokens: it makes them, keeps their private halves sealed, rotates
// them with overlap, publishes the public halves as a JWKS, and signs and verifies access tokens (RFC 9068) with
// them.
//
// It does not decide who gets a token or what is in it, and it knows nothing of sessions: a token that verifies here
// was issued by this house and is in time, no more.
package signer
