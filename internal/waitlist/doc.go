// Package waitlist owns the queues for features: who waits, since when, and what an administrator decided.
//
// It alone writes their rows. An account waits as one, whoever of its members asked; a user without an active account
// waits by itself; a stranger who wants to sign up waits with an address. What follows from a decision is a flow's.
package waitlist
