package mail

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/web"
)

// content is what templates and sentences see. App and Name are plain; Link and To were checked.
type content struct {
	*web.Translator
	App, Name, To string
	Link, Code    string // empty: none
	// Inviter and Account are plain; empty: not known.
	Inviter, Account string
	// Client and Device are plain, Device with its address; empty: not known.
	Client, Device string
	Page           string // the address of a page that the mail is about; empty: none
	Began          string // what the mail is about; empty: not known
	Detail         string // a whole sentence; empty: none
	When           string // the mail was caused
	Until, For     string // the link works; empty without a link

	kind Kind
}

// Say is the sentence of the kind that bears the name part, such as `title`.
func (c content) Say(part string) (string, error) {
	return c.T("mail."+string(c.kind)+"."+part, c)
}

// render writes a mail in the language of the first wish that we have. since is when it was caused.
func render(library *web.Library, p parcel, since time.Time) (subject, text, html string, err error) {
	skin := library.Skin(string(p.AppID))
	templates, err := skin.Mail(string(p.Kind))
	if err != nil {
		return "", "", "", err
	}
	c, err := fill(skin, p, since)
	if err != nil {
		return "", "", "", err
	}
	if subject, err = c.Say("subject"); err != nil {
		return "", "", "", err
	}
	var b, h bytes.Buffer
	if err = templates.Text.Execute(&b, c); err != nil {
		return "", "", "", err
	}
	if err = templates.HTML.Execute(&h, c); err != nil {
		return "", "", "", err
	}
	return strings.Join(strings.Fields(subject), " "), wrap(b.String()), h.String(), nil
}

// fill makes the content of a parcel.
func fill(skin *web.Skin, p parcel, since time.Time) (c content, err error) {
	c = content{App: plain(p.App), Name: plain(p.Name), To: p.To, Link: p.Link, Code: p.Code, Inviter: p.Inviter, Account: p.Account,
		Client: p.Client, Device: p.Device, Page: p.Page, kind: p.Kind}
	if c.App == "" {
		c.App = "Ostiary"
	}
	if c.Translator, err = skin.Translator(p.Languages...); err != nil {
		return c, err
	}
	if c.When, err = c.Moment(since); err != nil {
		return c, err
	}
	if !p.ExpiresAt.IsZero() {
		if c.Until, err = c.Moment(p.ExpiresAt); err != nil {
			return c, err
		}
		if c.For, err = c.Span(p.ExpiresAt.Sub(since)); err != nil {
			return c, err
		}
	}
	if !p.Began.IsZero() {
		if c.Began, err = c.Moment(p.Began); err != nil {
			return c, err
		}
	}
	if p.Detail != "" {
		var data any = c
		if p.Detail == BackupCodesLeft {
			data = p.Count
		}
		c.Detail, err = c.T(fmt.Sprintf("mail.%s.%s", p.Kind, p.Detail), data)
	}
	return c, err
}

// Check fills every mail of every skin and language with a sample, as it could be, and says what fails.
func Check(library *web.Library) (problems web.Problems) {
	since := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	for _, app := range library.Skins() {
		for _, language := range library.Speaks() {
			for _, p := range samples(since) {
				p.AppID, p.Languages = auth.AppID(app), []string{language}
				_, _, _, err := render(library, p, since)
				problems = problems.Add("mail/"+string(p.Kind), err)
			}
		}
	}
	return problems
}

// samples are mails of every kind and detail, with and without what they may lack.
func samples(since time.Time) (out []parcel) {
	for _, kind := range Kinds() {
		p := parcel{Kind: kind, To: "ada@example.com", App: "Field Notes", Name: "Ada Lovelace"}
		if kind.linked() {
			p.Link, p.ExpiresAt = "https://id.example.com/?token=sample", since.Add(time.Hour)
		}
		if kind == MagicLink || kind == ConfirmIdentity {
			p.Code, p.ExpiresAt = "271828", since.Add(time.Hour)
		}
		bare := p
		bare.Name, bare.Code = "", ""
		out = append(out, p, bare)
		if kind == Invite {
			p.Inviter, p.Account = "Charles Babbage", "Analytical Society"
		}
		if kind == TokenReused {
			p.Client, p.Device, p.Began = "Book Club", "Firefox on Linux, 203.0.113.7", since.Add(-time.Hour)
			p.Page = "https://id.example.com/my/sessions"
		}
		for _, detail := range Details()[kind] {
			for count := range 2 {
				p.Detail, p.Count = detail, count
				out = append(out, p)
			}
		}
	}
	return out
}
