package login

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// FederatedMode says what a way through a provider is for.
type FederatedMode string

// The modes. The zero value means FederatedSignUp.
const (
	FederatedSignIn FederatedMode = "sign-in" // signs a known person in; a stranger stays one
	FederatedSignUp FederatedMode = "sign-up" // signs a known person in and makes a user of a stranger
	FederatedLink   FederatedMode = "link"    // adds the provider to the ways in of the person who is signed in
)

// use is what the provider must be for. To sign up it may also be one that signs in alone: known people come as well.
func (m FederatedMode) use() auth.ProviderUse {
	if m == FederatedLink {
		return auth.UseLink
	}
	return auth.UseSignIn
}

// The longest state that a client may send along, in bytes, and the longest of our own pages, whose state is the path that
// the person wanted.
const (
	maxClientState = 500
	maxHomeState   = 8 << 10
)

// FederatedBegin is a person about to leave for an identity provider.
type FederatedBegin struct {
	Provider    string // its name in the app
	RedirectURI string // where the client takes the browser back; one that it registered. Empty: its first one; none at our own pages
	Mode        FederatedMode
	InviteCode  string // for apps that let strangers in with one
	State       string // the client's own word; it comes back with the browser
	// CodeChallenge is the S256 challenge (RFC 7636) of a verifier that the client shows to spend the sign-in token, if it
	// does so from where the browser's cookie is not at hand.
	CodeChallenge string
	// Callback is the path of the provider's way back below the contract's URL, with {provider} for the name.
	Callback string
	Browser  string // the secret in the browser's cookie; empty: it has none
	Device   string
}

// FederatedStart is where the browser goes next.
type FederatedStart struct {
	Location string // at the provider; at the client with an error if the provider cannot be reached
	Browser  string // what the browser's cookie must hold to come back
	Cross    bool   // the provider posts the answer, so the cookie must come with a request of another site
}

// passage is what the proof of a state remembers. The proof itself names app, client and, for a link, user and session.
type passage struct {
	Provider    string        `json:"provider"`
	Callback    string        `json:"callback"` // the URL that the provider knows
	RedirectURI string        `json:"redirect_uri"`
	Home        bool          `json:"home,omitempty"` // it began at our own pages and ends there; no RedirectURI
	Mode        FederatedMode `json:"mode"`
	InviteCode  string        `json:"invite_code,omitempty"`
	State       string        `json:"state,omitempty"`
	Challenge   string        `json:"code_challenge,omitempty"`
	Device      string        `json:"device,omitempty"`
	Browser     []byte        `json:"browser"` // SHA-256 of the cookie
}

// BeginFederated sends a person to an identity provider of the app. The state that goes along is spent once, by the
// browser that begins here (FD-04): its cookie is the Browser of the answer. A browser that is on several ways at once
// keeps its cookie. To link, the caller must be a person with a proven address and a fresh sign-in (C5, SE-06). Codes:
// not-found (no such provider, or it is off), invalid-request (redirect_uri, mode, state, code_challenge), and to link
// person-required, email-unverified, reauthentication-required and those of session.Recheck.
func (s *Service) BeginFederated(ctx context.Context, c auth.Caller, in FederatedBegin) (FederatedStart, error) {
	pass, browser, err := s.openPassage(ctx, c, in)
	if err != nil {
		return FederatedStart{}, err
	}
	p := auth.Proof{Kind: auth.ProofOAuthState, App: c.App, Client: c.Client}
	if p.Data, err = json.Marshal(pass); err != nil {
		return FederatedStart{}, fmt.Errorf("encode a passage: %w", err)
	}
	if pass.Mode == FederatedLink {
		p.User, p.Session = c.User, c.Session
	}
	var state string
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		if pass.Mode == FederatedLink {
			if err := s.mayLink(tx, c); err != nil {
				return err
			}
		}
		state, err = s.Proofs.Issue(tx, p)
		return err
	})
	if err != nil {
		return FederatedStart{}, err
	}
	start, err := s.Federation.Begin(ctx, c.App, pass.Provider, pass.Callback, state)
	if err != nil {
		location, err := pass.refused(err)
		return FederatedStart{Location: location, Browser: browser}, err
	}
	return FederatedStart{Location: start.URL, Browser: browser, Cross: start.FormPost}, nil
}

