// Package proof is the ledger of one-time secrets: it issues them, checks them and lets each be spent once, by kind.
//
// It does not know what a proof proves. The flow that issued one gives it its kind and its data, sends or shows the
// secret, and acts when it comes back. Rows hold hashes only.
package proof
