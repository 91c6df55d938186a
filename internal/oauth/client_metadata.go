package oauth

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
)

// clientMetadata is what a client says of itself: RFC 7591 section 2, OpenID Dynamic Registration section 2 and the
// specifications that add to them. What is not in it is passed over, as those ask.
type clientMetadata struct {
	Name            string          `json:"client_name,omitempty"`
	RedirectURIs    []string        `json:"redirect_uris,omitempty"`
	GrantTypes      []string        `json:"grant_types,omitempty"`
	ResponseTypes   []string        `json:"response_types,omitempty"`
	AuthMethod      string          `json:"token_endpoint_auth_method,omitempty"`
	ApplicationType string          `json:"application_type,omitempty"`
	Scope           string          `json:"scope,omitempty"`
	JWKS            json.RawMessage `json:"jwks,omitempty"`
	JWKSURI         string          `json:"jwks_uri,omitempty"`
	ClientURI       string          `json:"client_uri,omitempty"`
	LogoURI         string          `json:"logo_uri,omitempty"`
	PolicyURI       string          `json:"policy_uri,omitempty"`
	TOSURI          string          `json:"tos_uri,omitempty"`

	SubjectType string `json:"subject_type,omitempty"`
	IDTokenAlg  string `json:"id_token_signed_response_alg,omitempty"`
	UserinfoAlg string `json:"userinfo_signed_response_alg,omitempty"`
	RequirePAR  bool   `json:"require_pushed_authorization_requests,omitempty"`
	DPoPBound   bool   `json:"dpop_bound_access_tokens,omitempty"`

	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI   string   `json:"backchannel_logout_uri,omitempty"`
	FrontchannelLogoutURI  string   `json:"frontchannel_logout_uri,omitempty"`
}

// guestScopes are those that a client which nobody vouches for may ask for when an app has said nothing else of it. Scopes
// of resources count with the resource.
func guestScopes() []string {
	return []string{auth.ScopeOpenID, auth.ScopeProfile, auth.ScopeEmail, auth.ScopeOfflineAccess}
}

// guestGrants are the grants of such a client: a person stands behind each token (CR-01).
func guestGrants() []string {
	return []string{auth.GrantAuthorizationCode, auth.GrantRefreshToken, auth.GrantDeviceCode}
}

var errMetadata = errors.New("the metadata is not a JSON object")

// readMetadata reads one JSON object without a member twice (TK-06).
func readMetadata(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil || !utf8.Valid(body) {
		return errMetadata
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return errMetadata
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return errMetadata
		}
		text, _ := name.(string)
		if text = strings.ToLower(text); seen[text] {
			return errors.New("the metadata has a member twice")
		}
		seen[text] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return errMetadata
		}
	}
	if _, err := d.Token(); err != nil {
		return errMetadata
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errMetadata
	}
	return nil
}

