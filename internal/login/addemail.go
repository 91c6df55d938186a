package login

import (
	"encoding/json"
	"fmt"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// SendAddedEmail issues the proof of one more address, which ends an older one, and mails its link there.
func (s *Service) SendAddedEmail(tx *store.Tx, c auth.Caller, app auth.App, who user.Identity, address string) error {
	canonical, err := auth.CanonicalEmail(address)
	if err != nil {
		return err
	}
	data, err := json.Marshal(NewEmail{Address: address})
	if err != nil {
		return fmt.Errorf("encode an address: %w", err)
	}
	token, err := s.Proofs.Issue(tx, auth.Proof{Kind: auth.ProofAddEmail, App: who.User.App, User: who.User.ID, Session: c.Session,
		Email: canonical, Data: data})
	if err != nil {
		return err
	}
	return s.Mail.Send(tx, mail.Message{Kind: mail.AddEmail, App: app, To: address, Name: who.User.Name, Token: token,
		Links: c.Door.Links, Languages: languages(who.User, c), ExpiresAt: tx.Now().Add(s.Proofs.Lifetime(auth.ProofAddEmail))})
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
	p, err := s.Proofs.Check(tx, auth.ProofAddEmail, c.App, token)
	if err != nil {
		return VerifiedEmail{}, err
	}
	app, err := tx.AppForUpdate(p.App) // a rule about all addresses of the app
	if err != nil {
		return VerifiedEmail{}, err
	}
	known, err := user.Lock(tx, p.App, p.User)
	if err != nil {
		return VerifiedEmail{}, proofInvalid(err)
	}
	if known.User.Status != auth.UserActive || !known.Email.Verified() {
		return VerifiedEmail{}, auth.E(auth.CodeProofInvalid, "")
	}
	if _, err := s.Proofs.Consume(tx, auth.ProofAddEmail, c.App, token); err != nil {
		return VerifiedEmail{}, err
	}
	var wanted NewEmail
	if err := json.Unmarshal(p.Data, &wanted); err != nil {
		return VerifiedEmail{}, fmt.Errorf("decode an address: %w", err)
	}
	out := VerifiedEmail{Email: known.Email}
	out.User, err = user.AddEmail(tx, known.User, auth.Email{ID: auth.EmailID(p.ID), Address: wanted.Address, Canonical: p.Email})
	if auth.Is(err, auth.CodeIdentifierTaken) || auth.Is(err, auth.CodeLimitReached) {
		return VerifiedEmail{}, auth.E(auth.CodeProofInvalid, "")
	}
	if err != nil {
		return VerifiedEmail{}, err
	}
	if err := s.Record(tx, c, auth.Event{App: p.App, Action: "email.added", User: p.User}); err != nil {
		return VerifiedEmail{}, err
	}
	return out, s.Notify(tx, c, mail.Message{Kind: mail.EmailsChanged, App: app, Detail: mail.EmailAdded}, known)
}
