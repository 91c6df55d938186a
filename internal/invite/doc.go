// Package invite owns the ways in that somebody hands on: invitations by mail, to an account or to the app, and codes
// that people share.
//
// It alone writes their rows. The secret of an invitation is a proof (package proof); asking for one, and what happens
// when it is accepted, is a flow of package login.
package invite
