package oauth

import (
	"net/http"
	"net/url"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/oauth"
)

// logout is the end session endpoint (OpenID RP-Initiated Logout section 2). A form from elsewhere is asked for again with
// GET, as at the authorization endpoint; one of our own page is the person's yes.
func (d *Door) logout(w http.ResponseWriter, r *http.Request) error {
	var f oauth.Form
	var err error
	confirmed := false
	if r.Method == http.MethodPost {
		if f, err = form(w, r); err != nil {
			return err
		}
		confirmed = f.Get("confirm") != "" && d.origins.Ours(r)
		delete(f, "confirm")
		if q := url.Values(f).Encode(); !confirmed {
			if len(q) > maxQuery {
				return tooLong()
			}
			return to(w, oauth.LogoutPath+"?"+q)
		}
	} else if f, err = query(r); err != nil || r.Method == http.MethodHead {
		return err
	}
	out, err := d.o.Service.Logout(r.Context(), f, d.visit(r), confirmed)
	if err != nil {
		return err
	}
	return d.left(w, r, f, out)
}

// left tells the browser what came of it.
func (d *Door) left(w http.ResponseWriter, r *http.Request, f oauth.Form, out oauth.LoggedOut) error {
	way := url.Values{}
	if out.App != auth.DefaultApp {
		way.Set("app", string(out.App))
	}
	if said := f.Get("ui_locales"); said != "" && len(said) <= oauth.MaxLocales {
		way.Set("ui_locales", said) // pages of ours speak the language that the client asks for
	}
	if out.Ask {
		way.Set("client_id", out.Client.OAuthID())
		for _, name := range []string{"post_logout_redirect_uri", "state"} {
			way.Set(name, f.Get(name))
		}
		return to(w, oauth.LogoutPagePath+"?"+way.Encode())
	}
	d.cookies.Clear(w.Header(), httpx.Cookie{Name: d.o.SessionCookie(out.App)})
	switch {
	case len(out.Frames) > 0:
		return d.o.Pages.SignedOut(w, r, out)
	case out.Location != "":
		return to(w, out.Location)
	}
	return to(w, "/signed-out?"+way.Encode())
}
