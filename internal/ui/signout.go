package ui

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/operation"
)

func showSignOut(v *visit) error { return v.showForm("sign-out") }

// signOut ends the session first and then takes the cookie away (SE-03). A session that has ended is as good as out.
func signOut(v *visit) error {
	if _, err := v.person("sign-out", &operation.SignOutInput{}); err != nil && !sessionGone(auth.AsError(err)) {
		return err
	}
	v.dropSession()
	return v.to("/signed-out")
}

// dropSession removes the session cookie from the browser.
func (v *visit) dropSession() {
	v.p.cookies.Clear(v.w.Header(), httpx.Cookie{Name: SessionCookie(v.app.ID)})
}

// sessionGone reports whether an error says that nobody is signed in, or not any more.
func sessionGone(e *auth.Error) bool {
	return slices.Contains([]auth.Code{auth.CodeUnauthenticated, auth.CodeInvalidToken, auth.CodeTokenExpired, auth.CodeSessionEnded,
		auth.CodeAccountDisabled}, e.Code)
}

// showSignedOut says why, if a session ended elsewhere. The reason is one of a closed list.
func showSignedOut(v *visit) error {
	said := message{title: "page.signed-out.title", text: "page.signed-out.text", next: "page.sign-in.title", path: "/sign-in"}
	if why := auth.EndReason(v.r.URL.Query().Get("why")); slices.Contains(auth.EndReasons(), why) && why != auth.EndSignedOut {
		said.title, said.text = "page.signed-out.ended", endings[why]
	}
	return v.tell(said)
}

// endings are the sentences for why a session ended.
var endings = map[auth.EndReason]string{
	auth.EndSignedOut:           "page.ended.signed-out",
	auth.EndSignedOutEverywhere: "page.ended.signed-out-everywhere",
	auth.EndExpired:             "page.ended.expired",
	auth.EndIdle:                "page.ended.idle",
	auth.EndRefreshReused:       "page.ended.refresh-token-reused",
	auth.EndPasswordChanged:     "page.ended.password-changed",
	auth.EndPasswordReset:       "page.ended.password-reset",
	auth.EndUsernameChanged:     "page.ended.username-changed",
	auth.EndByUser:              "page.ended.ended-by-user",
	auth.EndByAdmin:             "page.ended.ended-by-admin",
	auth.EndUserDisabled:        "page.ended.user-disabled",
	auth.EndFactorRemoved:       "page.ended.second-factor-removed",
	auth.EndEmailProven:         "page.ended.email-proven-elsewhere",
	auth.EndEmailKept:           "page.ended.email-change-canceled",
	auth.EndAppDisabled:         "page.ended.app-disabled",
	auth.EndClientDisabled:      "page.ended.client-disabled",
	auth.EndReplaced:            "page.ended.replaced",
	auth.EndRestored:            "page.ended.restored-from-backup",
}

// turning sends a person to where they can do what a refusal asks for, and back afterwards: to sign in, to prove again who
// they are, or to hear why their session ended.
func turning(serve func(*visit) error) func(*visit) error {
	return func(v *visit) error {
		err := serve(v)
		if err == nil {
			return nil
		}
		e := auth.AsError(err)
		to := ""
		switch {
		case e.Code == auth.CodeReauthRequired:
			to = "/step-up"
		case e.Code == auth.CodeUnauthenticated:
			to = "/sign-in"
		case v.asked && sessionGone(e):
			v.dropSession()
			to = "/signed-out"
			if e.Reason != "" {
				to += "?why=" + string(e.Reason)
			}
		default:
			return err
		}
		httpx.Event(v.r.Context()).SetString(httpx.KeyCode, string(e.Code))
		v.returnTo = httpx.ReturnPath(v.here())
		return v.to(to)
	}
}

// here is the address of the page that the visit is about, for who comes back to it. That of a form has the app in its fields,
// and takes what was typed along as far as the page names it in typed, so that a detour loses nothing.
func (v *visit) here() string {
	if v.r.Method == http.MethodGet {
		return v.r.URL.RequestURI()
	}
	kept := url.Values{}
	for _, name := range v.typed {
		if text := v.form.Get(name); text != "" {
			kept.Set(name, text)
		}
	}
	if len(kept) == 0 {
		return v.link(v.r.URL.Path)
	}
	return v.link(v.r.URL.Path + "?" + kept.Encode())
}

// stepUpPage asks for what the person has.
type stepUpPage struct {
	base
	Email                   string
	Password, Code, Passkey bool
}

// newStepUpPage reads who is signed in and what they can prove it by.
func (v *visit) newStepUpPage() (*stepUpPage, error) {
	me, err := v.me()
	if err != nil {
		return nil, err
	}
	shown := &stepUpPage{Email: me.User.Email, Code: me.User.TwoFactorEnabled, Password: me.HasPassword && !me.User.TwoFactorEnabled}
	held, err := v.passkeys()
	if err != nil {
		return nil, err
	}
	if len(held.Passkeys) > 0 {
		shown.Passkey, shown.scripts = true, []string{"passkey"}
	}
	return shown, nil
}

func showStepUp(v *visit) error {
	shown, err := v.newStepUpPage()
	if err != nil {
		return err
	}
	shown.title = titles["step-up"]
	return v.show("step-up", shown)
}

func stepUp(v *visit) error {
	in := &operation.StepUpInput{CurrentPassword: v.form.Get("current_password"), Code: v.form.Get("code")}
	out, err := v.person("step-up", in)
	if err != nil {
		if sessionGone(auth.AsError(err)) {
			return err
		}
		shown, failed := v.newStepUpPage()
		if failed != nil {
			return failed
		}
		return v.again("step-up", err, shown)
	}
	return v.proven(out)
}

// proven goes back with the new cookie (SE-02).
func (v *visit) proven(out operation.Outcome) error {
	v.renew(out)
	return v.back("/done/proven")
}

// renew sets the session cookie that a step-up hands out.
func (v *visit) renew(out operation.Outcome) {
	if fresh, ok := out.Value.(operation.SteppedUp); ok {
		v.seat(fresh.SessionCookie)
	}
}
