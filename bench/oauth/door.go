package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// door is how the person of a worker gets past the pages of one kind of provider.
type door interface {
	// enter is what the person does before the client sends them.
	enter(b *browser, worker int) error
	// pass is where the person goes from an address on the way; empty: wherever the address itself leads.
	pass(b *browser, at string, worker int) (string, error)
}

func seeds() []string { return []string{"ostiary", "redirects", "hydra"} }

func newDoor(o options) (door, error) {
	switch o.seed {
	case "ostiary":
		return ostiary{origin: strings.TrimSuffix(o.issuer, "/")}, nil
	case "redirects":
		return redirects{}, nil
	case "hydra":
		if o.hydraAdmin == "" {
			return nil, errors.New("--seed hydra needs --hydra-admin")
		}
		return hydra{admin: strings.TrimSuffix(o.hydraAdmin, "/"), scopes: strings.Fields(o.scope)}, nil
	}
	return nil, fmt.Errorf("--seed %s: there are %s", o.seed, strings.Join(seeds(), ", "))
}

// redirects is a provider that signs everybody in by itself.
type redirects struct{}

func (redirects) enter(*browser, int) error                  { return nil }
func (redirects) pass(*browser, string, int) (string, error) { return "", nil }

// ostiary is a server of ours, with its own pages.
type ostiary struct{ origin string }

// password is one that no blocklist refuses.
const password = "amber ladders under quiet rain"

func (d ostiary) enter(b *browser, worker int) error {
	email := fmt.Sprintf("load-%d-%d@load.test", time.Now().UnixNano(), worker)
	if err := d.submit(b, "/sign-up", "/done/registered", url.Values{"email": {email}, "password": {password}, "name": {"Load"}}); err != nil {
		return err
	}
	token, err := d.mailed(b, email)
	if err != nil {
		return err
	}
	if err := d.submit(b, "/verify", "/done/verified", url.Values{"token": {token}}); err != nil {
		return err
	}
	return d.submit(b, "/sign-in/password", "/done/signed-in", url.Values{"identifier": {email}, "password": {password}})
}

// pass lets the client in where the server asks, as it does before a client may stay (offline_access).
func (d ostiary) pass(b *browser, at string, _ int) (string, error) {
	flow, ok := strings.CutPrefix(at, d.origin+"/consent?flow=")
	if !ok {
		return "", nil
	}
	got, err := b.post(d.origin+"/consent", url.Values{"flow": {flow}, "do": {"approve"}}, "Origin", d.origin)
	if err == nil && got.location == "" {
		err = fmt.Errorf("the client was not let in: %d %s", got.status, got.excerpt())
	}
	return got.location, err
}

// submit sends a form of a page and wants to be led to another one.
func (d ostiary) submit(b *browser, path, to string, form url.Values) error {
	got, err := b.post(d.origin+path, form, "Origin", d.origin)
	if err == nil && got.location != d.origin+to {
		err = fmt.Errorf("%s leads to %q, not to %s: %d %s", path, got.location, to, got.status, got.excerpt())
	}
	return err
}

// mailed waits for the mail to an address and returns the token of its link. A server without a mail server keeps mails.
func (d ostiary) mailed(b *browser, email string) (string, error) {
	const patience, pause = 10 * time.Second, 20 * time.Millisecond
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(pause) {
		got, err := b.get(d.origin + "/dev/inbox/messages")
		if err != nil {
			return "", err
		}
		var inbox []struct {
			To    string   `json:"to"`
			Links []string `json:"links"`
		}
		if err := json.Unmarshal(got.body, &inbox); err != nil {
			return "", fmt.Errorf("the development inbox: %d %s", got.status, got.excerpt())
		}
		for _, m := range inbox {
			if m.To == email && len(m.Links) > 0 {
				_, token, _ := strings.Cut(m.Links[0], "?token=")
				return token, nil
			}
		}
	}
	return "", fmt.Errorf("no mail to %s came", email)
}

// hydra leaves login and consent to an application of its operator, which is this program.
type hydra struct {
	admin  string
	scopes []string
}

func (hydra) enter(*browser, int) error { return nil }

func (d hydra) pass(b *browser, at string, worker int) (string, error) {
	u, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	for kind, said := range map[string]any{
		"login":   map[string]any{"subject": fmt.Sprintf("load-%d", worker)},
		"consent": map[string]any{"grant_scope": d.scopes},
	} {
		if challenge := u.Query().Get(kind + "_challenge"); challenge != "" {
			return d.accept(b, kind, challenge, said)
		}
	}
	return "", nil
}

// accept answers a challenge and returns where the browser goes on.
func (d hydra) accept(b *browser, kind, challenge string, said any) (string, error) {
	text, err := json.Marshal(said)
	if err != nil {
		return "", err
	}
	to := d.admin + "/admin/oauth2/auth/requests/" + kind + "/accept?" + url.Values{kind + "_challenge": {challenge}}.Encode()
	r, err := http.NewRequest(http.MethodPut, to, bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	got, err := b.send(r)
	if err != nil {
		return "", err
	}
	var out struct {
		RedirectTo string `json:"redirect_to"`
	}
	if err := json.Unmarshal(got.body, &out); err != nil || got.status != http.StatusOK || out.RedirectTo == "" {
		return "", fmt.Errorf("the %s was not accepted: %d %s", kind, got.status, got.excerpt())
	}
	return out.RedirectTo, nil
}
