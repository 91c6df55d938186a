package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// challengeAttempts is how many codes one challenge takes before it is dead, right ones included.
const challengeAttempts = 5

// SecondFactor finishes a sign-in that ended in a Challenge.
type SecondFactor struct {
	Token  string
	Code   string // TOTP or backup code
	Device string // empty: what the first half said
}

// half is what the proof of a challenge remembers of the first half. The password is named by when it was set and
// the user by the epoch, so that a change of either kills the challenge.
type half struct {
	Epoch      int64  `json:"epoch"`
	PasswordAt int64  `json:"password_at"`
	Device     string `json:"device,omitempty"`
	// Methods are the AMR values of the first half; none: the password.
	Methods []string `json:"amr,omitempty"`
	// Upstream is an identity of a provider that becomes the user's with the second factor.
	Upstream *auth.Upstream `json:"upstream,omitempty"`
}

// methods are how the first half proved the person.
func (h half) methods() []string {
	if len(h.Methods) == 0 {
		return []string{auth.AMRPassword}
	}
	return h.Methods
}

func (s *Service) issueChallenge(tx *store.Tx, a *attempt, now user.Identity) (Challenge, error) {
	kinds, err := s.Factors.Kinds(tx, now.User.App, now.User.ID)
	if err != nil {
		return Challenge{}, err
	}
	data, err := json.Marshal(half{Epoch: now.User.Epoch, PasswordAt: now.Password.ChangedAt.UnixMicro(), Device: a.in.Device,
		Methods: a.methods, Upstream: a.upstream})
	if err != nil {
		return Challenge{}, fmt.Errorf("encode a challenge: %w", err)
	}
	token, err := s.Proofs.Issue(tx, auth.Proof{Kind: auth.ProofSecondFactor, App: now.User.App, Client: a.caller.Client,
		User: now.User.ID, Data: data})
	if err != nil {
		return Challenge{}, err
	}
	return Challenge{Token: token, Factors: kinds, ExpiresAt: tx.Now().Add(s.Proofs.Lifetime(auth.ProofSecondFactor))}, nil
}

// CompleteSecondFactor takes the code that a challenge waits for and makes the session. A challenge allows 5 codes,
// and all flows together few codes of one user (RL-04); everything the first half found is checked again. Codes:
// proof-invalid, second-factor-invalid, account-disabled, password-reset-required, email-unverified, rate-limited.
func (s *Service) CompleteSecondFactor(ctx context.Context, c auth.Caller, in SecondFactor) (SignedIn, error) {
	p, err := s.checkChallenge(ctx, c, in.Token)
	if err != nil {
		return SignedIn{}, err
	}
	guess, err := s.Limits.Reserve(ctx, factor.Guess(p.App, p.User))
	if err != nil {
		return SignedIn{}, err
	}
	return s.finishChallenge(ctx, c, answer{proof: p, token: in.Token, device: cleanDevice(in.Device),
		check: func(tx *store.Tx, now user.Identity, first []string) (methods []string, refusal, err error) {
			return s.checkCodeAnswer(tx, c, now, codeAnswer{code: in.Code, first: first, guess: guess})
		}})
}

// answer is what a challenge is answered with. check looks at it in the Write that makes the session, and tells how the
// person was proven by both factors; a refusal keeps the rows.
type answer struct {
	proof  auth.Proof
	token  string
	device string // empty: what the first half said
	check  func(tx *store.Tx, now user.Identity, first []string) (methods []string, refusal, err error)
}

// finishChallenge makes the session of a challenge whose answer is right.
func (s *Service) finishChallenge(ctx context.Context, c auth.Caller, a answer) (SignedIn, error) {
	var first half
	if err := json.Unmarshal(a.proof.Data, &first); err != nil {
		return SignedIn{}, fmt.Errorf("decode a challenge: %w", err)
	}
	if a.device == "" {
		a.device = first.Device
	}
	draft, err := s.Sessions.Draft(session.Start{User: auth.User{ID: a.proof.User, App: a.proof.App, Epoch: first.Epoch}, Caller: c, Device: a.device})
	if err != nil {
		return SignedIn{}, err
	}
	var (
		out     SignedIn
		refusal error
	)
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		now, err := s.enterChallenge(tx, c, a.proof, first)
		if err != nil {
			return err
		}
		if draft.Session.AMR, refusal, err = a.check(tx, now, first.methods()); err != nil || refusal != nil {
			return err
		}
		if _, err := s.Proofs.Consume(tx, auth.ProofSecondFactor, c.App, a.token); err != nil {
			return err
		}
		if err := s.linkWaiting(tx, c, now, first); err != nil {
			return err
		}
		draft.For(now.User, now.Email.Verified())
		out, err = s.startSession(tx, c, draft, now)
		return err
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return SignedIn{}, err
	}
	out.Grant, err = s.Sessions.Issue(ctx, draft)
	return out, err
}

// linkWaiting gives the user the upstream identity that waited for the second factor, if there is one.
func (s *Service) linkWaiting(tx *store.Tx, c auth.Caller, now user.Identity, first half) error {
	if first.Upstream == nil {
		return nil
	}
	return s.linkUpstream(tx, c, now, *first.Upstream)
}

