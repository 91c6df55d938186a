package login

import (
	"context"
	"errors"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// verification is a link to be mailed.
type verification struct {
	app    auth.App
	user   auth.User
	email  auth.Email
	from   auth.SessionID // that asked for it; empty: none
	detail mail.Detail
}

// sendVerification issues the proof, which ends older ones, and queues the mail in the same Write.
func (s *Service) sendVerification(tx *store.Tx, c auth.Caller, v verification) error {
	token, err := s.Proofs.Issue(tx, auth.Proof{Kind: auth.ProofVerifyEmail, App: v.user.App, User: v.user.ID,
		Session: v.from, Email: v.email.Canonical})
	if err != nil {
		return err
	}
	return s.Mail.Send(tx, mail.Message{Kind: mail.VerifyEmail, App: v.app, To: v.email.Address, Name: v.user.Name,
		Token: token, Detail: v.detail, Links: c.Door.Links, Languages: languages(v.user, c), ExpiresAt: tx.Now().Add(s.Proofs.Lifetime(auth.ProofVerifyEmail))})
}

// RequestEmailVerification mails a new link. A caller who is signed in gets it at the own address (typed may be
// empty or that address) and is told when mails are used up; anybody else gets the same answer for every address,
// and the mail goes out only to one that waits for verification. Codes: invalid-request, rate-limited (signed in
// only), and those of session.Recheck.
func (s *Service) RequestEmailVerification(ctx context.Context, c auth.Caller, typed string) error {
	if c.User != "" {
		return s.requestOwnVerification(ctx, c, typed)
	}
	canonical, err := auth.CanonicalEmail(typed)
	if err != nil {
		return err
	}
	may, err := s.MayMail(ctx, c, canonical)
	if err != nil {
		return err
	}
	decoy := s.decoy(c.App, canonical)
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		app, err := openApp(tx, c.App)
		if err != nil {
			return err
		}
		known, _, err := user.ByIdentifier(tx, c.App, typed)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		found := err == nil && known.Email.Canonical == canonical
		if err := s.Record(tx, c, auth.Event{Action: "email.verification-requested", User: known.User.ID}); err != nil {
			return err
		}
		if !may {
			return nil
		}
		if !found || known.Email.Verified() || known.User.Status != auth.UserActive {
			known = decoy
		}
		return s.sendVerification(tx, c, verification{app: app, user: known.User, email: known.Email})
	})
}

func (s *Service) requestOwnVerification(ctx context.Context, c auth.Caller, typed string) error {
	var own auth.Email
	err := s.DB.Read(ctx, func(tx *store.Tx) (err error) {
		own, err = tx.PrimaryEmail(c.App, c.User)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return auth.Invalid("email", auth.ViolationInvalid, "The account has no address.")
	}
	if err != nil {
		return err
	}
	if err := sameAddress(typed, own); err != nil {
		return err
	}
	may := false
	if !own.Verified() {
		if may, err = s.MayMail(ctx, c, own.Canonical); err != nil {
			return err
		}
		if !may {
			return auth.E(auth.CodeRateLimited, "Too many mails were sent to this address. Please try again later.")
		}
	}
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		u, err := s.Sessions.Recheck(tx, c)
		if err != nil {
			return err
		}
		app, err := openApp(tx, c.App)
		if err != nil {
			return err
		}
		email, err := tx.PrimaryEmail(c.App, c.User)
		if err != nil {
			return err
		}
		if !may || email.Verified() || email.Canonical != own.Canonical {
			return nil
		}
		if err := s.Record(tx, c, auth.Event{Action: "email.verification-requested", User: u.ID}); err != nil {
			return err
		}
		return s.sendVerification(tx, c, verification{app: app, user: u, email: email, from: c.Session})
	})
}

// sameAddress refuses a typed address that is not the account's own. Nothing typed means the own one.
func sameAddress(typed string, own auth.Email) error {
	if typed == "" {
		return nil
	}
	canonical, err := auth.CanonicalEmail(typed)
	if err != nil {
		return err
	}
	if canonical != own.Canonical {
		return auth.Invalid("email", auth.ViolationInvalid, "This is not the address of the account.")
	}
	return nil
}

