package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/client"
)

type clientsSecretsCmd struct {
	ID string `arg:"" help:"Id of the client."`
}

func (e *env) showSecrets(value any, secrets []client.ClientSecret) error {
	var rows [][]string
	for _, s := range secrets {
		rows = append(rows, []string{s.ID, s.Prefix + "...", when(&s.CreatedAt), when(s.ExpiresAt)})
	}
	return e.show(value, table([]string{"id", "secret", "made", "ends"}, rows))
}

// Run lists the secrets of a client.
func (c clientsSecretsCmd) Run(e *env, parent *clientsCmd) error {
	return e.ask("", func(ask *client.Client) error {
		list, err := ask.ListClientSecrets(e.ctx, parent.App, c.ID)
		if err != nil {
			return err
		}
		return e.showSecrets(list, list)
	})
}

type clientsRotateSecretCmd struct {
	ID      string `arg:"" help:"Id of the client."`
	Overlap string `placeholder:"7d" help:"How long the secret before works on; 0s ends it now."`
}

// Run gives a client a new secret.
func (c clientsRotateSecretCmd) Run(e *env, parent *clientsCmd) error {
	return e.ask("", func(ask *client.Client) error {
		made, err := ask.RotateClientSecret(e.ctx, parent.App, c.ID, c.Overlap)
		if err != nil {
			return err
		}
		return e.show(made, func(w io.Writer) { _, _ = fmt.Fprintf(w, "The secret, shown this once: %s\n", made.Secret) })
	})
}

type clientsRevokeSecretCmd struct {
	ID     string `arg:"" help:"Id of the client."`
	Secret string `arg:"" help:"Id of the secret."`
}

// Run ends one secret of a client.
func (c clientsRevokeSecretCmd) Run(e *env, parent *clientsCmd) error {
	return e.ended("", c.Secret, "revoked", func(ask *client.Client) error { return ask.RevokeClientSecret(e.ctx, parent.App, c.ID, c.Secret) })
}

type clientsPreviewClaimsCmd struct {
	ID       string   `arg:"" help:"Id of the client."`
	User     string   `placeholder:"ID" help:"Id of the user; left out: the client acts by itself."`
	Scope    []string `sep:"none" help:"Scope; may be repeated. Left out: those that it gets by default."`
	Resource []string `sep:"none" placeholder:"URI" help:"Protected resource; may be repeated."`
}

// Run shows what a client would get.
func (c clientsPreviewClaimsCmd) Run(e *env, parent *clientsCmd) error {
	return e.ask("", func(ask *client.Client) error {
		got, err := ask.PreviewClaims(e.ctx, parent.App, c.ID, client.ClaimsQuery{UserID: c.User, Scopes: c.Scope, Resources: c.Resource})
		if err != nil {
			return err
		}
		return e.show(got, func(w io.Writer) {
			for _, part := range []struct {
				name   string
				claims map[string]any
			}{{"Access token", got.AccessToken}, {"ID token", got.IDToken}, {"Userinfo", got.Userinfo}} {
				if part.claims != nil {
					text, _ := json.MarshalIndent(part.claims, "", "  ") // it came as JSON
					_, _ = fmt.Fprintf(w, "%s:\n%s\n", part.name, printableLines(string(text)))
				}
			}
			for _, name := range slices.Sorted(maps.Keys(got.Failed)) {
				_, _ = fmt.Fprintf(w, "Left out: %s: %s\n", printable(name), printable(got.Failed[name]))
			}
		})
	})
}

func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

