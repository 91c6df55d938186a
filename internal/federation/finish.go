package federation

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Answer is what a provider sends a browser back with, raw.
type Answer struct {
	Code             string
	Issuer           string // the parameter `iss` of RFC 9207
	Error            string
	ErrorDescription string
	User             string // the parameter `user` of Apple's form: JSON with the name, on the first visit alone
}

// judgeTime bounds all calls of one Finish together.
const judgeTime = 20 * time.Second

// maxCode is the longest authorization code that is passed on, in bytes.
const maxCode = 4096

// Finish takes the answer of a provider, whose state the caller has taken back from the right browser and spent, and
// tells who came. Name, redirectURI and state are those of Begin. Codes: not-found (the provider is gone or disabled),
// provider-denied (the person or the provider said no), provider-refused (the answer cannot be believed; the cause is for
// the log), provider-unavailable.
func (s *Service) Finish(ctx context.Context, app auth.AppID, name, redirectURI, state string, a Answer) (auth.Upstream, error) {
	ctx, cancel := context.WithTimeout(ctx, judgeTime)
	defer cancel()
	p, err := s.active(ctx, app, name)
	if err != nil {
		return auth.Upstream{}, err
	}
	e, err := s.endpoints(ctx, p)
	if err != nil {
		return auth.Upstream{}, err
	}
	if err := judge(p, e, a); err != nil {
		return auth.Upstream{}, err
	}
	j := s.journey(p, state)
	token, err := s.exchange(ctx, p, e, redirectURI, a.Code, j)
	if err != nil {
		return auth.Upstream{}, err
	}
	up, err := s.person(ctx, p, e, j, token)
	if err != nil {
		return auth.Upstream{}, err
	}
	up.Provider, up.ProviderName = p.ID, p.Name
	if given, family := appleName(a.User); p.Kind == auth.ProviderApple && up.Name == "" {
		up.GivenName, up.FamilyName, up.Name = given, family, strings.TrimSpace(given+" "+family)
	}
	return up, nil
}

// judge looks at what came through the browser before anything is sent to the provider: first that it is this
// provider's (RFC 9207 section 2.4, errors too), so that a code of another one is never shown here (mix-up, RFC 9700
// section 4.4).
func judge(p auth.Provider, e endpoints, a Answer) error {
	switch template := strings.Contains(e.issuer, tenantPlaceholder); {
	case a.Issuer == "" && e.namesSelf:
		return refused(p, "the answer does not name its issuer, as all of this provider do")
	case a.Issuer != "" && template && !tenantOf(e.issuer, a.Issuer):
		return refused(p, "the answer names an issuer of another kind")
	case a.Issuer != "" && !template && e.issuer != "" && subtle.ConstantTimeCompare([]byte(a.Issuer), []byte(e.issuer)) != 1:
		return refused(p, "the answer names another issuer")
	}
	switch a.Error {
	case "":
	case "access_denied", "user_cancelled_authorize", "user_cancelled_login", "user_denied", "login_required", "consent_required", "interaction_required":
		return auth.E(auth.CodeProviderDenied, "")
	case "server_error", "temporarily_unavailable":
		return unavailable(p, "it answers %s", a.Error)
	default:
		return refused(p, "it answers %.100q", a.Error)
	}
	if a.Code == "" || len(a.Code) > maxCode {
		return refused(p, "the answer has no code")
	}
	return nil
}

func tenantOf(template, issuer string) bool {
	before, after, _ := strings.Cut(template, tenantPlaceholder)
	rest, ok := strings.CutPrefix(issuer, before)
	tenant, end := strings.CutSuffix(rest, after)
	return ok && end && isTenant(tenant)
}

// exchange spends the code. Codes: provider-refused, provider-unavailable.
func (s *Service) exchange(ctx context.Context, p auth.Provider, e endpoints, redirectURI, code string, j journey) (*oauth2.Token, error) {
	private, err := s.open(p)
	if err == nil && p.Kind == auth.ProviderApple {
		private, err = appleSecret(p, private, s.o.Clock())
	}
	if err != nil {
		return nil, err
	}
	config := oauth2.Config{ClientID: p.Settings.ClientID, ClientSecret: private, RedirectURL: redirectURI,
		Endpoint: oauth2.Endpoint{TokenURL: e.token, AuthStyle: e.style}}
	token, err := config.Exchange(context.WithValue(ctx, oauth2.HTTPClient, s.o.Outbound.HTTP()), code, oauth2.VerifierOption(j.verifier))
	var answered *oauth2.RetrieveError
	switch {
	case err == nil:
		return token, nil
	case errors.As(err, &answered) && answered.Response.StatusCode < 500:
		// The body is not repeated: a provider may put anything into it.
		return nil, refused(p, "token endpoint: status %d, %.100q", answered.Response.StatusCode, answered.ErrorCode)
	case answered != nil:
		return nil, unavailable(p, "token endpoint: status %d", answered.Response.StatusCode)
	}
	return nil, unavailable(p, "token endpoint: %w", causeOf(err))
}
