package login

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// codeAttempts is how many codes one flow takes before it is dead, right ones included (ET-11).
const codeAttempts = 5

// MailedSignIn is what everybody gets who asks for a mail to sign in with.
type MailedSignIn struct {
	// Flow is the handle that the short code of the mail is typed with. For an address that is not known it is one
	// that nothing belongs to.
	Flow      string
	ExpiresAt time.Time
}

// first is what the proof of a sign-in remembers.
type first struct {
	Mark []byte `json:"mark,omitempty"` // of the short code
	HandOver
}

// HandOver is what a sign-in token carries over to the client that spends it.
type HandOver struct {
	Methods []string `json:"amr,omitempty"` // how the person was proven
	// Browser is the SHA-256 of a cookie without which the token is worth nothing, and Challenge the S256 challenge of a
	// verifier that counts instead of it. Neither: whoever has the token may spend it.
	Browser   []byte `json:"browser,omitempty"`
	Challenge string `json:"code_challenge,omitempty"`
	// Session is one that began with the token, in the browser. The session of the token takes its place.
	Session auth.SessionID `json:"session,omitempty"`
}

// heldBy reports whether a token is spent from where it was handed to: a sign-in that somebody else began can then not be
// slipped to a person. A challenge asks for its verifier, cookie or not.
func (h HandOver) heldBy(browser, verifier string) bool {
	switch {
	case h.Challenge != "":
		return verifier != "" && subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(secret.Hash(verifier))), []byte(h.Challenge)) == 1
	case len(h.Browser) > 0:
		return sameBrowser(h.Browser, browser)
	}
	return true
}

// SendMagicLink mails a link and a short code that sign in, to the stored address of the user whose address this is
// (ET-07). Both live ten minutes and die together; older ones die now (ET-05). The answer and its work are the same
// for every address, also when mails are used up (EN-01). Code: invalid-request.
func (s *Service) SendMagicLink(ctx context.Context, c auth.Caller, email string) (MailedSignIn, error) {
	canonical, err := auth.CanonicalEmail(email)
	if err != nil {
		return MailedSignIn{}, err
	}
	a, err := s.identify(ctx, c, Credentials{Identifier: email})
	if err != nil {
		return MailedSignIn{}, err
	}
	may, err := s.MayMail(ctx, c, canonical)
	if err != nil {
		return MailedSignIn{}, err
	}
	var out MailedSignIn
	if out.Flow, err = secret.Token(s.Rand); err != nil {
		return out, err
	}
	code, err := s.Factors.MailedCode()
	if err != nil {
		return out, err
	}
	decoy := s.decoy(c.App, canonical)
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		out.ExpiresAt = tx.Now().Add(s.Proofs.Lifetime(auth.ProofMagicLink))
		who, _, err := user.ByIdentifier(tx, c.App, email)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := s.Record(tx, c, auth.Event{Action: "sign-in.link-requested", User: who.User.ID}); err != nil {
			return err
		}
		if !may {
			return nil
		}
		if who.User.Status != auth.UserActive || who.Email.Canonical != canonical {
			_, err = s.mailSignIn(tx, c, a.app, decoy, code)
			return err
		}
		out.Flow, err = s.mailSignIn(tx, c, a.app, who, code)
		return err
	})
	return out, err
}

// mailSignIn issues link and code and queues their mail. It answers the flow.
func (s *Service) mailSignIn(tx *store.Tx, c auth.Caller, app auth.App, who user.Identity, code string) (flow string, err error) {
	p := auth.Proof{Kind: auth.ProofMagicLink, App: who.User.App, User: who.User.ID, Email: who.Email.Canonical}
	token, err := s.Proofs.Issue(tx, p)
	if err != nil {
		return "", err
	}
	p.Kind, p.Client = auth.ProofEmailCode, c.Client
	if p.Data, err = json.Marshal(first{Mark: s.Factors.MailedMark(p.App, p.User, code)}); err != nil {
		return "", fmt.Errorf("encode a flow: %w", err)
	}
	if flow, err = s.Proofs.Issue(tx, p); err != nil {
		return "", err
	}
	return flow, s.Notify(tx, c, mail.Message{Kind: mail.MagicLink, App: app, Token: token, Code: code,
		ExpiresAt: tx.Now().Add(s.Proofs.Lifetime(auth.ProofMagicLink))}, who)
}

