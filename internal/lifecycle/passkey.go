package lifecycle

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// BeginPasskey begins the registration of a passkey. It needs a fresh sign-in by all factors of the account (WA-09,
// MF-04) and a verified address, so that nobody plants a passkey in an account before the owner of its address comes
// (ET-12). With conditional the browser may make it without asking. Codes: person-required, forbidden (no passkeys
// here), email-unverified, reauthentication-required, limit-reached, rate-limited.
func (s *Service) BeginPasskey(ctx context.Context, c auth.Caller, conditional bool) (login.PasskeyFlow, error) {
	g, err := s.readForPasskey(ctx, c)
	if err != nil {
		return login.PasskeyFlow{}, err
	}
	if !g.fresh() {
		return login.PasskeyFlow{}, auth.E(auth.CodeReauthRequired, "")
	}
	if err := s.Login.StartPasskey(ctx, c); err != nil {
		return login.PasskeyFlow{}, err
	}
	draft, err := s.Login.Factors.DraftHandle()
	if err != nil {
		return login.PasskeyFlow{}, err
	}
	var (
		out          login.PasskeyFlow
		registration factor.Registration
	)
	err = g.pass(ctx, func(tx *store.Tx, now user.Identity) (err error) {
		if err := factor.RoomForPasskey(tx, c.App, c.User); err != nil {
			return err
		}
		if registration, err = s.registration(tx, g, now, draft); err != nil {
			return err
		}
		kind := auth.ProofPasskeyNew
		if conditional {
			kind = auth.ProofPasskeyOffered
		}
		out, err = s.Login.IssuePasskeyFlow(tx, c, login.PasskeyStart{Kind: kind, Owner: c.User, Session: c.Session})
		return err
	})
	if err != nil {
		return login.PasskeyFlow{}, err
	}
	registration.Flow, registration.Conditional = out.Flow, conditional
	out.Options, err = s.Login.Factors.CreationOptions(registration)
	return out, err
}

// readForPasskey is read for those who may have passkeys.
func (s *Service) readForPasskey(ctx context.Context, c auth.Caller) (*gate, error) {
	g, err := s.read(ctx, c)
	if err != nil {
		return nil, err
	}
	if !g.who.Email.Verified() {
		return nil, auth.E(auth.CodeEmailUnverified, "")
	}
	return g, nil
}

// registration is the caller's user as the authenticator will see it.
func (s *Service) registration(tx *store.Tx, g *gate, now user.Identity, draft []byte) (factor.Registration, error) {
	owner, err := s.Login.Factors.Owner(tx, now.User.App, now.User.ID, draft)
	owner.Name, owner.DisplayName = account(now), displayName(now)
	return factor.Registration{AppName: g.app.Name, Owner: owner}, err
}

// displayName is what a person is called where an account is chosen.
func displayName(who user.Identity) string {
	if who.User.Name != "" {
		return who.User.Name
	}
	return account(who)
}

// NewPasskey is the answer to BeginPasskey.
type NewPasskey struct {
	Flow       string
	Credential map[string]any // RegistrationResponseJSON
	Name       string         // empty: by the make of the authenticator
}