// settings makes the settings of a client from what it says, with the defaults of RFC 7591 section 2, capped to what a
// client may have that nobody vouches for. Errors: invalid_client_metadata, invalid_redirect_uri.
func (m clientMetadata) settings() (auth.ClientSettings, error) {
	if m.AuthMethod == "" {
		m.AuthMethod = string(auth.ClientAuthBasic)
	}
	if len(m.GrantTypes) == 0 {
		m.GrantTypes = []string{auth.GrantAuthorizationCode}
	}
	for _, kind := range m.ResponseTypes {
		if kind != "code" {
			return auth.ClientSettings{}, refuse(InvalidMetadata, "The only response type is code.")
		}
	}
	if !grant.Within(m.GrantTypes, guestGrants()) {
		return auth.ClientSettings{}, refuse(InvalidMetadata, "A client that registers itself may not use one of these grant types.")
	}
	if len(m.RedirectURIs) == 0 && slices.Contains(m.GrantTypes, auth.GrantAuthorizationCode) {
		return auth.ClientSettings{}, refuse(InvalidRedirectURI, "There is no redirect URI.")
	}
	for _, uri := range []string{m.JWKSURI, m.BackchannelLogoutURI, m.FrontchannelLogoutURI} {
		if uri != "" && !strings.HasPrefix(uri, "https://") {
			return auth.ClientSettings{}, refuse(InvalidMetadata, "Addresses that are called are https URLs.")
		}
	}
	var scopes []string
	for _, scope := range strings.Fields(m.Scope) {
		if slices.Contains(guestScopes(), scope) { // RFC 7591 section 2: the server may grant less and says so
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) == 0 { // it named none, or those of resources alone, which say nothing of these
		scopes = guestScopes()
	}
	return auth.ClientSettings{RedirectURIs: m.RedirectURIs, OAuth: auth.OAuthSettings{AuthMethod: auth.ClientAuthMethod(m.AuthMethod),
		ApplicationType: m.applicationType(), GrantTypes: m.GrantTypes, Scopes: scopes, JWKS: m.JWKS, JWKSURI: m.JWKSURI,
		ClientURI: m.ClientURI, LogoURI: m.LogoURI, PolicyURI: m.PolicyURI, TOSURI: m.TOSURI, SubjectType: m.SubjectType,
		IDTokenAlg: m.IDTokenAlg, UserinfoAlg: m.UserinfoAlg, RequirePAR: m.RequirePAR, DPoPBound: m.DPoPBound,
		PostLogoutRedirectURIs: m.PostLogoutRedirectURIs, BackchannelLogoutURI: m.BackchannelLogoutURI,
		FrontchannelLogoutURI: m.FrontchannelLogoutURI}}, nil
}

// applicationType is what the client says, else what its redirects tell: clients of today often leave it out.
func (m clientMetadata) applicationType() string {
	if m.ApplicationType != "" {
		return m.ApplicationType
	}
	for _, uri := range m.RedirectURIs {
		if u, err := url.Parse(uri); err == nil && u.Scheme != "https" {
			return auth.ApplicationNative
		}
	}
	return auth.ApplicationWeb
}

// name is what the client calls itself, else where it says that it is.
func (m clientMetadata) name(otherwise string) string {
	if m.Name != "" {
		return m.Name
	}
	for _, uri := range append([]string{m.ClientURI}, m.RedirectURIs...) {
		if u, err := url.Parse(uri); err == nil && u.Hostname() != "" {
			return u.Hostname()
		}
	}
	return otherwise
}

// metadataError is a refusal of settings as a registration tells it.
func metadataError(err error) error {
	e := auth.AsError(err)
	switch {
	case e == nil || e.Code != auth.CodeInvalidRequest && e.Code != auth.CodeLimitReached:
		return err
	case len(e.Violations) > 0 && e.Violations[0].Field == "redirect_uris":
		return refuse(InvalidRedirectURI, ascii(e.Text()))
	case len(e.Violations) > 0:
		return refuse(InvalidMetadata, ascii(e.Violations[0].Field+": "+e.Text()))
	}
	return refuse(InvalidMetadata, ascii(e.Text()))
}

// metadataOf is a stored client as it says itself (RFC 7591 section 3.2.1).
func metadataOf(c auth.Client) clientMetadata {
	o := c.Settings.OAuth
	out := clientMetadata{Name: c.Name, RedirectURIs: c.Settings.RedirectURIs, GrantTypes: o.GrantTypes, AuthMethod: string(o.AuthMethod),
		ApplicationType: o.ApplicationType, Scope: strings.Join(o.Scopes, " "), JWKS: o.JWKS, JWKSURI: o.JWKSURI, ClientURI: o.ClientURI,
		LogoURI: o.LogoURI, PolicyURI: o.PolicyURI, TOSURI: o.TOSURI, SubjectType: o.SubjectType, IDTokenAlg: o.IDTokenAlg,
		UserinfoAlg: o.UserinfoAlg, RequirePAR: o.RequirePAR, DPoPBound: o.DPoPBound, PostLogoutRedirectURIs: o.PostLogoutRedirectURIs,
		BackchannelLogoutURI: o.BackchannelLogoutURI, FrontchannelLogoutURI: o.FrontchannelLogoutURI}
	if o.Allows(auth.GrantAuthorizationCode) {
		out.ResponseTypes = []string{"code"}
	}
	return out
}
