// Package factor owns the second factors of a user: the TOTP secret, sealed, and the backup codes, as keyed MACs.
//
// It spends codes atomically and says whether one was right. It opens no transaction and counts no guesses:
// every flow that asks for a code reserves Guess first, so that all of them share one budget (RL-04), and calls
// Verify in the Write that the code pays for.
package factor
