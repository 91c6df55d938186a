package oauth

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
)

// bound is what will be issued: of what was proven, what the request asks for (RFC 6749 section 6, RFC 8707 section 2.2).
// Errors: invalid_scope, invalid_target, invalid_dpop_proof.
func (s *Service) bound(ctx context.Context, x *exchange, p *proven) (auth.Delegation, error) {
	out := p.most
	if wanted := x.Form.Words("scope"); len(wanted) > 0 {
		if !grant.Within(wanted, p.most.Scopes) {
			return out, refuse(InvalidScope, "The request asks for more than was granted.")
		}
		out.Scopes = wanted
	}
	wanted := resourcesOf(x.Form)
	if len(wanted) > 0 {
		if !grant.Within(wanted, p.most.Resources) {
			return out, refuse(InvalidTarget, "The request asks for a resource that was not granted.")
		}
		out.Resources = wanted
	}
	switch {
	case p.most.JKT != "" && p.most.JKT != x.jkt:
		return out, refuse(InvalidDPoPProof, "The proof is of another key than the one that this is bound to.")
	case out.JKT == "":
		out.JKT = x.jkt
	}
	var err error
	out.Resources, err = s.standing(ctx, x.client.App, out.Resources, len(wanted) > 0)
	return out, err
}

// standing are those of a list of resources that are still there: one may have been deleted since it was granted, which
// ends what names it, and the rest goes on. Error: invalid_target, where one was asked for by name, or none is left.
func (s *Service) standing(ctx context.Context, app auth.AppID, uris []string, named bool) ([]string, error) {
	var out []string
	for _, uri := range uris {
		_, ok, err := s.resource(ctx, app, uri)
		switch {
		case err != nil:
			return nil, err
		case ok:
			out = append(out, uri)
		case named || len(uris) == 1:
			return nil, refuse(InvalidTarget, "There is no resource "+ascii(uri)+" any more.")
		}
	}
	if len(out) == 0 && len(uris) > 0 {
		return nil, refuse(InvalidTarget, "None of the resources is there any more.")
	}
	return out, nil
}

// Asked is what a client may ask for at the start: an authorization, a device, or tokens for itself. The scopes are the
// client's own and those of the resources that it asks for; unknown ones are refused rather than dropped, so that nobody
// gets less than they think. Errors: invalid_scope, invalid_target.
func (s *Service) asked(ctx context.Context, client auth.Client, scopes, resources []string) (auth.Delegation, error) {
	o := client.Settings.OAuth
	known, err := s.knownScopes(ctx, client, resources)
	if err != nil {
		return auth.Delegation{}, err
	}
	if len(scopes) == 0 {
		scopes = o.DefaultScopes
	}
	if !grant.Within(scopes, known) {
		return auth.Delegation{}, refuse(InvalidScope, "The client may not ask for one of these scopes.")
	}
	if !o.Allows(auth.GrantRefreshToken) { // it would come to nothing, so nobody is asked for it (OpenID Core section 11)
		scopes = slices.DeleteFunc(slices.Clone(scopes), func(one string) bool { return one == auth.ScopeOfflineAccess })
	}
	return auth.Delegation{Scopes: scopes, Resources: resources, Offline: slices.Contains(scopes, auth.ScopeOfflineAccess)}, nil
}

// knownScopes are the client's own scopes and those of resources that it may ask for. Error: invalid_target.
func (s *Service) knownScopes(ctx context.Context, client auth.Client, resources []string) ([]string, error) {
	o := client.Settings.OAuth
	known := slices.Clone(o.Scopes)
	for _, uri := range resources {
		r, ok, err := s.resource(ctx, client.App, uri)
		if err != nil {
			return nil, err
		}
		if !ok || len(o.Resources) > 0 && !slices.Contains(o.Resources, uri) {
			return nil, refuse(InvalidTarget, "The client may not ask for this resource.")
		}
		known = slices.AppendSeq(known, maps.Keys(r.Scopes))
	}
	return known, nil
}

// resourcesOf reads the resource parameters.
func resourcesOf(f Form) []string { return plainResources(f.All("resource")) }

// plainResources are identifiers of resources as they are registered; a slash at the end makes no difference (MCP
// authorization).
func plainResources(given []string) []string {
	var out []string
	for _, v := range given {
		v = strings.TrimSuffix(v, "/")
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
