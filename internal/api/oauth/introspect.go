package oauth

import (
	"mime"
	"net/http"
	"strings"

	"github.com/ostiary-id/ostiary/internal/oauth"
)

// signedIntrospection is the type of a signed answer (RFC 9701 section 5).
const signedIntrospection = "application/token-introspection+jwt"

// introspect tells a client about a token (RFC 7662).
func (d *Door) introspect(w http.ResponseWriter, r *http.Request) error {
	c, err := clientOf(w, r)
	if err != nil {
		return err
	}
	out, err := d.o.Service.Introspect(r.Context(), oauth.IntrospectRequest{ClientRequest: c, Signed: wantsSigned(r)})
	if err != nil {
		return err
	}
	w.Header().Set("Vary", "Accept")
	if out.Signed {
		return answer(w, http.StatusOK, signedIntrospection, out.Body)
	}
	return answer(w, http.StatusOK, "application/json", out.Body)
}

// wantsSigned reports whether a client asks for the signed answer by its type; whoever takes anything gets JSON.
func wantsSigned(r *http.Request) bool {
	for _, field := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(field, ",") {
			kind, parameters, err := mime.ParseMediaType(part)
			if err == nil && kind == signedIntrospection && parameters["q"] != "0" {
				return true
			}
		}
	}
	return false
}

// revoke ends a token (RFC 7009).
func (d *Door) revoke(w http.ResponseWriter, r *http.Request) error {
	c, err := clientOf(w, r)
	if err != nil {
		return err
	}
	if err := d.o.Service.Revoke(r.Context(), c); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// clientOf reads how a client presents itself.
func clientOf(w http.ResponseWriter, r *http.Request) (oauth.ClientRequest, error) {
	f, err := form(w, r)
	if err != nil {
		return oauth.ClientRequest{}, err
	}
	return oauth.ClientRequest{Form: f, Authorization: r.Header.Get("Authorization"), Caller: stranger(r)}, nil
}
