package login

import (
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// decoy is somebody who does not exist. Where an answer conceals whether an address is known, what is done for a user is
// done for a decoy in the same Write, or the missing rows would show in the time that it takes (EN-02). Its proofs are
// known to nobody and belong to no user, and its mail is thrown away.
func (s *Service) decoy(tx *store.Tx, app auth.AppID) user.Identity {
	return user.Identity{
		User:  auth.User{ID: auth.UserID(secret.NewID(s.Rand, tx.Now())), App: app},
		Email: auth.Email{Address: mail.Decoy, Canonical: mail.Decoy},
	}
}
