package federation

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// person tells who the tokens are about. Codes: provider-refused, provider-unavailable.
func (s *Service) person(ctx context.Context, p auth.Provider, e endpoints, j journey, token *oauth2.Token) (auth.Upstream, error) {
	mapping, issuer := p.Settings.Claims, IssuerOf(p)
	var told claims
	var err error
	if p.Kind.OpenID() {
		mapping = standardClaims
		if told, issuer, err = s.identify(ctx, p, e, j, token); err == nil {
			told, err = s.complete(ctx, p, e, token, told)
		}
	} else {
		told, err = s.ask(ctx, p, e.user, token)
	}
	if err != nil {
		return auth.Upstream{}, err
	}
	up, ok := told.upstream(mapping)
	if !ok {
		return auth.Upstream{}, refused(p, "the answer has no subject that can be kept")
	}
	up.Issuer = issuer
	if p.Kind == auth.ProviderGitHub {
		if up.Email, up.EmailVerified, err = s.gitHubEmail(ctx, p, e, token); err != nil {
			return auth.Upstream{}, err
		}
	}
	if !admitted(p, told) {
		return auth.Upstream{}, refused(p, "the person is not of the organisation %s", p.Settings.HostedDomain)
	}
	authority(p, told, &up)
	return up, nil
}

// complete asks the user endpoint for what an ID token left out. The endpoint must speak of the same subject (OpenID
// Connect Core 5.3.2); what the signed token says stands, and an address and its flag come from one source.
func (s *Service) complete(ctx context.Context, p auth.Provider, e endpoints, token *oauth2.Token, told claims) (claims, error) {
	if e.user == "" || told["email"] != nil && (told["name"] != nil || told["given_name"] != nil) {
		return told, nil
	}
	more, err := s.ask(ctx, p, e.user, token)
	if err != nil {
		return nil, err
	}
	if subject, _ := more["sub"].(string); subject == "" || subject != told["sub"] {
		return nil, refused(p, "the user endpoint speaks of another subject")
	}
	_, hasEmail := told["email"]
	for name, value := range more {
		if _, ok := told[name]; ok || hasEmail && strings.HasPrefix(name, "email") || decides(name) {
			continue
		}
		told[name] = value
	}
	return told, nil
}

// decides names the claims that count only if they are signed.
func decides(name string) bool {
	return name == "hd" || name == "tid" || name == "xms_edov" || name == "iss" || name == "aud" || name == "azp"
}

// ask fetches what a user endpoint says with the person's access token.
func (s *Service) ask(ctx context.Context, p auth.Provider, address string, token *oauth2.Token) (claims, error) {
	body, err := s.fetch(ctx, p, address, token)
	if err != nil {
		return nil, err
	}
	told, err := readClaims(body)
	if err != nil {
		return nil, refused(p, "user endpoint: %w", err)
	}
	return told, nil
}

func (s *Service) fetch(ctx context.Context, p auth.Provider, address string, token *oauth2.Token) ([]byte, error) {
	address, err := s.proven(p, address, token)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, unavailable(p, "user endpoint: not a URL")
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+token.AccessToken)
	w, err := s.o.Outbound.HTTP().Do(r)
	if err != nil {
		return nil, unavailable(p, "user endpoint: %w", causeOf(err))
	}
	defer w.Body.Close()
	kind, _, _ := mime.ParseMediaType(w.Header.Get("Content-Type"))
	switch {
	case w.StatusCode >= 500:
		return nil, unavailable(p, "user endpoint: status %d", w.StatusCode)
	case w.StatusCode != http.StatusOK:
		return nil, refused(p, "user endpoint: status %d", w.StatusCode)
	case kind == "application/jwt":
		return nil, refused(p, "user endpoint: signed answers are not read; ask the provider for JSON")
	}
	body, err := io.ReadAll(w.Body)
	if err != nil {
		return nil, unavailable(p, "user endpoint: %w", err)
	}
	return body, nil
}

// causeOf leaves the address out, for its query may hold what nobody should read in a log.
func causeOf(err error) error {
	var whole *url.Error
	if errors.As(err, &whole) {
		return whole.Err
	}
	return err
}

// proven adds the proof that Facebook wants beside an access token: that the client who shows it knows the secret.
func (s *Service) proven(p auth.Provider, address string, token *oauth2.Token) (string, error) {
	if p.Kind != auth.ProviderFacebook {
		return address, nil
	}
	private, err := s.open(p)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", unavailable(p, "user endpoint: not a URL")
	}
	mac := hmac.New(sha256.New, []byte(private))
	mac.Write([]byte(token.AccessToken))
	query := u.Query()
	query.Set("appsecret_proof", hex.EncodeToString(mac.Sum(nil)))
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// gitHubEmail picks the primary address of GitHub's list: the one in a profile is whatever its owner shows. No list
// means no address; the person is still who they are.
func (s *Service) gitHubEmail(ctx context.Context, p auth.Provider, e endpoints, token *oauth2.Token) (address string, verified bool, err error) {
	if e.emails == "" {
		return "", false, nil
	}
	body, err := s.fetch(ctx, p, e.emails, token)
	if auth.Is(err, auth.CodeProviderRefused) { // the person did not grant it
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	address, verified = primaryEmail(body)
	return address, verified, nil
}

func primaryEmail(body []byte) (address string, verified bool) {
	var list []struct {
		Email    string `json:"email"`
		Primary  bool   `json:"primary"`
		Verified bool   `json:"verified"`
	}
	if json.Unmarshal(body, &list) != nil {
		return "", false
	}
	for _, entry := range list {
		if entry.Primary {
			address := claims{"email": entry.Email}.email("email")
			return address, address != "" && entry.Verified
		}
	}
	return "", false
}
