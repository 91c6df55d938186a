package ui

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/oauth"
)

// Refused shows an error that no client may be told of, or none can: where it would be told is not certain. Nothing on the
// page leads to where a request says (OA-02).
func (p *Pages) Refused(w http.ResponseWriter, r *http.Request, err error) {
	v := p.lost(w, r)
	e := auth.AsError(err)
	if e.Code == auth.CodeProofInvalid {
		if err := v.over(e.Code.Status()); err != nil {
			httpx.Problem(w, r, auth.AsError(err))
		}
		return
	}
	shown := &messagePage{base: base{title: "page.oauth.refused"}, text: "page.oauth.refused-text"}
	var own *oauth.Error
	switch {
	case errors.As(err, &own) && own.Code == oauth.ServerError:
		shown.title, shown.text = "page.message.failed", ""
	case errors.As(err, &own) && own.Code == oauth.TemporarilyUnavailable:
		shown.title, shown.text = "page.message.failed", ""
		e = &auth.Error{Code: auth.CodeUnavailable, RetryAfter: own.RetryAfter}
		if limited := auth.AsError(own.Err); own.Err != nil && limited.Code != auth.CodeInternal {
			e = limited
		}
	case errors.As(err, &own):
		e = auth.E(auth.CodeInvalidRequest, own.Description)
		shown.Detail, shown.says = string(own.Code)+": "+own.Description, refusals[own.Code]
		if shown.says == "" {
			shown.says = "error.invalid-request"
		}
	default:
		shown.title, shown.text = "page.message.failed", ""
	}
	shown.problem, shown.status = e, e.Code.Status()
	v.retryAfter(e)
	if err := v.say(shown); err != nil {
		httpx.Problem(w, r, auth.AsError(err))
	}
}

// over says that a request was answered, took too long or began in another browser, and leads on: to the site of the client if
// this is the browser that brought the request, else to the person's own pages.
func (v *visit) over(status int) error {
	shown := &messagePage{base: base{title: "page.oauth.over", status: status}, text: "page.oauth.over-text"}
	flow := v.r.URL.Query().Get("flow")
	if flow == "" {
		flow = v.r.PostForm.Get("flow")
	}
	if v.p.o.FlowSite != nil {
		browser, _ := v.p.cookies.Read(v.r, oauth.BrowserCookie)
		shown.Site = v.p.o.FlowSite(v.r.Context(), v.app.ID, flow, browser)
	}
	if u, err := url.Parse(shown.Site); err == nil && u.Host != "" {
		shown.Host = u.Host
	} else {
		shown.Site, shown.next, shown.path = "", "page.my.title", "/my"
	}
	return v.say(shown)
}

// refusals are the sentences for people where more can be said than that a request is not valid. What a developer has to know
// is the detail of the page, in the words of the protocol.
var refusals = map[oauth.Code]string{
	oauth.InvalidClient:     "page.oauth.refused-client",
	oauth.InvalidRequestURI: "page.oauth.refused-used",
}

// formPostPage takes an answer to a client by a form (OAuth Form Post section 2). Scripts send it; without them there is a
// button.
type formPostPage struct {
	base
	oauth.Answer
	Host string
}

// FormPost shows a form that takes an answer to a client. Everything in it is text to the page (OA-15, OA-16).
func (p *Pages) FormPost(w http.ResponseWriter, r *http.Request, app auth.AppID, a oauth.Answer) error {
	v := p.lost(w, r)
	if home, err := p.app(r, app); err == nil {
		v.app = home
	}
	return v.formPost(a)
}

func (v *visit) formPost(a oauth.Answer) error {
	shown := &formPostPage{base: base{title: "page.oauth.post", scripts: []string{"post"}}, Answer: a, Host: a.RedirectURI}
	if u, err := url.Parse(a.RedirectURI); err == nil && u.Host != "" {
		shown.Host = u.Host
	}
	if source := a.FormSource(); source != "" {
		shown.forms = []string{source}
	}
	return v.show("form-post", shown)
}

// languages are those that the client of a request says its person reads, before those that the browser says. A form keeps
// what the address of its page said, or the address to return to.
func (v *visit) languages() string {
	said := v.r.URL.Query().Get("ui_locales")
	if said == "" {
		said = v.r.PostForm.Get("ui_locales")
	}
	for _, address := range []string{v.returnTo, v.r.PostForm.Get("return_to")} {
		if u, err := url.Parse(address); said == "" && err == nil {
			said = u.Query().Get("ui_locales")
		}
	}
	accepted := httpx.AcceptLanguage(v.r)
	if said = strings.Join(strings.Fields(said), ","); said == "" || len(said) > oauth.MaxLocales {
		return accepted
	}
	return strings.TrimSuffix(said+","+accepted, ",")
}
