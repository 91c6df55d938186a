package login

import (
	"encoding/json"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// SendAddedEmail issues the proof of one more address, which ends an older one, and mails its link there.
func (s *Service) SendAddedEmail(tx *store.Tx, c auth.Caller, app auth.App, who user.Identity, address string) error {
	return s.sendEmailProof(tx, c, auth.ProofAddEmail, mail.Message{Kind: mail.AddEmail, App: app, To: address}, who, NewEmail{Address: address})
}

// AddedEmail is the address that waits to become one more of a user's, with its proof. Code: conflict (none waits).
func (s *Service) AddedEmail(tx *store.Tx, u auth.User) (address string, p auth.Proof, err error) {
	p, err = s.Proofs.Pending(tx, auth.ProofAddEmail, u.App, u.ID)
	if auth.Is(err, auth.CodeProofInvalid) {
		return "", p, auth.E(auth.CodeConflict, "No address waits for confirmation.")
	}
	if err != nil {
		return "", p, err
	}
	var n NewEmail
	err = json.Unmarshal(p.Data, &n)
	return n.Address, p, err
}

// confirmAddedEmail spends the proof of one more address and makes it the user's. Mails go on to the primary one, which is
// told, and which must be proven itself. It keeps the id that it was listed by while it waited. The address may have become somebody else's meanwhile; then the proof is dead.
func (s *Service) confirmAddedEmail(tx *store.Tx, c auth.Caller, token string) (VerifiedEmail, error) {
	p, err := s.spendEmailProof(tx, auth.ProofAddEmail, c.App, token, func(p emailProof) bool { return p.known.Email.Verified() })
	if err != nil {
		return VerifiedEmail{}, err
	}
	out := VerifiedEmail{Email: p.known.Email}
	out.User, err = user.AddEmail(tx, p.known.User, auth.Email{ID: auth.EmailID(p.ID), Address: p.wanted.Address, Canonical: p.Email})
	if auth.Is(err, auth.CodeIdentifierTaken) || auth.Is(err, auth.CodeLimitReached) {
		return VerifiedEmail{}, auth.E(auth.CodeProofInvalid, "")
	}
	if err != nil {
		return VerifiedEmail{}, err
	}
	if err := s.Record(tx, c, auth.Event{App: p.App, Action: "email.added", User: p.User}); err != nil {
		return VerifiedEmail{}, err
	}
	return out, s.Notify(tx, c, mail.Message{Kind: mail.EmailsChanged, App: p.app, Detail: mail.EmailAdded}, p.known)
}
