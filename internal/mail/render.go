package mail

import (
	"bytes"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/ostiary-id/ostiary/web"
)

// moment is how times are written in mails; there is no time zone of a recipient to go by.
const moment = "2 January 2006 15:04 UTC"

// content is what templates see. App and Name are plain; Link and To were checked.
type content struct {
	App, Name, To, Link, Code, Detail string
	When, Until                       string
}

// pair is the templates of one kind.
type pair struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

// parseTemplates reads the embedded templates of all kinds.
func parseTemplates() (map[Kind]pair, error) {
	out := map[Kind]pair{}
	for _, kind := range Kinds() {
		text, err := texttemplate.New(string(kind)).ParseFS(web.Mail, "mail/layout.txt.tmpl", "mail/"+string(kind)+".txt.tmpl")
		if err != nil {
			return nil, fmt.Errorf("text template of %s: %w", kind, err)
		}
		html, err := htmltemplate.New(string(kind)).ParseFS(web.Mail, "mail/layout.html.tmpl", "mail/"+string(kind)+".html.tmpl")
		if err != nil {
			return nil, fmt.Errorf("HTML template of %s: %w", kind, err)
		}
		out[kind] = pair{text, html}
	}
	return out, nil
}

// render fills the templates of a parcel. since is when the mail was caused.
func (t pair) render(p parcel, since time.Time) (subject, text, html string, err error) {
	c := content{App: plain(p.App), Name: plain(p.Name), To: p.To, Link: p.Link, Code: p.Code, Detail: p.Detail,
		When: since.UTC().Format(moment)}
	if c.App == "" {
		c.App = "Ostiary"
	}
	if !p.ExpiresAt.IsZero() {
		c.Until = p.ExpiresAt.UTC().Format(moment)
	}
	var s, b, h bytes.Buffer
	if err = t.text.ExecuteTemplate(&s, "subject", c); err != nil {
		return "", "", "", err
	}
	if err = t.text.ExecuteTemplate(&b, "layout", c); err != nil {
		return "", "", "", err
	}
	if err = t.html.ExecuteTemplate(&h, "layout", c); err != nil {
		return "", "", "", err
	}
	return strings.Join(strings.Fields(s.String()), " "), b.String(), h.String(), nil
}
