package oauth

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// ClientRequest is how a client presents itself at an endpoint that asks who it is.
type ClientRequest struct {
	Form          Form
	Authorization string
	Caller        auth.Caller
}

// assertionType is the only kind of client assertion (RFC 7523 section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// presented is what a client brought, by the one method that it used.
type presented struct {
	method    auth.ClientAuthMethod
	id        string
	secret    string
	assertion string
}

// AuthenticateClient answers which client asks, by exactly the method that it registered (OA-08). A public client only
// names itself. Secrets have 256 bits, so wrong ones need no budget of guesses (docs/adr/0003). Errors: invalid_client,
// invalid_request (two methods).
func (s *Service) AuthenticateClient(ctx context.Context, r ClientRequest) (auth.Client, error) {
	p, err := present(r)
	if err != nil {
		return auth.Client{}, err
	}
	client, err := s.Client(ctx, p.id, r.Form)
	if err != nil {
		return auth.Client{}, err
	}
	if client.Settings.OAuth.AuthMethod != p.method {
		return auth.Client{}, refuse(InvalidClient, "The client registered another way to authenticate.")
	}
	switch p.method {
	case auth.ClientAuthBasic, auth.ClientAuthPost:
		err = s.checkSecret(ctx, client, p.secret)
	case auth.ClientAuthPrivateKeyJWT:
		err = s.checkAssertion(ctx, client, p.assertion)
	}
	return client, err
}

// present finds the one method that a request uses (RFC 6749 section 2.3: no more than one).
func present(r ClientRequest) (presented, error) {
	var found []presented
	named := r.Form.Get("client_id")
	if scheme, value, _ := strings.Cut(r.Authorization, " "); strings.EqualFold(scheme, "Basic") {
		id, password, err := basic(value)
		if err != nil {
			return presented{}, err
		}
		found = append(found, presented{method: auth.ClientAuthBasic, id: id, secret: password})
	} else if r.Authorization != "" {
		return presented{}, refuse(InvalidClient, "Clients authenticate with Basic, in the body, or with an assertion.")
	}
	if password := r.Form.Get("client_secret"); password != "" {
		found = append(found, presented{method: auth.ClientAuthPost, id: named, secret: password})
	}
	if assertion := r.Form.Get("client_assertion"); assertion != "" || r.Form.Get("client_assertion_type") != "" {
		if r.Form.Get("client_assertion_type") != assertionType {
			return presented{}, refuse(InvalidClient, "There is no such type of client assertion here.")
		}
		id, err := assertionSubject(assertion)
		if err != nil {
			return presented{}, err
		}
		found = append(found, presented{method: auth.ClientAuthPrivateKeyJWT, id: id, assertion: assertion})
	}
	if len(found) > 1 {
		return presented{}, refuse(InvalidRequest, "The client authenticates in two ways at once.")
	}
	if len(found) == 0 {
		found = append(found, presented{method: auth.ClientAuthNone, id: named})
	}
	p := found[0]
	if p.id == "" {
		return presented{}, refuse(InvalidClient, "The request names no client.")
	}
	if named != "" && named != p.id {
		return presented{}, refuse(InvalidClient, "The request names two clients.")
	}
	return p, nil
}

// basic reads the credentials of the Basic scheme: both halves are form-encoded first (RFC 6749 section 2.3.1).
func basic(value string) (id, password string, err error) {
	bad := refuse(InvalidClient, "The Authorization header cannot be read.")
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
	if err != nil {
		return "", "", bad
	}
	id, password, ok := strings.Cut(string(text), ":")
	if id, err = url.QueryUnescape(id); err != nil || !ok {
		return "", "", bad
	}
	if password, err = url.QueryUnescape(password); err != nil {
		return "", "", bad
	}
	return id, password, nil
}

// checkSecret compares a secret with the live ones of a client: of 256 random bits a plain hash is enough, and the
// comparison takes the same time for each.
func (s *Service) checkSecret(ctx context.Context, client auth.Client, password string) error {
	list, err := s.secrets.Get(ctx, string(client.ID), func(tx *store.Tx) ([]auth.ClientSecret, error) {
		return tx.ClientSecrets(client.App, client.ID, auth.SecretOfClient)
	})
	if err != nil {
		return fmt.Errorf("read the secrets of a client: %w", err)
	}
	hash, right := secret.Hash(password), false
	for _, one := range list {
		right = secret.Equal(one.Hash, hash) && one.Live(s.o.Clock()) || right
	}
	if !right {
		return refuse(InvalidClient, "The secret is not the client's.")
	}
	return nil
}
