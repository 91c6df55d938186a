package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// metadata is what of OpenID Connect Discovery 1.0 section 3 and RFC 9207 section 3 is used.
type metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	Algorithms            []string `json:"id_token_signing_alg_values_supported"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	NamesIssuer           bool     `json:"authorization_response_iss_parameter_supported"`
}

// endpoints are where and how a provider is asked, by discovery or by its settings.
type endpoints struct {
	authorization, token, user, emails string

	issuer     string // of ID tokens; has tenantPlaceholder for many tenants. Empty: no ID tokens and no word of who answers
	namesSelf  bool   // every answer must carry `iss`
	jwks       string
	algorithms []string
	style      oauth2.AuthStyle // how the secret is sent
}

// asymmetric are the algorithms that an ID token may be signed with. Never `none`, and never a MAC: whoever checks a MAC
// can make one (FD-05).
var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// tenantPlaceholder stands in the issuer of a Microsoft endpoint that serves many tenants.
const tenantPlaceholder = "{tenantid}"

// endpoints finds out where to ask. Code: provider-unavailable.
func (s *Service) endpoints(ctx context.Context, p auth.Provider) (endpoints, error) {
	if !p.Kind.OpenID() {
		t := p.Settings
		return endpoints{authorization: t.AuthorizationURL, token: t.TokenURL, user: t.UserURL, emails: t.EmailsURL,
			issuer: t.Issuer, style: authStyle(p, nil)}, nil
	}
	var m metadata
	valid := func(body []byte) (err error) {
		m, err = readMetadata(p, body)
		return err
	}
	address := strings.TrimSuffix(p.Settings.Issuer, "/") + "/.well-known/openid-configuration"
	body, err := s.documents.Get(ctx, address, false, valid)
	if err == nil && m.Issuer == "" { // from the cache, where another connection may have put it
		err = valid(body)
	}
	if err != nil {
		return endpoints{}, unavailable(p, "discovery: %w", err)
	}
	algorithms := []string{"RS256"} // the one that everybody must offer
	if len(m.Algorithms) > 0 {
		algorithms = slices.DeleteFunc(m.Algorithms, func(a string) bool { return !slices.Contains(asymmetric, a) })
	}
	if len(algorithms) == 0 {
		return endpoints{}, unavailable(p, "discovery: no asymmetric signature")
	}
	return endpoints{authorization: m.AuthorizationEndpoint, token: m.TokenEndpoint, user: m.UserinfoEndpoint, issuer: m.Issuer,
		namesSelf: m.NamesIssuer, jwks: m.JWKSURI, algorithms: algorithms, style: authStyle(p, m.TokenAuthMethods)}, nil
}

// readMetadata refuses a document that speaks of another issuer (Discovery section 4.3) or leads elsewhere than an
// issuer of its kind may.
func readMetadata(p auth.Provider, body []byte) (m metadata, err error) {
	if err := json.Unmarshal(body, &m); err != nil {
		return metadata{}, errors.New("it is not JSON of the right types")
	}
	if !issuerMatches(p, m.Issuer) {
		return metadata{}, fmt.Errorf("it speaks of another issuer, %.200q", m.Issuer)
	}
	for name, target := range map[string]string{"authorization_endpoint": m.AuthorizationEndpoint, "token_endpoint": m.TokenEndpoint,
		"jwks_uri": m.JWKSURI} {
		if !webURL(target, secure(p.Settings.Issuer)) {
			return metadata{}, fmt.Errorf("%s is no URL that can be used", name)
		}
	}
	if m.UserinfoEndpoint != "" && !webURL(m.UserinfoEndpoint, secure(p.Settings.Issuer)) {
		return metadata{}, errors.New("userinfo_endpoint is no URL that can be used")
	}
	return m, nil
}

// issuerMatches pins the issuer to the connection. Microsoft's shared endpoints (common, organizations, consumers) name a
// template or their own tenant instead, at the same host.
func issuerMatches(p auth.Provider, published string) bool {
	if published == p.Settings.Issuer {
		return published != ""
	}
	if p.Kind != auth.ProviderMicrosoft {
		return false
	}
	configured, err := url.Parse(p.Settings.Issuer)
	if err != nil {
		return false
	}
	tenant, ok := strings.CutPrefix(published, configured.Scheme+"://"+configured.Host+"/")
	if !ok {
		return false
	}
	tenant, ok = strings.CutSuffix(tenant, "/v2.0")
	return ok && (tenant == tenantPlaceholder || isTenant(tenant))
}

// authStyle is how the client shows its secret. It is never tried out: a second try would spend the code twice.
func authStyle(p auth.Provider, offered []string) oauth2.AuthStyle {
	switch {
	case p.Settings.ClientAuth == clientAuthBasic:
		return oauth2.AuthStyleInHeader
	case p.Settings.ClientAuth != "" || len(p.Sealed) == 0:
		return oauth2.AuthStyleInParams
	case len(offered) > 0 && !slices.Contains(offered, "client_secret_basic") && slices.Contains(offered, "client_secret_post"):
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

func secure(target string) bool { return strings.HasPrefix(target, "https://") }

// webURL reports whether a URL can be called or shown to a browser. Plain http is for whole connections inside the
// operator's own network, which package outbound has to allow.
func webURL(target string, https bool) bool {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || len(target) > maxURL || !visible(target) {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && !https
}

// unavailable says that a provider cannot be asked, and when to ask again; the cause is for the log.
func unavailable(p auth.Provider, format string, args ...any) error {
	return &auth.Error{Code: auth.CodeProviderUnavailable, RetryAfter: published().Retry, Err: fmt.Errorf("provider "+p.Name+": "+format, args...)}
}

// refused says that what a provider answered cannot be believed; the cause is for the log.
func refused(p auth.Provider, format string, args ...any) error {
	return &auth.Error{Code: auth.CodeProviderRefused, Err: fmt.Errorf("provider "+p.Name+": "+format, args...)}
}
