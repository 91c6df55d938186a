// Package apikey owns the API keys of users: long-lived secrets with scopes and an expiry, of which only a hash is
// stored. It makes, lists, rotates and revokes them and recognises them at requests.
//
// A key acts for its user within its scopes; what a key can never do (what needs a person) is said by package
// operation. Keys that identify an app belong to package app. It alone writes the rows of API keys.
package apikey
