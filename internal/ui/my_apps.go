package ui

import (
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// appsPage lists the apps that the person has let use the account.
type appsPage struct {
	owned
	Apps []operation.Consent
}

func showMyApps(v *visit) error {
	list, err := read[operation.Consents](v, "list-consents", &struct{}{})
	if err != nil {
		return err
	}
	return v.mine("my-apps", &appsPage{Apps: list.Consents})
}

func changeMyApps(v *visit) error {
	if v.form.Get("do") != "revoke" {
		return unknownForm()
	}
	if _, err := v.person("revoke-consent", &operation.ConsentInput{Client: auth.ClientID(v.form.Get("client"))}); err != nil {
		return err
	}
	return v.settled("/my/apps", "app-revoked")
}
