// Package oauth is the OAuth 2.1 authorization server and OpenID provider: who a client is, what it may ask for, how a
// person's word becomes a code and a code becomes tokens, and how all of it ends again.
//
// Every request for tokens goes through one pipeline (pipeline.go) that no grant can skip: authenticate the client, check
// that it may use the grant, prove, bound by policy, issue, audit. A grant is one file with one proof; adding one touches
// that file and the list of grants.
//
// It knows no HTTP: package api/oauth reads requests and writes answers, package ui shows pages. It owns no rows: clients
// belong to package app, sessions to package session, codes, consents and devices to package grant.
package oauth
