package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/login"
)

// BeginPasskeyRegistrationInput is the input of begin-passkey-registration.
type BeginPasskeyRegistrationInput struct {
	// Conditional lets the browser make the passkey without asking, after a sign-in with a password that it filled in.
	Conditional bool `input:"conditional"`
}

func (c *Catalogue) beginPasskeyRegistration() *Definition {
	return define(Definition{
		Name: "begin-passkey-registration",
		Doc: "Begins to register a passkey. `options` is what `navigator.credentials.create` takes, in the JSON form of " +
			"WebAuthn Level 3; `finish-passkey-registration` takes its answer with `flow`, once, within five minutes. Needs a " +
			"sign-in of the last five minutes by all factors of the account, and a verified address. With `conditional` the " +
			"browser is to be called with `mediation: \"conditional\"`.",
		Access:  Person,
		Results: []Result{result[PasskeyFlow]("ok", "What to ask the browser.")},
		Errors:  []auth.Code{auth.CodeReauthRequired, auth.CodeLimitReached},
	}, func(ctx context.Context, r *Request, in *BeginPasskeyRegistrationInput) (Outcome, error) {
		return passkeyFlow(c.deps.Lifecycle.BeginPasskey(ctx, r.Caller, in.Conditional))
	})
}

func passkeyFlow(f login.PasskeyFlow, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	return OK(PasskeyFlow(f)), nil
}

// FinishPasskeyRegistrationInput is the input of finish-passkey-registration.
type FinishPasskeyRegistrationInput struct {
	Flow       string         `input:"flow,required,secret"`
	Credential map[string]any `input:"credential,required,secret"` // RegistrationResponseJSON
	Name       string         `input:"name"`                       // empty: by the make of the authenticator
}