// openPassage checks what the client says and answers the secret for the browser's cookie.
func (s *Service) openPassage(ctx context.Context, c auth.Caller, in FederatedBegin) (pass passage, browser string, err error) {
	pass = passage{Provider: in.Provider, Mode: in.Mode, InviteCode: in.InviteCode, State: in.State, Challenge: in.CodeChallenge,
		Device: cleanDevice(in.Device), Home: c.Door.Home}
	if pass.Mode == "" {
		pass.Mode = FederatedSignUp
	}
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		if _, err := openApp(tx, c.App); err != nil {
			return err
		}
		provider, err := federation.Active(tx, c.App, in.Provider)
		if err != nil {
			return err
		}
		if !federation.Allows(provider, pass.Mode.use()) {
			return auth.E(auth.CodeForbidden, "The provider cannot be used for this.")
		}
		if pass.Home {
			return nil
		}
		client, err := tx.Client(c.App, c.Client)
		if err != nil {
			return err
		}
		pass.RedirectURI, err = redirectOf(client, in.RedirectURI)
		return err
	})
	if err != nil {
		return pass, "", err
	}
	if err := checkPassage(pass); err != nil {
		return pass, "", err
	}
	if !strings.HasPrefix(in.Callback, "/") {
		return pass, "", auth.Invalid("callback", auth.ViolationInvalid, "The way back is a path below the contract's URL.")
	}
	pass.Callback = c.Door.URL + strings.ReplaceAll(in.Callback, "{provider}", url.PathEscape(in.Provider))
	if browser = in.Browser; !secret.TokenShaped(browser) {
		if browser, err = secret.Token(s.Rand); err != nil {
			return pass, "", err
		}
	}
	pass.Browser = secret.Hash(browser)
	return pass, browser, nil
}

func checkPassage(pass passage) error {
	longest := maxClientState
	if pass.Home {
		longest = maxHomeState
	}
	switch {
	case !slices.Contains([]FederatedMode{FederatedSignIn, FederatedSignUp, FederatedLink}, pass.Mode):
		return auth.Invalid("mode", auth.ViolationEnum, "There is no such mode.")
	case len(pass.State) > longest || !utf8.ValidString(pass.State):
		return auth.Invalid("state", auth.ViolationTooLong, fmt.Sprintf("A state has at most %d bytes.", longest))
	}
	if pass.Challenge != "" {
		if raw, err := base64.RawURLEncoding.Strict().DecodeString(pass.Challenge); err != nil || len(raw) != len(secret.Hash("")) {
			return auth.Invalid("code_challenge", auth.ViolationInvalid, "This is no S256 challenge.")
		}
	}
	return nil
}

// redirectOf is where a client takes its people back: exactly one of the registered URIs, never a page that a request
// names (SECURITY 2.1, open redirects).
func redirectOf(client auth.Client, wanted string) (string, error) {
	known := client.Settings.RedirectURIs
	switch {
	case wanted == "" && len(known) == 0:
		return "", auth.Invalid("redirect_uri", auth.ViolationRequired, "The client has no redirect URI. An administrator registers one.")
	case wanted == "":
		return known[0], nil
	case !slices.Contains(known, wanted):
		return "", auth.Invalid("redirect_uri", auth.ViolationInvalid, "The client has not registered this redirect URI.")
	}
	return wanted, nil
}

// back is the client's redirect URI with what the client is told, and its own state; for our own pages the query alone.
func (p passage) back(told url.Values) (string, error) {
	u, err := url.Parse(p.RedirectURI)
	if err != nil {
		return "", fmt.Errorf("read a registered redirect URI: %w", err)
	}
	query := u.Query()
	if p.State != "" {
		told.Set("state", p.State)
	}
	for name, values := range told {
		query[name] = values
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// refused is the way back to the client with an error in the words of RFC 6749 section 4.1.2.1, beside our own code. A
// failure of this server is no news for a client: it is handed back as the error.
func (p passage) refused(err error) (string, error) {
	var refusal *auth.Error
	if !errors.As(err, &refusal) || refusal.Code == auth.CodeInternal {
		return "", err
	}
	word := "access_denied"
	switch refusal.Code {
	case auth.CodeInvalidRequest:
		word = "invalid_request"
	case auth.CodeProviderUnavailable, auth.CodeUnavailable, auth.CodeOverloaded, auth.CodeRateLimited, auth.CodeStorageFull:
		word = "temporarily_unavailable"
	}
	message := refusal.Message
	if message == "" {
		message = refusal.Code.Title()
	}
	return p.back(url.Values{"error": {word}, "error_code": {string(refusal.Code)}, "error_description": {message}})
}

// sameBrowser reports whether a cookie is the one that was bound.
func sameBrowser(bound []byte, browser string) bool {
	return browser != "" && len(bound) > 0 && bytes.Equal(bound, secret.Hash(browser))
}
