package ui

import (
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
		{"GET", "/my/sessions", showMySessions},
		{"POST", "/my/sessions", changeMySessions},
		{"GET", "/my/password", showMyPassword},
		{"POST", "/my/password", changeMyPassword},
		{"GET", "/my/two-factor", showMyFactor},
		{"POST", "/my/two-factor", changeMyFactor},
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
	"my-apps":       "page.my.apps.title",
}

// notices say what the form before did. It is a closed list: the URL names one, and nothing else is shown (WB-09).
var notices = map[string]string{
	"session-ended":    "page.my.sessions.done-one",
	"sessions-ended":   "page.my.sessions.done-others",
	"password-changed": "page.my.password.done",
	"factor-off":       "page.my.factor.done-off",
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
		o.values = v.r.URL.Query() // what was typed before a detour
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
var mendableMine = []auth.Code{auth.CodeConflict, auth.CodeTotpAlreadyEnabled, auth.CodeTotpNotBegun, auth.CodeTotpNotEnabled}

// settled ends a POST that did what it should, with the notice that the page then shows (WB-10).
func (v *visit) settled(path, done string) error {
	http.Redirect(v.w, v.r, v.linkWith(path, "done", done), http.StatusSeeOther)
	return nil
}

// linkWith is link with one more value in the query.
func (v *visit) linkWith(path, name, value string) string {
	return v.link(path + "?" + url.Values{name: {value}}.Encode())
}

// More is the address of the next part of a list.
func (o *owned) More(path, cursor string) string { return o.v.linkWith(path, "cursor", cursor) }

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

// myPage is the overview: what is set up, and what is advisable.
type myPage struct {
	owned
	Me       operation.Me
	Sessions int
}

func showMy(v *visit) error {
	shown := &myPage{}
	var err error
	if shown.Me, err = v.me(); err != nil {
		return err
	}
	sessions, err := read[operation.Sessions](v, "list-sessions", &operation.ListSessionsInput{})
	if err != nil {
		return err
	}
	shown.Sessions = sessions.Total
	return v.mine("my", shown)
}