// FinishPasskey stores the passkey that a browser has made, from the session that began. A flow takes one answer. A mail
// tells the user. Codes: person-required, proof-invalid, invalid-request, conflict (it is registered already),
// limit-reached, email-unverified, rate-limited.
func (s *Service) FinishPasskey(ctx context.Context, c auth.Caller, in NewPasskey) (auth.Passkey, error) {
	g, err := s.readForPasskey(ctx, c)
	if err != nil {
		return auth.Passkey{}, err
	}
	name := ""
	if in.Name != "" {
		if name, err = factor.PasskeyName(in.Name); err != nil {
			return auth.Passkey{}, err
		}
	}
	flow, registration, err := s.begunPasskey(ctx, g, in.Flow)
	if err != nil {
		return auth.Passkey{}, err
	}
	made, wrong := s.Login.Factors.VerifyNew(registration, in.Credential)
	if wrong != nil && !auth.Is(wrong, auth.CodeInvalidRequest) {
		return auth.Passkey{}, wrong
	}
	made.App, made.User = c.App, c.User
	if name != "" {
		made.Name = name
	}
	refusal := wrong
	err = g.pass(ctx, func(tx *store.Tx, now user.Identity) error {
		refusal = wrong
		if _, err := s.Login.Proofs.Consume(tx, flow.Kind, c.App, in.Flow); err != nil {
			return err
		}
		if refusal == nil {
			refusal = s.Login.Factors.AddPasskey(tx, made)
		}
		if code := auth.AsError(refusal); code != nil {
			if code.Code == auth.CodeInternal {
				return refusal
			}
			return s.Login.Record(tx, c, auth.Event{Action: "passkey.refused", Outcome: string(code.Code), User: c.User, Session: c.Session})
		}
		return s.recordPasskey(tx, g, now, passkeyEvent{"passkey.added", made, mail.PasskeyAdded})
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return auth.Passkey{}, err
	}
	return s.readPasskey(ctx, c, made.ID)
}

// begunPasskey finds the flow, which must be the session's own, and what it was begun with.
func (s *Service) begunPasskey(ctx context.Context, g *gate, token string) (flow auth.Proof, r factor.Registration, err error) {
	c := g.caller
	err = s.Login.DB.Read(ctx, func(tx *store.Tx) error {
		for _, kind := range []auth.ProofKind{auth.ProofPasskeyNew, auth.ProofPasskeyOffered} {
			if flow, err = s.Login.Proofs.Check(tx, kind, c.App, token); !auth.Is(err, auth.CodeProofInvalid) {
				break
			}
		}
		if err != nil {
			return err
		}
		if flow.User != c.User || flow.Session != c.Session || flow.Client != c.Client || s.Login.Factors.Party == nil {
			return auth.E(auth.CodeProofInvalid, "")
		}
		r, err = s.registration(tx, g, g.who, nil)
		return err
	})
	r.Flow, r.Conditional = token, flow.Kind == auth.ProofPasskeyOffered
	return flow, r, err
}

// passkeyEvent is a change of one passkey: its audit event, and what the mail says about it.
type passkeyEvent struct {
	action  string
	passkey auth.Passkey
	mailed  mail.Detail
}

func (s *Service) recordPasskey(tx *store.Tx, g *gate, now user.Identity, e passkeyEvent) error {
	err := s.Login.Record(tx, g.caller, auth.Event{Action: e.action, User: now.User.ID, Session: g.caller.Session, Target: string(e.passkey.ID),
		Data: map[string]string{"aaguid": e.passkey.AAGUID}})
	if err != nil || e.mailed == "" {
		return err
	}
	return g.notify(tx, mail.PasskeyChanged, e.mailed, now)
}

func (s *Service) readPasskey(ctx context.Context, c auth.Caller, id auth.FactorID) (p auth.Passkey, err error) {
	err = s.Login.DB.Read(ctx, func(tx *store.Tx) error {
		p, err = factor.FindPasskey(tx, c.App, c.User, id)
		return err
	})
	return p, err
}

// HeldPasskeys are a user's passkeys, and what a browser needs to tell its authenticators of them (the signal methods of
// WebAuthn Level 3).
type HeldPasskeys struct {
	factor.PasskeyOwner
	PartyID string // empty: there are no passkeys here
}

// Passkeys lists the passkeys of the caller's user, oldest first.
func (s *Service) Passkeys(ctx context.Context, c auth.Caller) (out HeldPasskeys, err error) {
	err = s.Login.DB.Read(ctx, func(tx *store.Tx) error {
		out, err = s.held(tx, c.App, c.User)
		return err
	})
	return out, err
}

func (s *Service) held(tx *store.Tx, app auth.AppID, id auth.UserID) (out HeldPasskeys, err error) {
	who, err := user.Load(tx, app, id)
	if err != nil {
		return out, absent(err, "There is no such user.")
	}
	if out.PasskeyOwner, err = s.Login.Factors.Owner(tx, app, id, nil); err != nil {
		return out, err
	}
	out.Name, out.DisplayName = account(who), displayName(who)
	if p := s.Login.Factors.Party; p != nil {
		out.PartyID = p.ID
	}
	return out, nil
}

// RenamePasskey gives one of the caller's passkeys another name. Codes: person-required, not-found, invalid-request.
func (s *Service) RenamePasskey(ctx context.Context, c auth.Caller, id auth.FactorID, name string) (p auth.Passkey, err error) {
	if name, err = factor.PasskeyName(name); err != nil {
		return p, err
	}
	g, err := s.read(ctx, c)
	if err != nil {
		return p, err
	}
	err = g.pass(ctx, func(tx *store.Tx, now user.Identity) error {
		if p, err = factor.FindPasskey(tx, c.App, c.User, id); err != nil {
			return err
		}
		if p, err = s.Login.Factors.RenamePasskey(tx, p, name); err != nil {
			return err
		}
		return s.recordPasskey(tx, g, now, passkeyEvent{"passkey.renamed", p, ""})
	})
	return p, err
}

// DeletePasskey removes one of the caller's passkeys, with a fresh sign-in (MF-04), unless no other way in is left
// (WA-08). Sessions go on; a mail tells the user. Codes: person-required, reauthentication-required, not-found,
// conflict (the last way in).
func (s *Service) DeletePasskey(ctx context.Context, c auth.Caller, id auth.FactorID) error {
	g, err := s.read(ctx, c)
	if err != nil {
		return err
	}
	if !g.fresh() {
		return auth.E(auth.CodeReauthRequired, "")
	}
	return g.pass(ctx, func(tx *store.Tx, now user.Identity) error {
		p, err := factor.FindPasskey(tx, c.App, c.User, id)
		if err != nil {
			return err
		}
		if err := s.Login.Factors.RemovePasskey(tx, p); err != nil {
			return err
		}
		if err := otherWayIn(tx, now); err != nil {
			return err
		}
		return s.recordPasskey(tx, g, now, passkeyEvent{"passkey.removed", p, mail.PasskeyRemoved})
	})
}

// otherWayIn refuses what leaves a user no way to sign in: no password that opens, no passkey, and no mailbox that was
// shown to be theirs, where a link could go. It is asked after the removal.
func otherWayIn(tx *store.Tx, now user.Identity) error {
	if now.Email.Verified() || now.Password.Hash != "" && !now.Password.MustChange {
		return nil
	}
	left, err := tx.Passkeys(now.User.App, now.User.ID)
	if err == nil && len(left) == 0 {
		return auth.E(auth.CodeConflict, "This is the last way to sign in. Add another one first.")
	}
	return err
}

// UserPasskeys lists the passkeys of a user, for an administrator or the operator. Codes: forbidden, not-found.
func (s *Service) UserPasskeys(ctx context.Context, c auth.Caller, id auth.UserID) (out HeldPasskeys, err error) {
	err = s.Login.DB.Read(ctx, func(tx *store.Tx) error {
		if err := s.recheckAdministrator(tx, c); err != nil {
			return err
		}
		own, _, err := tx.ResolveUser(c.App, id)
		if err != nil {
			return err
		}
		out, err = s.held(tx, c.App, own)
		return err
	})
	return out, err
}

// DeleteUserPasskey removes a passkey of a user who lost it, and tells the user by mail. The administrator may take the
// last one: the user can still ask for a link to choose a password. Codes: forbidden, not-found.
func (s *Service) DeleteUserPasskey(ctx context.Context, c auth.Caller, id auth.UserID, passkey auth.FactorID) error {
	_, err := s.administer(ctx, c, id, func(tx *store.Tx, now user.Identity) error {
		p, err := factor.FindPasskey(tx, c.App, now.User.ID, passkey)
		if err != nil {
			return err
		}
		if err := s.Login.Factors.RemovePasskey(tx, p); err != nil {
			return err
		}
		app, err := tx.App(c.App)
		if err != nil {
			return err
		}
		return s.recordPasskey(tx, &gate{s: s, caller: c, app: app}, now, passkeyEvent{"passkey.removed", p, mail.PasskeyRemoved})
	})
	return err
}
