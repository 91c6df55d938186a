package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// FederatedAnswer is what a provider sends a browser back with.
type FederatedAnswer struct {
	Provider string
	State    string
	Browser  string // the secret in the browser's cookie
	federation.Answer
}

// FederatedEnd is how a way through a provider ends, and where the browser goes then. One of the others is set, or none
// where the person is proven and the door sets no cookies: the session begins with the token in Location.
type FederatedEnd struct {
	Location   string
	SignedIn   *SignedIn
	Registered bool        // who is signed in is a new user
	Factor     bool        // a second factor is needed; the client gets the challenge for the token in Location
	Confirm    bool        // the person must prove the address first; ConfirmIdentity takes the token in Location
	Linked     auth.UserID // to whom the identity belongs now
	Refusal    *auth.Error // told to the client by Location
}

// arrived is somebody for whom a provider vouches, with everything that must exist before the Write.
type arrived struct {
	caller    auth.Caller
	pass      passage
	up        auth.Upstream
	canonical string         // of the upstream address; empty: there is none
	trusted   bool           // the provider has verified the address and is authoritative for it
	reg       registration   // of a stranger
	draft     *session.Draft // of the session that begins
	mail      string         // the short code of a mail that asks for proof of the address
	mayMail   bool
	queued    bool // the stranger has to wait
}

// FinishFederated takes a person back from a provider. Nothing is looked at but for the browser that left with the state,
// once (FD-04). A known upstream identity signs in (FD-01). An unknown one becomes that of the user with its address only
// if both sides have verified the address and the provider is authoritative for it (FD-02); it becomes a new user where
// the app lets strangers in; else it waits until the person has proven the address. The browser goes to the client's
// redirect URI with `token`, for SignInWithToken, or `link_token`, for ConfirmIdentity, or `linked`, or an error. A local
// second factor is still asked for (FD-09). Codes, while there is no client to tell: proof-invalid, rate-limited.
func (s *Service) FinishFederated(ctx context.Context, c auth.Caller, in FederatedAnswer) (FederatedEnd, error) {
	return s.land(ctx, c, in, func(pass passage) (auth.Upstream, error) {
		return s.Federation.Finish(ctx, c.App, pass.Provider, pass.Callback, in.State, in.Answer)
	})
}

// FinishVouched is FinishFederated for who has already taken the person's word from the provider, and checked it.
func (s *Service) FinishVouched(ctx context.Context, c auth.Caller, in FederatedAnswer, up auth.Upstream) (FederatedEnd, error) {
	return s.land(ctx, c, in, func(passage) (auth.Upstream, error) { return up, nil })
}

func (s *Service) land(ctx context.Context, c auth.Caller, in FederatedAnswer, ask func(passage) (auth.Upstream, error)) (FederatedEnd, error) {
	p, pass, err := s.takePassage(ctx, c, in)
	if err != nil {
		return FederatedEnd{}, err
	}
	c.Client = p.Client
	up, err := ask(pass)
	if err != nil {
		return s.refuseFederated(ctx, c, pass, err)
	}
	var end FederatedEnd
	if pass.Mode == FederatedLink {
		end, err = s.linkArrived(ctx, c, p, pass, up)
	} else {
		end, err = s.enterArrived(ctx, c, pass, up)
	}
	if err != nil {
		return s.refuseFederated(ctx, c, pass, err)
	}
	return end, nil
}

// takePassage spends the state for the browser that it was bound to, on the way back of the provider that it was for. The
// client and its redirect URI must still be registered (FD-06).
func (s *Service) takePassage(ctx context.Context, c auth.Caller, in FederatedAnswer) (p auth.Proof, pass passage, err error) {
	guess, err := s.guessProof(ctx, c)
	if err != nil {
		return p, pass, err
	}
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		pass = passage{}
		if p, err = s.Proofs.Check(tx, auth.ProofOAuthState, c.App, in.State); err != nil {
			return err
		}
		if err := json.Unmarshal(p.Data, &pass); err != nil {
			return fmt.Errorf("decode a passage: %w", err)
		}
		if !sameBrowser(pass.Browser, in.Browser) || pass.Provider != in.Provider || pass.Home != c.Door.Home {
			return auth.E(auth.CodeProofInvalid, "")
		}
		client, err := tx.Client(p.App, p.Client)
		if err != nil {
			return proofInvalid(err)
		}
		if client.Status != auth.ClientActive {
			return auth.E(auth.CodeProofInvalid, "")
		}
		if _, err := redirectOf(client, pass.RedirectURI); err != nil && !pass.Home {
			return auth.E(auth.CodeProofInvalid, "")
		}
		if _, err := s.Proofs.Consume(tx, auth.ProofOAuthState, c.App, in.State); err != nil {
			return err
		}
		return refund(tx, guess)
	})
	return p, pass, err
}

