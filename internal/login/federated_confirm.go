package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// claimed is what the proof of an upstream identity remembers that waits for the person to prove its address. The proof
// itself names the app, the client, the address and, if there is one, its user.
type claimed struct {
	Upstream auth.Upstream `json:"upstream"`
	Mark     []byte        `json:"mark"` // of the short code that was mailed
	Pass     passage       `json:"pass"`
}

// askForProof keeps the upstream identity, bound to the browser (FD-03), and mails a short code to its address: that of an
// active user as it is stored, or one that nobody has. The answer is the same whether or not there is such a user.
func (s *Service) askForProof(tx *store.Tx, a *arrived, now user.Identity) (end FederatedEnd, err error) {
	pass := a.pass
	data, err := json.Marshal(claimed{Upstream: a.up, Mark: s.Factors.MailedMark(a.caller.App, now.User.ID, a.mail), Pass: pass})
	if err != nil {
		return end, fmt.Errorf("encode an upstream identity: %w", err)
	}
	token, err := s.Proofs.Issue(tx, auth.Proof{Kind: auth.ProofIdentity, App: a.caller.App, Client: a.caller.Client,
		User: now.User.ID, Email: a.canonical, Data: data})
	if err != nil {
		return end, err
	}
	err = s.Record(tx, a.caller, auth.Event{Action: "identity.proof-requested", User: now.User.ID, Data: map[string]string{"provider": a.up.ProviderName}})
	if err != nil {
		return end, err
	}
	to, name := a.reg.new.Email.Address, ""
	if now.User.ID != "" {
		to, name = now.Email.Address, now.User.Name
	}
	disabled := now.User.ID != "" && (now.User.Status != auth.UserActive || now.Email.Canonical != a.canonical)
	if a.mayMail && !disabled {
		err = s.Mail.Send(tx, mail.Message{Kind: mail.ConfirmIdentity, App: a.reg.app, To: to, Name: name, Code: a.mail,
			Languages: languages(now.User, a.caller), ExpiresAt: tx.Now().Add(s.Proofs.Lifetime(auth.ProofIdentity))})
		if err != nil {
			return end, err
		}
	}
	end.Confirm = true
	end.Location, err = pass.back(url.Values{"link_token": {token}})
	return end, err
}

// IdentityProof is how a person proves the address of an upstream identity: by the code of the mail, or by the password
// of the account that has the address.
type IdentityProof struct {
	Token    string // that FinishFederated sent along as link_token
	Code     string
	Password string
	Browser  string // the secret in the browser's cookie
	Verifier string // instead of Browser, of a client that began with a code challenge
	Device   string
}

// ConfirmedIdentity is the end of it. Registered says that who is signed in is a new user.
type ConfirmedIdentity struct {
	SignInOutcome
	Registered bool
}

// confirming is a ConfirmIdentity on its way.
type confirming struct {
	caller  auth.Caller
	in      IdentityProof
	proof   auth.Proof
	claimed claimed
	app     auth.App
	who     user.Identity // as it was when the password was checked; zero: nobody has the address
	byCode  bool
	reg     registration
	draft   *session.Draft
	guesses []*limit.Reservation
	subject string // of the guesses at the account
}

// ConfirmIdentity links an upstream identity to the user of its address, or makes a new user of it, once the person has
// proven the address, and signs in. It works in the browser that came from the provider alone, for that identity and that
// user alone, and once (FD-03); five answers are taken. The password proves nothing while the account's own address is
// unproven, for who chose it may be somebody else (ET-12); with a second factor the link is made when that is shown as
// well. Codes: proof-invalid (also a wrong code), not-found (the provider is off meanwhile), invalid-credentials, invalid-request (neither code nor password),
// account-disabled, conflict (the identity belongs to another user meanwhile), those of Admission for a new user,
// invite-code-invalid, rate-limited, overloaded.
func (s *Service) ConfirmIdentity(ctx context.Context, c auth.Caller, in IdentityProof) (ConfirmedIdentity, error) {
	f, err := s.openConfirmation(ctx, c, in)
	if err != nil {
		return ConfirmedIdentity{}, err
	}
	if !f.byCode {
		if err := s.confirmByPassword(ctx, f); err != nil {
			return ConfirmedIdentity{}, err
		}
	}
	f.draft, err = s.Sessions.Draft(session.Start{User: auth.User{ID: f.proof.User, App: f.proof.App}, Caller: c, Device: f.claimed.Pass.Device})
	if err != nil {
		return ConfirmedIdentity{}, err
	}
	var (
		out     ConfirmedIdentity
		refusal error
	)
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		out, refusal = ConfirmedIdentity{}, nil
		if f.byCode {
			if refusal, err = s.checkConfirmation(tx, f); err != nil || refusal != nil {
				return err
			}
		}
		if _, err := s.Proofs.Consume(tx, auth.ProofIdentity, c.App, in.Token); err != nil {
			return err
		}
		if out, err = s.confirm(tx, f); err != nil {
			return err
		}
		if f.byCode {
			return refund(tx, f.guesses...)
		}
		return s.passwordRight(tx, &attempt{subject: f.subject, guesses: f.guesses})
	})
	if err == nil {
		err = refusal
	}
	if err != nil || out.SignedIn == nil {
		return out, err
	}
	out.SignedIn.Grant, err = s.Sessions.Issue(ctx, f.draft)
	return out, err
}

