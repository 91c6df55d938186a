package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/ostiary-id/ostiary/client"
)

type providersCmd struct {
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`

	List   providersListCmd   `cmd:"" help:"List the identity providers."`
	Create providersCreateCmd `cmd:"" help:"Connect an identity provider."`
	Show   providersShowCmd   `cmd:"" help:"Show an identity provider."`
	Update providersUpdateCmd `cmd:"" help:"Change an identity provider: what is left out stays, an empty text takes a setting back, a list replaces the old one."`
	Delete providersDeleteCmd `cmd:"" help:"Disconnect an identity provider."`
}

func (e *env) showProviders(value any, providers []client.Provider) error {
	var rows [][]string
	for _, p := range providers {
		rows = append(rows, []string{p.Name, p.Kind, p.Status, p.Use, p.ClientID, p.Issuer, strings.Join(p.Domains, " ")})
	}
	return e.show(value, table([]string{"name", "kind", "status", "use", "client", "issuer", "authority for"}, rows))
}

// oneProvider asks for one provider and prints the answer.
func (e *env) oneProvider(app string, call func(ask *client.Client) (client.Provider, error)) error {
	return e.ask(app, func(ask *client.Client) error {
		found, err := call(ask)
		if err != nil {
			return err
		}
		return e.showProviders(found, []client.Provider{found})
	})
}

type providersListCmd struct{}

// Run lists the providers of an app.
func (providersListCmd) Run(e *env, parent *providersCmd) error {
	return e.ask(parent.App, func(ask *client.Client) error {
		list, err := ask.ListProviders(e.ctx)
		if err != nil {
			return err
		}
		return e.showProviders(list, list)
	})
}

// providerSettings are what a provider is made of. A secret is never an argument, which other users of the machine see.
type providerSettings struct {
	ClientID         *string           `name:"client-id" placeholder:"ID" help:"The client id that the provider gave out."`
	SecretFile       *string           `placeholder:"FILE" help:"File with the client secret (of apple the private key); - reads standard input."`
	Title            *string           `help:"Name on buttons."`
	Issuer           *string           `placeholder:"URL" help:"Issuer of an OpenID provider."`
	Scope            []string          `sep:"none" help:"What to ask the provider for; may be repeated."`
	Use              *string           `enum:",sign-up,sign-in,link" help:"What it is for: sign-up, sign-in or link."`
	Domain           []string          `sep:"none" help:"For whose addresses the provider is the authority; may be repeated."`
	HostedDomain     *string           `placeholder:"DOMAIN" help:"Let in people of this organisation alone (google)."`
	AuthorizationURL *string           `name:"authorization-url" placeholder:"URL" help:"Of an oauth2 provider."`
	TokenURL         *string           `name:"token-url" placeholder:"URL" help:"Of an oauth2 provider."`
	UserURL          *string           `name:"user-url" placeholder:"URL" help:"Of an oauth2 provider."`
	Claim            map[string]string `mapsep:"none" placeholder:"NAME=PATH" help:"Where the answer of the user URL holds subject, email, email_verified, name ...; may be repeated. Others stay; NAME= takes one back."`
	ClientAuth       *string           `enum:",basic,post,none" help:"How the secret is sent: basic, post or none."`
	TeamID           *string           `name:"team-id" help:"Of apple."`
	KeyID            *string           `name:"key-id" help:"Of apple."`
}

// change is what was given, by the names of the API.
func (c providerSettings) change(in io.Reader) (map[string]any, error) {
	out := map[string]any{}
	setTexts(out, map[string]*string{"client_id": c.ClientID, "client_secret": c.SecretFile, "title": c.Title, "issuer": c.Issuer, "use": c.Use,
		"hosted_domain": c.HostedDomain, "authorization_url": c.AuthorizationURL, "token_url": c.TokenURL, "user_url": c.UserURL,
		"client_auth": c.ClientAuth, "team_id": c.TeamID, "key_id": c.KeyID})
	setLists(out, map[string][]string{"scopes": c.Scope, "domains": c.Domain})
	setMembers(out, "claims", c.Claim)
	if c.SecretFile == nil || *c.SecretFile == "" {
		return out, nil
	}
	secret, err := readFile(*c.SecretFile, in)
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	out["client_secret"] = strings.TrimSpace(string(secret))
	return out, nil
}

type providersCreateCmd struct {
	Kind string `arg:"" enum:"oidc,google,microsoft,apple,gitlab,github,facebook,discord,oauth2" help:"oidc, google, microsoft, apple, gitlab, github, facebook, discord or oauth2."`
	Name string `help:"Name in paths; left out: the kind."`
	providerSettings
}

// Run connects a provider.
func (c providersCreateCmd) Run(e *env, parent *providersCmd) error {
	in := client.NewProvider{Name: c.Name, Kind: c.Kind}
	given, err := c.change(e.in)
	if err == nil {
		err = made(given, &in)
	}
	if err != nil {
		return err
	}
	return e.oneProvider(parent.App, func(ask *client.Client) (client.Provider, error) { return ask.CreateProvider(e.ctx, in) })
}

type providersShowCmd struct {
	Name string `arg:"" help:"Name of the provider."`
}

// Run shows a provider.
func (c providersShowCmd) Run(e *env, parent *providersCmd) error {
	return e.oneProvider(parent.App, func(ask *client.Client) (client.Provider, error) { return ask.GetProvider(e.ctx, c.Name) })
}

type providersUpdateCmd struct {
	Name    string `arg:"" help:"Name of the provider."`
	Disable bool   `xor:"status" help:"Let nobody in by it any more."`
	Enable  bool   `xor:"status" help:"Let people in by it again."`
	providerSettings
}

// Run changes a provider.
func (c providersUpdateCmd) Run(e *env, parent *providersCmd) error {
	change, err := c.change(e.in)
	if err != nil {
		return err
	}
	if c.Disable || c.Enable {
		change["disabled"] = c.Disable
	}
	return e.oneProvider(parent.App, func(ask *client.Client) (client.Provider, error) {
		return ask.UpdateProvider(e.ctx, c.Name, change)
	})
}

type providersDeleteCmd struct {
	Name   string `arg:"" help:"Name of the provider."`
	Unlink bool   `help:"Even if people are linked by it, who lose that way in."`
}

// Run disconnects a provider.
func (c providersDeleteCmd) Run(e *env, parent *providersCmd) error {
	return e.ended(parent.App, c.Name, "deleted", func(ask *client.Client) error { return ask.DeleteProvider(e.ctx, c.Name, c.Unlink) })
}
