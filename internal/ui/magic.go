package ui

import (
	"net/http"
	"net/url"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// showMagic is where a mailed link leads. It spends nothing: scanners of mail follow links, people press buttons.
func (p *Pages) showMagic(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return p.render(w, r, "magic", view{title: "page.magic.title", Token: q.Get("token"), App: q.Get("app")})
}

func (p *Pages) magic(w http.ResponseWriter, r *http.Request) error {
	f, err := p.form(w, r)
	if err != nil {
		return err
	}
	out, err := p.call(r, "sign-in-with-token", auth.AppID(f.Get("app")), &operation.SignInWithTokenInput{Token: f.Get("token")})
	if err != nil {
		return err
	}
	if half, ok := out.Value.(operation.Challenged); ok {
		return p.render(w, r, "code", view{title: "page.code.title", Token: half.Challenge.Token, App: f.Get("app")})
	}
	return p.entered(w, r, f, out)
}

// magicCode is the second step, for users with a second factor.
func (p *Pages) magicCode(w http.ResponseWriter, r *http.Request) error {
	f, err := p.form(w, r)
	if err != nil {
		return err
	}
	in := &operation.CompleteSecondFactorInput{Token: f.Get("token"), Code: f.Get("code")}
	out, err := p.call(r, "complete-second-factor", auth.AppID(f.Get("app")), in)
	if auth.Is(err, auth.CodeSecondFactorWrong) {
		return p.render(w, r, "code", view{title: "page.code.title", Token: in.Token, App: f.Get("app"),
			problem: auth.AsError(err), status: http.StatusUnauthorized})
	}
	if err != nil {
		return err
	}
	return p.entered(w, r, f, out)
}

// entered sets the session cookie of the app default; other apps have no pages of ours to be signed in at.
func (p *Pages) entered(w http.ResponseWriter, r *http.Request, f url.Values, out operation.Outcome) error {
	app := auth.AppID(f.Get("app"))
	if granted, ok := out.Value.(operation.Granted); ok && granted.SessionCookie != "" && (app == "" || app == auth.DefaultApp) {
		p.cookies.Set(w.Header(), httpx.Cookie{Name: SessionCookie, Value: granted.SessionCookie})
	}
	return seeOther(w, r, "/done/signed-in")
}
