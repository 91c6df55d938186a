package ui

import (
	"net/http"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// showInvite is where a mailed invitation leads. It spends nothing and looks nothing up, so it tells nobody who has an
// account (IN-03).
func (p *Pages) showInvite(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return p.render(w, r, "invite", view{title: "page.invite.title", Token: q.Get("token"), App: q.Get("app")})
}

func (p *Pages) acceptInvite(w http.ResponseWriter, r *http.Request) error {
	f, err := p.form(w, r)
	if err != nil {
		return err
	}
	in := &operation.AcceptInviteInput{Token: f.Get("token"), Name: f.Get("name")}
	out, err := p.call(r, "accept-invite", auth.AppID(f.Get("app")), in)
	if err != nil {
		return p.again(w, r, "invite", err, view{title: "page.invite.title", Token: in.Token, App: f.Get("app"), Name: in.Name})
	}
	if half, ok := out.Value.(operation.Challenged); ok {
		return p.render(w, r, "code", view{title: "page.code.title", Token: half.Challenge.Token, App: f.Get("app")})
	}
	return p.entered(w, r, f, out)
}
