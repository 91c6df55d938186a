package ui

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// mine is the table of what people do with their own account. The path of a form is that of its page, so that who has to
// prove again who they are comes back to where they were; the field `do` says which of its forms was sent.
func mine() []page {
	return []page{
		{"GET", "/my", showMy},
		{"GET", "/my/sessions", showing("my-sessions", (*visit).newSessionsPage)},
		{"POST", "/my/sessions", changeMySessions},
		{"GET", "/my/password", showing("my-password", (*visit).newPasswordPage)},
		{"POST", "/my/password", changeMyPassword},
		{"GET", "/my/two-factor", showing("my-two-factor", (*visit).newFactorPage)},
		{"POST", "/my/two-factor", changeMyFactor},
		{"GET", "/my/profile", showing("my-profile", (*visit).newProfilePage)},
		{"POST", "/my/profile", changeMyProfile},
		{"GET", "/my/emails", showing("my-emails", (*visit).newEmailsPage)},
		{"POST", "/my/emails", changeMyEmails},
		{"GET", "/my/passkeys", showing("my-passkeys", (*visit).newPasskeysPage)},
		{"POST", "/my/passkeys", changeMyPasskeys},
		{"GET", "/my/identities", showing("my-identities", (*visit).newIdentitiesPage)},
		{"POST", "/my/identities", changeMyIdentities},
		{"GET", "/my/api-keys", showing("my-api-keys", (*visit).newKeysPage)},
		{"POST", "/my/api-keys", changeMyKeys},
		{"GET", "/my/accounts", showing("my-accounts", (*visit).newAccountsPage)},
		{"POST", "/my/accounts", changeMyAccounts},
		{"GET", "/my/account", showMyAccount},
		{"POST", "/my/account", changeMyAccount},
		{"GET", "/my/waitlists", showing("my-waitlists", (*visit).newWaitlistsPage)},
		{"POST", "/my/waitlists", changeMyWaitlists},
		{"GET", "/my/activity", showMyActivity},
		{"GET", "/my/data", showing("my-data", (*visit).newDataPage)},
		{"POST", "/my/data", changeMyData},
		{"GET", "/my/apps", showMyApps},
		{"POST", "/my/apps", changeMyApps},
	}
}

// myTitles name the pages of an account, by template.
var myTitles = map[string]string{
	"my":            "page.my.title",
	"my-sessions":   "page.my.sessions.title",
	"my-password":   "page.my.password.title",
	"my-two-factor": "page.my.factor.title",
	"my-profile":    "page.my.profile.title",
	"my-emails":     "page.my.emails.title",
	"my-passkeys":   "page.my.passkeys.title",
	"my-identities": "page.my.identities.title",
	"my-api-keys":   "page.my.keys.title",
	"my-accounts":   "page.my.accounts.title",
	"my-account":    "page.my.accounts.title",
	"my-waitlists":  "page.my.waitlists.title",
	"my-activity":   "page.my.activity.title",
	"my-data":       "page.my.data.title",
	"my-apps":       "page.my.apps.title",
}

// notices say what the form before did. It is a closed list: the URL names one, and nothing else is shown (WB-09).
var notices = map[string]string{
	"session-ended":    "page.my.sessions.done-one",
	"sessions-ended":   "page.my.sessions.done-others",
	"password-changed": "page.my.password.done",
	"factor-off":       "page.my.factor.done-off",
	"profile-saved":    "page.my.profile.done",
	"username-changed": "page.my.profile.done-username",
	"email-asked":      "page.my.emails.done-asked",
	"email-primary":    "page.my.emails.done-primary",
	"email-removed":    "page.my.emails.done-removed",
	"passkey-added":    "page.my.passkeys.done-added",
	"passkey-renamed":  "page.my.passkeys.done-renamed",
	"passkey-removed":  "page.my.passkeys.done-removed",
	"identity-removed": "page.my.identities.done-removed",
	"key-revoked":      "page.my.keys.done-revoked",
	"account-switched": "page.my.accounts.done-switched",
	"account-made":     "page.my.accounts.done-made",
	"account-left":     "page.my.accounts.done-left",
	"account-saved":    "page.my.account.done-saved",
	"member-changed":   "page.my.account.done-role",
	"member-removed":   "page.my.account.done-removed",
	"invited":          "page.my.account.done-invited",
	"invite-revoked":   "page.my.account.done-revoked",
	"waitlist-left":    "page.my.waitlists.done-left",
	"app-revoked":      "page.my.apps.done",
}

// owned is what every page of an account may show.
type owned struct {
	base
	Notice string // what the form before did; empty: nothing
}

func (o *owned) own() *owned { return o }

