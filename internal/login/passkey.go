package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// PasskeyFlow is a passkey ceremony that a browser has to answer.
type PasskeyFlow struct {
	// Flow is the secret that the answer is sent with. The challenge in Options follows from it.
	Flow      string
	Options   map[string]any // what navigator.credentials is called with, in the JSON form of WebAuthn Level 3
	ExpiresAt time.Time
}

// passkeyFlow is what the proof of a ceremony remembers.
type passkeyFlow struct {
	Challenge auth.ProofID `json:"challenge,omitempty"` // of the sign-in that the passkey is the second factor of
}

// PasskeyStart says what a ceremony is for.
type PasskeyStart struct {
	Kind    auth.ProofKind
	Owner   auth.UserID    // empty: anybody's passkey
	Session auth.SessionID // of a ceremony that belongs to one
	flow    passkeyFlow
}

// StartPasskey counts one ceremony against the client's network, before anything is stored. Codes: forbidden (the server
// has no name that passkeys could be made for), rate-limited.
func (s *Service) StartPasskey(ctx context.Context, c auth.Caller) error {
	if s.Factors.Party == nil {
		return auth.E(auth.CodeForbidden, "There are no passkeys here: the server is known by an address, not by a name.")
	}
	_, err := s.Limits.Reserve(ctx, limit.Guess{Limiter: limit.PasskeyNetwork, Subject: limit.Network(c.IP)})
	return err
}

// IssuePasskeyFlow stores a ceremony that waits for its answer, from the caller's client alone.
func (s *Service) IssuePasskeyFlow(tx *store.Tx, c auth.Caller, start PasskeyStart) (PasskeyFlow, error) {
	data, err := json.Marshal(start.flow)
	if err != nil {
		return PasskeyFlow{}, fmt.Errorf("encode a passkey flow: %w", err)
	}
	token, err := s.Proofs.Issue(tx, auth.Proof{Kind: start.Kind, App: c.App, Client: c.Client, User: start.Owner,
		Session: start.Session, Data: data})
	return PasskeyFlow{Flow: token, ExpiresAt: tx.Now().Add(s.Proofs.Lifetime(start.Kind))}, err
}

// AskForPasskey begins the use of a passkey: of a known user's (Owner), who has to have one, or of anybody's. Codes:
// those of StartPasskey; invalid-request (the user has no passkey).
func (s *Service) AskForPasskey(ctx context.Context, c auth.Caller, start PasskeyStart) (PasskeyFlow, error) {
	if err := s.StartPasskey(ctx, c); err != nil {
		return PasskeyFlow{}, err
	}
	ceremony := factor.Ceremony{VerifyUser: start.Kind != auth.ProofPasskeySecond}
	var out PasskeyFlow
	err := s.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if start.Owner != "" {
			owner, err := s.Factors.Owner(tx, c.App, start.Owner, nil)
			if err != nil {
				return err
			}
			if len(owner.Passkeys) == 0 {
				return auth.E(auth.CodeInvalidRequest, "The account has no passkey.")
			}
			ceremony.Owner = &owner
		}
		out, err = s.IssuePasskeyFlow(tx, c, start)
		return err
	})
	if err != nil {
		return PasskeyFlow{}, err
	}
	ceremony.Flow = out.Flow
	out.Options, err = s.Factors.RequestOptions(ceremony)
	return out, err
}

// BeginPasskeySignIn begins a sign-in with a passkey. Without a challenge it is the same for everybody, and the
// authenticator says who comes (EN-04); with the token of a Challenge the passkey is its second factor. Codes:
// not-found, forbidden, proof-invalid, invalid-request (no passkey), rate-limited.
func (s *Service) BeginPasskeySignIn(ctx context.Context, c auth.Caller, challenge string) (PasskeyFlow, error) {
	if _, err := s.app(ctx, c.App); err != nil {
		return PasskeyFlow{}, err
	}
	start := PasskeyStart{Kind: auth.ProofPasskeySignIn}
	if challenge != "" {
		p, err := s.checkChallenge(ctx, c, challenge)
		if err != nil {
			return PasskeyFlow{}, err
		}
		start = PasskeyStart{Kind: auth.ProofPasskeySecond, Owner: p.User, flow: passkeyFlow{Challenge: p.ID}}
	}
	return s.AskForPasskey(ctx, c, start)
}

// PasskeySignIn is the answer to BeginPasskeySignIn.
type PasskeySignIn struct {
	Flow       string
	Credential map[string]any // AuthenticationResponseJSON
	Token      string         // of the challenge, where the passkey is the second factor
	Device     string
}

