package ui

import (
	"net/http"
	"net/url"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/oauth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// between is the table of the pages where people decide about apps and devices.
func between() []page {
	return []page{
		{"GET", oauth.ConsentPath, showConsent},
		{"POST", oauth.ConsentPath, consent},
		{"GET", oauth.DeviceVerifyPath, showDevice},
		{"POST", oauth.DeviceVerifyPath, device},
		{"GET", oauth.LogoutPagePath, showLogout},
	}
}

// asking is what a page says of who asks for what.
type asking struct {
	Asked operation.AskedFor
	// Bound says that the access ends when the person signs out of this browser's session.
	Bound bool
	// Client is the name of who asks, House that of the app it asks at, Who the person that is asked.
	Client, House, Who string
}

// Lasts says how long a client keeps its access; empty: nothing is known beyond one token.
func (b *base) Lasts(a operation.AskedFor, bound bool) (string, error) {
	switch idle, longest := a.Unused, a.Longest; {
	case bound:
		return b.T("page.consent.until-sign-out")
	case idle == 0:
		return "", nil
	case idle >= longest:
		return b.spans("page.consent.lasts", longest)
	default:
		return b.spans("page.consent.lasts-unused", longest, idle)
	}
}

// spans says a sentence about the longest time, and about that without use if it has one.
func (b *base) spans(key string, longest time.Duration, idle ...time.Duration) (string, error) {
	var said struct{ Longest, Unused string }
	var err error
	if said.Longest, err = b.Span(longest); err != nil {
		return "", err
	}
	for _, d := range idle {
		if said.Unused, err = b.Span(d); err != nil {
			return "", err
		}
	}
	return b.T(key, said)
}

// Words says what a scope lets a client do.
func (b *base) Words(s operation.AskedScope) (string, error) {
	if key, ours := scopeWords[s.Name]; ours && s.Text == "" {
		return b.T(key)
	}
	return s.Text, nil
}

// scopeWords are the sentences for the scopes that every app has.
var scopeWords = map[string]string{
	auth.ScopeOpenID:        "page.consent.scope.openid",
	auth.ScopeProfile:       "page.consent.scope.profile",
	auth.ScopeEmail:         "page.consent.scope.email",
	auth.ScopePhone:         "page.consent.scope.phone",
	auth.ScopeAddress:       "page.consent.scope.address",
	auth.ScopeOfflineAccess: "page.consent.scope.offline_access",
	auth.ScopeRoles:         "page.consent.scope.roles",
	auth.ScopeAccount:       "page.consent.scope.account",
	auth.ScopePermissions:   "page.consent.scope.permissions",
}

func (v *visit) asking(a operation.AskedFor) asking {
	return asking{Asked: a, Client: a.Client.Name, House: brandOf(v.app).Name, Who: v.who()}
}

// consentPage asks whether a client may have what it wants, or only which account it is about.
type consentPage struct {
	base
	asking
	Flow string
	// OnDevice says that a program on this device gets the answer.
	OnDevice bool
}

// flowOf is the waiting request that a page is about. Who has to do something else first comes back to it.
func (v *visit) flowOf() *operation.FlowInput {
	flow := v.form.Get("flow")
	if v.r.Method == http.MethodGet {
		flow = v.r.URL.Query().Get("flow")
		back := url.Values{"flow": {flow}}
		for _, name := range []string{"app", "ui_locales"} {
			if said := v.r.URL.Query().Get(name); said != "" && len(said) <= maxAppID {
				back.Set(name, said)
			}
		}
		v.returnTo = oauth.ContinuePath + "?" + back.Encode()
	}
	v.typed = []string{"flow"}
	browser, _ := v.p.cookies.Read(v.r, oauth.BrowserCookie)
	return &operation.FlowInput{Flow: flow, Browser: browser}
}

func showConsent(v *visit) error {
	in := v.flowOf()
	asked, err := read[operation.AskedFor](v, "show-authorization", in)
	if err != nil {
		return v.overOr(err)
	}
	shown := &consentPage{asking: v.asking(asked), Flow: in.Flow, OnDevice: asked.OnDevice}
	shown.Bound = !asked.Offline
	shown.title = "page.consent.account"
	if v.p.o.ConsentTarget != nil {
		if target := v.p.o.ConsentTarget(v.r.Context(), v.app.ID, in.Flow); target != "" {
			shown.forms = []string{target}
		}
	}
	if asked.Consent {
		t, err := v.translator()
		if err == nil {
			shown.Title, err = t.T("page.consent.title", brand{Name: shown.Client})
		}
		if err != nil {
			return err
		}
	}
	return v.show("consent", shown)
}

// overOr shows that a request is over, which no form can mend.
func (v *visit) overOr(err error) error {
	if auth.Is(err, auth.CodeProofInvalid) {
		v.returnTo = ""
		v.p.Refused(v.w, v.r, err)
		return nil
	}
	return err
}

func consent(v *visit) error {
	operations := map[string]string{"approve": "approve-authorization", "deny": "deny-authorization"}
	name, ok := operations[v.form.Get("do")]
	if !ok {
		return unknownForm()
	}
	answer, err := read[operation.ClientAnswer](v, name, v.flowOf())
	if err != nil {
		return v.overOr(err)
	}
	if answer.Target == "" {
		v.w.Header().Set("Location", answer.Location) // of the client; the operation has seen to where that may be
		v.w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	v.returnTo = ""
	a := oauth.Answer{RedirectURI: answer.Target, Mode: auth.ModeFormPost}
	for _, f := range answer.Fields {
		a.Parameters = append(a.Parameters, oauth.Parameter(f))
	}
	return v.formPost(a)
}
