package ui

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/operation"
)

const (
	// stateCookie binds a way through a provider to the browser. The contracts' cookie of kind state is called the same, so
	// that a browser which is on several ways at once has one.
	stateCookie = "__Host-ostiary-state"
	// stateLife is how long a person may be away at a provider.
	stateLife = 15 * time.Minute
	// providerBack is the way back that a provider of the default app knows, and providerBackTo that of another app's; {app} is
	// filled in here, {provider} by the operation.
	providerBack   = providerBelow + "{provider}"
	providerBackTo = providerBelow + "{app}/{provider}"
	providerBelow  = "/oauth2/callback/"
)

// providerPages are the ways through the identity providers of the app. The way back is no page of its own: it ends the
// way and goes on.
func providerPages() []page {
	return []page{
		{"POST", "/sign-in/provider", leaveForProvider},
		{"GET", "/link", showLink},
		{"POST", "/link", confirmLink},
		{"GET", "/link/{provider}", showAddProvider},
		{"POST", "/link/{provider}", addProvider},
	}
}

// passage is the part of an input that says where a browser goes and comes back.
func (v *visit) passage(provider string) operation.Passage {
	back := providerBack
	if v.app.ID != auth.DefaultApp {
		back = strings.Replace(providerBackTo, "{app}", url.PathEscape(string(v.app.ID)), 1)
	}
	return operation.Passage{Provider: provider, Callback: back,
		State: v.returnTo, Browser: v.browser()}
}

// browser is the secret of the browser's state cookie.
func (v *visit) browser() string {
	secret, _ := v.p.cookies.Read(v.r, stateCookie)
	return secret
}

// connectionPage leads to the one provider that an app wants its person to come by.
type connectionPage struct {
	base
	Provider operation.ProviderMethod
	// Straight says that scripts press the button.
	Straight bool
}

// connect leads to a provider by a form: the way there is begun by a POST of ours alone. Who is signed in already presses
// the button, so that no link from elsewhere replaces a session unseen.
func (v *visit) connect(to operation.ProviderMethod, straight bool) error {
	shown := &connectionPage{base: base{title: titles["sign-in"]}, Provider: to, Straight: straight}
	if straight {
		shown.scripts = []string{"post"}
	}
	return v.show("connection", shown)
}

// leaveForProvider sends a person to an identity provider to sign in, or to sign up where the app lets strangers in.
func leaveForProvider(v *visit) error {
	in := &operation.BeginFederatedSignInInput{Passage: v.passage(v.form.Get("provider")), InviteCode: strings.TrimSpace(v.form.Get("invite_code"))}
	out, err := v.stranger("begin-federated-sign-in", in)
	return v.departed(out, err, "/sign-in")
}

// departed binds the way to the browser and sends it off. again is the page for who could not leave.
func (v *visit) departed(out operation.Outcome, err error, again string) error {
	if err != nil {
		return err
	}
	way, _ := out.Value.(operation.Departure)
	if told, refused := strings.CutPrefix(way.Location, "?"); refused { // the provider cannot be reached
		return v.unlanded(told, again)
	}
	state := httpx.Cookie{Name: stateCookie, Value: way.StateCookie, MaxAge: stateLife}
	if way.CrossSite {
		state.SameSite = "none"
	}
	v.p.cookies.Set(v.w.Header(), state)
	return v.leave(way.Location)
}

// leavePage is shown for the moment before the browser is at another site.
type leavePage struct {
	base
	To, Host string
}

// leave sends the browser to another site, or to where it will be sent on to one, after a form. Browsers measure every
// redirect after a form by the form-action of its page, wherever the others lead, so that a redirect would need the name
// of sites that are not known here (WB-05). A page that goes on by itself is no such redirect, and needs no script.
func (v *visit) leave(to string) error {
	u, err := url.Parse(to)
	if err != nil {
		return auth.Internal(err)
	}
	v.w.Header().Set("Refresh", "0; url="+u.String())
	return v.show("leave", &leavePage{base: base{title: "page.leave.title"}, To: u.String(), Host: u.Host})
}

// landings are the ways back, of providers that send the browser with GET and of those that let it post a form (Apple's).
// What is posted comes from their site, so only the state, which is spent, says whether it is ours (FD-04).
func (p *Pages) landings() map[string]http.Handler {
	begin := func(w http.ResponseWriter, r *http.Request) (*visit, error) {
		form := url.Values{}
		if r.Method == http.MethodPost {
			var err error
			if form, err = p.fields(w, r); err != nil {
				return nil, err
			}
		}
		v, err := p.visit(w, r, url.Values{"app": {chi.URLParam(r, "app")}})
		if err == nil {
			v.form = form
		}
		return v, err
	}
	return map[string]http.Handler{
		http.MethodGet:  p.handle(page{http.MethodGet, providerBack, func(v *visit) error { return v.land(v.r.URL.Query()) }}, begin, p.failed),
		http.MethodPost: p.handle(page{http.MethodPost, providerBack, func(v *visit) error { return v.land(v.form) }}, begin, p.failed),
	}
}