// openConfirmation finds what is to be confirmed, and reserves the guesses.
func (s *Service) openConfirmation(ctx context.Context, c auth.Caller, in IdentityProof) (*confirming, error) {
	f := &confirming{caller: c, in: in, byCode: in.Code != ""}
	if in.Code == "" && in.Password == "" {
		return nil, auth.Invalid("code", auth.ViolationRequired, "The code of the mail or the password of the account is needed.")
	}
	guess, err := s.guessProof(ctx, c)
	if err != nil {
		return nil, err
	}
	f.guesses = append(f.guesses, guess)
	err = s.DB.Read(ctx, func(tx *store.Tx) (err error) {
		if f.app, err = openApp(tx, c.App); err != nil {
			return err
		}
		if f.proof, err = s.Proofs.Check(tx, auth.ProofIdentity, c.App, in.Token); err != nil {
			return err
		}
		if f.proof.User == "" {
			return nil
		}
		if f.who, err = user.Load(tx, c.App, f.proof.User); err != nil {
			return proofInvalid(err)
		}
		f.subject, err = lane(tx, c.App, f.proof.User, limit.Network(c.IP))
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(f.proof.Data, &f.claimed); err != nil {
		return nil, fmt.Errorf("decode an upstream identity: %w", err)
	}
	hand := HandOver{Browser: f.claimed.Pass.Browser, Challenge: f.claimed.Pass.Challenge}
	if f.proof.Client != c.Client || !hand.heldBy(in.Browser, in.Verifier) {
		return nil, auth.E(auth.CodeProofInvalid, "")
	}
	if device := cleanDevice(in.Device); device != "" {
		f.claimed.Pass.Device = device
	}
	if err := s.reserveConfirmation(ctx, f); err != nil {
		return nil, err
	}
	return f, s.prepareConfirmed(f)
}

// reserveConfirmation takes a guess at the password, as a sign-in does and from the same budgets (RL-01), or at the code. It
// stands first among the guesses, for it tells of the account.
func (s *Service) reserveConfirmation(ctx context.Context, f *confirming) error {
	if f.subject == "" {
		f.subject = limit.Identifier(f.caller.App, f.proof.Email)
	}
	var guess *limit.Reservation
	var err error
	if f.byCode {
		guess, err = s.Limits.Reserve(ctx, limit.Guess{Limiter: limit.SignInAccount, Subject: f.subject})
	} else {
		var shut bool
		if guess, shut, err = s.reservePassword(ctx, f.caller, f.subject); shut {
			f.who.Password.Hash = ""
		}
	}
	if err == nil {
		f.guesses = append([]*limit.Reservation{guess}, f.guesses...)
	}
	return err
}

// prepareConfirmed makes what a new user needs.
func (s *Service) prepareConfirmed(f *confirming) (err error) {
	if f.proof.User != "" {
		return nil
	}
	f.reg = registration{app: f.app, code: f.claimed.Pass.InviteCode}
	if f.reg.new, err = s.strangerOf(f.caller, f.claimed.Upstream); err != nil {
		return err
	}
	f.reg.new.Verified = true
	if f.app.Settings.AccountsOnSignUp {
		f.reg.account = s.Accounts.Draft(f.caller.App, accountName(f.reg.new), f.reg.new.User.ID)
	}
	return nil
}

// confirmByPassword counts the answer and checks the password at the cost of one hash, whoever has the address.
func (s *Service) confirmByPassword(ctx context.Context, f *confirming) error {
	if len(f.in.Password) > maxPassword {
		return auth.Invalid("password", auth.ViolationTooLong, "No password is that long.")
	}
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := s.Proofs.SpendAttempt(tx, f.proof.App, f.proof.ID, codeAttempts)
		return err
	})
	if err != nil {
		return err
	}
	ok, _, err := s.VerifyPassword(ctx, f.who.Password, f.in.Password)
	if err != nil {
		s.refundUnlooked(ctx, err, f.guesses...)
		return err
	}
	if !ok || !f.who.Email.Verified() {
		return s.refuseSignIn(ctx, &attempt{caller: f.caller, app: f.app, known: f.proof.User != "", who: f.who, guesses: f.guesses})
	}
	return nil
}