// VerifiedEmail tells what a verification did.
type VerifiedEmail struct {
	User  auth.User
	Email auth.Email
	// SessionsEnded and KeysRevoked count what died because the address was first proven from elsewhere.
	SessionsEnded, KeysRevoked int
}

// VerifyEmail spends a mailed token and marks the address it was mailed to as proven, if that still is the user's
// address. The first time, every session and API key made before ends, for whoever made the account may not have
// been the owner of the address (ET-12); only if the session that asked for the mail presents the token, it stays,
// with the keys it made. The token of a change of address makes the new address the user's (ET-13), that of
// one more address adds it. Codes:
// proof-invalid, rate-limited.
func (s *Service) VerifyEmail(ctx context.Context, c auth.Caller, token string) (VerifiedEmail, error) {
	guess, err := s.guessProof(ctx, c)
	if err != nil {
		return VerifiedEmail{}, err
	}
	var out VerifiedEmail
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		if out, err = s.confirmNewEmail(tx, c, token); !auth.Is(err, auth.CodeProofInvalid) {
			return errors.Join(err, refund(tx, guess))
		}
		if out, err = s.confirmAddedEmail(tx, c, token); !auth.Is(err, auth.CodeProofInvalid) {
			return errors.Join(err, refund(tx, guess))
		}
		p, known, err := s.lockProofOwner(tx, auth.ProofVerifyEmail, c.App, token)
		if err != nil {
			return err
		}
		var keep []auth.SessionID
		if c.Kind == auth.CallerSession && c.Session != "" && c.Session == p.Session {
			if _, err := s.Sessions.Recheck(tx, c); err != nil {
				return err
			}
			keep = append(keep, c.Session)
		}
		if out, err = s.prove(tx, c, known, auth.EndEmailProven, keep...); err != nil {
			return err
		}
		return refund(tx, guess)
	})
	return out, err
}

// lockProofOwner locks the user of a mailed token and spends the token. It is refused if the user was disabled, or has
// another address than the one it was mailed to. The user is locked before the proof, as everywhere.
func (s *Service) lockProofOwner(tx *store.Tx, kind auth.ProofKind, app auth.AppID, token string) (auth.Proof, user.Identity, error) {
	p, err := s.Proofs.Check(tx, kind, app, token)
	if err != nil {
		return p, user.Identity{}, err
	}
	known, err := user.Lock(tx, p.App, p.User)
	if err != nil {
		return p, known, proofInvalid(err)
	}
	if err := bound(p, known); err != nil {
		return p, known, err
	}
	_, err = s.Proofs.Consume(tx, kind, app, token)
	return p, known, err
}

// bound refuses a mailed token whose user was disabled or moved to another address since.
func bound(p auth.Proof, known user.Identity) error {
	if known.User.Status != auth.UserActive || known.Email.Canonical != p.Email {
		return auth.E(auth.CodeProofInvalid, "")
	}
	return nil
}

// prove marks the user's address as proven. If it was not before, every session but the kept ones ends for the reason,
// and every key that none of those made. The user's row is locked.
func (s *Service) prove(tx *store.Tx, c auth.Caller, known user.Identity, reason auth.EndReason, keep ...auth.SessionID) (VerifiedEmail, error) {
	out := VerifiedEmail{User: known.User, Email: known.Email}
	first, err := user.VerifyEmail(tx, known.Email)
	if err != nil || !first {
		return out, err
	}
	app, id := known.User.App, known.User.ID
	if out.SessionsEnded, err = s.Sessions.EndAll(tx, c, app, id, reason, keep...); err != nil {
		return out, err
	}
	if out.KeysRevoked, err = s.APIKeys.RevokeUnverified(tx, c, app, id, keep...); err != nil {
		return out, err
	}
	// An upstream identity that came with the unproven address may be somebody else's way in (ET-12).
	if len(keep) == 0 {
		if err := s.unlinkAll(tx, c, app, id); err != nil {
			return out, err
		}
	}
	if out.User, err = tx.User(app, id); err != nil {
		return out, err
	}
	out.Email.VerifiedAt = tx.Now()
	return out, s.Record(tx, c, auth.Event{App: app, Action: "email.verified", User: id})
}

// proofInvalid turns a row that is gone into the answer for a dead token.
func proofInvalid(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return auth.E(auth.CodeProofInvalid, "")
	}
	return err
}