// refuseFederated records what went wrong and tells the client.
func (s *Service) refuseFederated(ctx context.Context, c auth.Caller, pass passage, cause error) (FederatedEnd, error) {
	location, err := pass.refused(cause)
	if err != nil {
		return FederatedEnd{}, err
	}
	refusal := auth.AsError(cause)
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		return s.Record(tx, c, auth.Event{Action: "sign-in.failed", Outcome: string(refusal.Code),
			Data: map[string]string{"contract": c.Door.Contract, "provider": pass.Provider}})
	})
	return FederatedEnd{Location: location, Refusal: refusal}, err
}

// enterArrived signs somebody in, or says what is in the way. Of two ways that make the same user or identity at once
// one finds it made, when it looks again.
func (s *Service) enterArrived(ctx context.Context, c auth.Caller, pass passage, up auth.Upstream) (FederatedEnd, error) {
	a, err := s.prepareArrival(ctx, c, pass, up)
	if err != nil {
		return FederatedEnd{}, err
	}
	end, err := s.writeArrival(ctx, a)
	if auth.Is(err, auth.CodeConflict) || auth.Is(err, auth.CodeIdentifierTaken) {
		end, err = s.writeArrival(ctx, a)
	}
	switch {
	case err != nil:
		return FederatedEnd{}, err
	case a.queued:
		return FederatedEnd{}, s.queue(ctx, c, a.reg)
	case end.SignedIn != nil:
		end.SignedIn.Grant, err = s.Sessions.Issue(ctx, a.draft)
	}
	return end, err
}

func (s *Service) writeArrival(ctx context.Context, a *arrived) (end FederatedEnd, err error) {
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		end, err = s.settle(tx, a)
		return err
	})
	return end, err
}

func (s *Service) prepareArrival(ctx context.Context, c auth.Caller, pass passage, up auth.Upstream) (*arrived, error) {
	a := &arrived{caller: c, pass: pass, up: up, trusted: up.SilentlyLinks()}
	var err error
	if a.reg.app, err = s.app(ctx, c.App); err != nil {
		return nil, err
	}
	if up.Email != "" {
		if a.reg.new, err = s.strangerOf(c, up); err != nil {
			return nil, err
		}
		a.canonical, a.reg.new.Verified = a.reg.new.Email.Canonical, a.trusted
	}
	a.reg.code = pass.InviteCode
	if a.reg.app.Settings.AccountsOnSignUp {
		a.reg.account = s.Accounts.Draft(c.App, accountName(a.reg.new), a.reg.new.User.ID)
	}
	if pass.InviteCode != "" {
		guess, err := s.guessProof(ctx, c)
		if err != nil {
			return nil, err
		}
		a.reg.guesses = append(a.reg.guesses, guess)
	}
	if a.mail, err = s.Factors.MailedCode(); err != nil {
		return nil, err
	}
	if a.canonical != "" && !a.trusted {
		if a.mayMail, err = s.MayMail(ctx, c, a.canonical); err != nil {
			return nil, err
		}
	}
	a.draft, err = s.Sessions.Draft(session.Start{User: a.reg.new.User, Caller: c, AMR: []string{auth.AMRFederated}, Device: pass.Device})
	return a, err
}

// strangerOf is the user that an upstream person would be. What the provider says of names is taken where it has the form
// of ours, and gives no right (FD-10). Code: invalid-request (no address that mail can reach).
func (s *Service) strangerOf(c auth.Caller, up auth.Upstream) (user.New, error) {
	now := s.Clock()
	n := user.New{User: auth.User{ID: auth.UserID(secret.NewID(s.Rand, now)), App: c.App},
		Email: auth.Email{ID: auth.EmailID(secret.NewID(s.Rand, now)), Address: up.Email}}
	bare := n
	n.User.Name, n.User.GivenName, n.User.FamilyName, n.User.Locale = up.Name, up.GivenName, up.FamilyName, s.locale(up.Locale, c)
	if checked, err := user.Check(n); err == nil {
		return checked, nil
	}
	return user.Check(bare)
}

