package ui

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/operation"
)

func (p *Pages) showSetup(w http.ResponseWriter, r *http.Request) error {
	return p.render(w, r, "setup", view{title: "page.setup.title", Token: r.URL.Query().Get("token")})
}

func (p *Pages) setup(w http.ResponseWriter, r *http.Request) error {
	f, err := p.form(w, r)
	if err != nil {
		return err
	}
	in := &operation.CreateFirstAdministratorInput{Token: f.Get("token"), Email: f.Get("email"), Password: f.Get("password"),
		Name: f.Get("name")}
	out, err := p.call(r, "create-first-administrator", auth.DefaultApp, in)
	if err != nil {
		return p.again(w, r, "setup", err, view{title: "page.setup.title", Token: in.Token, Email: in.Email, Name: in.Name})
	}
	if granted, ok := out.Value.(operation.Granted); ok && granted.SessionCookie != "" {
		p.cookies.Set(w.Header(), httpx.Cookie{Name: SessionCookie, Value: granted.SessionCookie})
	}
	return seeOther(w, r, "/done/setup")
}

func (p *Pages) showVerify(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return p.render(w, r, "verify", view{title: "page.verify.title", Token: q.Get("token"), App: q.Get("app")})
}

func (p *Pages) verify(w http.ResponseWriter, r *http.Request) error {
	f, err := p.form(w, r)
	if err != nil {
		return err
	}
	if _, err := p.call(r, "verify-email", auth.AppID(f.Get("app")), &operation.VerifyEmailInput{Token: f.Get("token")}); err != nil {
		return err
	}
	return seeOther(w, r, "/done/verified")
}

// showCancel is where the notice to an old address leads. It spends nothing.
func (p *Pages) showCancel(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return p.render(w, r, "cancel", view{title: "page.cancel.title", Token: q.Get("token"), App: q.Get("app")})
}

func (p *Pages) cancel(w http.ResponseWriter, r *http.Request) error {
	f, err := p.form(w, r)
	if err != nil {
		return err
	}
	in := &operation.CancelEmailChangeInput{Token: f.Get("token")}
	if _, err := p.call(r, "cancel-email-change", auth.AppID(f.Get("app")), in); err != nil {
		return err
	}
	return seeOther(w, r, "/done/kept")
}

// showReset looks at the token without spending it, so that nobody chooses a password for a dead link.
func (p *Pages) showReset(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v := view{title: "page.reset.title", Token: q.Get("token"), App: q.Get("app")}
	out, err := p.call(r, "check-reset-token", auth.AppID(v.App), &operation.CheckResetTokenInput{Token: v.Token})
	if err != nil {
		return err
	}
	if checked, ok := out.Value.(operation.ResetToken); ok {
		v.Email = checked.Email
	}
	return p.render(w, r, "reset", v)
}

func (p *Pages) reset(w http.ResponseWriter, r *http.Request) error {
	f, err := p.form(w, r)
	if err != nil {
		return err
	}
	in := &operation.ResetPasswordInput{Token: f.Get("token"), Password: f.Get("password")}
	if _, err := p.call(r, "reset-password", auth.AppID(f.Get("app")), in); err != nil {
		return p.again(w, r, "reset", err, view{title: "page.reset.title", Token: in.Token, App: f.Get("app")})
	}
	return seeOther(w, r, "/done/reset")
}

// call runs an operation for an anonymous person, or the one whose session cookie came along.
func (p *Pages) call(r *http.Request, name string, app auth.AppID, in any) (operation.Outcome, error) {
	ctx := r.Context()
	if app == "" {
		app = auth.DefaultApp
	}
	httpx.Event(ctx).SetString(httpx.KeyOperation, name)
	caller, err := p.o.Credentials.Resolve(ctx, auth.Presented{
		MountApp: app, IP: httpx.ClientIP(ctx), UserAgent: httpx.Printable(r.UserAgent(), 512),
		AcceptLanguage: httpx.AcceptLanguage(r), RequestID: httpx.RequestID(ctx),
		Door: auth.Door{Contract: "pages", SessionCookie: startsSession(name)},
	})
	if err != nil {
		return operation.Outcome{}, err
	}
	return p.o.Operations.Call(ctx, p.o.Operations.Lookup(name), &operation.Request{Caller: caller}, in)
}

// startsSession tells which operations end with a session cookie.
func startsSession(name string) bool {
	switch name {
	case "create-first-administrator", "sign-in-with-token", "complete-second-factor", "accept-invite":
		return true
	}
	return false
}

// again shows the form once more with what was wrong, if the person can mend it there; other errors are handed on.
func (p *Pages) again(w http.ResponseWriter, r *http.Request, page string, err error, v view) error {
	e := auth.AsError(err)
	switch e.Code {
	case auth.CodeWeakPassword, auth.CodeInvalidRequest, auth.CodeIdentifierTaken:
		v.problem = e
		v.status = e.Code.Status()
		return p.render(w, r, page, v)
	}
	return err
}

// form reads a posted form: ours only (the same-origin check), small, of one content type, every field at most
// once, in the URL neither (IO-04), text that is UTF-8 without NUL.
func (p *Pages) form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if err := p.origins.Check(r); err != nil {
		return nil, err
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, auth.E(auth.CodeUnsupportedMedia, "")
	}
	r.Body = http.MaxBytesReader(w, r.Body, httpx.MaxBody)
	if err := r.ParseForm(); err != nil {
		return nil, auth.E(auth.CodeInvalidRequest, "The form could not be read.")
	}
	query := r.URL.Query()
	for name, values := range r.PostForm {
		if len(values) != 1 || query.Has(name) || !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0) {
			return nil, auth.Invalid(name, auth.ViolationInvalid, "The form could not be read.")
		}
	}
	return r.PostForm, nil
}

// seeOther ends a POST (WB-10): the browser asks for the next page with GET and sends no credentials again.
func seeOther(w http.ResponseWriter, r *http.Request, path string) error {
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}
