package oauth

import (
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// StepKind is what comes next for a browser with a request.
type StepKind string

const (
	StepAnswer        StepKind = "answer"         // back to the client
	StepSignIn        StepKind = "sign-in"        // somebody has to sign in, or somebody else
	StepStepUp        StepKind = "step-up"        // who is signed in has to prove it again, or better
	StepSelectAccount StepKind = "select-account" // who is signed in has to say that it is they
	StepConsent       StepKind = "consent"        // who is signed in has to let the client in
)

// situation is all that decides what comes next.
type situation struct {
	request AuthorizationRequest
	client  auth.OAuthSettings
	// person is who is signed in; empty: nobody. The rest of the facts is about them and their session.
	person   auth.UserID
	subject  string // what the client knows them as
	amr      []string
	provenAt time.Time
	// reachable is the strongest class that they have the means for.
	reachable string
	covered   bool // they have let the client have all of it before
	// approved says that they have just let the client have it, on a page that said what.
	approved bool
	now      time.Time
}

// next decides, from the request and who is signed in, what comes next. An error is told to the client.
func next(x situation) (StepKind, *Error) {
	r := x.request
	silent := r.prompts(promptNone)
	switch {
	case x.person == "" && silent:
		return StepAnswer, refuse(LoginRequired, "Nobody is signed in.")
	case x.person == "":
		return StepSignIn, nil
	case r.Subject != "" && r.Subject != x.subject && (silent || x.anew()):
		return StepAnswer, refuse(LoginRequired, "Somebody else is signed in.")
	case r.Subject != "" && r.Subject != x.subject:
		return StepSignIn, nil
	}
	if step, refusal := x.proof(); step != "" {
		return step, refusal
	}
	return x.agreement()
}

// agreement asks the person, if they have to say yes, or that it is they.
func (x situation) agreement() (StepKind, *Error) {
	r := x.request
	switch {
	case x.approved:
	case x.asks() && r.prompts(promptNone):
		return StepAnswer, refuse(ConsentRequired, "The person has to let the client in.")
	case x.asks():
		return StepConsent, nil
	case r.prompts(promptSelectAccount) && !x.anew():
		return StepSelectAccount, nil
	}
	return StepAnswer, nil
}

// anew reports whether the person has proven who they are since the request came.
func (x situation) anew() bool { return x.provenAt.After(x.request.CreatedAt) }

// proof is the step that proves again, or better, who is there; empty if none is needed.
func (x situation) proof() (StepKind, *Error) {
	r := x.request
	silent := r.prompts(promptNone)
	if x.stale() {
		if silent {
			return StepAnswer, refuse(LoginRequired, "The person proved too long ago who they are.")
		}
		return StepStepUp, nil
	}
	have := auth.ACROf(x.amr)
	if len(r.ACR) == 0 || slices.ContainsFunc(r.ACR, func(want string) bool { return auth.ACRReaches(have, want) }) {
		return "", nil
	}
	i := slices.IndexFunc(r.ACR, func(want string) bool { return auth.ACRReaches(x.reachable, want) })
	switch {
	case i < 0 && r.EssentialACR:
		return StepAnswer, refuse(UnmetAuthentication, "The person has no means for any of these classes.")
	case i < 0, x.anew() && !r.EssentialACR: // they gave the best they have
		return "", nil
	case silent:
		return StepAnswer, refuse(InteractionRequired, "The person has to prove better who they are.")
	case r.ACR[i] == auth.ACRPhishing && (slices.Contains(x.amr, auth.AMROTP) || slices.Contains(x.amr, auth.AMRBackupCode)):
		return StepSignIn, nil // what was typed once stays in the session, so only a new one is of that class
	}
	return StepStepUp, nil
}

// stale reports whether the proof is older than the request lets it be.
func (x situation) stale() bool {
	r := x.request
	if x.anew() {
		return false
	}
	return r.prompts(promptLogin) || r.MaxAge != nil && x.now.Sub(x.provenAt) > time.Duration(*r.MaxAge)*time.Second
}

// asks reports whether the person is asked. Nothing vouches for who answers on a device (OA-12), so what was let in before
// says nothing of what would be let in now.
func (x situation) asks() bool {
	r := x.request
	switch {
	case r.prompts(promptConsent), x.client.Public() && onDevice(r.RedirectURI):
		return true
	case x.client.Consent == auth.ConsentTrusted:
		return r.Delegation.Offline && !x.covered // OI-06
	}
	return !x.covered
}
