package oauth

import (
	"context"
	"fmt"
	"strings"

	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// RegisterRequest is a request of a client about its own registration (RFC 7591, RFC 7592).
type RegisterRequest struct {
	// Authorization is the header of that name, as it came: the initial token, later the registration access token.
	Authorization string
	ClientID      auth.ClientID // that the path names; empty for a new one
	Body          []byte        // JSON
	Caller        auth.Caller
}

// Registration is what a client is told of itself (RFC 7591 section 3.2.1). Its String shows no secret.
type Registration struct {
	ClientID  auth.ClientID `json:"client_id"`
	Secret    string        `json:"client_secret,omitempty"` // shown when it was just made
	SecretEnd *int64        `json:"client_secret_expires_at,omitempty"`
	IssuedAt  int64         `json:"client_id_issued_at"`
	Token     string        `json:"registration_access_token,omitempty"` // shown when it was just made
	URI       string        `json:"registration_client_uri"`
	clientMetadata
}

// String keeps the secrets out of texts and logs.
func (r Registration) String() string { return "registration of " + string(r.ClientID) }

// GoString is String, for %#v.
func (r Registration) GoString() string { return r.String() }

// Register makes a client out of what it says of itself, for who holds an initial token. The server chooses its id, and
// what it may have is capped: nobody vouches for it, which consent pages say (CR-01). Errors: invalid_token,
// invalid_client_metadata, invalid_redirect_uri, access_denied where nobody may register, temporarily_unavailable (too many).
func (s *Service) Register(ctx context.Context, r RegisterRequest) (Registration, error) {
	out, err := s.register(ctx, r)
	if err != nil {
		return Registration{}, AsError(metadataError(err))
	}
	return out, nil
}

func (s *Service) register(ctx context.Context, r RegisterRequest) (Registration, error) {
	if !s.o.Settings.Registration {
		return Registration{}, refuse(AccessDenied, "Clients do not register themselves here.")
	}
	token, ok := bearer(r.Authorization)
	if !ok {
		return Registration{}, refuse(InvalidToken, "A new client needs an initial token.")
	}
	if _, err := s.o.Limits.Reserve(ctx, limit.Guess{Limiter: limit.ClientNetwork, Subject: limit.Network(r.Caller.IP)}); err != nil {
		return Registration{}, err
	}
	in, err := readRegistration(r.Body)
	if err != nil {
		return Registration{}, err
	}
	made, err := s.o.Apps.PrepareClient(in) // its app is known when the token is
	if err != nil {
		return Registration{}, err
	}
	own, err := s.newSecrets(made)
	if err != nil {
		return Registration{}, err
	}
	var refusal error
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		refusal = nil
		spent, found, err := grant.SpendRegistration(tx, token)
		if err != nil {
			return err
		}
		if !found {
			refusal = refuse(InvalidToken, "The initial token is not valid.")
			return nil
		}
		r.Caller.App, made.App = spent.App, spent.App
		rows := own.rows()
		for i := range rows {
			rows[i].App = spent.App
		}
		return s.o.Apps.InsertClient(tx, r.Caller, &made, rows)
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return Registration{}, err
	}
	out := s.registration(made)
	out.Secret, out.Token = own.secretText, own.tokenText
	return out, nil
}

// readRegistration reads the metadata of a client that registers itself.
func readRegistration(body []byte) (app.ClientInput, error) {
	var m clientMetadata
	if err := readMetadata(body, &m); err != nil {
		return app.ClientInput{}, refuse(InvalidMetadata, ascii(err.Error()))
	}
	settings, err := m.settings()
	settings.OAuth.Dynamic = true
	return app.ClientInput{Name: m.name("A client"), Settings: settings}, err
}

// ownSecrets are what a client is given: the secret that it proves itself by, if it does, and the one of its registration.
type ownSecrets struct {
	secret, token         auth.ClientSecret
	secretText, tokenText string
}

func (o ownSecrets) rows() []auth.ClientSecret {
	if o.secretText == "" {
		return []auth.ClientSecret{o.token}
	}
	return []auth.ClientSecret{o.token, o.secret}
}

func (s *Service) newSecrets(c auth.Client) (out ownSecrets, err error) {
	if out.token, out.tokenText, err = s.o.Apps.NewSecret(c, auth.SecretOfRegistration); err != nil {
		return out, err
	}
	if c.Settings.OAuth.AuthMethod.Secret() {
		out.secret, out.secretText, err = s.o.Apps.NewSecret(c, auth.SecretOfClient)
	}
	return out, err
}

func (s *Service) registration(c auth.Client) Registration {
	out := Registration{ClientID: c.ID, IssuedAt: c.CreatedAt.Unix(), URI: s.o.Issuer + RegisterPath + "/" + string(c.ID), clientMetadata: metadataOf(c)}
	if c.Settings.OAuth.AuthMethod.Secret() {
		out.SecretEnd = new(int64) // 0: never (RFC 7591 section 3.2.1)
	}
	return out
}

