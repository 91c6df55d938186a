package cli

import (
	"context"
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
	Update clientsUpdateCmd `cmd:"" help:"Change a client: what is left out stays, an empty text (--logo \"\") or --no- takes a setting back, a list replaces the old one."`
	Delete clientsDeleteCmd `cmd:"" help:"Delete a client; its sessions end."`

	Secrets       clientsSecretsCmd       `cmd:"" help:"List the secrets of a client that work."`
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
	Redirect   []string `sep:"none" placeholder:"URI" help:"Where sign-ins may return to; may be repeated."`
	Origin     []string `sep:"none" placeholder:"ORIGIN" help:"Whose scripts may read answers (https://app.example.com); may be repeated."`
	AccessTTL  *string  `name:"access-ttl" placeholder:"1h" help:"How long access tokens live. Left out: as the door says."`
	RefreshTTL *string  `name:"refresh-ttl" placeholder:"14d" help:"How long sessions may idle. Left out: as the door says."`

	Auth            *string           `enum:",none,client_secret_basic,client_secret_post,private_key_jwt" help:"How it proves who it is: none, client_secret_basic, client_secret_post or private_key_jwt."`
	ApplicationType *string           `enum:",web,native" help:"web or native: which redirect URIs it may have."`
	Grant           []string          `sep:"none" help:"Grant type (authorization_code, refresh_token, client_credentials ...); may be repeated."`
	Scope           []string          `sep:"none" help:"Scope that it may ask for; may be repeated."`
	DefaultScope    []string          `sep:"none" help:"Scope that it gets when it names none; may be repeated."`
	Resource        []string          `sep:"none" placeholder:"URI" help:"Protected resource that it may ask tokens for; may be repeated. Left out: all of the app."`
	JWKSFile        *string           `name:"jwks-file" placeholder:"FILE" help:"File with its public keys (JSON Web Key Set); - reads standard input."`
	JWKSURI         *string           `name:"jwks-uri" placeholder:"URL" help:"Where its public keys are."`
	TokenFormat     *string           `enum:",jwt,opaque" help:"Of access tokens: jwt or opaque."`
	IDTokenAlg      *string           `name:"id-token-alg" enum:",RS256,ES256,EdDSA" help:"Signs its ID tokens: RS256, ES256 or EdDSA."`
	UserinfoAlg     *string           `placeholder:"ALG" help:"Signs its userinfo answers: RS256, ES256 or EdDSA. Left out: plain JSON."`
	ResponseMode    []string          `sep:"none" placeholder:"MODE" help:"How answers may reach it: query, fragment or form_post; may be repeated. Left out: all."`
	Subject         *string           `enum:",public,pairwise" help:"What it knows people by: public or pairwise."`
	Sector          *string           `placeholder:"HOST" help:"Whom pairwise subjects are made for."`
	Trusted         *bool             `negatable:"" help:"Ask nobody for consent: a client of the house's own."`
	RequirePAR      *bool             `name:"require-par" negatable:"" help:"Take pushed authorization requests alone."`
	DPoP            *bool             `name:"dpop" negatable:"" help:"Bind all of its tokens to a key."`
	PostLogout      []string          `sep:"none" placeholder:"URI" help:"Where a sign-out may return to; may be repeated."`
	Backchannel     *string           `placeholder:"URL" help:"Is told of sign-outs by the server."`
	Frontchannel    *string           `placeholder:"URL" help:"Is told of sign-outs by the browser, in a frame."`
	Homepage        *string           `placeholder:"URL" help:"Its own page, for people who are asked for consent."`
	Logo            *string           `placeholder:"URL" help:"Its picture, for the same."`
	Policy          *string           `placeholder:"URL" help:"Its privacy policy, for the same."`
	Terms           *string           `placeholder:"URL" help:"Its terms of service, for the same."`
	Claim           map[string]string `mapsep:"none" placeholder:"NAME=EXPRESSION" help:"Custom claim, a CEL expression over user, account, client and scopes; may be repeated. Others stay; NAME= ends one."`
	AssertionFile   *string           `placeholder:"FILE" help:"File with the issuers whose assertions it may bring: a JSON object by issuer. Others stay; null in place of an issuer ends it."`
}

