package ui

import (
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// identitiesPage lists the accounts elsewhere that sign the person in.
type identitiesPage struct {
	owned
	Identities []identity
}

// identity is one of them, with the title of its provider.
type identity struct {
	operation.Identity
	Title string
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
	out, err := v.stranger("login-methods", &operation.ListLoginMethodsInput{})
	if err != nil {
		return nil, err
	}
	methods, _ := out.Value.(operation.LoginMethods)
	titles := map[string]string{}
	for _, p := range methods.Providers {
		titles[p.Provider] = p.Title
	}
	shown := &identitiesPage{}
	for _, one := range list.Identities {
		title, ok := titles[one.Provider]
		if !ok { // it is off
			title = labelled(one.Provider)
		}
		shown.Identities = append(shown.Identities, identity{one, title})
	}
	return shown, nil
}

func showMyIdentities(v *visit) error {
	shown, err := v.newIdentitiesPage()
	if err != nil {
		return err
	}
	return v.mine("my-identities", shown)
}

func changeMyIdentities(v *visit) error {
	if v.form.Get("do") != "unlink" {
		return unknownForm()
	}
	_, err := v.person("unlink-identity", &operation.UnlinkIdentityInput{ID: auth.IdentityID(v.form.Get("id"))})
	return settledOr(v, notice{"/my/identities", "identity-removed", "my-identities"}, err, v.newIdentitiesPage)
}