// bearer reads the credential of the Bearer scheme (RFC 6750 section 2.1).
func bearer(header string) (string, bool) {
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// ReadRegistration tells a client what is registered of it. Error: invalid_token.
func (s *Service) ReadRegistration(ctx context.Context, r RegisterRequest) (Registration, error) {
	c, err := s.registrant(ctx, r)
	if err != nil {
		return Registration{}, AsError(err)
	}
	return s.registration(c), nil
}

// registrant is the client whose registration access token came (RFC 7592 section 3). Who has none learns nothing of which
// clients there are.
func (s *Service) registrant(ctx context.Context, r RegisterRequest) (auth.Client, error) {
	bad := refuse(InvalidToken, "The registration access token is not valid.")
	token, ok := bearer(r.Authorization)
	if !ok || !s.o.Settings.Registration {
		return auth.Client{}, bad
	}
	c, err := s.o.Apps.ClientByID(ctx, r.ClientID)
	if auth.Is(err, auth.CodeNotFound) || err == nil && c.Settings.OAuth.Origin() != auth.OriginDynamic {
		return auth.Client{}, bad
	}
	if err == nil {
		err = s.o.DB.Read(ctx, func(tx *store.Tx) error { return holds(tx, c, token, bad) })
	}
	return c, err
}

// holds refuses a text that is not the client's registration access token.
func holds(tx *store.Tx, c auth.Client, token string, bad error) error {
	list, err := tx.ClientSecrets(c.App, c.ID, auth.SecretOfRegistration)
	if err != nil {
		return fmt.Errorf("read a registration access token: %w", err)
	}
	hash := secret.Hash(token)
	for _, one := range list {
		if secret.Equal(one.Hash, hash) && one.Live(tx.Now()) {
			return nil
		}
	}
	return bad
}

// UpdateRegistration replaces what is registered of a client by what it says now (RFC 7592 section 2.2), under the caps of
// Register. Errors: those of Register.
func (s *Service) UpdateRegistration(ctx context.Context, r RegisterRequest) (Registration, error) {
	out, err := s.updateRegistration(ctx, r)
	if err != nil {
		return Registration{}, AsError(metadataError(err))
	}
	return out, nil
}

func (s *Service) updateRegistration(ctx context.Context, r RegisterRequest) (Registration, error) {
	held, err := s.registrant(ctx, r)
	if err != nil {
		return Registration{}, err
	}
	in, err := s.restated(ctx, held, r.Body)
	if err != nil {
		return Registration{}, err
	}
	own, err := s.newSecrets(auth.Client{ID: held.ID, App: held.App, Settings: in.Settings})
	if err != nil {
		return Registration{}, err
	}
	token, _ := bearer(r.Authorization)
	r.Caller.App, r.Caller.Client = held.App, held.ID
	var out Registration
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		if err := holds(tx, held, token, refuse(InvalidToken, "The registration access token is not valid.")); err != nil {
			return err
		}
		fresh := false
		changed, err := s.o.Apps.ChangeGuest(tx, r.Caller, held.App, held.ID, func(to *auth.Client) error {
			fresh = own.secretText != "" && !to.Settings.OAuth.AuthMethod.Secret()
			in.Settings.OAuth.Consent, in.Settings.OAuth.Claims = to.Settings.OAuth.Consent, to.Settings.OAuth.Claims
			in.Settings.OAuth.Resources, in.Settings.OAuth.TokenFormat = to.Settings.OAuth.Resources, to.Settings.OAuth.TokenFormat
			in.Settings.AllowedOrigins, in.Settings.AccessTTL, in.Settings.RefreshTTL = to.Settings.AllowedOrigins, to.Settings.AccessTTL, to.Settings.RefreshTTL
			to.Name, to.Settings = in.Name, in.Settings
			return nil
		})
		if err != nil {
			return err
		}
		out = s.registration(changed)
		if !fresh {
			return nil
		}
		out.Secret = own.secretText
		return s.o.Apps.ReplaceSecret(tx, own.secret)
	})
	return out, err
}

// restated reads an update. It names the client and, if at all, its present secret (RFC 7592 section 2.2).
func (s *Service) restated(ctx context.Context, held auth.Client, body []byte) (app.ClientInput, error) {
	var said struct {
		ClientID string `json:"client_id"`
		Secret   string `json:"client_secret"`
		Token    string `json:"registration_access_token"`
		URI      string `json:"registration_client_uri"`
		SecretTo *int64 `json:"client_secret_expires_at"`
		IssuedAt *int64 `json:"client_id_issued_at"`
	}
	if err := readMetadata(body, &said); err != nil {
		return app.ClientInput{}, refuse(InvalidMetadata, ascii(err.Error()))
	}
	if said.ClientID != string(held.ID) {
		return app.ClientInput{}, refuse(InvalidMetadata, "client_id is not that of the client.")
	}
	if said.Token != "" || said.URI != "" || said.SecretTo != nil || said.IssuedAt != nil {
		return app.ClientInput{}, refuse(InvalidMetadata, "The request holds what only the server states.")
	}
	if said.Secret != "" {
		if err := s.checkSecret(ctx, held, said.Secret); err != nil {
			return app.ClientInput{}, refuse(InvalidMetadata, "client_secret is not that of the client.")
		}
	}
	return readRegistration(body)
}

// EndRegistration ends a client at its own word (RFC 7592 section 2.3). Error: invalid_token.
func (s *Service) EndRegistration(ctx context.Context, r RegisterRequest) error {
	held, err := s.registrant(ctx, r)
	if err != nil {
		return AsError(err)
	}
	token, _ := bearer(r.Authorization)
	r.Caller.App, r.Caller.Client = held.App, held.ID
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		if err := holds(tx, held, token, refuse(InvalidToken, "The registration access token is not valid.")); err != nil {
			return err
		}
		return s.o.Apps.EndGuest(tx, r.Caller, held.App, held.ID)
	})
	if err != nil {
		return AsError(err)
	}
	return nil
}
