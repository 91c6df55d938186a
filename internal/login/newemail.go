package login

import (
	"encoding/json"
	"fmt"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// NewEmail is an address that a user wants instead of the present one, until it is confirmed.
type NewEmail struct {
	Address string `json:"address"` // as typed
	From    string `json:"from"`    // the canonical address that it replaces
}

// SendNewEmail issues the proof of a new address, which ends an older one, and mails its link there (ET-13).
func (s *Service) SendNewEmail(tx *store.Tx, c auth.Caller, app auth.App, who user.Identity, n NewEmail) error {
	canonical, err := auth.CanonicalEmail(n.Address)
	if err != nil {
		return err
	}
	data, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode a change of address: %w", err)
	}
	token, err := s.Proofs.Issue(tx, auth.Proof{Kind: auth.ProofChangeEmail, App: who.User.App, User: who.User.ID, Session: c.Session,
		Email: canonical, Data: data})
	if err != nil {
		return err
	}
	return s.Mail.Send(tx, mail.Message{Kind: mail.ChangeEmail, App: app, To: n.Address, Name: who.User.Name, Token: token,
		Links: c.Door.Links, ExpiresAt: tx.Now().Add(s.Proofs.Lifetime(auth.ProofChangeEmail))})
}

// PendingEmail is the address that a user has asked for and not confirmed. Code: conflict.
func (s *Service) PendingEmail(tx *store.Tx, u auth.User) (NewEmail, error) {
	var n NewEmail
	p, err := s.Proofs.Pending(tx, auth.ProofChangeEmail, u.App, u.ID)
	if auth.Is(err, auth.CodeProofInvalid) {
		return n, auth.E(auth.CodeConflict, "No change of the address waits for confirmation.")
	}
	if err == nil {
		err = json.Unmarshal(p.Data, &n)
	}
	return n, err
}

// confirmNewEmail spends the proof of a new address and makes it the user's. Every other pending link dies, and the
// old address is told. The address may have become somebody else's, and the old one another; then the proof is dead.
func (s *Service) confirmNewEmail(tx *store.Tx, c auth.Caller, token string) (VerifiedEmail, error) {
	p, err := s.Proofs.Check(tx, auth.ProofChangeEmail, c.App, token)
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
	var wanted NewEmail
	if err := json.Unmarshal(p.Data, &wanted); err != nil {
		return VerifiedEmail{}, fmt.Errorf("decode a change of address: %w", err)
	}
	if known.User.Status != auth.UserActive || known.Email.Canonical != wanted.From {
		return VerifiedEmail{}, auth.E(auth.CodeProofInvalid, "")
	}
	if _, err := s.Proofs.Consume(tx, auth.ProofChangeEmail, c.App, token); err != nil {
		return VerifiedEmail{}, err
	}
	next := known.Email
	next.Address, next.Canonical = wanted.Address, p.Email
	out := VerifiedEmail{}
	out.User, out.Email, err = user.ReplaceEmail(tx, known.User, next)
	if auth.Is(err, auth.CodeIdentifierTaken) {
		return VerifiedEmail{}, auth.E(auth.CodeProofInvalid, "")
	}
	if err != nil {
		return VerifiedEmail{}, err
	}
	if err := s.Proofs.RevokeAll(tx, p.App, p.User); err != nil {
		return VerifiedEmail{}, err
	}
	if err := s.Record(tx, c, auth.Event{App: p.App, Action: "email.changed", User: p.User}); err != nil {
		return VerifiedEmail{}, err
	}
	return out, s.Notify(tx, c, mail.Message{Kind: mail.EmailChanged, App: app}, known)
}