// checkChallenge finds whose challenge the token is. Guessing tokens is hopeless, but costs the network a guess.
func (s *Service) checkChallenge(ctx context.Context, c auth.Caller, token string) (p auth.Proof, err error) {
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		p, err = s.Proofs.Check(tx, auth.ProofSecondFactor, c.App, token)
		return err
	})
	if auth.Is(err, auth.CodeProofInvalid) {
		if _, limited := s.guessProof(ctx, c); limited != nil {
			return p, limited
		}
	}
	if err == nil && p.Client != c.Client {
		return p, auth.E(auth.CodeProofInvalid, "")
	}
	return p, err
}

// enterChallenge counts the answer and reads the user again: what the first half found must still be true.
func (s *Service) enterChallenge(tx *store.Tx, c auth.Caller, p auth.Proof, first half) (now user.Identity, err error) {
	if first.Upstream != nil { // its provider is locked before the user, as everywhere
		if _, err = federation.Confirm(tx, c.App, *first.Upstream, auth.UseSignIn); err != nil {
			return now, err
		}
	}
	if now, err = user.Lock(tx, p.App, p.User); err != nil {
		return now, proofInvalid(err)
	}
	if _, err = s.Proofs.SpendAttempt(tx, p.App, p.ID, challengeAttempts); err != nil {
		return now, err
	}
	if now.User.Epoch != first.Epoch || now.Password.ChangedAt.UnixMicro() != first.PasswordAt {
		return now, auth.E(auth.CodeProofInvalid, "")
	}
	if refusal := standingFor(now, c.Door.Policy, first.methods()); refusal != nil {
		return now, refusal
	}
	return now, nil
}

// codeAnswer is a TOTP or backup code that answers a challenge.
type codeAnswer struct {
	code  string
	first []string
	guess *limit.Reservation
}

// checkCodeAnswer spends the code.
func (s *Service) checkCodeAnswer(tx *store.Tx, c auth.Caller, now user.Identity, a codeAnswer) (methods []string, refusal, err error) {
	kind, ok, err := s.Factors.Verify(tx, now.User.App, now.User.ID, a.code)
	if auth.Is(err, auth.CodeTotpNotEnabled) {
		return nil, nil, auth.E(auth.CodeProofInvalid, "")
	}
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		return nil, auth.E(auth.CodeSecondFactorWrong, ""), s.recordWrongFactor(tx, c, now.User)
	}
	app, err := openApp(tx, now.User.App)
	if err != nil {
		return nil, nil, err
	}
	if err := s.spentFactor(tx, c, app, now, kind); err != nil {
		return nil, nil, err
	}
	return factorMethods(kind, a.first...), nil, a.guess.Refund(tx)
}

// factorMethods are the AMR values of a first proof with a second factor (MF-09).
func factorMethods(kind auth.FactorKind, first ...string) []string {
	if kind == auth.FactorBackupCode {
		return append(slices.Clone(first), auth.AMRBackupCode, auth.AMRMFA)
	}
	return append(slices.Clone(first), auth.AMROTP, auth.AMRMFA)
}

// secondMethods are the AMR values of a first proof with a passkey: two factors together, whatever the passkey showed by
// itself.
func secondMethods(first, passkey []string) []string {
	out := append(slices.Clone(first), passkey...)
	if !slices.Contains(out, auth.AMRMFA) {
		out = append(out, auth.AMRMFA)
	}
	return out
}

// recordWrongFactor notes a wrong code from somebody who proved the password.
func (s *Service) recordWrongFactor(tx *store.Tx, c auth.Caller, u auth.User) error {
	return errors.Join(
		s.Record(tx, c, auth.Event{Action: "password.known", User: u.ID}),
		s.Record(tx, c, auth.Event{Action: "second-factor.failed", Outcome: string(auth.CodeSecondFactorWrong), User: u.ID}))
}

// spentFactor tells the user when a backup code was used (MF-07).
func (s *Service) spentFactor(tx *store.Tx, c auth.Caller, app auth.App, now user.Identity, kind auth.FactorKind) error {
	if kind != auth.FactorBackupCode {
		return nil
	}
	return s.BackupCodeUsed(tx, c, app, now)
}

// BackupCodeUsed records that a backup code was spent and mails the user.
func (s *Service) BackupCodeUsed(tx *store.Tx, c auth.Caller, app auth.App, who user.Identity) error {
	left, err := tx.BackupCodesLeft(who.User.App, who.User.ID)
	if err != nil {
		return err
	}
	if err := s.Record(tx, c, auth.Event{Action: "backup-code.used", User: who.User.ID,
		Data: map[string]string{"left": fmt.Sprint(left)}}); err != nil {
		return err
	}
	return s.Notify(tx, c, mail.Message{Kind: mail.BackupCodeUsed, App: app, Detail: mail.BackupCodesLeft, Count: left}, who)
}

// Notify mails a notice to the user's address, if there is one.
func (s *Service) Notify(tx *store.Tx, c auth.Caller, m mail.Message, who user.Identity) error {
	if who.Email.Address == "" {
		return nil
	}
	m.To, m.Name, m.Links, m.Languages = who.Email.Address, who.User.Name, c.Door.Links, languages(who.User, c)
	return s.Mail.Send(tx, m)
}
