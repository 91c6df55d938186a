package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const (
	maxScopes    = 100 // of one client, and of one resource
	maxClaimName = 100 // bytes
	maxIssuers   = 20
	maxClaims    = 50
)

// checkOAuth refuses what no OAuth client may have and answers the form that is stored. The names of what is wrong are
// those of RFC 7591 where it has one.
func (s *Service) checkOAuth(c auth.ClientSettings) (auth.OAuthSettings, error) {
	o := tidy(c.OAuth)
	if o.AuthMethod == "" {
		if !reflect.ValueOf(o).IsZero() {
			return o, auth.Invalid("token_endpoint_auth_method", auth.ViolationRequired, "Say which type the client is, or how it authenticates.")
		}
		return o, nil
	}
	for _, check := range []func(auth.ClientSettings, auth.OAuthSettings) error{checkChoices, checkGrants, checkScopes, checkRedirects,
		checkClientKeys, checkAddresses, checkSubject, checkIssuers, s.checkMapping} {
		if err := check(c, o); err != nil {
			return o, err
		}
	}
	return o, nil
}

// tidy drops doubles, and empty lists and objects for none.
func tidy(o auth.OAuthSettings) auth.OAuthSettings {
	for _, list := range []*[]string{&o.GrantTypes, &o.Scopes, &o.DefaultScopes, &o.Resources, &o.ResponseModes, &o.PostLogoutRedirectURIs} {
		*list = unique(*list)
	}
	for i, uri := range o.Resources {
		o.Resources[i] = strings.TrimSuffix(uri, "/")
	}
	if len(o.Claims) == 0 {
		o.Claims = nil
	}
	if len(o.AssertionIssuers) == 0 {
		o.AssertionIssuers = nil
	}
	if o.JWKS = compact(o.JWKS); len(o.JWKS) == 0 || string(o.JWKS) == "null" {
		o.JWKS = nil
	}
	return o
}

// choice is a setting with a closed list of values; the empty one is its default.
type choice struct {
	name, value string
	of          []string
}

func checkChoices(_ auth.ClientSettings, o auth.OAuthSettings) error {
	signed := []string{"", auth.AlgorithmRS256, auth.AlgorithmES256, auth.AlgorithmEdDSA}
	methods := []string{string(auth.ClientAuthNone), string(auth.ClientAuthBasic), string(auth.ClientAuthPost), string(auth.ClientAuthPrivateKeyJWT)}
	for _, c := range []choice{
		{"token_endpoint_auth_method", string(o.AuthMethod), methods},
		{"application_type", o.ApplicationType, []string{"", auth.ApplicationWeb, auth.ApplicationNative}},
		{"access_token_format", o.TokenFormat, []string{"", auth.TokenFormatJWT, auth.TokenFormatOpaque}},
		{"id_token_signed_response_alg", o.IDTokenAlg, signed},
		{"userinfo_signed_response_alg", o.UserinfoAlg, signed},
		{"subject_type", o.SubjectType, []string{"", auth.SubjectPublic, auth.SubjectPairwise}},
		{"consent", string(o.Consent), []string{string(auth.ConsentAsk), string(auth.ConsentTrusted)}},
	} {
		if !slices.Contains(c.of, c.value) {
			return auth.Invalid(c.name, auth.ViolationEnum, "It is one of "+strings.TrimPrefix(strings.Join(c.of, ", "), ", ")+".")
		}
	}
	for _, mode := range o.ResponseModes {
		if !slices.Contains(auth.ResponseModes(), mode) {
			return auth.Invalid("response_modes", auth.ViolationEnum, "A response mode is query, fragment or form_post.")
		}
	}
	return nil
}

func checkGrants(c auth.ClientSettings, o auth.OAuthSettings) error {
	invalid := func(why string) error { return auth.Invalid("grant_types", auth.ViolationInvalid, why) }
	personal := false
	for _, grant := range o.GrantTypes {
		if !slices.Contains(auth.GrantTypes(), grant) {
			return auth.Invalid("grant_types", auth.ViolationEnum, "There is no such grant type here.")
		}
		personal = personal || grant == auth.GrantAuthorizationCode || grant == auth.GrantDeviceCode
	}
	switch {
	case len(o.GrantTypes) == 0:
		return auth.Invalid("grant_types", auth.ViolationRequired, "A client uses at least one grant type.")
	case o.Allows(auth.GrantRefreshToken) && !personal:
		return invalid("Refresh tokens come from an authorization code or a device code.")
	case o.Allows(auth.GrantClientCredentials) && o.Public():
		return invalid("A client that can keep no secret cannot act by itself.")
	case o.Allows(auth.GrantJWTBearer) && len(o.AssertionIssuers) == 0:
		return auth.Invalid("assertion_issuers", auth.ViolationRequired, "Say whose assertions the client may bring.")
	case o.Allows(auth.GrantAuthorizationCode) && len(c.RedirectURIs) == 0:
		return auth.Invalid("redirect_uris", auth.ViolationRequired, "The authorization code needs a redirect URI to go to.")
	}
	return nil
}

