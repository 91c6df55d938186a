package operation

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
)

// Client is a client of an app as administrators see it. Lifetimes of 0 mean what the door says.
type Client struct {
	ID             auth.ClientID     `json:"id"`
	App            auth.AppID        `json:"app_id"`
	Name           string            `json:"name"`
	Default        bool              `json:"default"`
	Status         auth.ClientStatus `json:"status"`
	RedirectURIs   []string          `json:"redirect_uris"`
	AllowedOrigins []string          `json:"allowed_origins"`
	AccessTTL      time.Duration     `json:"access_ttl,omitempty"`
	RefreshTTL     time.Duration     `json:"refresh_ttl,omitempty"`
	ClientOAuth
	CreatedAt time.Time `json:"created_at,omitzero"` // zero: with the database
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// Clients is one page of the clients of an app, oldest first.
type Clients struct {
	Clients    []Client `json:"clients"`
	NextCursor string   `json:"next_cursor,omitempty"`
}

func clientView(c auth.Client) Client {
	return Client{ID: c.ID, App: c.App, Name: c.Name, Default: c.Default, Status: c.Status,
		RedirectURIs: some(c.Settings.RedirectURIs), AllowedOrigins: some(c.Settings.AllowedOrigins),
		AccessTTL: c.Settings.AccessTTL, RefreshTTL: c.Settings.RefreshTTL, ClientOAuth: oauthView(c.Settings.OAuth), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
}

// some is the list, never nil.
func some(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func clientOutcome(made auth.Client, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	return OK(clientView(made)), nil
}

// ListClientsInput is the input of list-clients.
type ListClientsInput struct {
	Paging
	AppID auth.AppID `input:"app_id,required"`
}

func (c *Catalogue) listClients() *Definition {
	return define(Definition{
		Name:    "list-clients",
		Doc:     "Lists the clients of an app, oldest first.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Clients]("ok", "One page of clients.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *ListClientsInput) (Outcome, error) {
		page, err := c.page("list-clients/"+string(in.AppID), r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		rows, err := c.deps.Apps.ListClients(ctx, r.Caller, app.ClientQuery{App: in.AppID, AfterTime: page.after.at,
			AfterID: auth.ClientID(page.after.id), Limit: page.limit + 1})
		if err != nil {
			return Outcome{}, err
		}
		rows, next := paged(page, rows, func(row auth.Client) place { return place{row.CreatedAt, string(row.ID)} })
		out := Clients{Clients: make([]Client, len(rows)), NextCursor: next}
		for i, row := range rows {
			out.Clients[i] = clientView(row)
		}
		return OK(out), nil
	})
}

// ClientInput names one client of an app.
type ClientInput struct {
	AppID auth.AppID    `input:"app_id,required"`
	ID    auth.ClientID `input:"id,required"`
}

func (c *Catalogue) getClient() *Definition {
	return define(Definition{
		Name:    "get-client",
		Doc:     "One client of an app.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Client]("ok", "The client.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *ClientInput) (Outcome, error) {
		return clientOutcome(c.deps.Apps.ShowClient(ctx, r.Caller, in.AppID, in.ID))
	})
}

// CreateClientInput is the input of create-client. Lifetimes that are left out are those of the door.
type CreateClientInput struct {
	AppID          auth.AppID    `input:"app_id,required"`
	Name           string        `input:"name,required"`
	RedirectURIs   []string      `input:"redirect_uris"`
	AllowedOrigins []string      `input:"allowed_origins"`
	AccessTTL      time.Duration `input:"access_ttl"`
	RefreshTTL     time.Duration `input:"refresh_ttl"`
	Type           string        `input:"type"` // what the settings begin with
	ClientOAuthChange
}

func (c *Catalogue) createClient() *Definition {
	return define(Definition{
		Name: "create-client",
		Doc: "Registers a client of an app. Redirects go to exactly one of `redirect_uris` (https, http on the own machine, " +
			"or a private scheme such as `com.example.app`); scripts of `allowed_origins` may read answers and send " +
			"cookies. `access_ttl` and `refresh_ttl` are how long its tokens live and its sessions idle. `type` (`web`, `browser`, " +
			"`native` or `service`) chooses the OAuth settings that are not given; without it and without them the client is for " +
			"our own doors alone. The secret of a client that has one is in this answer and nowhere else.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[NewClient]("ok", "The client, with its secret.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeLimitReached},
	}, func(ctx context.Context, r *Request, in *CreateClientInput) (Outcome, error) {
		preset, err := presetOf(in.Type)
		if err != nil {
			return Outcome{}, err
		}
		edit, err := in.edit()
		if err != nil {
			return Outcome{}, err
		}
		edit(&preset)
		made, secret, err := c.deps.Apps.CreateClient(ctx, r.Caller, app.ClientInput{App: in.AppID, Name: in.Name,
			Settings: auth.ClientSettings{RedirectURIs: in.RedirectURIs, AllowedOrigins: in.AllowedOrigins,
				AccessTTL: in.AccessTTL, RefreshTTL: in.RefreshTTL, OAuth: preset}})
		if err != nil {
			return Outcome{}, err
		}
		return OK(NewClient{Client: clientView(made), Secret: secret}), nil
	})
}

// UpdateClientInput is the input of update-client; null clears.
type UpdateClientInput struct {
	AppID          auth.AppID              `input:"app_id,required"`
	ID             auth.ClientID           `input:"id,required"`
	Name           Optional[string]        `input:"name"`
	RedirectURIs   Optional[[]string]      `input:"redirect_uris"`
	AllowedOrigins Optional[[]string]      `input:"allowed_origins"`
	AccessTTL      Optional[time.Duration] `input:"access_ttl"`
	RefreshTTL     Optional[time.Duration] `input:"refresh_ttl"`
	ClientOAuthChange
}

// changed is nil for an input that was left out, and the zero value for null.
func changed[T any](o Optional[T]) *T {
	switch {
	case !o.Present:
		return nil
	case o.Null:
		return new(T)
	}
	return &o.Value
}

func (c *Catalogue) updateClient() *Definition {
	return define(Definition{
		Name: "update-client",
		Doc: "Changes a client (JSON Merge Patch: what is left out stays, `null` clears). Origins count at once; a new " +
			"`refresh_ttl` counts for sessions that begin from now on.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Client]("ok", "The client as it is now.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *UpdateClientInput) (Outcome, error) {
		edit, err := in.edit()
		if err != nil {
			return Outcome{}, err
		}
		return clientOutcome(c.deps.Apps.UpdateClient(ctx, r.Caller, in.AppID, in.ID, app.ClientChange{Name: changed(in.Name),
			RedirectURIs: changed(in.RedirectURIs), AllowedOrigins: changed(in.AllowedOrigins),
			AccessTTL: changed(in.AccessTTL), RefreshTTL: changed(in.RefreshTTL), OAuth: edit}))
	})
}

func (c *Catalogue) deleteClient() *Definition {
	return define(Definition{
		Name:    "delete-client",
		Doc:     "Ends a client: its sessions are refused at once. The default client of an app stays.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[Done]("ok", "The client is gone.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *ClientInput) (Outcome, error) {
		return done(c.deps.Apps.DeleteClient(ctx, r.Caller, in.AppID, in.ID))
	})
}

// UpdateAppInput is the input of update-app. IfMatch is the app's version as the ETag wrote it.
type UpdateAppInput struct {
	ID                auth.AppID                      `input:"id,required"`
	Name              Optional[string]                `input:"name"`
	Registration      Optional[auth.RegistrationMode] `input:"registration"` // null: open
	AccountsOnSignUp  Optional[bool]                  `input:"accounts_on_sign_up"`
	MetadataDocuments Optional[bool]                  `input:"client_id_metadata_documents"`
	PasswordMin       Optional[int]                   `input:"password_min"` // null: what the door says
	Locale            Optional[string]                `input:"locale"`       // null: English
	// Attributes are rules by name, merged; a null member ends one, null puts back those of a new app.
	Attributes       Optional[map[string]any] `input:"attributes"`
	SigningAlgorithm Optional[string]         `input:"signing_algorithm"` // null: ES256
	Permissions      map[string]any           `input:"permissions"`       // lists by role, merged; null ends one

	Challenge          Optional[auth.ChallengeKind] `input:"challenge"` // null: nobody is asked
	ChallengeSecret    Optional[string]             `input:"challenge_secret,secret"`
	ChallengeSiteKeys  Optional[[]string]           `input:"challenge_site_keys"`
	ChallengeHostnames Optional[[]string]           `input:"challenge_hostnames"`
	ChallengeMinScore  Optional[float64]            `input:"challenge_min_score"`
	ChallengeAction    Optional[bool]               `input:"challenge_check_action"`
	ChallengeExempt    Optional[bool]               `input:"challenge_exempt_app_keys"`

	Accent       Optional[string] `input:"accent"` // #rrggbb
	TermsURL     Optional[string] `input:"terms_url"`
	PrivacyURL   Optional[string] `input:"privacy_url"`
	SupportEmail Optional[string] `input:"support_email"`
	Logo         Optional[string] `input:"logo"` // a PNG, JPEG or WebP file in base64

	IfMatch string `input:"if_match"`
}

func (c *Catalogue) updateApp() *Definition {
	return define(Definition{
		Name: "update-app",
		Doc: "Changes the name and settings of an app (JSON Merge Patch). `registration` says how people sign up by " +
			"themselves: `open`, `invite-code` (with a code that has a use left), `invite` (by mail alone), `waitlist` (an " +
			"administrator lets them in) or `closed`. With `accounts_on_sign_up` everybody who signs up gets an account. " +
			"With `client_id_metadata_documents` clients that nobody registered are known by a document at their client id. " +
			"`attributes` declares what users have beyond our own fields: a rule with `type`, `max_length` and `writer` by name. " +
			"`signing_algorithm` signs access tokens; HS256 is for old resource servers that share a secret. " +
			"`permissions` lists what each role may do, of the app or in an account, for the claim of that name. " +
			"`locale` is the language for people who say none. `challenge` says what strangers must show before they sign up, sign in or have a mail sent. " +
			"`accent` (#rrggbb), `logo` (a PNG, JPEG or WebP file in base64, at most 40 KiB), `terms_url`, `privacy_url` (https) and " +
			"`support_email` are how the app looks on pages.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[App]("ok", "The app as it is now.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeVersionMismatch},
	}, func(ctx context.Context, r *Request, in *UpdateAppInput) (Outcome, error) {
		version, err := ifMatch(in.IfMatch)
		if err != nil {
			return Outcome{}, err
		}
		rules, err := attributeRules(in.Attributes)
		if err != nil {
			return Outcome{}, err
		}
		permissions, err := permissionsOf(in.Permissions)
		if err != nil {
			return Outcome{}, err
		}
		row, err := c.deps.Apps.Update(ctx, r.Caller, in.ID, app.Change{Name: changed(in.Name), PasswordMin: changed(in.PasswordMin),
			Attributes: rules, Permissions: permissions, SigningAlgorithm: changed(in.SigningAlgorithm), Locale: changed(in.Locale), Registration: changed(in.Registration), AccountsOnSignUp: changed(in.AccountsOnSignUp),
			MetadataDocuments: changed(in.MetadataDocuments), IfMatch: version,
			Challenge: app.ChallengeChange{Kind: changed(in.Challenge), SiteKeys: changed(in.ChallengeSiteKeys),
				Secret: changed(in.ChallengeSecret), Hostnames: changed(in.ChallengeHostnames), MinScore: changed(in.ChallengeMinScore),
				CheckAction: changed(in.ChallengeAction), ExemptAppKeys: changed(in.ChallengeExempt)},
			Brand: app.BrandChange{Accent: changed(in.Accent), TermsURL: changed(in.TermsURL), PrivacyURL: changed(in.PrivacyURL),
				Support: changed(in.SupportEmail), Logo: changed(in.Logo)}})
		if err != nil {
			return Outcome{}, err
		}
		view, err := c.appView(ctx, row)
		return OK(view), err
	})
}

// attributeRules reads the rules of attributes, by their names in JSON.
func attributeRules(in Optional[map[string]any]) (app.AttributeChange, error) {
	out := app.AttributeChange{Reset: in.Present && in.Null, Rules: map[string]*auth.AttributeRule{}}
	for name, value := range in.Value {
		if value == nil {
			out.Rules[name] = nil
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return out, err
		}
		rule, reader := new(auth.AttributeRule), json.NewDecoder(bytes.NewReader(text))
		reader.DisallowUnknownFields()
		if err := reader.Decode(rule); err != nil {
			return out, auth.Invalid("attributes."+name, auth.ViolationInvalid, "A rule has type, max_length and writer.")
		}
		out.Rules[name] = rule
	}
	return out, nil
}

// permissionsOf reads lists of permissions by role.
func permissionsOf(in map[string]any) (map[string][]string, error) {
	out := map[string][]string{}
	for role, value := range in {
		list, ok := value.([]any)
		if !ok && value != nil {
			return nil, auth.Invalid("permissions."+role, auth.ViolationType, "Permissions are a list.")
		}
		out[role] = []string{}
		for _, one := range list {
			text, ok := one.(string)
			if !ok {
				return nil, auth.Invalid("permissions."+role, auth.ViolationType, "A permission is a text.")
			}
			out[role] = append(out[role], text)
		}
	}
	return out, nil
}

// registration is an app's mode, never empty.
func registration(s auth.AppSettings) auth.RegistrationMode {
	if s.Registration == "" {
		return auth.RegistrationOpen
	}
	return s.Registration
}
