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
	Update clientsUpdateCmd `cmd:"" help:"Change a client; a list that is given replaces the old one."`
	Delete clientsDeleteCmd `cmd:"" help:"Delete a client; its sessions end."`
}

func (e *env) showClients(value any, clients []client.AppClient) error {
	var rows [][]string
	for _, c := range clients {
		rows = append(rows, []string{c.ID, c.Name, yesNo(c.Default), strings.Join(c.RedirectURIs, " "), strings.Join(c.AllowedOrigins, " "),
			c.AccessTTL, c.RefreshTTL})
	}
	return e.show(value, table([]string{"id", "name", "default", "redirects", "origins", "access", "refresh"}, rows))
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
}

type clientsCreateCmd struct {
	Name string `arg:"" help:"Name that people see."`
	clientSettings
}

// Run registers a client.
func (c clientsCreateCmd) Run(e *env, parent *clientsCmd) error {
	return one(e, "", e.showClients, func(ask *client.Client) (client.AppClient, error) {
		return ask.CreateClient(e.ctx, parent.App, client.NewClient{Name: c.Name, RedirectURIs: c.Redirect, AllowedOrigins: c.Origin,
			AccessTTL: c.AccessTTL, RefreshTTL: c.RefreshTTL})
	})
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
	change := map[string]any{}
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