// FinishPasskeySignIn checks the answer of a browser and makes the session. As the first factor a passkey takes a
// verified person and is two factors in one (WA-11); as the second it takes the challenge too. A flow takes one answer,
// right or wrong. Codes: proof-invalid, invalid-request, invalid-credentials, not-found (nobody knows the passkey, so
// the browser may forget it), second-factor-invalid, account-disabled, email-unverified, password-reset-required,
// rate-limited.
func (s *Service) FinishPasskeySignIn(ctx context.Context, c auth.Caller, in PasskeySignIn) (SignedIn, error) {
	in.Device = cleanDevice(in.Device)
	if in.Token != "" {
		return s.finishPasskeySecond(ctx, c, in)
	}
	shown, err := s.CheckPasskey(ctx, c, PasskeyAnswer{Kind: auth.ProofPasskeySignIn, Flow: in.Flow, Credential: in.Credential})
	if err != nil {
		return SignedIn{}, err
	}
	draft, err := s.Sessions.Draft(session.Start{User: shown.who.User, Caller: c, AMR: shown.Methods(), Device: in.Device})
	if err != nil {
		return SignedIn{}, err
	}
	var (
		out     SignedIn
		refusal error
	)
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		now, err := user.Lock(tx, shown.who.User.App, shown.who.User.ID)
		if err != nil {
			return proofInvalid(err)
		}
		if refusal, err = s.SpendPasskey(tx, c, shown, now); err != nil || refusal != nil {
			return err
		}
		if no := standingFor(now, c.Door.Policy, shown.Methods()); no != nil {
			refusal = no
			return s.recordNoPasskey(tx, c, now.User.ID, no.Code)
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

// finishPasskeySecond answers a challenge with a passkey of the user whose first factor was right.
func (s *Service) finishPasskeySecond(ctx context.Context, c auth.Caller, in PasskeySignIn) (SignedIn, error) {
	p, err := s.checkChallenge(ctx, c, in.Token)
	if err != nil {
		return SignedIn{}, err
	}
	shown, err := s.CheckPasskey(ctx, c, PasskeyAnswer{Kind: auth.ProofPasskeySecond, Flow: in.Flow, Credential: in.Credential, Owner: p.User})
	if err != nil {
		return SignedIn{}, err
	}
	var flow passkeyFlow
	if err := json.Unmarshal(shown.flow.Data, &flow); err != nil {
		return SignedIn{}, fmt.Errorf("decode a passkey flow: %w", err)
	}
	if flow.Challenge != p.ID {
		return SignedIn{}, auth.E(auth.CodeProofInvalid, "")
	}
	return s.finishChallenge(ctx, c, answer{proof: p, token: in.Token, device: in.Device,
		check: func(tx *store.Tx, now user.Identity, first []string) (methods []string, refusal, err error) {
			refusal, err = s.SpendPasskey(tx, c, shown, now)
			return secondMethods(first, shown.Methods()), refusal, err
		}})
}

// PasskeyAnswer is an answer to a ceremony.
type PasskeyAnswer struct {
	Kind       auth.ProofKind
	Flow       string
	Credential map[string]any
	Owner      auth.UserID    // whose passkey it must be; empty: the authenticator says whose
	Session    auth.SessionID // that the ceremony must belong to; empty: to none
}

// ShownPasskey is an answer that was right, and is spent by SpendPasskey.
type ShownPasskey struct {
	factor.Use
	flow    auth.Proof
	token   string
	who     user.Identity // whose passkey it is, as it was when the answer was checked
	guesses []*limit.Reservation
}

// CheckPasskey checks an answer before the Write that it pays for. Whatever is wrong is recorded, kills the flow, and
// counts against the client's network and the account, whose lock holds here too (RL-06). Codes: proof-invalid,
// invalid-request, invalid-credentials or second-factor-invalid, not-found (no app knows the passkey), rate-limited.
func (s *Service) CheckPasskey(ctx context.Context, c auth.Caller, in PasskeyAnswer) (*ShownPasskey, error) {
	if s.Factors.Party == nil {
		return nil, auth.E(auth.CodeProofInvalid, "")
	}
	assertion, err := factor.ReadAssertion(in.Credential)
	if err != nil {
		return nil, err
	}
	guess, err := s.guessProof(ctx, c)
	if err != nil {
		return nil, err
	}
	shown := &ShownPasskey{token: in.Flow, guesses: []*limit.Reservation{guess}}
	found, err := s.findPasskey(ctx, c, in, assertion, shown)
	if err != nil {
		return nil, err
	}
	if !assertion.Answers(in.Flow) {
		return nil, s.refusePasskey(ctx, c, shown, auth.E(auth.CodeProofInvalid, ""))
	}
	if found.refusal != nil {
		return nil, s.refusePasskey(ctx, c, shown, found.refusal)
	}
	account, err := s.Limits.Reserve(ctx, passkeyGuess(in.Kind, shown.who.User, found.lane))
	if err != nil {
		return nil, err
	}
	shown.guesses = append(shown.guesses, account)
	ceremony := factor.Ceremony{Flow: in.Flow, VerifyUser: in.Kind != auth.ProofPasskeySecond}
	if in.Owner != "" {
		ceremony.Owner = &found.owner
	}
	use, ok := s.Factors.VerifyUse(ceremony, assertion, found.passkey, found.owner)
	if !ok {
		return nil, s.refusePasskey(ctx, c, shown, wrongPasskey(in.Kind))
	}
	shown.Use = use
	return shown, nil
}

// passkeyGuess is the budget that an answer draws on: that of sign-ins, or that of second factors (RL-04).
func passkeyGuess(kind auth.ProofKind, u auth.User, lane string) limit.Guess {
	if kind == auth.ProofPasskeySignIn {
		return limit.Guess{Limiter: limit.SignInAccount, Subject: lane}
	}
	return factor.Guess(u.App, u.ID)
}

func wrongPasskey(kind auth.ProofKind) *auth.Error {
	if kind == auth.ProofPasskeySignIn {
		return auth.E(auth.CodeInvalidCredentials, "The passkey was not accepted.")
	}
	return auth.E(auth.CodeSecondFactorWrong, "The passkey was not accepted.")
}

// foundPasskey is whose passkey an answer is about.
type foundPasskey struct {
	passkey auth.Passkey
	owner   factor.PasskeyOwner
	lane    string      // of guesses at the owner's account from the caller's network
	refusal *auth.Error // it is nobody's, or the wrong one's
}

// findPasskey reads the flow, the passkey and its owner. A dead flow, or one of another client, session or user, is
// proof-invalid before anything is said about the passkey.
func (s *Service) findPasskey(ctx context.Context, c auth.Caller, in PasskeyAnswer, a *factor.Assertion, shown *ShownPasskey) (out foundPasskey, err error) {
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		if shown.flow, err = s.Proofs.Check(tx, in.Kind, c.App, in.Flow); err != nil {
			return err
		}
		if f := shown.flow; f.Client != c.Client || f.User != in.Owner || f.Session != in.Session {
			return auth.E(auth.CodeProofInvalid, "")
		}
		out.passkey, err = tx.PasskeyByCredential(a.CredentialID())
		if errors.Is(err, store.ErrNotFound) {
			out.refusal = auth.E(auth.CodeNotFound, "Nobody here has this passkey.")
			return nil
		}
		if err != nil {
			return err
		}
		if out.passkey.App != c.App || in.Owner != "" && out.passkey.User != in.Owner {
			out.refusal = wrongPasskey(in.Kind)
			return nil
		}
		if shown.who, err = user.Load(tx, c.App, out.passkey.User); err != nil {
			return err
		}
		if out.lane, err = lane(tx, c.App, out.passkey.User, limit.Network(c.IP)); err != nil {
			return err
		}
		out.owner, err = s.Factors.Owner(tx, c.App, out.passkey.User, nil)
		return err
	})
	return out, err
}