func (c *Catalogue) finishPasskeyRegistration() *Definition {
	return define(Definition{
		Name: "finish-passkey-registration",
		Doc: "Stores the passkey that the browser has made, from the session that began. A flow takes one answer, right or " +
			"wrong. A mail tells the user.",
		Access:  Person,
		Results: []Result{result[PasskeyResult]("ok", "The passkey.")},
		Errors:  []auth.Code{auth.CodeProofInvalid, auth.CodeConflict, auth.CodeLimitReached, auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *FinishPasskeyRegistrationInput) (Outcome, error) {
		return passkeyOutcome(c.deps.Lifecycle.FinishPasskey(ctx, r.Caller, lifecycle.NewPasskey(*in)))
	})
}

func passkeyOutcome(p auth.Passkey, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	return OK(PasskeyResult{Passkey: passkeyView(p)}), nil
}

// BeginPasskeySignInInput is the input of begin-passkey-sign-in.
type BeginPasskeySignInInput struct {
	Token string `input:"token,secret"` // of a challenge, whose second factor the passkey is
}

func (c *Catalogue) beginPasskeySignIn() *Definition {
	return define(Definition{
		Name: "begin-passkey-sign-in",
		Doc: "Begins a sign-in with a passkey. `options` is what `navigator.credentials.get` takes, in the JSON form of " +
			"WebAuthn Level 3, with or without `mediation: \"conditional\"`; `finish-passkey-sign-in` takes its answer with " +
			"`flow`, once, within five minutes. Nobody is named: the authenticator says who comes. With the token of a challenge " +
			"the passkey is the second factor of that sign-in.",
		Access:  Anyone,
		Results: []Result{result[PasskeyFlow]("ok", "What to ask the browser.")},
		Errors:  []auth.Code{auth.CodeForbidden, auth.CodeProofInvalid},
	}, func(ctx context.Context, r *Request, in *BeginPasskeySignInInput) (Outcome, error) {
		return passkeyFlow(c.deps.Login.BeginPasskeySignIn(ctx, r.Caller, in.Token))
	})
}

// FinishPasskeySignInInput is the input of finish-passkey-sign-in.
type FinishPasskeySignInInput struct {
	Flow       string         `input:"flow,required,secret"`
	Credential map[string]any `input:"credential,required,secret"` // AuthenticationResponseJSON
	Token      string         `input:"token,secret"`               // the same as at the beginning
	Device     string         `input:"device"`
}

func (c *Catalogue) finishPasskeySignIn() *Definition {
	return define(Definition{
		Name: "finish-passkey-sign-in",
		Doc: "Signs in with the answer of the browser. A passkey whose authenticator verified the person is two factors in one, " +
			"so no challenge follows. A flow takes one answer, right or wrong, from the client that began. `not-found` means " +
			"that nobody here has the passkey: the browser may be told to forget it.",
		Access:  Anyone,
		Results: []Result{result[Granted]("ok", "The session with its tokens.")},
		Errors: []auth.Code{auth.CodeProofInvalid, auth.CodeInvalidCredentials, auth.CodeNotFound, auth.CodeSecondFactorWrong,
			auth.CodePasswordExpired, auth.CodeForbidden},
		Consumes: true,
	}, func(ctx context.Context, r *Request, in *FinishPasskeySignInInput) (Outcome, error) {
		out, err := c.deps.Login.FinishPasskeySignIn(ctx, r.Caller, login.PasskeySignIn(*in))
		if err != nil {
			return Outcome{}, err
		}
		return OK(granted(out)), nil
	})
}

// BeginPasskeyStepUpInput is the input of begin-passkey-step-up.
type BeginPasskeyStepUpInput struct{}

func (c *Catalogue) beginPasskeyStepUp() *Definition {
	return define(Definition{
		Name: "begin-passkey-step-up",
		Doc: "Asks for a passkey of the user who is signed in, to prove again who it is: `step-up` takes the browser's answer " +
			"with `flow`.",
		Access:  Person,
		Results: []Result{result[PasskeyFlow]("ok", "What to ask the browser.")},
	}, func(ctx context.Context, r *Request, in *BeginPasskeyStepUpInput) (Outcome, error) {
		return passkeyFlow(c.deps.Lifecycle.BeginPasskeyStepUp(ctx, r.Caller))
	})
}

// ListPasskeysInput is the input of list-passkeys.
type ListPasskeysInput struct{}

func (c *Catalogue) listPasskeys() *Definition {
	return define(Definition{
		Name: "list-passkeys",
		Doc: "Lists the passkeys of the user who asks, oldest first, and what a browser needs to tell its authenticators which " +
			"ones still work.",
		Access:  SignedIn,
		Scope:   ScopeAccountRead,
		Results: []Result{result[Passkeys]("ok", "The passkeys.")},
	}, func(ctx context.Context, r *Request, in *ListPasskeysInput) (Outcome, error) {
		return passkeysOutcome(c.deps.Lifecycle.Passkeys(ctx, r.Caller))
	})
}

func passkeysOutcome(held lifecycle.HeldPasskeys, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	return OK(passkeysView(held)), nil
}

// RenamePasskeyInput is the input of rename-passkey.
type RenamePasskeyInput struct {
	ID   auth.FactorID `input:"id,required"`
	Name string        `input:"name,required"`
}

func (c *Catalogue) renamePasskey() *Definition {
	return define(Definition{
		Name:    "rename-passkey",
		Doc:     "Gives one of the user's passkeys another name, at most 100 characters.",
		Access:  Person,
		Results: []Result{result[PasskeyResult]("ok", "The passkey with its new name.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *RenamePasskeyInput) (Outcome, error) {
		return passkeyOutcome(c.deps.Lifecycle.RenamePasskey(ctx, r.Caller, in.ID, in.Name))
	})
}

// DeletePasskeyInput is the input of delete-passkey.
type DeletePasskeyInput struct {
	ID auth.FactorID `input:"id,required"`
}

func (c *Catalogue) deletePasskey() *Definition {
	return define(Definition{
		Name: "delete-passkey",
		Doc: "Removes one of the user's passkeys. Needs a sign-in of the last five minutes by all factors of the account. The " +
			"last way to sign in stays. Sessions go on; a mail tells the user.",
		Access:  Person,
		Results: []Result{result[Done]("ok", "The passkey opens nothing any more.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeReauthRequired, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *DeletePasskeyInput) (Outcome, error) {
		return done(c.deps.Lifecycle.DeletePasskey(ctx, r.Caller, in.ID))
	})
}

func (c *Catalogue) listUserPasskeys() *Definition {
	return define(Definition{
		Name:    "list-user-passkeys",
		Doc:     "Lists the passkeys of a user, oldest first.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Passkeys]("ok", "The passkeys.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *UserInput) (Outcome, error) {
		return passkeysOutcome(c.deps.Lifecycle.UserPasskeys(ctx, r.Caller, in.ID))
	})
}

// DeleteUserPasskeyInput is the input of delete-user-passkey.
type DeleteUserPasskeyInput struct {
	ID      auth.UserID   `input:"id,required"`
	Passkey auth.FactorID `input:"passkey_id,required"`
}

func (c *Catalogue) deleteUserPasskey() *Definition {
	return define(Definition{
		Name:    "delete-user-passkey",
		Doc:     "Removes a passkey of a user who lost it, the last way in or not. A mail tells the user.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Done]("ok", "The passkey opens nothing any more.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *DeleteUserPasskeyInput) (Outcome, error) {
		return done(c.deps.Lifecycle.DeleteUserPasskey(ctx, r.Caller, in.ID, in.Passkey))
	})
}
