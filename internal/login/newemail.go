package login

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

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
	return s.sendEmailProof(tx, c, auth.ProofChangeEmail, mail.Message{Kind: mail.ChangeEmail, App: app, To: n.Address}, who, n)
}

// sendEmailProof issues the proof of an address that a user wants, and mails its link there.
func (s *Service) sendEmailProof(tx *store.Tx, c auth.Caller, kind auth.ProofKind, m mail.Message, who user.Identity, n NewEmail) error {
	canonical, err := auth.CanonicalEmail(n.Address)
	if err != nil {
		return err
	}
	data, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode an address: %w", err)
	}
	m.Token, err = s.Proofs.Issue(tx, auth.Proof{Kind: kind, App: who.User.App, User: who.User.ID, Session: c.Session, Email: canonical, Data: data})
	if err != nil {
		return err
	}
	m.Name, m.Links, m.Languages = who.User.Name, c.Door.Links, languages(who.User, c)
	m.ExpiresAt = tx.Now().Add(s.Proofs.Lifetime(kind))
	return s.Mail.Send(tx, m)
}

// emailProof is a proof of an address that was spent, with what it is about.
type emailProof struct {
	auth.Proof
	app    auth.App
	known  user.Identity
	wanted NewEmail
}

// spendEmailProof spends the proof of an address that an active user wants. fits says whether the user still may have it;
// else the proof is dead. The app's row is locked, then the user's: there are rules about all addresses of the app.
func (s *Service) spendEmailProof(tx *store.Tx, kind auth.ProofKind, app auth.AppID, token string, fits func(emailProof) bool) (p emailProof, err error) {
	if p.Proof, err = s.Proofs.Check(tx, kind, app, token); err != nil {
		return p, err
	}
	if p.app, err = tx.AppForUpdate(p.App); err != nil {
		return p, err
	}
	if p.known, err = user.Lock(tx, p.App, p.User); err != nil {
		return p, proofInvalid(err)
	}
	if err := json.Unmarshal(p.Data, &p.wanted); err != nil {
		return p, fmt.Errorf("decode an address: %w", err)
	}
	if p.known.User.Status != auth.UserActive || !fits(p) {
		return p, auth.E(auth.CodeProofInvalid, "")
	}
	_, err = s.Proofs.Consume(tx, kind, app, token)
	return p, err
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
	p, err := s.spendEmailProof(tx, auth.ProofChangeEmail, c.App, token, func(p emailProof) bool { return p.known.Email.Canonical == p.wanted.From })
	if err != nil {
		return VerifiedEmail{}, err
	}
	next := p.known.Email
	next.Address, next.Canonical = p.wanted.Address, p.Email
	out := VerifiedEmail{}
	out.User, out.Email, err = user.ReplaceEmail(tx, p.known.User, next)
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
	return out, s.TellOldAddress(tx, c, mail.EmailChanged, p.app, p.known)
}

// TellOldAddress mails the address that a change replaces a notice with a link that cancels the change, and later takes
// it back, for at most a day (ET-13).
func (s *Service) TellOldAddress(tx *store.Tx, c auth.Caller, kind mail.Kind, app auth.App, old user.Identity) error {
	data, err := json.Marshal(NewEmail{Address: old.Email.Address})
	if err != nil {
		return fmt.Errorf("encode an address: %w", err)
	}
	token, err := s.Proofs.Issue(tx, auth.Proof{Kind: auth.ProofCancelEmail, App: old.User.App, User: old.User.ID,
		Email: old.Email.Canonical, Data: data})
	if err != nil {
		return err
	}
	return s.Notify(tx, c, mail.Message{Kind: kind, App: app, Token: token,
		ExpiresAt: tx.Now().Add(s.Proofs.Lifetime(auth.ProofCancelEmail))}, old)
}

// CancelEmailChange spends the link that went to the address which a change replaces. A change that waits dies; one
// that is done is taken back, whatever address the account has got since, and the address it had is told. Whoever
// asked for the change knew the password or had a fresh session, so every session ends, every other mailed link dies,
// password, passkeys and accounts of providers open nothing any more, every address but this one is dropped, and a link for a
// new password goes to the address (ET-13). Keys and a second factor go where they are no older than a day before the change;
// older ones live on, as after a reset. It reports whether the address was taken back. Codes: proof-invalid, rate-limited.
func (s *Service) CancelEmailChange(ctx context.Context, c auth.Caller, token string) (restored bool, err error) {
	guess, err := s.guessProof(ctx, c)
	if err != nil {
		return false, err
	}
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		if restored, err = s.cancelEmailChange(tx, c, token); err != nil {
			return err
		}
		return refund(tx, guess)
	})
	return restored, err
}

