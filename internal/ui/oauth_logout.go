package ui

import (
	"net/http"
	"net/url"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/oauth"
)

// logoutPage asks whether a client may sign the person out. Its form leads to the endpoint that asked, which judges every
// field again.
type logoutPage struct {
	base
	Client string // name of who asks; empty: nobody knows
	Fields url.Values
}

func showLogout(v *visit) error {
	said := v.r.URL.Query()
	shown := &logoutPage{base: base{title: titles["sign-out"]}, Fields: url.Values{}}
	for _, name := range []string{"client_id", "post_logout_redirect_uri", "state", "ui_locales"} {
		if value := said.Get(name); value != "" {
			shown.Fields.Set(name, value)
		}
	}
	if v.p.o.LogoutTarget != nil {
		name, target := v.p.o.LogoutTarget(v.r.Context(), v.app.ID, said.Get("client_id"), said.Get("post_logout_redirect_uri"))
		if shown.Client = name; target != "" {
			shown.forms = []string{target}
		}
	}
	return v.show("logout", shown)
}

// leftPage says that somebody is signed out, and frames what clients want loaded.
type leftPage struct {
	base
	Client, Next string
	Frames       []string
}

// SignedOut says that somebody is signed out, frames what clients want loaded (OpenID Front-Channel Logout section 3), and
// leads on.
func (p *Pages) SignedOut(w http.ResponseWriter, r *http.Request, out oauth.LoggedOut) error {
	v := p.lost(w, r)
	home, err := p.app(r, out.App)
	if err != nil && !auth.Is(err, auth.CodeNotFound) {
		return err
	}
	if err == nil {
		v.app = home
	}
	v.returnTo = ""
	shown := &leftPage{base: base{title: "page.signed-out.title", scripts: []string{"left"}}, Client: out.Client.Name, Next: out.Location, Frames: out.Frames}
	shown.frames = out.FrameSources()
	return v.show("left", shown)
}