// land ends a way through a provider. What the operation tells a client in a location is told to this page, which is the
// client.
func (v *visit) land(said url.Values) error {
	in := &operation.FinishFederatedSignInInput{Provider: chi.URLParam(v.r, "provider"), Browser: v.browser(), State: said.Get("state"),
		Code: said.Get("code"), Issuer: said.Get("iss"), Error: said.Get("error"), ErrorDescription: said.Get("error_description"), User: said.Get("user")}
	out, err := v.stranger("finish-federated-sign-in", in)
	if err != nil {
		return err
	}
	switch end := out.Value.(type) {
	case operation.LandedSession:
		if err := v.returnsTo(end.Location); err != nil {
			return err
		}
		v.seat(end.SessionCookie)
		v.forget()
		return v.back("/done/signed-in")
	case operation.Landing:
		if err := v.returnsTo(end.Location); err != nil {
			return err
		}
		return v.landed(out.Result, end.Location)
	}
	return auth.Internal(nil)
}

// landed goes on from a way that did not make a session yet.
func (v *visit) landed(result, location string) error {
	told, err := url.ParseQuery(strings.TrimPrefix(location, "?"))
	if err != nil {
		return auth.Internal(err)
	}
	switch result {
	case "link-confirmation-required":
		v.keep(flow{Link: told.Get("link_token")})
		return v.to("/link")
	case "linked":
		return v.back("/done/linked")
	case "refused":
		return v.unlanded(told.Encode(), "/sign-in")
	}
	out, err := v.stranger("sign-in-with-token", &operation.SignInWithTokenInput{Token: told.Get("token"), Browser: v.browser()})
	if err != nil {
		return err
	}
	return v.entered(out, "/done/signed-in")
}

// returnsTo takes the place to return to from the state that came back.
func (v *visit) returnsTo(location string) error {
	told, err := url.ParseQuery(strings.TrimPrefix(location, "?"))
	if err != nil {
		return auth.Internal(err)
	}
	v.returnTo = httpx.ReturnPath(told.Get("state"))
	return nil
}

// unlanded is the page about a way that led nowhere. told has an error code of ours.
func (v *visit) unlanded(told, again string) error {
	said, err := url.ParseQuery(told)
	if err != nil {
		return auth.Internal(err)
	}
	code := auth.Code(said.Get("error_code"))
	if !code.Known() {
		code = auth.CodeInvalidRequest
	}
	if to := httpx.ReturnPath(said.Get("state")); to != "" {
		v.returnTo = to
	}
	shown := refusal(auth.E(code, said.Get("error_description")))
	shown.next, shown.path = "page.error.other-way", again
	if code == auth.CodeProviderDenied { // the person changed their mind
		shown.text = ""
	}
	return v.say(shown)
}

// linkAbout tells which identity waits. A flow that has ended leads to the beginning.
func (v *visit) linkAbout() (*mailedPage, error) {
	about, err := v.about(auth.ProofIdentity, v.flow().Link)
	return &mailedPage{base{title: "page.link.title", focus: "mailed-code"}, about}, err
}

func showLink(v *visit) error {
	if v.flow().Link == "" {
		return v.to("/sign-in")
	}
	shown, err := v.linkAbout()
	if err != nil {
		return err
	}
	return v.show("link", shown)
}

// confirmLink links the identity by the code of the mail or by the password of the account that has the address.
func confirmLink(v *visit) error {
	f := v.flow()
	if f.Link == "" {
		return v.to("/sign-in")
	}
	in := &operation.ConfirmIdentityInput{Token: f.Link, Code: v.mailedCode(),
		Password: v.form.Get("password"), Browser: v.browser()}
	out, err := v.stranger("confirm-identity", in)
	if err == nil {
		return v.entered(out, "/done/signed-in")
	}
	shown, gone := v.linkAbout()
	if gone != nil { // five answers were taken, or it took too long
		v.forget()
		return gone
	}
	if auth.Is(err, auth.CodeProofInvalid) { // the flow lives, so it was the code
		err = &auth.Error{Code: auth.CodeSecondFactorWrong}
	}
	if auth.Is(err, auth.CodeInvalidCredentials) {
		shown.says = "page.password.wrong"
	}
	return v.again("link", err, shown)
}

// addPage asks whether a provider shall be a way in of who is signed in.
type addPage struct {
	base
	Provider, Name, Email string
}

// showAddProvider is where a person begins to link a provider, and comes back to after proving again who they are.
func showAddProvider(v *visit) error {
	me, err := v.me()
	if err != nil {
		return err
	}
	offered, err := v.providers()
	if err != nil {
		return err
	}
	name := chi.URLParam(v.r, "provider")
	shown := &addPage{base: base{title: titles["add-provider"]}, Name: name, Provider: name, Email: me.User.Email}
	for _, p := range offered { // one that only links is not among them and goes by its name
		if p.Provider == name {
			shown.Provider = p.Title
		}
	}
	return v.show("add-provider", shown)
}

func addProvider(v *visit) error {
	out, err := v.person("link-identity", &operation.LinkIdentityInput{Passage: v.passage(chi.URLParam(v.r, "provider"))})
	return v.departed(out, err, "/link/"+url.PathEscape(chi.URLParam(v.r, "provider")))
}

// providers are those of the app that people may sign in with.
func (v *visit) providers() ([]operation.ProviderMethod, error) {
	methods, err := v.methods()
	return methods.Providers, err
}