// mineShown is anything that embeds owned.
type mineShown interface {
	shown
	own() *owned
}

// mine shows a page of an account.
func (v *visit) mine(name string, content mineShown) error {
	o := content.own()
	o.title = myTitles[name]
	if v.r.Method == http.MethodGet {
		o.retyped(v.r.URL.Query())
	}
	o.Below = name != "my"
	var err error
	if o.Menu, err = v.menuFor(v.r.URL.Path); err != nil {
		return err
	}
	if key, ok := notices[v.r.URL.Query().Get("done")]; ok && o.problem == nil {
		t, err := v.translator()
		if err == nil {
			o.Notice, err = t.T(key)
		}
		if err != nil {
			return err
		}
	}
	return v.show(name, content)
}

// retyped puts what was typed before a detour in the place of what is stored.
func (o *owned) retyped(typed url.Values) {
	if o.values == nil {
		o.values = typed
		return
	}
	for name := range o.values {
		if typed.Has(name) {
			o.values[name] = typed[name]
		}
	}
}

// mineAgain shows a page of an account with what was wrong with a form of it, if the person can mend that there.
func (v *visit) mineAgain(name string, err error, content mineShown) error {
	e := auth.AsError(err)
	if !slices.Contains(mendable, e.Code) && !slices.Contains(mendableMine, e.Code) {
		return err
	}
	b := content.common()
	b.problem, b.status = e, e.Code.Status()
	v.retryAfter(e)
	return v.mine(name, content)
}

// mendableMine are the refusals that the pages of an account show beside their forms, and other pages do not.
var mendableMine = []auth.Code{auth.CodeConflict, auth.CodeTotpAlreadyEnabled, auth.CodeTotpNotBegun, auth.CodeTotpNotEnabled,
	auth.CodeEmailUnverified, auth.CodeLimitReached, auth.CodeForbidden, auth.CodeNotFound}

// showing answers a GET with a page of an account as it is made for who looks.
func showing[P mineShown](name string, page func(*visit) (P, error)) func(*visit) error {
	return func(v *visit) error {
		shown, err := page(v)
		if err != nil {
			return err
		}
		return v.mine(name, shown)
	}
}

// shownAgain is mineAgain for a page as it is made after the refusal. Where it cannot be made, the refusal is all there is.
func shownAgain[P mineShown](v *visit, name string, err error, page func() (P, error)) error {
	shown, failed := page()
	if failed != nil {
		return err
	}
	return v.mineAgain(name, err, shown)
}

// settled ends a POST that did what it should, with the notice that the page then shows (WB-10).
func (v *visit) settled(path, done string) error {
	http.Redirect(v.w, v.r, v.linkWith(path, "done", done), http.StatusSeeOther)
	return nil
}

// settledOr ends a POST: with the notice, or if it was refused with the page as it is made then, and what was wrong.
func settledOr[P mineShown](v *visit, at notice, err error, page func() (P, error)) error {
	if err == nil {
		return v.settled(at.path, at.done)
	}
	return shownAgain(v, at.page, err, page)
}

// notice is where a POST ends: at a path with a notice, which the page of a name shows.
type notice struct{ path, done, page string }

// settledAt is settled for a page that shows one of several things, by its id.
func (v *visit) settledAt(path, id, done string) error {
	http.Redirect(v.w, v.r, v.linkTo(path, url.Values{"id": {id}, "done": {done}}), http.StatusSeeOther)
	return nil
}

// linkWith is link with one more value in the query.
func (v *visit) linkWith(path, name, value string) string {
	return v.linkTo(path, url.Values{name: {value}})
}

// linkTo is link with more values in the query.
func (v *visit) linkTo(path string, query url.Values) string {
	return v.link(path + "?" + query.Encode())
}

// More is the address of the next part of a list.
func (o *owned) More(path, cursor string) string { return o.v.linkWith(path, "cursor", cursor) }

// At is the address of a page that shows one of several things, by its id.
func (o *owned) At(path string, id any) string { return o.v.linkWith(path, "id", fmt.Sprint(id)) }

// Detour is the address of a page that leads back to another one in the end.
func (o *owned) Detour(path, back string) string {
	v := *o.v
	v.returnTo = ""
	v.returnTo = v.link(back)
	return v.link(path)
}

// read calls an operation for who is signed in and hands out its value.
func read[T any](v *visit, name string, in any) (value T, err error) {
	out, err := v.person(name, in)
	if err == nil {
		value, _ = out.Value.(T)
	}
	return value, err
}

// me is who is signed in.
func (v *visit) me() (operation.Me, error) {
	return read[operation.Me](v, "get-me", &operation.GetMeInput{})
}
