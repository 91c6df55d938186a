package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// wellKnown is where the metadata of a protected resource stands (RFC 9728 section 3.1), before the path of the resource.
const wellKnown = "/.well-known/oauth-protected-resource"

// describe leads who asks what this API is to the authorization server, which has a document of everything that was registered.
func (a *api) describe(resource, issuer string) error {
	self, err := url.Parse(strings.TrimSuffix(resource, "/"))
	if err != nil {
		return err
	}
	a.metadata = self.Scheme + "://" + self.Host + wellKnown + self.Path
	document := strings.TrimSuffix(issuer, "/") + wellKnown + "/" + self.Host + self.Path
	http.HandleFunc("GET "+wellKnown+self.Path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*") // scripts of pages may read it too
		http.Redirect(w, r, document, http.StatusFound)
	})
	return nil
}

// refuse says where a client learns who gives it a token (RFC 9728 section 5.1), what scope it needs, and what was wrong.
func (a *api) refuse(w http.ResponseWriter, status int, scope, wrong string) {
	challenge := fmt.Sprintf("Bearer resource_metadata=%q, scope=%q%s", a.metadata, scope, wrong)
	w.Header().Set("WWW-Authenticate", challenge)
	http.Error(w, challenge, status)
}