// change is what was given, by the names of the API.
func (c clientSettings) change(in io.Reader) (map[string]any, error) {
	out := map[string]any{}
	setTexts(out, map[string]*string{"access_ttl": c.AccessTTL, "refresh_ttl": c.RefreshTTL, "token_endpoint_auth_method": c.Auth,
		"application_type": c.ApplicationType, "access_token_format": c.TokenFormat, "id_token_signed_response_alg": c.IDTokenAlg,
		"subject_type": c.Subject, "jwks_uri": c.JWKSURI, "userinfo_signed_response_alg": c.UserinfoAlg, "sector": c.Sector,
		"backchannel_logout_uri": c.Backchannel, "frontchannel_logout_uri": c.Frontchannel, "client_uri": c.Homepage, "logo_uri": c.Logo,
		"policy_uri": c.Policy, "tos_uri": c.Terms})
	setLists(out, map[string][]string{"redirect_uris": c.Redirect, "allowed_origins": c.Origin, "grant_types": c.Grant, "scopes": c.Scope,
		"default_scopes": c.DefaultScope, "resources": c.Resource, "response_modes": c.ResponseMode, "post_logout_redirect_uris": c.PostLogout})
	set(out, "require_pushed_authorization_requests", c.RequirePAR)
	set(out, "dpop_bound_access_tokens", c.DPoP)
	if c.Trusted != nil {
		out["consent"] = nil
		if *c.Trusted {
			out["consent"] = "trusted"
		}
	}
	setMembers(out, "claims", c.Claim)
	if err := setFile(out, "jwks", c.JWKSFile, in); err != nil {
		return nil, err
	}
	return out, setFile(out, "assertion_issuers", c.AssertionFile, in)
}

type clientsCreateCmd struct {
	Name string `arg:"" help:"Name that people see."`
	Type string `enum:",web,browser,native,service" default:"" help:"What kind of program it is: web (on a server), browser, native (installed) or service (acts by itself). Chooses the OAuth settings that are not given; left out: the client is for our own doors alone."`
	clientSettings
}

// Run registers a client.
func (c clientsCreateCmd) Run(e *env, parent *clientsCmd) error {
	in := client.NewClient{Name: c.Name, Type: c.Type}
	given, err := c.change(e.in)
	if err == nil {
		err = made(given, &in)
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
	ID   string  `arg:"" help:"Id of the client."`
	Name *string `help:"Name that people see."`
	clientSettings
}

// Run changes a client.
func (c clientsUpdateCmd) Run(e *env, parent *clientsCmd) error {
	change, err := c.change(e.in)
	if err != nil {
		return err
	}
	setName(change, c.Name)
	return one(e, "", e.showClients, func(ask *client.Client) (client.AppClient, error) {
		changed, err := ask.UpdateClient(e.ctx, parent.App, c.ID, change)
		if err == nil && c.Auth != nil {
			e.tellSecretless(ask, changed, parent.App)
		}
		return changed, err
	})
}

// tellSecretless tells what to do about a client that proves itself by a secret and has none.
func (e *env) tellSecretless(ask *client.Client, c client.AppClient, app string) {
	if !strings.HasPrefix(c.TokenEndpointAuthMethod, "client_secret_") {
		return
	}
	// The change is done; whoever cannot read the secrets learns nothing about them.
	if secrets, err := ask.ListClientSecrets(e.ctx, app, c.ID); err == nil && len(secrets) == 0 {
		e.note("the client has no secret yet; make one: ostiary clients rotate-secret %s --app %s", c.ID, app)
	}
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
