// Package argon2 derives keys with argon2id, version 0x13 of RFC 9106, in memory that one evaluation after another uses.
//
// It exists for that memory alone: golang.org/x/crypto/argon2 takes a new block of 19 MiB for every password, which
// costs a sixth of a sign-in in page faults and collections (docs/adr/0005-argon2-memory.md). Its results are those of
// x/crypto, which the tests ask as an oracle.
//
// Which parameters are safe, and how many evaluations run at a time, is the business of package secret.
package argon2