type resourcesCmd struct {
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`

	List   resourcesListCmd   `cmd:"" help:"List the protected resources."`
	Create resourcesCreateCmd `cmd:"" help:"Register a protected resource."`
	Show   resourcesShowCmd   `cmd:"" help:"Show a protected resource."`
	Update resourcesUpdateCmd `cmd:"" help:"Change a protected resource: what is left out stays, an empty text or --no- takes a setting back."`
	Delete resourcesDeleteCmd `cmd:"" help:"Delete a protected resource: no token is made for it any more."`
}

func (e *env) showResources(value any, resources []client.Resource) error {
	var rows [][]string
	for _, r := range resources {
		rows = append(rows, []string{r.ID, r.URI, r.Name, strings.Join(slices.Sorted(maps.Keys(r.Scopes)), " "), r.TokenTTL, yesNo(r.MetadataDocument)})
	}
	return e.show(value, table([]string{"id", "uri", "name", "scopes", "tokens", "metadata"}, rows))
}

type resourcesListCmd struct{}

// Run lists the protected resources of an app.
func (resourcesListCmd) Run(e *env, parent *resourcesCmd) error {
	return list(e, "", e.showResources, func(ctx context.Context, ask *client.Client, p client.Paging) ([]client.Resource, string, error) {
		page, err := ask.ListResources(ctx, parent.App, p)
		return page.Resources, page.NextCursor, err
	})
}

// resourceSettings are what a resource is made of.
type resourceSettings struct {
	Scope    map[string]string `mapsep:"none" placeholder:"NAME=WORDS" help:"Scope with what it lets a client do, in words for people; may be repeated. Others stay; update ends one with NAME=."`
	Client   *string           `placeholder:"ID" help:"Client that may introspect the tokens for it."`
	TokenTTL *string           `name:"token-ttl" placeholder:"5m" help:"How long access tokens for it live. Left out: as the client or the server says."`
	Metadata *bool             `negatable:"" help:"Serve its metadata (RFC 9728)."`
}

// change is what was given, by the names of the API.
func (c resourceSettings) change() map[string]any {
	out := map[string]any{}
	setTexts(out, map[string]*string{"client_id": c.Client, "token_ttl": c.TokenTTL})
	setMembers(out, "scopes", c.Scope)
	set(out, "metadata_document", c.Metadata)
	return out
}

type resourcesCreateCmd struct {
	URI  string `arg:"" help:"How clients name it: https://api.example.com."`
	Name string `arg:"" help:"Name that people see."`
	resourceSettings
}

// Run registers a protected resource.
func (c resourcesCreateCmd) Run(e *env, parent *resourcesCmd) error {
	in := client.NewResource{URI: c.URI, Name: c.Name}
	if err := made(c.change(), &in); err != nil {
		return err
	}
	return one(e, "", e.showResources, func(ask *client.Client) (client.Resource, error) {
		return ask.CreateResource(e.ctx, parent.App, in)
	})
}

type resourcesShowCmd struct {
	ID string `arg:"" help:"Id of the resource."`
}

// Run shows a protected resource.
func (c resourcesShowCmd) Run(e *env, parent *resourcesCmd) error {
	return one(e, "", e.showResources, func(ask *client.Client) (client.Resource, error) { return ask.GetResource(e.ctx, parent.App, c.ID) })
}

type resourcesUpdateCmd struct {
	ID   string  `arg:"" help:"Id of the resource."`
	Name *string `help:"Name that people see."`
	resourceSettings
}

// Run changes a protected resource.
func (c resourcesUpdateCmd) Run(e *env, parent *resourcesCmd) error {
	change := c.change()
	setName(change, c.Name)
	return one(e, "", e.showResources, func(ask *client.Client) (client.Resource, error) {
		return ask.UpdateResource(e.ctx, parent.App, c.ID, change)
	})
}

type resourcesDeleteCmd struct {
	ID string `arg:"" help:"Id of the resource."`
}

// Run deletes a protected resource.
func (c resourcesDeleteCmd) Run(e *env, parent *resourcesCmd) error {
	return e.ended("", c.ID, "deleted", func(ask *client.Client) error { return ask.DeleteResource(e.ctx, parent.App, c.ID) })
}

type consentsCmd struct {
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`

	List   consentsListCmd   `cmd:"" help:"List what a user has let clients have."`
	Revoke consentsRevokeCmd `cmd:"" help:"Take back what a user has let a client have; its tokens end."`
}

type consentsListCmd struct {
	User string `arg:"" help:"Id of the user."`
}

