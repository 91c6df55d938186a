// Package login owns the ways in: sign-up, sign-in with its second factor, password reset, the verification of an
// address, and the making of the first administrator.
//
// Each is one call with typed input and typed results; what is half finished is kept in a proof, never in the
// client's word. Guesses are reserved before the secret is looked at, all randomness and hashing happens before
// the Write, and a refusal that must leave a trace commits it. The rows belong to the packages of the nouns;
// changes by somebody who is signed in belong to package lifecycle.
package login
