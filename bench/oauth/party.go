package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// endpoints are what a provider announces (OpenID Discovery section 3).
type endpoints struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Introspection string `json:"introspection_endpoint"`
	JWKS          string `json:"jwks_uri"`
	discovery     string
}

// party is the client of a provider that all workers are.
type party struct {
	options
	at    endpoints
	door  door
	basic string // the value of Authorization that the client proves itself with
}

func newParty(o options) (*party, error) {
	secret, err := o.secret()
	if err != nil {
		return nil, err
	}
	p := &party{options: o, at: endpoints{discovery: strings.TrimSuffix(o.issuer, "/") + "/.well-known/openid-configuration"}}
	// RFC 6749 section 2.3.1: both are encoded as in a form first.
	pair := url.QueryEscape(o.client) + ":" + url.QueryEscape(secret)
	p.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	b, err := newBrowser()
	if err != nil {
		return nil, err
	}
	got, err := b.get(p.at.discovery)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(got.body, &p.at); err != nil || strings.TrimSuffix(p.at.Issuer, "/") != strings.TrimSuffix(o.issuer, "/") {
		return nil, fmt.Errorf("%s is not the discovery document of %s: %d %s", p.at.discovery, o.issuer, got.status, got.excerpt())
	}
	if o.introspection != "" {
		p.at.Introspection = o.introspection
	}
	p.door, err = newDoor(o)
	return p, err
}

// address is where to connect for an endpoint, and the path to ask for there.
func address(endpoint string) (host, path string, err error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", "", err
	}
	if u.Scheme != "http" || u.Port() == "" {
		return "", "", fmt.Errorf("%s: only http:// with a port is driven", endpoint)
	}
	return u.Host, u.RequestURI(), nil
}

// tokens are what the token endpoint answers.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// tokensOf wants an access token at least.
func tokensOf(body []byte) (t tokens, err error) {
	if err := json.Unmarshal(body, &t); err != nil {
		return t, fmt.Errorf("%w: %s", err, body)
	}
	if t.Access == "" {
		return t, fmt.Errorf("no access token: %s", body)
	}
	return t, nil
}

// letIn walks through the authorization code flow with PKCE (RFC 7636) for the person of a worker.
func (p *party) letIn(worker int) (tokens, error) {
	b, err := newBrowser()
	if err != nil {
		return tokens{}, err
	}
	if err := p.door.enter(b, worker); err != nil {
		return tokens{}, err
	}
	verifier, state := rand.Text()+rand.Text(), rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{"response_type": {"code"}, "client_id": {p.client}, "redirect_uri": {p.redirect}, "scope": {p.scope}, "state": {state},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	if name, value, ok := strings.Cut(p.param, "="); ok {
		q.Set(name, strings.ReplaceAll(value, "%d", strconv.Itoa(worker)))
	}
	back, err := p.follow(b, p.at.Authorization+"?"+q.Encode(), worker)
	if err != nil {
		return tokens{}, err
	}
	if back.Get("code") == "" || back.Get("state") != state {
		return tokens{}, fmt.Errorf("the redirect URI came back with %s", back.Encode())
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "redirect_uri": {p.redirect}, "code_verifier": {verifier}}
	got, err := b.post(p.at.Token, form, "Authorization", p.basic)
	if err != nil {
		return tokens{}, err
	}
	if got.status != http.StatusOK {
		return tokens{}, fmt.Errorf("the code was not exchanged: %d %s", got.status, got.excerpt())
	}
	held, err := tokensOf(got.body)
	if err == nil && held.Refresh == "" {
		err = fmt.Errorf("no refresh token for the scope %q", p.scope)
	}
	return held, err
}

// follow goes where a browser is sent until that is the redirect URI, and returns the parameters that came along.
func (p *party) follow(b *browser, to string, worker int) (url.Values, error) {
	const most = 20 // redirects
	for range most {
		if there, query, _ := strings.Cut(to, "?"); there == p.redirect {
			return url.ParseQuery(query)
		}
		next, err := p.door.pass(b, to, worker)
		if err != nil {
			return nil, err
		}
		if next == "" {
			got, err := b.get(to)
			if err != nil {
				return nil, err
			}
			if next = got.location; next == "" {
				return nil, fmt.Errorf("%s leads nowhere: %d %s", to, got.status, got.excerpt())
			}
		}
		to = next
	}
	return nil, fmt.Errorf("more than %d redirects, the last one to %s", most, to)
}
