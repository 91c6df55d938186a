package oauth

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// AuthorizationRequest is what a client asks of a person (RFC 6749 section 4.1.1, OpenID Core section 3.1.2.1), checked as
// far as that is possible before anybody is known.
type AuthorizationRequest struct {
	App         auth.AppID    `json:"app"`
	Client      auth.ClientID `json:"client"`
	RedirectURI string        `json:"redirect_uri"`
	Mode        string        `json:"response_mode"` // query, fragment or form_post
	State       string        `json:"state,omitempty"`
	Nonce       string        `json:"nonce,omitempty"`
	Challenge   string        `json:"code_challenge"` // S256
	// Delegation is what the person is asked for.
	Delegation auth.Delegation `json:"delegation"`
	Prompt     []string        `json:"prompt,omitempty"`
	MaxAge     *int64          `json:"max_age,omitempty"` // seconds
	// ACR are the classes that do, the best liked first; EssentialACR says that no other does.
	ACR          []string `json:"acr,omitempty"`
	EssentialACR bool     `json:"essential_acr,omitempty"`
	// Subject is who must answer, as the client knows them; empty: anybody.
	Subject    string `json:"sub,omitempty"`
	LoginHint  string `json:"login_hint,omitempty"`
	Locales    string `json:"ui_locales,omitempty"`
	Connection string `json:"connection,omitempty"` // name of the identity provider to go to
	// CreatedAt is when the request came: what has to be proven anew is proven after it.
	CreatedAt time.Time `json:"created_at"`
}

// Prompts of a request (OpenID Core section 3.1.2.1).
const (
	promptNone          = "none"
	promptLogin         = "login"
	promptConsent       = "consent"
	promptSelectAccount = "select_account"
)

func knownPrompts() []string {
	return []string{promptNone, promptLogin, promptConsent, promptSelectAccount}
}

func (r AuthorizationRequest) prompts(which string) bool { return slices.Contains(r.Prompt, which) }

// MaxLocales bounds `ui_locales`, in bytes: what is longer is no list of languages, and nobody reads it.
const MaxLocales = 100

const (
	maxState  = 1 << 10 // bytes (OA-15)
	maxNonce  = 512
	maxHint   = 320
	maxClaims = 4 << 10
	maxScopes = 100 // words, and resources
)

// target reads who asks and where the answer goes. Until both are certain nothing is sent anywhere: every error here is
// one that the person sees (OA-02).
func (s *Service) target(ctx context.Context, f Form) (AuthorizationRequest, auth.Client, error) {
	var r AuthorizationRequest
	for _, name := range []string{"client_id", "redirect_uri"} {
		if len(f[name]) > 1 {
			return r, auth.Client{}, refuse(InvalidRequest, "The parameter "+name+" stands twice.")
		}
	}
	if f.Get("client_id") == "" {
		return r, auth.Client{}, refuse(InvalidRequest, "client_id is missing.")
	}
	client, err := s.Client(ctx, f.Get("client_id"), f)
	if err != nil {
		return r, client, err
	}
	r = AuthorizationRequest{App: client.App, Client: client.ID, RedirectURI: f.Get("redirect_uri"), Mode: auth.ModeQuery, CreatedAt: s.o.Clock()}
	if !registered(client, r.RedirectURI) {
		return r, client, refuse(InvalidRequest, "The redirect_uri is missing or not one that the client registered.")
	}
	return r, client, nil
}

// reader reads one aspect of a request.
type reader func(r *AuthorizationRequest, f Form, o auth.OAuthSettings) *Error

// read fills in the rest of a request whose target is certain. What is wrong with it is told to the client.
func (s *Service) read(ctx context.Context, r *AuthorizationRequest, f Form, client auth.Client) error {
	for _, one := range []reader{readState, readMode} { // first, for every other error is told by them
		if err := one(r, f, client.Settings.OAuth); err != nil {
			return err
		}
	}
	if err := f.check(); err != nil {
		return err
	}
	for _, one := range []reader{readType, readChallenge, readNonce, readPrompt, readMaxAge, readWishes, readClaims} {
		if err := one(r, f, client.Settings.OAuth); err != nil {
			return err
		}
	}
	if err := s.readHint(ctx, r, f, client); err != nil {
		return err
	}
	return s.readScope(ctx, r, f, client)
}

// readState keeps `state` as it is (OA-15). The first of several is the one that the error about them is told by.
func readState(r *AuthorizationRequest, f Form, _ auth.OAuthSettings) *Error {
	state := f.Get("state")
	if len(state) > maxState {
		return refuse(InvalidRequest, "state is longer than 1024 bytes.")
	}
	r.State = state
	return nil
}

func readMode(r *AuthorizationRequest, f Form, o auth.OAuthSettings) *Error {
	mode := f.Get("response_mode")
	if mode == "" {
		return nil
	}
	if !slices.Contains(auth.ResponseModes(), mode) || len(o.ResponseModes) > 0 && !slices.Contains(o.ResponseModes, mode) {
		return refuse(InvalidRequest, "The client may not ask for this response_mode.")
	}
	if mode == auth.ModeFormPost && !strings.HasPrefix(r.RedirectURI, "https://") && !strings.HasPrefix(r.RedirectURI, "http://") {
		return refuse(InvalidRequest, "A form is posted to https alone.")
	}
	r.Mode = mode
	return nil
}

