package oauth

import (
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/ostiary-id/ostiary/internal/oauth"
)

// userinfo tells the holder of an access token about the person (OpenID Core section 5.3).
func (d *Door) userinfo(w http.ResponseWriter, r *http.Request) error {
	scheme, token, err := bearer(w, r)
	if err != nil {
		return err
	}
	out, err := d.o.Service.Userinfo(r.Context(), oauth.AccessUse{Token: token, Possession: oauth.Possession{Scheme: scheme,
		Proofs: r.Header.Values("DPoP"), Method: r.Method, URL: d.o.Service.Issuer() + oauth.UserinfoPath}})
	if err != nil {
		return err
	}
	if out.Signed {
		return answer(w, http.StatusOK, "application/jwt", out.Body)
	}
	return answer(w, http.StatusOK, "application/json", out.Body)
}

// errNoCredentials is a request without any: it is told the schemes and nothing else (RFC 6750 section 3.1).
var errNoCredentials = errors.New("no credentials")

// bearer finds the access token of a request, in the header or in the body of a form and nowhere else (RFC 6750 section
// 2): what stands in a URL stands in logs. Two tokens at once are refused (MD-03).
func bearer(w http.ResponseWriter, r *http.Request) (scheme, token string, err error) {
	if r.URL.Query().Has("access_token") {
		return "", "", &oauth.Error{Code: oauth.InvalidRequest, Description: "An access token is not sent in the URL."}
	}
	inBody := ""
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Method == http.MethodPost && err == nil &&
		kind == "application/x-www-form-urlencoded" {
		f, err := form(w, r)
		if err != nil {
			return "", "", err
		}
		if len(f["access_token"]) > 1 {
			return "", "", &oauth.Error{Code: oauth.InvalidRequest, Description: "The parameter access_token stands twice."}
		}
		inBody = f.Get("access_token")
	}
	headers := r.Header.Values("Authorization")
	switch {
	case len(headers) > 1 || len(headers) == 1 && inBody != "":
		return "", "", &oauth.Error{Code: oauth.InvalidRequest, Description: "An access token is sent in one way."}
	case inBody != "":
		return "", inBody, nil
	case len(headers) == 0:
		return "", "", &oauth.Error{Code: oauth.InvalidToken, Description: "An access token is needed.", Err: errNoCredentials}
	}
	scheme, token, _ = strings.Cut(headers[0], " ")
	if token = strings.TrimSpace(token); token == "" || !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "DPoP") {
		return "", "", &oauth.Error{Code: oauth.InvalidToken, Description: "An access token is needed.", Err: errNoCredentials}
	}
	return scheme, token, nil
}

// challenged answers the errors of an endpoint that an access token opens (RFC 6750 section 3, RFC 9449 section 7.1). Each
// scheme is a challenge of its own; the error stands in the one that was tried.
func challenged(w http.ResponseWriter, r *http.Request, e *oauth.Error) {
	status := statusOf(e)
	switch e.Code {
	case oauth.InvalidDPoPProof, oauth.UseDPoPNonce:
		status = http.StatusUnauthorized
	case oauth.InvalidToken, oauth.InsufficientScope, oauth.InvalidRequest:
	default:
		refused(w, r, e)
		return
	}
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	proof := strings.EqualFold(scheme, "DPoP") || e.Code == oauth.InvalidDPoPProof || e.Code == oauth.UseDPoPNonce
	said := ""
	if !errors.Is(e, errNoCredentials) {
		said = `, error="` + string(e.Code) + `", error_description="` + e.Description + `"`
		if e.Scope != "" {
			said += `, scope="` + e.Scope + `"`
		}
	}
	plain, bound := `Bearer realm="oauth"`, `DPoP realm="oauth", algs="`+strings.Join(oauth.ProofAlgorithms(), " ")+`"`
	if proof {
		bound += said
	} else {
		plain += said
	}
	w.Header().Add("WWW-Authenticate", plain)
	w.Header().Add("WWW-Authenticate", bound)
	if said == "" {
		w.WriteHeader(status)
		return
	}
	_ = write(w, status, map[string]string{"error": string(e.Code), "error_description": e.Description}) // texts always encode
}
