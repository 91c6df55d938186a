package session

import (
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/signer"
)

// claim is what a verified access token says, as far as a request needs it. All else comes from rows.
type claim struct {
	app     auth.AppID
	session auth.SessionID
	user    auth.UserID
	account auth.AccountID
}

func claimOf(c signer.AccessClaims) claim {
	return claim{app: auth.AppID(c.App), session: auth.SessionID(c.SessionID), user: auth.UserID(c.Subject),
		account: auth.AccountID(c.Account)}
}