// IssueSignInToken makes a token that signs a user in once, for a flow that has proven the person and hands over to a
// client. It is bound to the caller's client.
func (s *Service) IssueSignInToken(tx *store.Tx, c auth.Caller, u auth.User, hand HandOver) (token string, err error) {
	data, err := json.Marshal(first{HandOver: hand})
	if err != nil {
		return "", fmt.Errorf("encode a sign-in token: %w", err)
	}
	return s.Proofs.Issue(tx, auth.Proof{Kind: auth.ProofSignIn, App: u.App, Client: c.Client, User: u.ID, Data: data})
}

// TokenSignIn is a sign-in with a mailed link or a sign-in token.
type TokenSignIn struct {
	Token    string
	Device   string
	Browser  string // the secret in the browser's cookie, for tokens that a browser brought from a provider
	Verifier string // instead of Browser, of a client that began with a code challenge (RFC 7636)
}

// SignInWithToken spends the token of a mailed link, or a sign-in token, and makes the session; a user with a second
// factor gets a challenge first, as after a password. A link proves the address: the first time, what was made before
// with the unproven address ends, and its password must be chosen anew (ET-12). Codes: proof-invalid,
// account-disabled, email-unverified (sign-in tokens), rate-limited.
func (s *Service) SignInWithToken(ctx context.Context, c auth.Caller, in TokenSignIn) (SignInOutcome, error) {
	guess, err := s.guessProof(ctx, c)
	if err != nil {
		return SignInOutcome{}, err
	}
	var p auth.Proof
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		for _, kind := range []auth.ProofKind{auth.ProofMagicLink, auth.ProofSignIn} {
			if p, err = s.Proofs.Check(tx, kind, c.App, in.Token); !auth.Is(err, auth.CodeProofInvalid) {
				return err
			}
		}
		return err
	})
	if err != nil {
		return SignInOutcome{}, err
	}
	return s.enter(ctx, entry{caller: c, proof: p, token: in.Token, device: cleanDevice(in.Device), browser: in.Browser,
		verifier: in.Verifier, guesses: []*limit.Reservation{guess}})
}

// CodeSignIn is a sign-in with the short code of a mail.
type CodeSignIn struct {
	Flow   string // of SendMagicLink
	Code   string
	Device string
}

// SignInWithCode is SignInWithToken for the short code. A flow takes 5 codes, from the client that began it (ET-11),
// and one account few wrong ones in all. A wrong code, a dead flow and a flow of an address that nobody has are told
// apart by nobody. Codes: proof-invalid, account-disabled, rate-limited (the network's).
func (s *Service) SignInWithCode(ctx context.Context, c auth.Caller, in CodeSignIn) (SignInOutcome, error) {
	guess, err := s.guessProof(ctx, c)
	if err != nil {
		return SignInOutcome{}, err
	}
	e := entry{caller: c, token: in.Flow, code: in.Code, device: cleanDevice(in.Device), guesses: []*limit.Reservation{guess}}
	err = s.DB.Read(ctx, func(tx *store.Tx) (err error) {
		e.proof, err = s.Proofs.Check(tx, auth.ProofEmailCode, c.App, in.Flow)
		return err
	})
	if err != nil {
		return SignInOutcome{}, err
	}
	account, err := s.Limits.Reserve(ctx, limit.Guess{Limiter: limit.SignInAccount, Subject: limit.Account(e.proof.App, e.proof.User)})
	if auth.Is(err, auth.CodeRateLimited) {
		return SignInOutcome{}, auth.E(auth.CodeProofInvalid, "") // that there is an account to guard would tell
	}
	if err != nil {
		return SignInOutcome{}, err
	}
	e.guesses = append(e.guesses, account)
	return s.enter(ctx, e)
}

// entry is a sign-in without a password on its way.
type entry struct {
	caller  auth.Caller
	proof   auth.Proof
	token   string // the proof's secret
	code    string // the short code; only for ProofEmailCode
	device  string
	guesses []*limit.Reservation

	browser, verifier string // what shows that the token is where it was handed to
}

