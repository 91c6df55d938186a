package ui

import (
	"unicode"

	"github.com/ostiary-id/ostiary/internal/operation"
)

// myPage is the overview: what is set up, and what is advisable.
type myPage struct {
	owned
	Me       operation.Me
	Sessions int
	Passkeys int
}

// card leads to a page and says how things stand there.
type card struct{ Path, Title, Text string }

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
	held, err := v.passkeys()
	if err != nil {
		return err
	}
	shown.Sessions, shown.Passkeys = sessions.Total, len(held.Passkeys)
	return v.mine("my", shown)
}

// Initial stands for the person where there is no picture.
func (p *myPage) Initial() string {
	for _, r := range p.Me.User.Name + p.Me.User.Email {
		return string(unicode.ToUpper(r))
	}
	return ""
}

// Advice is what the person had better do.
func (p *myPage) Advice() ([]menuItem, error) {
	var out []menuItem
	var err error
	add := func(needed bool, path, key string) {
		if !needed || err != nil {
			return
		}
		item := menuItem{Path: p.Link(path)}
		item.Text, err = p.T(key)
		out = append(out, item)
	}
	add(!p.Me.User.EmailVerified, "/my/emails", "page.my.advice.verify")
	add(!p.Me.User.TwoFactorEnabled && p.Passkeys == 0, "/my/passkeys", "page.my.advice.passkey")
	add(p.Me.User.TwoFactorEnabled && p.Me.BackupCodesLeft < fewCodes, "/my/two-factor", "page.my.advice.codes")
	return out, err
}

// fewCodes is how many backup codes are enough.
const fewCodes = 3

// Cards are how things stand.
func (p *myPage) Cards() ([]card, error) {
	var out []card
	var err error
	add := func(path, title, key string, data ...any) {
		if err != nil {
			return
		}
		c := card{Path: p.Link(path)}
		if c.Title, err = p.T(title); err == nil {
			c.Text, err = p.T(key, data...)
		}
		out = append(out, c)
	}
	add("/my/profile", "page.my.profile.title", "page.my.profile.about")
	if p.Me.User.EmailVerified {
		add("/my/emails", "page.my.emails.title", "page.my.emails.proven")
	} else {
		add("/my/emails", "page.my.emails.title", "page.my.emails.unproven")
	}
	if p.Me.HasPassword {
		add("/my/password", "page.my.password.title", "page.my.password.has")
	} else {
		add("/my/password", "page.my.password.title", "page.my.password.has-none")
	}
	if p.Me.User.TwoFactorEnabled {
		add("/my/two-factor", "page.my.factor.title", "page.my.factor.left", p.Me.BackupCodesLeft)
	} else {
		add("/my/two-factor", "page.my.factor.title", "page.my.factor.none")
	}
	add("/my/passkeys", "page.my.passkeys.title", "page.my.passkeys.count", p.Passkeys)
	add("/my/sessions", "page.my.sessions.title", "page.my.sessions.count", p.Sessions)
	add("/my/apps", "page.my.apps.title", "page.my.apps.hint")
	add("/my/activity", "page.my.activity.title", "page.my.activity.about")
	add("/my/accounts", "page.my.accounts.title", "page.my.accounts.count", len(p.Me.User.Memberships))
	add("/my/data", "page.my.data.title", "page.my.data.about")
	return out, err
}

// overviewKeys are the sentences of the overview.
func overviewKeys() []string {
	return []string{"page.my.advice.verify", "page.my.advice.passkey", "page.my.advice.codes", "page.my.profile.about",
		"page.my.emails.proven", "page.my.activity.about", "page.my.data.about"}
}
