// Package lifecycle owns the changes that span several nouns and are made by somebody who is signed in: the password,
// the second factor, the profile, the ends of sessions, and what administrators do to users.
//
// Every Write begins by reading the caller's session or key anew. What needs a fresh proof of the person asks for it
// in one place (gate). The ways in without a session belong to package login; the rows to the packages of the nouns.
package lifecycle