// settle decides whose the upstream identity is.
func (s *Service) settle(tx *store.Tx, a *arrived) (FederatedEnd, error) {
	app := a.caller.App
	if _, err := federation.Confirm(tx, app, a.up, auth.UseSignIn); err != nil {
		return FederatedEnd{}, err
	}
	id, found, err := federation.ByUpstream(tx, app, a.up)
	if err != nil {
		return FederatedEnd{}, err
	}
	if found {
		now, err := user.Lock(tx, app, id.User)
		if err != nil {
			return FederatedEnd{}, err
		}
		if err := federation.Touch(tx, id, a.up); err != nil {
			return FederatedEnd{}, err
		}
		return s.enterFederated(tx, a, now)
	}
	if a.canonical == "" {
		return FederatedEnd{}, auth.E(auth.CodeForbidden, "The provider tells no e-mail address of this account.")
	}
	known, err := tx.EmailByCanonical(app, a.canonical)
	if errors.Is(err, store.ErrNotFound) {
		return s.settleStranger(tx, a)
	}
	if err != nil {
		return FederatedEnd{}, err
	}
	now, err := user.Lock(tx, app, known.User)
	if err != nil {
		return FederatedEnd{}, err
	}
	if !a.trusted || !known.Verified() || now.Email.Canonical != a.canonical {
		return s.askForProof(tx, a, now)
	}
	if now.User.Status != auth.UserActive { // coming from a provider enables nobody (FD-07)
		return FederatedEnd{}, auth.E(auth.CodeAccountDisabled, "")
	}
	if err := s.linkUpstream(tx, a.caller, now, a.up); err != nil {
		return FederatedEnd{}, err
	}
	return s.enterFederated(tx, a, now)
}

// settleStranger makes a user of somebody whom nobody knows, where that may be. An address that the provider is not
// authoritative for makes an unverified user at doors that sign those up at once and tell who is known; at others it has
// to be proven first, so that known and unknown addresses are one answer (EN-01).
func (s *Service) settleStranger(tx *store.Tx, a *arrived) (FederatedEnd, error) {
	policy := a.caller.Door.Policy
	atOnce := policy.SignUpImmediate && policy.RevealExisting && policy.AllowUnverified
	if !a.trusted && !atOnce {
		return s.askForProof(tx, a, user.Identity{})
	}
	if a.pass.Mode == FederatedSignIn {
		return FederatedEnd{}, auth.E(auth.CodeForbidden, "Nobody here has this account of the provider.")
	}
	err := Admission(a.reg.app, a.pass.InviteCode)
	if a.queued = auth.Is(err, auth.CodeRegistrationWaitlisted); a.queued {
		return FederatedEnd{}, nil
	}
	if err != nil {
		return FederatedEnd{}, err
	}
	now, err := s.registerUpstream(tx, a.caller, a.reg, a.up)
	if err != nil {
		return FederatedEnd{}, err
	}
	end, err := s.enterFederated(tx, a, now)
	end.Registered = true
	if err != nil || a.trusted || !a.mayMail {
		return end, err
	}
	return end, s.sendVerification(tx, a.caller, verification{app: a.reg.app, user: now.User, email: now.Email, from: a.draft.Session.ID})
}

// registerUpstream makes a user with an upstream identity and no password. The app has admitted it.
func (s *Service) registerUpstream(tx *store.Tx, c auth.Caller, r registration, up auth.Upstream) (now user.Identity, err error) {
	if _, err := federation.Confirm(tx, c.App, up, auth.UseSignUp); err != nil {
		return now, err
	}
	code, err := s.useCode(tx, r)
	if err != nil {
		return now, err
	}
	var made SignedIn
	if made.User, made.Email, err = user.Insert(tx, r.new); err != nil {
		return now, err
	}
	if err := s.endow(tx, c, r, code, &made); err != nil {
		return now, err
	}
	err = s.Record(tx, c, auth.Event{Action: "user.registered", User: made.User.ID,
		Data: map[string]string{"contract": c.Door.Contract, "by": "provider", "provider": up.ProviderName}})
	if err != nil {
		return now, err
	}
	_, err = s.Federation.Link(tx, c, made.User.ID, up)
	return user.Identity{User: made.User, Email: made.Email}, err
}

// enterFederated makes the session of a person whose upstream identity is known, unless a second factor is missing, and
// the token that the client takes the session over with.
func (s *Service) enterFederated(tx *store.Tx, a *arrived, now user.Identity) (end FederatedEnd, err error) {
	methods := []string{auth.AMRFederated}
	if refusal := standingFor(now, a.caller.Door.Policy, methods); refusal != nil {
		return end, refusal
	}
	hand := HandOver{Methods: methods, Browser: a.pass.Browser, Challenge: a.pass.Challenge}
	if end.Factor = now.User.TOTP; !end.Factor && a.caller.Door.SignsIn {
		a.draft.For(now.User, now.Email.Verified())
		in, err := s.startSession(tx, a.caller, a.draft, now)
		if err != nil {
			return end, err
		}
		end.SignedIn, hand.Session = &in, a.draft.Session.ID
	}
	token, err := s.IssueSignInToken(tx, a.caller, now.User, hand)
	if err != nil {
		return end, err
	}
	end.Location, err = a.pass.back(url.Values{"token": {token}})
	return end, err
}
