package login

import (
	"encoding/base64"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/user"
)

// decoy is somebody who does not exist. Where an answer conceals whether an address is known, what is done for a user is
// done for a decoy in the same Write, or the missing rows would show in the time that it takes (EN-02). Its proofs are
// known to nobody and belong to no user, and its mail is thrown away. Equal words make equal decoys, so that a new proof
// ends the older one here too. The id has no form that a user's id has, and does not show the word.
func (s *Service) decoy(app auth.AppID, word string) user.Identity {
	sum := s.Factors.Keys.MAC("decoy", string(app), word)
	return user.Identity{
		User:  auth.User{ID: auth.UserID("decoy-" + base64.RawURLEncoding.EncodeToString(sum)), App: app},
		Email: auth.Email{Address: mail.Decoy, Canonical: mail.Decoy},
	}
}
