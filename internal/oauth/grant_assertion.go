package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/store"
)

// maxGrantLife is how long an assertion about a user may live on: its identifier is remembered for as long.
const maxGrantLife = time.Hour

// proveAssertion is the JWT bearer grant (RFC 7523 section 2.1): somebody whose word the client registered says who the
// user is. The client gets an access token and a session that ends with it, no refresh token and no ID token: who wants
// to go on brings another assertion.
func (s *Service) proveAssertion(ctx context.Context, x *exchange) (*proven, error) {
	if x.client.Settings.OAuth.Public() {
		return nil, refuse(UnauthorizedClient, "A client that can keep no secret cannot bring assertions.")
	}
	issuer, c, err := s.assertion(ctx, x.client, x.Form.Get("assertion"))
	if err != nil {
		return nil, err
	}
	wanted, err := s.asked(ctx, x.client, x.Form.Words("scope"), resourcesOf(x.Form))
	if err != nil {
		return nil, err
	}
	wanted.Scopes = slices.DeleteFunc(slices.Clone(wanted.Scopes), unattended)
	wanted.Offline = false
	p := &proven{most: wanted, amr: []string{auth.AMRFederated}, brief: true}
	if p.person, err = s.assertedUser(ctx, x.client.App, issuer, c.Subject); err != nil {
		return nil, err
	}
	p.commit = s.begin(p, func(tx *store.Tx, _ auth.SessionID) (refusal, err error) {
		fresh, err := grant.Spend(tx, grant.KindAssertion, time.Unix(c.ExpiresAt, 0), c.Issuer, c.ID)
		if err == nil && !fresh {
			refusal = refuse(InvalidGrant, "The assertion was used before.")
		}
		return refusal, err
	})
	return p, nil
}

// unattended are the scopes that need somebody at a browser: who signs in, or lets a client stay.
func unattended(scope string) bool {
	return scope == auth.ScopeOpenID || scope == auth.ScopeOfflineAccess
}

// assertion checks an assertion against the issuers that the client registered.
func (s *Service) assertion(ctx context.Context, client auth.Client, text string) (auth.AssertionIssuer, assertionClaims, error) {
	var c assertionClaims
	if text == "" {
		return auth.AssertionIssuer{}, c, refuse(InvalidRequest, "assertion is missing.")
	}
	in, err := readInbound(text, maxAssertion)
	kind := strings.TrimPrefix(strings.ToLower(in.header.Type), "application/")
	if err != nil || in.header.JWK != nil || kind != "" && kind != "jwt" && kind != "authorization-grant+jwt" {
		return auth.AssertionIssuer{}, c, refuse(InvalidGrant, "The assertion cannot be read.")
	}
	named := in.unproven("iss")
	known := client.Settings.OAuth.AssertionIssuers
	i := slices.IndexFunc(known, func(k auth.AssertionIssuer) bool { return k.Issuer == named && named != "" })
	if i < 0 {
		return auth.AssertionIssuer{}, c, refuse(InvalidGrant, "The client registered no such issuer.")
	}
	if err := s.verifyAny(ctx, in, known[i].JWKS, known[i].JWKSURI, &c); err != nil {
		return known[i], c, &Error{Code: InvalidGrant, Description: "The assertion is not signed by a key of its issuer.", Err: err}
	}
	if why := c.fits(s.assertionAudiences(), s.o.Clock(), maxGrantLife); why != "" {
		return known[i], c, refuse(InvalidGrant, why)
	}
	if c.Issuer != known[i].Issuer || c.Subject == "" {
		return known[i], c, refuse(InvalidGrant, "The assertion speaks of nobody.")
	}
	return known[i], c, nil
}

// assertedUser finds whom an assertion is about. Unknown and disabled users are one.
func (s *Service) assertedUser(ctx context.Context, app auth.AppID, issuer auth.AssertionIssuer, subject string) (u auth.User, err error) {
	if !auth.IsText(subject) {
		return u, nobodyAsserted()
	}
	err = s.o.DB.Read(ctx, func(tx *store.Tx) error {
		if issuer.Subject == auth.AssertedExternal {
			u, err = tx.UserByExternalID(app, subject)
		} else {
			u, err = tx.User(app, auth.UserID(subject))
		}
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return u, fmt.Errorf("read whom an assertion is about: %w", err)
	}
	if err != nil || u.Shown() != auth.UserActive {
		return u, nobodyAsserted()
	}
	return u, nil
}

func nobodyAsserted() *Error {
	return refuse(InvalidGrant, "The assertion speaks of nobody who may sign in.")
}
