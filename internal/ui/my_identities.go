package ui

import (
	"net/url"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// identitiesPage lists the accounts elsewhere that sign the person in.
type identitiesPage struct {
	owned
	Identities []identity
	Offered    []operation.ProviderMethod // providers of the app that the person has no account of
}

// identity is one of them, with the title of its provider.
type identity struct {
	operation.Identity
	Title string
}

// Begin is the address where an account of a provider is linked, which leads back here.
func (p *identitiesPage) Begin(m operation.ProviderMethod) string {
	return p.Detour("/link/"+url.PathEscape(m.Provider), "/my/identities")
}

// Called is what the person is called there.
func (i identity) Called() string {
	if i.Email != "" {
		return i.Email
	}
	return i.Username
}

func (v *visit) newIdentitiesPage() (*identitiesPage, error) {
	list, err := read[operation.Identities](v, "list-identities", &operation.ListIdentitiesInput{})
	if err != nil {
		return nil, err
	}
	providers, err := v.providers()
	if err != nil {
		return nil, err
	}
	titles := map[string]string{}
	shown := &identitiesPage{}
	for _, p := range providers {
		titles[p.Provider] = p.Title
		if !slices.ContainsFunc(list.Identities, func(i operation.Identity) bool { return i.Provider == p.Provider }) {
			shown.Offered = append(shown.Offered, p)
		}
	}
	for _, one := range list.Identities {
		title, ok := titles[one.Provider]
		if !ok { // it is off
			title = labelled(one.Provider)
		}
		shown.Identities = append(shown.Identities, identity{one, title})
	}
	return shown, nil
}

func changeMyIdentities(v *visit) error {
	if v.form.Get("do") != "unlink" {
		return unknownForm()
	}
	_, err := v.person("unlink-identity", &operation.UnlinkIdentityInput{ID: auth.IdentityID(v.form.Get("id"))})
	return settledOr(v, notice{"/my/identities", "identity-removed", "my-identities"}, err, v.newIdentitiesPage)
}
