package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/ostiary-id/ostiary/client"
)

type clientsCmd struct {
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`

	List   clientsListCmd   `cmd:"" help:"List the clients."`
	Create clientsCreateCmd `cmd:"" help:"Register a client."`
	Show   clientsShowCmd   `cmd:"" help:"Show a client."`
	Update clientsUpdateCmd `cmd:"" help:"Change a client; a list that is given replaces the old one."`
	Delete clientsDeleteCmd `cmd:"" help:"Delete a client; its sessions end."`

	Secrets       clientsSecretsCmd       `cmd:"" help:"List the secrets of a client."`
	RotateSecret  clientsRotateSecretCmd  `cmd:"" help:"Give a client a new secret; the one before works for a while."`
	RevokeSecret  clientsRevokeSecretCmd  `cmd:"" help:"End one secret of a client at once."`
	PreviewClaims clientsPreviewClaimsCmd `cmd:"" help:"Show what a client would get for a user and scopes."`
}

func (e *env) showClients(value any, clients []client.AppClient) error {
	var rows [][]string
	for _, c := range clients {
		rows = append(rows, []string{c.ID, c.Name, yesNo(c.Default), c.TokenEndpointAuthMethod, strings.Join(c.RedirectURIs, " "), strings.Join(c.AllowedOrigins, " "),
			c.AccessTTL, c.RefreshTTL})
	}
	show := table([]string{"id", "name", "default", "auth", "redirects", "origins", "access", "refresh"}, rows)
	return e.show(value, func(w io.Writer) {
		show(w)
		for _, c := range clients {
			if c.Secret != "" {
				_, _ = fmt.Fprintf(w, "\nThe secret, shown this once: %s\n", c.Secret)
			}
		}
	})
}

type clientsListCmd struct{}

// Run lists the clients of an app.
func (clientsListCmd) Run(e *env, parent *clientsCmd) error {
	return list(e, "", e.showClients, func(ctx context.Context, ask *client.Client, p client.Paging) ([]client.AppClient, string, error) {
		page, err := ask.ListClients(ctx, parent.App, p)
		return page.Clients, page.NextCursor, err
	})
}

// clientSettings are what a client is made of.
type clientSettings struct {
	Redirect   []string `placeholder:"URI" help:"Where sign-ins may return to; may be repeated."`
	Origin     []string `placeholder:"ORIGIN" help:"Whose scripts may read answers (https://app.example.com); may be repeated."`
	AccessTTL  string   `name:"access-ttl" placeholder:"1h" help:"How long access tokens live."`
	RefreshTTL string   `name:"refresh-ttl" placeholder:"14d" help:"How long sessions may idle."`

	Auth            string            `enum:",none,client_secret_basic,client_secret_post,private_key_jwt" default:"" help:"How it proves who it is: none, client_secret_basic, client_secret_post or private_key_jwt."`
	ApplicationType string            `enum:",web,native" default:"" help:"web or native: which redirect URIs it may have."`
	Grant           []string          `help:"Grant type (authorization_code, refresh_token, client_credentials ...); may be repeated."`
	Scope           []string          `help:"Scope that it may ask for; may be repeated."`
	DefaultScope    []string          `help:"Scope that it gets when it names none; may be repeated."`
	Resource        []string          `placeholder:"URI" help:"Protected resource that it may ask tokens for; may be repeated. Left out: all of the app."`
	JWKSFile        string            `name:"jwks-file" placeholder:"FILE" help:"File with its public keys (JSON Web Key Set); - reads standard input."`
	JWKSURI         *string           `name:"jwks-uri" placeholder:"URL" help:"Where its public keys are."`
	TokenFormat     string            `enum:",jwt,opaque" default:"" help:"Of access tokens: jwt or opaque."`
	IDTokenAlg      string            `name:"id-token-alg" enum:",RS256,ES256,EdDSA" default:"" help:"Signs its ID tokens: RS256, ES256 or EdDSA."`
	UserinfoAlg     *string           `placeholder:"ALG" help:"Signs its userinfo answers: RS256, ES256 or EdDSA. Left out: plain JSON."`
	ResponseMode    []string          `placeholder:"MODE" help:"How answers may reach it: query, fragment or form_post; may be repeated. Left out: all."`
	Subject         string            `enum:",public,pairwise" default:"" help:"What it knows people by: public or pairwise."`
	Sector          *string           `placeholder:"HOST" help:"Whom pairwise subjects are made for."`
	Trusted         *bool             `negatable:"" help:"Ask nobody for consent: a client of the house's own."`
	RequirePAR      *bool             `name:"require-par" negatable:"" help:"Take pushed authorization requests alone."`
	DPoP            *bool             `name:"dpop" negatable:"" help:"Bind all of its tokens to a key."`
	PostLogout      []string          `placeholder:"URI" help:"Where a sign-out may return to; may be repeated."`
	Backchannel     *string           `placeholder:"URL" help:"Is told of sign-outs by the server."`
	Frontchannel    *string           `placeholder:"URL" help:"Is told of sign-outs by the browser, in a frame."`
	Homepage        *string           `placeholder:"URL" help:"Its own page, for people who are asked for consent."`
	Logo            *string           `placeholder:"URL" help:"Its picture, for the same."`
	Policy          *string           `placeholder:"URL" help:"Its privacy policy, for the same."`
	Terms           *string           `placeholder:"URL" help:"Its terms of service, for the same."`
	Claim           map[string]string `placeholder:"NAME=EXPRESSION" help:"Custom claim, a CEL expression over user, account, client and scopes; may be repeated."`
	AssertionFile   string            `placeholder:"FILE" help:"File with the issuers whose assertions it may bring: a JSON object by issuer."`
}

// oauth is what was given of the OAuth settings, by the names of the API. Nil takes a setting back: an empty text does, and
// the --no- form of a flag.
func (c clientSettings) oauth(in io.Reader) (map[string]any, error) {
	out := map[string]any{}
	for name, choice := range map[string]string{"token_endpoint_auth_method": c.Auth, "application_type": c.ApplicationType,
		"access_token_format": c.TokenFormat, "id_token_signed_response_alg": c.IDTokenAlg, "subject_type": c.Subject} {
		if choice != "" {
			out[name] = choice
		}
	}
	for name, text := range map[string]*string{"jwks_uri": c.JWKSURI, "userinfo_signed_response_alg": c.UserinfoAlg, "sector": c.Sector,
		"backchannel_logout_uri": c.Backchannel, "frontchannel_logout_uri": c.Frontchannel, "client_uri": c.Homepage, "logo_uri": c.Logo,
		"policy_uri": c.Policy, "tos_uri": c.Terms} {
		set(out, name, text)
	}
	for name, list := range map[string][]string{"grant_types": c.Grant, "scopes": c.Scope, "default_scopes": c.DefaultScope, "resources": c.Resource,
		"response_modes": c.ResponseMode, "post_logout_redirect_uris": c.PostLogout} {
		if list != nil {
			out[name] = list
		}
	}
	set(out, "require_pushed_authorization_requests", c.RequirePAR)
	set(out, "dpop_bound_access_tokens", c.DPoP)
	if c.Trusted != nil {
		out["consent"] = nil
		if *c.Trusted {
			out["consent"] = "trusted"
		}
	}
	if c.Claim != nil {
		out["claims"] = c.Claim
	}
	return out, c.files(out, in)
}

// set notes a flag that was given; its zero value takes the setting back.
func set[T comparable](out map[string]any, name string, given *T) {
	var none T
	switch {
	case given == nil:
	case *given == none:
		out[name] = nil
	default:
		out[name] = *given
	}
}

// files reads the settings that stand in files.
func (c clientSettings) files(out map[string]any, in io.Reader) error {
	for name, file := range map[string]string{"jwks": c.JWKSFile, "assertion_issuers": c.AssertionFile} {
		if file == "" {
			continue
		}
		text, err := readSecret(file, in)
		if err != nil {
			return err
		}
		var object map[string]any
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			return fmt.Errorf("read %s: it is no JSON object: %w", file, err)
		}
		out[name] = object
	}
	return nil
}

type clientsCreateCmd struct {
	Name string `arg:"" help:"Name that people see."`
	Type string `enum:",web,browser,native,service" default:"" help:"What kind of program it is: web (on a server), browser, native (installed) or service (acts by itself). Chooses the OAuth settings that are not given; left out: the client is for our own doors alone."`
	clientSettings
}

// Run registers a client.
func (c clientsCreateCmd) Run(e *env, parent *clientsCmd) error {
	in := client.NewClient{Name: c.Name, RedirectURIs: c.Redirect, AllowedOrigins: c.Origin, AccessTTL: c.AccessTTL, RefreshTTL: c.RefreshTTL, Type: c.Type}
	given, err := c.oauth(e.in)
	if err != nil {
		return err
	}
	text, err := json.Marshal(given) // the members have the names of the API
	if err == nil {
		err = json.Unmarshal(text, &in.ClientOAuth)
	}
	if err != nil {
		return err
	}
	return one(e, "", e.showClients, func(ask *client.Client) (client.AppClient, error) { return ask.CreateClient(e.ctx, parent.App, in) })
}

type clientsShowCmd struct {
	ID string `arg:"" help:"Id of the client."`
}

// Run shows a client.
func (c clientsShowCmd) Run(e *env, parent *clientsCmd) error {
	return one(e, "", e.showClients, func(ask *client.Client) (client.AppClient, error) { return ask.GetClient(e.ctx, parent.App, c.ID) })
}

type clientsUpdateCmd struct {
	ID   string `arg:"" help:"Id of the client."`
	Name string `help:"Name that people see."`
	clientSettings
}

// Run changes a client.
func (c clientsUpdateCmd) Run(e *env, parent *clientsCmd) error {
	change, err := c.oauth(e.in)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"name": c.Name, "access_ttl": c.AccessTTL, "refresh_ttl": c.RefreshTTL} {
		if value != "" {
			change[name] = value
		}
	}
	if c.Redirect != nil {
		change["redirect_uris"] = c.Redirect
	}
	if c.Origin != nil {
		change["allowed_origins"] = c.Origin
	}
	return one(e, "", e.showClients, func(ask *client.Client) (client.AppClient, error) {
		return ask.UpdateClient(e.ctx, parent.App, c.ID, change)
	})
}

type clientsDeleteCmd struct {
	ID string `arg:"" help:"Id of the client."`
}

// Run deletes a client.
func (c clientsDeleteCmd) Run(e *env, parent *clientsCmd) error {
	return e.ended("", c.ID, "deleted", func(ask *client.Client) error { return ask.DeleteClient(e.ctx, parent.App, c.ID) })
}

// ended runs a call that ends the thing with the id, and says so.
func (e *env) ended(app, id, status string, call func(ask *client.Client) error) error {
	return e.ask(app, func(ask *client.Client) error {
		if err := call(ask); err != nil {
			return err
		}
		return e.show(map[string]string{"id": id, "status": status}, func(w io.Writer) { _, _ = fmt.Fprintf(w, "%s is %s.\n", id, status) })
	})
}
