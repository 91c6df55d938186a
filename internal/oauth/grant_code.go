package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// proveCode is the authorization code grant (RFC 6749 section 4.1.3, RFC 7636 section 4.6).
func (s *Service) proveCode(ctx context.Context, x *exchange) (*proven, error) {
	text, verifier := x.Form.Get("code"), x.Form.Get("code_verifier")
	if text == "" {
		return nil, refuse(InvalidRequest, "code is missing.")
	}
	if !validVerifier(verifier) {
		return nil, refuse(InvalidGrant, "code_verifier is missing or not valid.")
	}
	p := &proven{refresh: x.client.Settings.OAuth.Allows(auth.GrantRefreshToken)}
	err := s.o.DB.Read(ctx, func(tx *store.Tx) error {
		code, found, err := grant.FindCode(tx, text)
		if err != nil {
			return err
		}
		if !found || !fitsCode(code, x, verifier) {
			return badCode()
		}
		p.person, err = tx.User(code.App, code.User)
		if err == nil && code.Parent != "" {
			p.parent, err = tx.Session(code.App, code.Parent)
			p.verified = p.parent.EmailVerified
		}
		p.most, p.amr, p.authTime, p.nonce = code.Delegation, code.AMR, code.AuthTime, code.Nonce
		return err
	})
	if err != nil {
		return nil, err
	}
	p.identify = slices.Contains(p.most.Scopes, auth.ScopeOpenID)
	p.commit = s.begin(p, func(tx *store.Tx, id auth.SessionID) (refusal, err error) { return s.spendCode(tx, x, text, id) })
	return p, nil
}

// fitsCode reports whether a request is of the client that the code was given to, for the same redirect and with the
// verifier of its challenge: each by itself (OA-04).
func fitsCode(code auth.AuthorizationCode, x *exchange, verifier string) bool {
	if code.App != x.client.App || code.Client != x.client.ID {
		return false
	}
	if code.RedirectURI != x.Form.Get("redirect_uri") {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return secret.Equal([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(code.Challenge))
}

// spendCode takes a code that fits. A second use ends what the first one issued (OA-05): who has both had no right to one.
func (s *Service) spendCode(tx *store.Tx, x *exchange, text string, id auth.SessionID) (refusal, err error) {
	code, found, err := grant.FindCode(tx, text)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return badCode(), nil
	case !code.UsedAt.IsZero():
		return badCode(), s.endReused(tx, x, code)
	case !tx.Now().Before(code.ExpiresAt):
		return badCode(), nil
	}
	return nil, grant.SpendCode(tx, code, id)
}

func (s *Service) endReused(tx *store.Tx, x *exchange, code auth.AuthorizationCode) error {
	if code.Issued == "" {
		return nil
	}
	return s.o.Sessions.End(tx, x.Caller, code.App, code.Issued, auth.EndCodeReused)
}

func badCode() *Error { return refuse(InvalidGrant, "The code is not valid for this request.") }

// validVerifier reports whether a text is a code verifier (RFC 7636 section 4.1).
func validVerifier(text string) bool {
	if len(text) < 43 || len(text) > 128 {
		return false
	}
	for i := range len(text) {
		if !unreserved(text[i]) {
			return false
		}
	}
	return true
}

// unreserved reports whether a byte is an unreserved character of URIs (RFC 3986 section 2.3).
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}
