// Package user owns the users of an app: who they are, their addresses, their password records and their
// attributes, and the rules about what may stand in them.
//
// It makes and checks rows inside a transaction that somebody else opened; it hashes nothing, mails nothing and
// ends no session. Who may change what, and what else has to happen with a change, is decided by the flows
// (packages login and lifecycle). Second factors belong to package factor.
package user