// readType takes the code alone: tokens never pass through a browser's address (OA-06).
func readType(_ *AuthorizationRequest, f Form, o auth.OAuthSettings) *Error {
	switch kind := f.Get("response_type"); {
	case f.Get("request") != "":
		return refuse(RequestNotSupported, "Request objects are not taken here.")
	case f.Get("request_uri") != "":
		return refuse(RequestURINotSupported, "Only a request_uri of this server is taken here.")
	case kind == "":
		return refuse(InvalidRequest, "response_type is missing.")
	case kind != "code":
		return refuse(UnsupportedResponseType, "The response_type is code.")
	case !o.Allows(auth.GrantAuthorizationCode):
		return refuse(UnauthorizedClient, "The client did not register the grant type authorization_code.")
	}
	return nil
}

// readChallenge wants PKCE of every client, by S256 (OA-03).
func readChallenge(r *AuthorizationRequest, f Form, _ auth.OAuthSettings) *Error {
	r.Challenge = f.Get("code_challenge")
	switch {
	case r.Challenge == "":
		return refuse(InvalidRequest, "code_challenge is missing.")
	case f.Get("code_challenge_method") != "S256":
		return refuse(InvalidRequest, "The code_challenge_method is S256.")
	case !sha256Text(r.Challenge):
		return refuse(InvalidRequest, "code_challenge is not the SHA-256 of anything.")
	}
	return nil
}

// sha256Text reports whether a text is a SHA-256 in base64url without padding.
func sha256Text(text string) bool {
	return len(text) == 43 && !strings.ContainsFunc(text, func(r rune) bool { return !alphanumeric(r) && r != '-' && r != '_' })
}

func readNonce(r *AuthorizationRequest, f Form, _ auth.OAuthSettings) *Error {
	if r.Nonce = f.Get("nonce"); len(r.Nonce) > maxNonce {
		return refuse(InvalidRequest, "nonce is longer than 512 bytes.")
	}
	return nil
}

func readPrompt(r *AuthorizationRequest, f Form, _ auth.OAuthSettings) *Error {
	r.Prompt = f.Words("prompt")
	for _, one := range r.Prompt {
		if !slices.Contains(knownPrompts(), one) {
			return refuse(InvalidRequest, "There is no such prompt.")
		}
	}
	if r.prompts(promptNone) && len(r.Prompt) > 1 {
		return refuse(InvalidRequest, "The prompt none stands alone.")
	}
	return nil
}

func readMaxAge(r *AuthorizationRequest, f Form, _ auth.OAuthSettings) *Error {
	text := f.Get("max_age")
	if text == "" {
		return nil
	}
	seconds, err := strconv.ParseInt(text, 10, 32)
	if err != nil || seconds < 0 {
		return refuse(InvalidRequest, "max_age is a number of seconds.")
	}
	r.MaxAge = &seconds
	return nil
}

// readWishes reads what may be granted or not: a hint that cannot be one is no hint.
func readWishes(r *AuthorizationRequest, f Form, _ auth.OAuthSettings) *Error {
	r.ACR = f.Words("acr_values")
	if hint := f.Get("login_hint"); len(hint) <= maxHint {
		r.LoginHint = hint
	}
	if text := f.Get("ui_locales"); len(text) <= MaxLocales && !strings.ContainsFunc(text, func(c rune) bool { return !alphanumeric(c) && c != '-' && c != ' ' }) {
		r.Locales = text
	}
	if len(r.ACR) > maxScopes {
		return refuse(InvalidRequest, "There are too many acr_values.")
	}
	if name := f.Get("connection"); len(name) <= maxHint {
		r.Connection = name
	}
	if jkt := f.Get("dpop_jkt"); jkt != "" {
		if !sha256Text(jkt) {
			return refuse(InvalidRequest, "dpop_jkt is no thumbprint of a key.")
		}
		r.Delegation.JKT = jkt
	}
	return nil
}

// readScope reads what the client wants, and keeps it within what it may want.
func (s *Service) readScope(ctx context.Context, r *AuthorizationRequest, f Form, client auth.Client) error {
	scopes, resources := f.Words("scope"), resourcesOf(f)
	if len(scopes) > maxScopes || len(resources) > maxScopes {
		return refuse(InvalidScope, "There are too many scopes.")
	}
	wanted, err := s.asked(ctx, client, scopes, resources)
	if err != nil {
		return err
	}
	wanted.JKT, wanted.Claims = r.Delegation.JKT, r.Delegation.Claims
	r.Delegation = wanted
	return nil
}

// readHint reads `id_token_hint`: an ID token of ours for this client, however old, names who must answer.
func (s *Service) readHint(ctx context.Context, r *AuthorizationRequest, f Form, client auth.Client) error {
	token := f.Get("id_token_hint")
	if token == "" {
		return nil
	}
	hint, err := s.readIDToken(ctx, token)
	if err != nil {
		return err
	}
	if !slices.Contains(hint.Audience, client.OAuthID()) || r.Subject != "" && r.Subject != hint.Subject {
		return refuse(InvalidRequest, "The id_token_hint is not about this request.")
	}
	r.Subject = hint.Subject
	return nil
}

// claimsParameter is the `claims` parameter (OpenID Core section 5.5).
type claimsParameter struct {
	IDToken  map[string]json.RawMessage `json:"id_token"`
	Userinfo map[string]json.RawMessage `json:"userinfo"`
}

// claimWish is what is said of one claim (OpenID Core section 5.5.1).
type claimWish struct {
	Essential bool              `json:"essential"`
	Value     json.RawMessage   `json:"value"`
	Values    []json.RawMessage `json:"values"`
}

// texts are the values that do.
func (w claimWish) texts() (out []string) {
	for _, raw := range append(w.Values, w.Value) {
		var text string
		if raw != nil && json.Unmarshal(raw, &text) == nil {
			out = append(out, text)
		}
	}
	return out
}
