// Package account owns accounts (customers or teams inside an app), who belongs to them in which role, and what users
// have of credit.
//
// It alone writes their rows. Rights in an account come from a membership in that very account: the members of a
// parent have none in a child. What a session acts for is package session's; invitations into accounts are package
// invite's and the flow of package login.
package account