func checkScopes(_ auth.ClientSettings, o auth.OAuthSettings) error {
	for name, list := range map[string][]string{"scopes": o.Scopes, "default_scopes": o.DefaultScopes} {
		if len(list) > maxScopes {
			return auth.Invalid(name, auth.ViolationTooMany, fmt.Sprintf("A client has at most %d.", maxScopes))
		}
		for _, scope := range list {
			if !auth.ValidScope(scope) {
				return auth.Invalid(name, auth.ViolationPattern, "A scope is a word of printable ASCII without quote and backslash.")
			}
		}
	}
	for _, scope := range o.DefaultScopes {
		if !slices.Contains(o.Scopes, scope) {
			return auth.Invalid("default_scopes", auth.ViolationMismatch, "Default scopes are among the client's scopes.")
		}
	}
	if len(o.Resources) > maxResources {
		return auth.Invalid("resources", auth.ViolationTooMany, fmt.Sprintf("A client has at most %d.", maxResources))
	}
	return nil
}

// checkRedirects holds what badRedirect leaves open: a scheme of one's own is for installed apps (RFC 8252 section 7.1).
func checkRedirects(c auth.ClientSettings, o auth.OAuthSettings) error {
	if len(o.PostLogoutRedirectURIs) > maxURIs {
		return auth.Invalid("post_logout_redirect_uris", auth.ViolationTooMany, fmt.Sprintf("A client has at most %d.", maxURIs))
	}
	for _, uri := range o.PostLogoutRedirectURIs {
		if why := badRedirect(uri); why != "" {
			return auth.Invalid("post_logout_redirect_uris", auth.ViolationInvalid, why)
		}
	}
	if o.ApplicationType == auth.ApplicationNative {
		return nil
	}
	for name, list := range map[string][]string{"redirect_uris": c.RedirectURIs, "post_logout_redirect_uris": o.PostLogoutRedirectURIs} {
		for _, uri := range list {
			if !strings.HasPrefix(uri, "https:") && !strings.HasPrefix(uri, "http:") {
				return auth.Invalid(name, auth.ViolationInvalid, "A scheme of an app's own is for clients of the application type native.")
			}
		}
	}
	return nil
}

// checkAddresses looks at the addresses of pages and of calls. Calls to the own machine may be plain, for tests; the guard
// of outbound calls has the last word on them.
func checkAddresses(c auth.ClientSettings, o auth.OAuthSettings) error {
	for name, text := range map[string]string{"client_uri": o.ClientURI, "logo_uri": o.LogoURI, "policy_uri": o.PolicyURI, "tos_uri": o.TOSURI} {
		if u, ok := address(text); text != "" && (!ok || u.Scheme != "https") {
			return auth.Invalid(name, auth.ViolationInvalid, "It is an https URL.")
		}
	}
	for name, text := range map[string]string{"jwks_uri": o.JWKSURI, "backchannel_logout_uri": o.BackchannelLogoutURI,
		"frontchannel_logout_uri": o.FrontchannelLogoutURI} {
		if _, ok := address(text); text != "" && !ok {
			return auth.Invalid(name, auth.ViolationInvalid, "It is an https URL without a fragment, or http on the own machine.")
		}
	}
	if o.FrontchannelLogoutURI == "" {
		return nil
	}
	front, _ := address(o.FrontchannelLogoutURI)
	// OpenID Front-Channel Logout section 2: what is framed at a logout is of a place that the client returns to.
	if !slices.ContainsFunc(c.RedirectURIs, func(uri string) bool {
		u, err := url.Parse(uri)
		return err == nil && u.Scheme == front.Scheme && u.Host == front.Host
	}) {
		return auth.Invalid("frontchannel_logout_uri", auth.ViolationMismatch, "It has scheme, host and port of a redirect URI.")
	}
	return nil
}