// refusePasskey records a refused answer and kills its flow: a challenge is good for one answer (WA-01).
func (s *Service) refusePasskey(ctx context.Context, c auth.Caller, shown *ShownPasskey, refusal *auth.Error) error {
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := s.Proofs.Consume(tx, shown.flow.Kind, c.App, shown.token)
		if err != nil && !auth.Is(err, auth.CodeProofInvalid) {
			return err
		}
		who := shown.who.User.ID
		if who == "" {
			who = shown.flow.User
		}
		return s.recordNoPasskey(tx, c, who, refusal.Code)
	})
	if err != nil {
		return err
	}
	return refusal
}

func (s *Service) recordNoPasskey(tx *store.Tx, c auth.Caller, who auth.UserID, code auth.Code) error {
	return s.Record(tx, c, auth.Event{Action: "passkey.refused", Outcome: string(code), User: who,
		Data: map[string]string{"contract": c.Door.Contract}})
}

// SpendPasskey spends the flow and notes the use, in the Write that the passkey pays for, with its user's row locked. A
// counter that went back is recorded and told to the user, and refused unless the server is set to let it pass (WA-06);
// refusal is not nil then, and the rows have to stay. Code: proof-invalid.
func (s *Service) SpendPasskey(tx *store.Tx, c auth.Caller, shown *ShownPasskey, now user.Identity) (refusal, err error) {
	if _, err := s.Proofs.Consume(tx, shown.flow.Kind, c.App, shown.token); err != nil {
		return nil, err
	}
	cloned, err := s.Factors.SpendUse(tx, shown.Use)
	if auth.Is(err, auth.CodeNotFound) {
		return nil, auth.E(auth.CodeProofInvalid, "")
	}
	if err != nil {
		return nil, err
	}
	if cloned {
		if err := s.warnOfClone(tx, c, shown, now); err != nil {
			return nil, err
		}
		if !s.Factors.AllowsClones() {
			return wrongPasskey(shown.flow.Kind), nil
		}
	}
	return nil, refund(tx, shown.guesses...)
}

func (s *Service) warnOfClone(tx *store.Tx, c auth.Caller, shown *ShownPasskey, now user.Identity) error {
	err := s.Record(tx, c, auth.Event{Action: "passkey.clone-suspected", User: now.User.ID, Target: string(shown.Passkey.ID)})
	if err != nil {
		return err
	}
	app, err := openApp(tx, now.User.App)
	if err != nil {
		return err
	}
	return s.Notify(tx, c, mail.Message{Kind: mail.PasskeyChanged, App: app, Detail: mail.PasskeyCloned}, now)
}
