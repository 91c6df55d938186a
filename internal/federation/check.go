package federation

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const (
	maxTitle    = 60 // code points
	maxURL      = 2000
	maxClientID = 500
	maxSecret   = 4096
	maxScopes   = 30
	maxDomains  = 200
	maxPath     = 200 // of a claim
)

var (
	providerName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)
	scopeToken   = regexp.MustCompile(`^[!#-\[\]-~]{1,200}$`) // RFC 6749 section 3.3
	appleKey     = regexp.MustCompile(`^[A-Z0-9]{10}$`)
)

// visible reports whether text has printable ASCII alone, and no space.
func visible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

func invalid(field, format string, args ...any) error {
	return auth.Invalid(field, auth.ViolationInvalid, fmt.Sprintf(format, args...))
}

// check fills in the profile and refuses what cannot be a provider.
func check(p *auth.Provider, hasSecret bool) error {
	if !known(p.Kind) {
		return auth.Invalid("kind", auth.ViolationEnum, "There is no such kind of provider.")
	}
	if !providerName.MatchString(p.Name) {
		return invalid("name", "A name has 1 to 40 of a-z, 0-9 and hyphens; no hyphen first or last.")
	}
	s := &p.Settings
	fill(s, p.Kind)
	for _, rule := range []func(*auth.Provider) error{checkTexts, checkEndpoints, checkScopes, checkDomains, checkApple} {
		if err := rule(p); err != nil {
			return err
		}
	}
	return checkClientAuth(*p, hasSecret)
}

func checkTexts(p *auth.Provider) error {
	s := &p.Settings
	s.Title = strings.TrimSpace(s.Title)
	switch {
	case cleaned(s.Title, maxTitle) != s.Title || s.Title == "":
		return invalid("title", "A title has 1 to %d visible characters.", maxTitle)
	case s.ClientID == "" || len(s.ClientID) > maxClientID || !visible(s.ClientID):
		return invalid("client_id", "The provider gives out the client id; it has no spaces.")
	case !slices.Contains([]auth.ProviderUse{"", auth.UseSignUp, auth.UseSignIn, auth.UseLink}, s.Use):
		return auth.Invalid("use", auth.ViolationEnum, "There is no such use.")
	}
	return nil
}

func checkEndpoints(p *auth.Provider) error {
	s := p.Settings
	given := map[string]string{"authorization_url": s.AuthorizationURL, "token_url": s.TokenURL, "user_url": s.UserURL}
	if p.Kind.OpenID() {
		given["emails_url"] = s.EmailsURL
		for field, value := range given {
			if value != "" {
				return invalid(field, "An OpenID provider tells this itself.")
			}
		}
		if !webURL(s.Issuer, false) || strings.Contains(s.Issuer, "?") {
			return invalid("issuer", "The issuer is an https URL without query or fragment, exactly as the provider writes it.")
		}
		if s.Claims != (auth.ClaimMapping{}) {
			return invalid("claims", "The claims of an OpenID provider are standard.")
		}
		return nil
	}
	for field, value := range given {
		if !webURL(value, secure(s.TokenURL)) {
			return invalid(field, "Want an https URL.")
		}
	}
	if s.EmailsURL != "" && (p.Kind != auth.ProviderGitHub || !webURL(s.EmailsURL, secure(s.TokenURL))) {
		return invalid("emails_url", "Only GitHub has a list of addresses, at an https URL.")
	}
	if s.Issuer != "" && !webURL(s.Issuer, false) {
		return invalid("issuer", "The issuer is a URL, exactly as the provider writes it; or nothing.")
	}
	return checkClaims(s.Claims)
}

func checkClaims(m auth.ClaimMapping) error {
	if m.Subject == "" {
		return invalid("claims", "A mapping says where the subject stands: the id that never changes, no name or address.")
	}
	for _, path := range []string{m.Subject, m.Email, m.EmailVerified, m.Name, m.GivenName, m.FamilyName, m.Username, m.Picture, m.Locale} {
		if len(path) > maxPath || !auth.IsText(path) {
			return invalid("claims", "A path has at most %d characters.", maxPath)
		}
	}
	return nil
}

func checkScopes(p *auth.Provider) error {
	s := p.Settings
	if len(s.Scopes) > maxScopes {
		return auth.Invalid("scopes", auth.ViolationTooMany, fmt.Sprintf("A provider has at most %d.", maxScopes))
	}
	for _, scope := range s.Scopes {
		if !scopeToken.MatchString(scope) {
			return invalid("scopes", "A scope has visible characters without quotes or backslashes.")
		}
	}
	if p.Kind.OpenID() && p.Kind != auth.ProviderApple && !slices.Contains(s.Scopes, "openid") {
		return invalid("scopes", "An OpenID provider needs the scope openid.")
	}
	return nil
}

// checkDomains stores domains as addresses are compared (FD-08).
func checkDomains(p *auth.Provider) error {
	s := &p.Settings
	if len(s.Domains) > maxDomains {
		return auth.Invalid("domains", auth.ViolationTooMany, fmt.Sprintf("A provider has at most %d.", maxDomains))
	}
	var out []string
	for _, d := range s.Domains {
		canonical := auth.EmailDomain("a@" + strings.TrimSpace(d))
		if canonical == "" {
			return invalid("domains", "A domain is what stands behind the @ of an address, such as example.com.")
		}
		if !slices.Contains(out, canonical) {
			out = append(out, canonical)
		}
	}
	s.Domains = out
	if s.HostedDomain == "" {
		return nil
	}
	if s.HostedDomain = auth.EmailDomain("a@" + s.HostedDomain); s.HostedDomain == "" || p.Kind != auth.ProviderGoogle {
		return invalid("hosted_domain", "A hosted domain is one of Google's, such as example.com.")
	}
	return nil
}

func checkApple(p *auth.Provider) error {
	s := p.Settings
	if p.Kind != auth.ProviderApple {
		if s.TeamID != "" || s.KeyID != "" {
			return invalid("team_id", "Only Apple has team_id and key_id.")
		}
		return nil
	}
	switch {
	case !appleKey.MatchString(s.TeamID):
		return invalid("team_id", "Apple's team id has 10 letters and digits.")
	case !appleKey.MatchString(s.KeyID):
		return invalid("key_id", "Apple's key id has 10 letters and digits.")
	}
	return nil
}

func checkClientAuth(p auth.Provider, hasSecret bool) error {
	how := p.Settings.ClientAuth
	if !slices.Contains([]string{"", clientAuthBasic, clientAuthPost, clientAuthNone}, how) {
		return auth.Invalid("client_auth", auth.ViolationEnum, "Want basic, post or none.")
	}
	optional := p.Kind == auth.ProviderOIDC || p.Kind == auth.ProviderOAuth2
	switch {
	case hasSecret && how == clientAuthNone:
		return invalid("client_auth", "A client with a secret sends it.")
	case !hasSecret && (!optional || how == clientAuthBasic || how == clientAuthPost):
		return auth.Invalid("secret", auth.ViolationRequired, "The provider gives out a client secret; it is needed.")
	}
	return nil
}

// checkSecret refuses a secret that its provider cannot have given out.
func checkSecret(p auth.Provider, plain string) error {
	if p.Kind == auth.ProviderApple {
		if _, err := appleSigner(plain); err != nil {
			return invalid("secret", "Apple's secret is the private key of the key id: a PEM file of an elliptic curve key (P-256).")
		}
		return nil
	}
	if len(plain) > maxSecret || !visible(plain) {
		return invalid("secret", "A client secret has visible characters alone, at most %d.", maxSecret)
	}
	return nil
}
