package oauth

import (
	"context"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/store"
)

// maxAssertionLife is how long an assertion by which a client authenticates may live on (OA-08).
const maxAssertionLife = 5 * time.Minute

// assertionSubject reads which client an assertion says to be of. It proves nothing: checkAssertion does.
func assertionSubject(assertion string) (string, error) {
	in, err := readClientAssertion(assertion)
	if err != nil {
		return "", err
	}
	subject := in.unproven("sub")
	if subject == "" {
		return "", refuse(InvalidClient, "The client assertion names no client.")
	}
	return subject, nil
}

// readClientAssertion reads an assertion by which a client authenticates. Other kinds of tokens are told apart by `typ`
// (TK-03).
func readClientAssertion(assertion string) (inbound, error) {
	in, err := readInbound(assertion, maxAssertion)
	if err != nil || in.header.JWK != nil {
		return inbound{}, refuse(InvalidClient, "The client assertion cannot be read.")
	}
	switch strings.TrimPrefix(strings.ToLower(in.header.Type), "application/") {
	case "", "jwt", "client-authentication+jwt":
		return in, nil
	}
	return inbound{}, refuse(InvalidClient, "This is no client assertion.")
}

// checkAssertion checks an assertion by which a client authenticates (RFC 7523 section 3). Each is taken once.
func (s *Service) checkAssertion(ctx context.Context, client auth.Client, assertion string) error {
	in, err := readClientAssertion(assertion)
	if err != nil {
		return err
	}
	var c assertionClaims
	o := client.Settings.OAuth
	if err := s.verifyAny(ctx, in, o.JWKS, o.JWKSURI, &c); err != nil {
		return &Error{Code: InvalidClient, Description: "The client assertion is not signed by a key of the client.", Err: err}
	}
	if why := c.fits([]string{s.o.Issuer}, s.o.Clock(), maxAssertionLife); why != "" {
		return refuse(InvalidClient, why)
	}
	if len(c.Audience) != 1 { // whoever else it is for could show it here (OA-08)
		return refuse(InvalidClient, "The assertion is for somebody else too.")
	}
	if c.Issuer != client.OAuthID() || c.Subject != client.OAuthID() {
		return refuse(InvalidClient, "The client assertion is of another client.")
	}
	fresh, err := s.spendAssertion(ctx, c)
	if err == nil && !fresh {
		err = refuse(InvalidClient, "The client assertion was used before.")
	}
	return err
}

// spendAssertion takes the identifier of an assertion that fits.
func (s *Service) spendAssertion(ctx context.Context, c assertionClaims) (fresh bool, err error) {
	err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		fresh, err = grant.Spend(tx, grant.KindAssertion, time.Unix(c.ExpiresAt, 0), c.Issuer, c.ID)
		return err
	})
	return fresh, err
}