// enter spends the proof and makes the session or the challenge.
func (s *Service) enter(ctx context.Context, e entry) (SignInOutcome, error) {
	if e.proof.Client != "" && e.proof.Client != e.caller.Client {
		return SignInOutcome{}, auth.E(auth.CodeProofInvalid, "")
	}
	var data first
	if len(e.proof.Data) > 0 {
		if err := json.Unmarshal(e.proof.Data, &data); err != nil {
			return SignInOutcome{}, fmt.Errorf("decode a flow: %w", err)
		}
	}
	if !data.heldBy(e.browser, e.verifier) {
		return SignInOutcome{}, auth.E(auth.CodeProofInvalid, "")
	}
	draft, err := s.Sessions.Draft(session.Start{User: auth.User{ID: e.proof.User, App: e.proof.App}, Caller: e.caller, Device: e.device})
	if err != nil {
		return SignInOutcome{}, err
	}
	var (
		out     SignInOutcome
		refusal error
	)
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		out, refusal = SignInOutcome{}, nil
		now, err := user.Lock(tx, e.proof.App, e.proof.User)
		if err != nil {
			return proofInvalid(err)
		}
		if e.proof.Kind == auth.ProofEmailCode {
			if _, err := s.Proofs.SpendAttempt(tx, e.proof.App, e.proof.ID, codeAttempts); err != nil {
				return err
			}
			if !s.Factors.MailedMatch(e.proof.App, e.proof.User, data.Mark, e.code) {
				refusal = auth.E(auth.CodeProofInvalid, "")
				return s.Record(tx, e.caller, auth.Event{Action: "sign-in.failed", Outcome: string(auth.CodeProofInvalid), User: now.User.ID,
					Data: map[string]string{"contract": e.caller.Door.Contract}})
			}
		}
		if out, err = s.spendEntry(tx, e, data, now, draft); err != nil {
			return err
		}
		return refund(tx, e.guesses...)
	})
	if err == nil {
		err = refusal
	}
	if err != nil || out.SignedIn == nil {
		return out, err
	}
	out.SignedIn.Grant, err = s.Sessions.Issue(ctx, draft)
	return out, err
}

// spendEntry spends a proof that was shown to be right, and stores what follows from it.
func (s *Service) spendEntry(tx *store.Tx, e entry, data first, now user.Identity, draft *session.Draft) (SignInOutcome, error) {
	if _, err := s.Proofs.Consume(tx, e.proof.Kind, e.caller.App, e.token); err != nil {
		return SignInOutcome{}, err
	}
	methods := data.Methods
	if e.proof.Email != "" {
		if err := bound(e.proof, now); err != nil {
			return SignInOutcome{}, err
		}
		methods = []string{auth.AMREmail}
		var err error
		if now, err = s.proveByMail(tx, e.caller, now); err != nil {
			return SignInOutcome{}, err
		}
	}
	if refusal := standingFor(now, e.caller.Door.Policy, methods); refusal != nil {
		return SignInOutcome{}, refusal
	}
	if now.User.TOTP && !slices.Contains(methods, auth.AMRMFA) {
		ch, err := s.issueChallenge(tx, &attempt{caller: e.caller, in: Credentials{Device: e.device}, methods: methods}, now)
		return SignInOutcome{Challenge: &ch}, err
	}
	draft.For(now.User, now.Email.Verified())
	draft.Session.AMR = methods
	if data.Session != "" {
		if err := s.Sessions.End(tx, e.caller, e.proof.App, data.Session, auth.EndReplaced); err != nil && !auth.Is(err, auth.CodeNotFound) {
			return SignInOutcome{}, err
		}
	}
	in, err := s.startSession(tx, e.caller, draft, now)
	return SignInOutcome{SignedIn: &in}, err
}

// proveByMail is what a link or code from the user's mailbox proves. Its sibling dies with it.
func (s *Service) proveByMail(tx *store.Tx, c auth.Caller, now user.Identity) (user.Identity, error) {
	if err := s.Proofs.RevokeAll(tx, now.User.App, now.User.ID, auth.ProofMagicLink, auth.ProofEmailCode); err != nil {
		return now, err
	}
	if now.Email.Verified() {
		return now, nil
	}
	proven, err := s.prove(tx, c, now, auth.EndEmailProven)
	if err != nil {
		return now, err
	}
	if err := user.DistrustPassword(tx, now.Password); err != nil {
		return now, err
	}
	return user.Load(tx, proven.User.App, proven.User.ID)
}