// address reads an https URL, or one of plain http on the own machine.
func address(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURI || !visible(text) || strings.ContainsAny(text, `\#*`) || u.User != nil || u.Hostname() == "" {
		return nil, false
	}
	return u, u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

// checkSubject sees to it that the sector of pairwise subjects is one place (OI-05, OpenID Core section 8.1).
func checkSubject(c auth.ClientSettings, o auth.OAuthSettings) error {
	if o.Sector != "" && (len(o.Sector) > 253 || !visible(o.Sector) || strings.ContainsAny(o.Sector, "/:@?#*\\") || o.Sector != strings.ToLower(o.Sector)) {
		return auth.Invalid("sector", auth.ViolationInvalid, "A sector is a host name in lower case.")
	}
	if o.SubjectType != auth.SubjectPairwise || o.Sector != "" {
		return nil
	}
	hosts := map[string]bool{}
	for _, uri := range c.RedirectURIs {
		if u, err := url.Parse(uri); err == nil {
			hosts[u.Hostname()] = true
		}
	}
	if len(hosts) > 1 {
		return auth.Invalid("sector", auth.ViolationRequired, "Redirect URIs at several hosts need a sector for pairwise subjects.")
	}
	return nil
}

func checkIssuers(_ auth.ClientSettings, o auth.OAuthSettings) error {
	if len(o.AssertionIssuers) > maxIssuers {
		return auth.Invalid("assertion_issuers", auth.ViolationTooMany, fmt.Sprintf("A client has at most %d.", maxIssuers))
	}
	seen := map[string]bool{}
	for _, i := range o.AssertionIssuers {
		invalid := func(why string) error { return auth.Invalid("assertion_issuers", auth.ViolationInvalid, why) }
		_, ok := address(i.Issuer)
		switch {
		case !ok || seen[i.Issuer]:
			return invalid("An issuer is an https URL and stands once.")
		case (len(i.JWKS) > 0) == (i.JWKSURI != ""):
			return invalid("An issuer has either keys (jwks) or a place where they are (jwks_uri).")
		case i.Subject != "" && i.Subject != auth.AssertedUser && i.Subject != auth.AssertedExternal:
			return invalid("The subject of assertions is user or external.")
		}
		seen[i.Issuer] = true
		if i.JWKSURI != "" {
			if _, ok := address(i.JWKSURI); !ok {
				return invalid("jwks_uri is an https URL.")
			}
		} else if why := badKeySet(i.JWKS); why != "" {
			return invalid(why)
		}
	}
	return nil
}

func (s *Service) checkMapping(_ auth.ClientSettings, o auth.OAuthSettings) error {
	switch {
	case len(o.Claims) == 0:
		return nil
	case len(o.Claims) > maxClaims:
		return auth.Invalid("claims", auth.ViolationTooMany, fmt.Sprintf("A client has at most %d.", maxClaims))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Claims)) {
		if name == "" || len(name) > maxClaimName || !visible(name) {
			return auth.Invalid("claims", auth.ViolationPattern, "The name of a claim is a word of printable ASCII.")
		}
		if why := s.badClaim(name, o.Claims[name]); why != "" {
			return auth.Invalid("claims", auth.ViolationInvalid, name+": "+why)
		}
	}
	return nil
}

// checkClientKeys wants keys where the client proves itself by one, and no key that proves nothing.
func checkClientKeys(_ auth.ClientSettings, o auth.OAuthSettings) error {
	switch {
	case len(o.JWKS) > 0 && o.JWKSURI != "":
		return auth.Invalid("jwks", auth.ViolationMismatch, "Keys are either given (jwks) or at a place (jwks_uri).")
	case o.AuthMethod == auth.ClientAuthPrivateKeyJWT && len(o.JWKS) == 0 && o.JWKSURI == "":
		return auth.Invalid("jwks", auth.ViolationRequired, "private_key_jwt needs the client's public keys: jwks or jwks_uri.")
	case len(o.JWKS) > 0:
		if why := badKeySet(o.JWKS); why != "" {
			return auth.Invalid("jwks", auth.ViolationInvalid, why)
		}
	}
	return nil
}

// compact is a JSON text in one form, so that two can be compared; of one that is none it is the text.
func compact(text json.RawMessage) json.RawMessage {
	var v any
	if json.Unmarshal(text, &v) != nil {
		return text
	}
	out, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return out
}
