package main

import (
	"html"
	"io"
	"net/http"
	"regexp"
	"strings"

	"golang.org/x/oauth2"
)

// notes asks the API. If it wants a better sign-in than this one, the browser gets one, and comes back here.
func (p *party) notes(w http.ResponseWriter, r *http.Request, v *visit) {
	v.next = r.URL.Path
	if v.tokens == nil {
		p.leave(w, r, v)
		return
	}
	resp, err := oauth2.NewClient(r.Context(), v.tokens).Get(p.resource + r.URL.Path) //nolint:gosec // the path is one of our own two
	if err != nil {
		page(w, http.StatusBadGateway, html.EscapeString(err.Error()))
		return
	}
	defer func() { _ = resp.Body.Close() }()
	if more := wanted(resp.Header.Get("WWW-Authenticate")); resp.StatusCode == http.StatusUnauthorized && more != nil && !v.stepped {
		v.stepped = true
		p.leave(w, r, v, more...)
		return
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	v.stepped = false
	page(w, resp.StatusCode, html.EscapeString(string(text)))
}

// wanted reads what a challenge asks for; nil: it does not ask for another sign-in.
func wanted(challenge string) (more []oauth2.AuthCodeOption) {
	if !strings.Contains(challenge, `error="insufficient_user_authentication"`) {
		return nil
	}
	for _, found := range regexp.MustCompile(`\b(acr_values|max_age)="?([^",]+)`).FindAllStringSubmatch(challenge, -1) {
		more = append(more, oauth2.SetAuthURLParam(found[1], found[2]))
	}
	return more
}