func (s *Service) cancelEmailChange(tx *store.Tx, c auth.Caller, token string) (restored bool, err error) {
	p, err := s.Proofs.Check(tx, auth.ProofCancelEmail, c.App, token)
	if err != nil {
		return false, err
	}
	app, err := tx.AppForUpdate(p.App) // a rule about all addresses of the app
	if err != nil {
		return false, err
	}
	who, err := user.Lock(tx, p.App, p.User)
	if err != nil {
		return false, proofInvalid(err)
	}
	if who.User.Status != auth.UserActive || due(tx, who.User) {
		return false, auth.E(auth.CodeProofInvalid, "")
	}
	if _, err := s.Proofs.Consume(tx, auth.ProofCancelEmail, c.App, token); err != nil {
		return false, err
	}
	// The later links belong to whoever came after the owner of this address.
	if err := s.Proofs.RevokeCancels(tx, p); err != nil {
		return false, err
	}
	// Whoever was in the account may have added addresses, or made this one a further one.
	if err := user.KeepPrimaryEmail(tx, p.App, p.User); err != nil {
		return false, err
	}
	action := "email.change-canceled"
	if restored = who.Email.Canonical != p.Email; restored {
		action = "email.restored"
		if who, err = s.restoreEmail(tx, c, app, who, p); err != nil {
			return false, err
		}
	}
	if err := s.Record(tx, c, auth.Event{App: p.App, Action: action, User: p.User}); err != nil {
		return false, err
	}
	return restored, s.lockOut(tx, c, app, who, p.CreatedAt.Add(-takeover))
}

// restoreEmail gives the user the address of the proof again and tells the one that it replaces.
func (s *Service) restoreEmail(tx *store.Tx, c auth.Caller, app auth.App, who user.Identity, p auth.Proof) (user.Identity, error) {
	var old NewEmail
	if err := json.Unmarshal(p.Data, &old); err != nil {
		return who, fmt.Errorf("decode an address: %w", err)
	}
	if err := s.Notify(tx, c, mail.Message{Kind: mail.EmailRestored, App: app}, who); err != nil {
		return who, err
	}
	next := who.Email
	next.Address, next.Canonical = old.Address, p.Email
	var err error
	who.User, who.Email, err = user.ReplaceEmail(tx, who.User, next)
	return who, err
}

// takeover is how long before a change of address whoever made it may have been in the account: what was added since is
// theirs as well.
const takeover = 24 * time.Hour

// lockOut throws everybody out of an account that somebody else was in since a time, and mails its owner a link for a new
// password: sessions, mailed links, passkeys and accounts of providers go, keys and a second factor where they are as young
// as that (ET-13).
func (s *Service) lockOut(tx *store.Tx, c auth.Caller, app auth.App, who user.Identity, since time.Time) error {
	if _, err := s.Sessions.EndAll(tx, c, who.User.App, who.User.ID, auth.EndEmailKept); err != nil {
		return err
	}
	if err := s.Proofs.RevokeAll(tx, who.User.App, who.User.ID); err != nil {
		return err
	}
	if n, err := s.Factors.RemovePasskeys(tx, who.User.App, who.User.ID); err != nil {
		return err
	} else if n > 0 {
		if err := s.Record(tx, c, auth.Event{App: who.User.App, Action: "passkeys.removed", User: who.User.ID}); err != nil {
			return err
		}
	}
	if err := s.unlinkAll(tx, c, who.User.App, who.User.ID); err != nil {
		return err
	}
	if _, err := s.APIKeys.RevokeSince(tx, c, who.User.App, who.User.ID, since, string(auth.EndEmailKept)); err != nil {
		return err
	}
	if err := s.disarm(tx, c, who.User, since); err != nil {
		return err
	}
	if !who.User.DeleteAt.IsZero() { // whoever was in there asked for that too
		if _, err := s.keep(tx, c, who.User, "email-change-canceled"); err != nil {
			return err
		}
	}
	if who.Password.Hash == "" {
		return nil
	}
	if err := user.DistrustPassword(tx, who.Password); err != nil {
		return err
	}
	return s.SendReset(tx, c, app, who)
}

// disarm takes the second factor from a user if it was set up at a time or later. The user's row is locked.
func (s *Service) disarm(tx *store.Tx, c auth.Caller, u auth.User, since time.Time) error {
	if !u.TOTP {
		return nil
	}
	t, err := tx.TOTP(u.App, u.ID)
	if err != nil || t.ConfirmedAt.Before(since) {
		return err
	}
	if err := s.Factors.Remove(tx, u.App, u.ID); err != nil {
		return err
	}
	return s.Record(tx, c, auth.Event{App: u.App, Action: "totp.disabled", User: u.ID})
}