// checkConfirmation counts the answer and compares the code. A wrong one is recorded.
func (s *Service) checkConfirmation(tx *store.Tx, f *confirming) (refusal, err error) {
	if _, err := s.Proofs.SpendAttempt(tx, f.proof.App, f.proof.ID, codeAttempts); err != nil {
		return nil, err
	}
	if s.Factors.MailedMatch(f.proof.App, f.proof.User, f.claimed.Mark, f.in.Code) {
		return nil, nil
	}
	return auth.E(auth.CodeProofInvalid, ""), s.Record(tx, f.caller, auth.Event{Action: "sign-in.failed", User: f.proof.User,
		Outcome: string(auth.CodeProofInvalid), Data: map[string]string{"contract": f.caller.Door.Contract}})
}

// confirm gives the proven identity its user. What the provider's rules, the app's and the user's say counts as of now.
func (s *Service) confirm(tx *store.Tx, f *confirming) (out ConfirmedIdentity, err error) {
	if _, err := federation.Confirm(tx, f.caller.App, f.claimed.Upstream, auth.UseSignIn); err != nil {
		return out, err
	}
	known, err := tx.EmailByCanonical(f.caller.App, f.proof.Email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return out, err
	}
	if known.User != f.proof.User { // the address changed hands since
		return out, auth.E(auth.CodeProofInvalid, "")
	}
	methods := []string{auth.AMRFederated, auth.AMREmail}
	var now user.Identity
	if f.proof.User == "" {
		now, err = s.registerConfirmed(tx, f)
		out.Registered = true
	} else {
		now, methods, err = s.lockConfirmed(tx, f)
	}
	if err != nil {
		return out, err
	}
	if refusal := standingFor(now, f.caller.Door.Policy, methods); refusal != nil {
		return out, refusal
	}
	if now.User.TOTP {
		ch, err := s.issueChallenge(tx, &attempt{caller: f.caller, in: Credentials{Device: f.claimed.Pass.Device}, methods: methods,
			upstream: &f.claimed.Upstream}, now)
		out.Challenge = &ch
		return out, err
	}
	if !out.Registered {
		if err := s.linkUpstream(tx, f.caller, now, f.claimed.Upstream); err != nil {
			return out, err
		}
	}
	f.draft.For(now.User, now.Email.Verified())
	f.draft.Session.AMR = methods
	in, err := s.startSession(tx, f.caller, f.draft, now)
	out.SignedIn = &in
	return out, err
}

func (s *Service) registerConfirmed(tx *store.Tx, f *confirming) (user.Identity, error) {
	if f.claimed.Pass.Mode == FederatedSignIn {
		return user.Identity{}, auth.E(auth.CodeForbidden, "Nobody here has this account of the provider.")
	}
	if err := Admission(f.app, f.reg.code); err != nil {
		return user.Identity{}, err
	}
	return s.registerUpstream(tx, f.caller, f.reg, f.claimed.Upstream)
}

// lockConfirmed locks the user who proved the address, by the mail or by the password that must still be the one.
func (s *Service) lockConfirmed(tx *store.Tx, f *confirming) (now user.Identity, methods []string, err error) {
	if now, err = user.Lock(tx, f.caller.App, f.proof.User); err != nil {
		return now, nil, proofInvalid(err)
	}
	if now.Email.Canonical != f.proof.Email {
		return now, nil, auth.E(auth.CodeProofInvalid, "")
	}
	if f.byCode {
		if now.User.Status == auth.UserActive {
			now, err = s.proveByMail(tx, f.caller, now)
		}
		return now, []string{auth.AMRFederated, auth.AMREmail}, err
	}
	if now.Password.Hash != f.who.Password.Hash || now.User.Epoch != f.who.User.Epoch || !now.Email.Verified() {
		return now, nil, auth.E(auth.CodeProofInvalid, "")
	}
	return now, []string{auth.AMRFederated, auth.AMRPassword}, nil
}
