// Package factor owns the second factors of a user: the TOTP secret, sealed, the backup codes, as keyed MACs, and the
// passkeys, which are a first factor too.
//
// It spends codes atomically and says whether one was right; it makes what browsers are asked and checks what they
// answer (WebAuthn Level 3), and keeps the library that does so to itself. It opens no transaction and counts no
// guesses: every flow that asks for a code reserves Guess first, so that all of them share one budget (RL-04), and calls
// Verify in the Write that the code pays for. The secrets of passkey flows are proofs; the flows hold them.
package factor
