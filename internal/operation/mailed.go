package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/login"
)

// signInResults are the ends of every operation that signs in.
func signInResults() []Result {
	return []Result{
		result[Granted]("signed-in", "A new session with its tokens."),
		result[Challenged]("second-factor-required", "A second-factor code is needed as well."),
	}
}

// signInOutcome is one of them.
func signInOutcome(out login.SignInOutcome, err error) (Outcome, error) {
	switch {
	case err != nil:
		return Outcome{}, err
	case out.SignedIn != nil:
		return Outcome{Result: "signed-in", Value: granted(*out.SignedIn)}, nil
	}
	return Outcome{Result: "second-factor-required", Value: Challenged{Challenge: Challenge(*out.Challenge)}}, nil
}

// SendMagicLinkInput is the input of send-magic-link.
type SendMagicLinkInput struct {
	Email string `input:"email,required"`
}

func (c *Catalogue) sendMagicLink() *Definition {
	return define(Definition{
		Name: "send-magic-link",
		Doc: "Mails a link that signs in, and a code of six digits that does the same, if the address is an active " +
			"user's. Both live ten minutes and work once. The answer and its time are the same for every address; its " +
			"`flow` is what the code is typed with (`sign-in-with-code`).",
		Access:    Anyone,
		Challenge: ChallengeAll,
		Results:   []Result{result[MailedSignIn]("ok", "A mail was sent if there is such a user.")},
	}, func(ctx context.Context, r *Request, in *SendMagicLinkInput) (Outcome, error) {
		out, err := c.deps.Login.SendMagicLink(ctx, r.Caller, in.Email)
		if err != nil {
			return Outcome{}, err
		}
		return OK(MailedSignIn(out)), nil
	})
}

// SignInWithTokenInput is the input of sign-in-with-token.
type SignInWithTokenInput struct {
	Token        string `input:"token,required,secret"`
	Device       string `input:"device"`
	Browser      string `input:"browser,secret"`       // the cookie of kind state, for a token that a browser brought from a provider
	CodeVerifier string `input:"code_verifier,secret"` // instead of it, of a client that began with a code challenge
}

func (c *Catalogue) signInWithToken() *Definition {
	return define(Definition{
		Name: "sign-in-with-token",
		Doc: "Signs in with the token of a mailed link, or with a one-time token that another flow handed out. A user " +
			"with a second factor gets a challenge. A link proves the address; if that is the first proof, what was " +
			"made before with the unproven address ends, and its password has to be chosen anew. A token that a " +
			"browser brought from an identity provider works for that browser (`browser`, its cookie of kind `state`), " +
			"or with the `code_verifier` of the challenge that the client began with; its session takes the place of " +
			"the one that began in the browser.",
		Access:   Anyone,
		Results:  signInResults(),
		Errors:   []auth.Code{auth.CodeProofInvalid, auth.CodeEmailUnverified, auth.CodeAccountDisabled},
		Consumes: true,
	}, func(ctx context.Context, r *Request, in *SignInWithTokenInput) (Outcome, error) {
		return signInOutcome(c.deps.Login.SignInWithToken(ctx, r.Caller, login.TokenSignIn{Token: in.Token, Device: in.Device,
			Browser: in.Browser, Verifier: in.CodeVerifier}))
	})
}

// SignInWithCodeInput is the input of sign-in-with-code.
type SignInWithCodeInput struct {
	Flow   string `input:"flow,required,secret"` // of send-magic-link
	Code   string `input:"code,required,secret"` // of the mail
	Device string `input:"device"`
}

func (c *Catalogue) signInWithCode() *Definition {
	return define(Definition{
		Name: "sign-in-with-code",
		Doc: "Signs in with the six digits of the mail of `send-magic-link`, from the client that asked for it. A flow " +
			"takes five codes. A wrong code, a dead flow and an unknown address are the same answer.",
		Access:   Anyone,
		Results:  signInResults(),
		Errors:   []auth.Code{auth.CodeProofInvalid, auth.CodeAccountDisabled},
		Consumes: true,
	}, func(ctx context.Context, r *Request, in *SignInWithCodeInput) (Outcome, error) {
		return signInOutcome(c.deps.Login.SignInWithCode(ctx, r.Caller, login.CodeSignIn(*in)))
	})
}

// CheckEmailInput is the input of check-email.
type CheckEmailInput struct {
	Email string `input:"email,required"`
}

func (c *Catalogue) checkEmail() *Definition {
	return define(Definition{
		Name: "check-email",
		Doc: "Tells how the owner of an address can sign in, for sign-in pages of several steps. Only where the policy " +
			"`check-email` says `reveal` does it look; elsewhere the answer is that of the app for every address.",
		Access:    Anyone,
		Challenge: ChallengeAll,
		Results:   []Result{result[EmailStatus]("ok", "The ways to sign in.")},
	}, func(ctx context.Context, r *Request, in *CheckEmailInput) (Outcome, error) {
		found, err := c.deps.Login.CheckEmail(ctx, r.Caller, in.Email)
		if err != nil {
			return Outcome{}, err
		}
		out := EmailStatus{Status: "inactive", Preferred: []login.Method{}, Available: found.Methods}
		if found.Active {
			out.Status = "active"
		}
		if len(found.Methods) > 0 {
			out.Preferred = found.Methods[:1]
		}
		return OK(out), nil
	})
}

// loginChallenge is the app's challenge as pages need it; nil: there is none.
func (c *Catalogue) loginChallenge(ctx context.Context, id auth.AppID) (*LoginChallenge, error) {
	a, err := c.deps.Apps.Get(ctx, id)
	s := a.Settings.Challenge
	if err != nil || s.Kind == auth.ChallengeNone {
		return nil, err
	}
	out := LoginChallenge{Kind: s.Kind.String()}
	if s.Kind.Service() && len(s.SiteKeys) > 0 {
		out.SiteKey = s.SiteKeys[0]
	}
	return &out, nil
}

// ListLoginMethodsInput is the input of login-methods.
type ListLoginMethodsInput struct{}

func (c *Catalogue) loginMethods() *Definition {
	return define(Definition{
		Name:    "login-methods",
		Doc:     "The ways to sign in to the app.",
		Access:  Anyone,
		Results: []Result{result[LoginMethods]("ok", "Each way that there is.")},
	}, func(ctx context.Context, r *Request, in *ListLoginMethodsInput) (Outcome, error) {
		methods, providers, err := c.deps.Login.Methods(ctx, r.Caller.App)
		if err != nil {
			return Outcome{}, err
		}
		out := LoginMethods{Methods: methods, Providers: make([]ProviderMethod, len(providers))}
		for i, p := range providers {
			out.Providers[i] = ProviderMethod{Method: login.ProviderMethod(p.Name), Key: "oauth_" + p.Name, Provider: p.Name,
				Kind: p.Kind, Title: p.Settings.Title}
		}
		if out.Challenge, err = c.loginChallenge(ctx, r.Caller.App); err != nil {
			return Outcome{}, err
		}
		for _, m := range methods {
			switch m {
			case login.MethodPassword:
				out.Password = &LoginMethod{Method: m}
			case login.MethodMagicLink:
				out.MagicLink = &LoginMethod{Method: m}
			case login.MethodPasskey:
				out.Passkey = &LoginMethod{Method: m}
			}
		}
		return OK(out), nil
	})
}