// Run lists the consents of a user.
func (c consentsListCmd) Run(e *env, parent *consentsCmd) error {
	return e.ask(parent.App, func(ask *client.Client) error {
		list, err := ask.ListUserConsents(e.ctx, c.User)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, one := range list {
			rows = append(rows, []string{one.ClientID, one.ClientName, strings.Join(one.Scopes, " "), strings.Join(one.Resources, " "), when(&one.GrantedAt)})
		}
		return e.show(list, table([]string{"client", "name", "scopes", "resources", "granted"}, rows))
	})
}

type consentsRevokeCmd struct {
	User   string `arg:"" help:"Id of the user."`
	Client string `arg:"" help:"Id of the client."`
}

// Run takes a consent back.
func (c consentsRevokeCmd) Run(e *env, parent *consentsCmd) error {
	return e.ended(parent.App, c.Client, "revoked", func(ask *client.Client) error { return ask.RevokeUserConsent(e.ctx, c.User, c.Client) })
}

type registrationTokensCmd struct {
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`

	List   registrationTokensListCmd   `cmd:"" help:"List the tokens."`
	Create registrationTokensCreateCmd `cmd:"" help:"Make a token."`
	Revoke registrationTokensRevokeCmd `cmd:"" help:"End a token; clients that it registered stay."`
}

func (e *env) showRegistrationTokens(value any, tokens []client.RegistrationToken) error {
	var rows [][]string
	for _, t := range tokens {
		rows = append(rows, []string{t.ID, t.Name, strconv.Itoa(t.UsesLeft), when(&t.ExpiresAt)})
	}
	return e.show(value, table([]string{"id", "name", "uses left", "ends"}, rows))
}

type registrationTokensListCmd struct{}

// Run lists the tokens of an app.
func (registrationTokensListCmd) Run(e *env, parent *registrationTokensCmd) error {
	return e.ask("", func(ask *client.Client) error {
		list, err := ask.ListRegistrationTokens(e.ctx, parent.App)
		if err != nil {
			return err
		}
		return e.showRegistrationTokens(list, list)
	})
}

type registrationTokensCreateCmd struct {
	Name      string `arg:"" help:"Name, for lists."`
	Uses      int    `default:"1" help:"How many clients it registers (${default})."`
	ExpiresIn string `placeholder:"1d" help:"How long it lives."`
}

// registers reports whether clients can register themselves: the metadata of the server then says where (RFC 8414).
func registers(ctx context.Context, ask *client.Client) (bool, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, ask.BaseURL+"/.well-known/oauth-authorization-server", nil)
	if err != nil {
		return false, err
	}
	resp, err := ask.HTTP.Do(r)
	if err != nil {
		return false, err
	}
	defer func() { _ = resp.Body.Close() }() // nothing was written
	var metadata struct {
		Issuer       string `json:"issuer"`
		Registration string `json:"registration_endpoint"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxFile)).Decode(&metadata); err != nil {
		return false, err
	}
	return metadata.Registration != "" || metadata.Issuer == "", nil // without an issuer it is no metadata
}

// errNoUses says that what nobody may use is not made.
var errNoUses = errors.New("--uses: at least 1")

// Run makes a token.
func (c registrationTokensCreateCmd) Run(e *env, parent *registrationTokensCmd) error {
	if c.Uses < 1 {
		return errNoUses
	}
	return e.ask("", func(ask *client.Client) error {
		made, err := ask.CreateRegistrationToken(e.ctx, parent.App, client.NewRegistrationToken{Name: c.Name, Uses: c.Uses, ExpiresIn: c.ExpiresIn})
		if err != nil {
			return err
		}
		// The token is made; where the server does not say what it can, there is nothing to warn of.
		if open, err := registers(e.ctx, ask); err == nil && !open {
			e.note("clients cannot register themselves here: nobody can use the token until the server has oauth.registration: true")
		}
		return e.show(made, func(w io.Writer) { _, _ = fmt.Fprintf(w, "The token, shown this once: %s\n", made.Token) })
	})
}

type registrationTokensRevokeCmd struct {
	ID string `arg:"" help:"Id of the token."`
}

// Run ends a token.
func (c registrationTokensRevokeCmd) Run(e *env, parent *registrationTokensCmd) error {
	return e.ended("", c.ID, "revoked", func(ask *client.Client) error { return ask.RevokeRegistrationToken(e.ctx, parent.App, c.ID) })
}
