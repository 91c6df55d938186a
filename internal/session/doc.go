// Package session owns sessions: how one is started at a sign-in, carried by an access token, a refresh token and
// a session cookie, recognised at every request, and ended with a stored reason.
//
// It alone writes the rows of sessions. It decides nothing about passwords, factors or roles: who may sign in is
// said by package login before it hands over a Start. Keys of users belong to package apikey, signing keys to
// package signer. The rotation of refresh tokens is described in docs/adr/0002-refresh-token-tag.md.
package session
