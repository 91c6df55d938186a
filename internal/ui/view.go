package ui

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/web"
)

// brand is how an app looks to people. All but Name may be empty; the addresses are on https, as package app sees to.
type brand struct {
	Name           string
	Logo           string // path of the image
	Accent         string // path of the style sheet of the accent colour
	Terms, Privacy string // addresses of pages
	Support        string // e-mail address
}

func brandOf(app auth.App) brand {
	own := app.Settings.Brand
	out := brand{Name: app.Name, Logo: own.LogoPath(app.ID), Accent: accentPath(own), Terms: own.TermsURL, Privacy: own.PrivacyURL, Support: own.Support}
	if out.Name == "" {
		out.Name = string(app.ID)
	}
	return out
}

// remedy is a link beside a problem that leads out of it.
type remedy struct{ Path, Text string }

// base is what the layout shows and every template may use, and by the translator how it is said: {{.T "page.verify.text"}}.
// What a page shows embeds it; show fills it.
type base struct {
	*web.Translator
	Brand              brand
	Title, Style       string
	Problem            string // what went wrong, in a sentence
	Remedy             *remedy
	Marked             bool // it stands beside a field
	Wide               bool
	App, ReturnTo      string
	Token              string // of a mailed link
	Scripts            []string
	Nonce, RequestID   string
	Menu               []menuGroup // of an account's pages; empty elsewhere
	Below              bool        // it is one of these, below the overview
	status             int
	problem            *auth.Error // Problem is about it
	remedyPath, remedy string      // path and key of the sentence of Remedy
	title              string      // key of the sentence of Title
	says               string      // key of the sentence of Problem; empty: that of the error
	focused            bool        // a field has the focus already
	again              bool        // a form is shown once more
	v                  *visit
	values             url.Values // what the fields show
	scripts            []string   // names of those that only this page needs
	focus              string     // kind of the field that has the focus at first
	forms              []string   // where else than to us its forms may lead
	frames             []string   // origins of what it frames
}

// shown is anything that embeds base.
type shown interface{ common() *base }

func (b *base) common() *base { return b }

// show writes a page in the language that the request asks for, else that of the app.
func (v *visit) show(name string, content shown) error {
	tmpl, err := v.p.o.Library.Skin(string(v.app.ID)).Page(name)
	b := content.common()
	if err == nil {
		b.Translator, err = v.translator()
	}
	if err == nil {
		b.Nonce, err = v.nonce()
	}
	if err == nil {
		err = v.fill(b)
	}
	var out bytes.Buffer
	if err == nil {
		err = tmpl.Execute(&out, content)
	}
	if err != nil {
		return auth.Internal(fmt.Errorf("page %s: %w", name, err))
	}
	httpx.Page(v.w.Header(), httpx.PagePolicy{Style: "'self'", Nonce: b.Nonce, Forms: b.forms, Frames: b.frames})
	v.w.Header().Set("Content-Language", b.Lang)
	v.w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	v.w.WriteHeader(b.status)
	_, _ = out.WriteTo(v.w) // a client that hung up cannot be told
	return nil
}

// nonce is what marks the scripts of one answer as ours: 128 bits, used once (WB-04).
func (v *visit) nonce() (string, error) {
	var bits [16]byte
	if _, err := io.ReadFull(v.p.o.Rand, bits[:]); err != nil {
		return "", fmt.Errorf("nonce: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(bits[:]), nil
}

// fill completes what a page says of itself with what is the same for every page.
func (v *visit) fill(b *base) (err error) {
	b.v, b.Brand, b.App, b.ReturnTo = v, brandOf(v.app), string(v.app.ID), v.returnTo
	b.Style = v.p.assets.style(b.App)
	for _, name := range append([]string{"page", "password"}, b.scripts...) {
		b.Scripts = append(b.Scripts, v.p.assets.scripts[name])
	}
	if b.values == nil {
		b.values = v.form
	}
	if b.status == 0 {
		b.status = http.StatusOK
	}
	if b.Title == "" && b.title != "" {
		if b.Title, err = b.T(b.title, b.Brand); err != nil {
			return err
		}
	}
	if b.problem != nil {
		b.RequestID = httpx.RequestID(v.r.Context())
		if b.Problem, b.Marked = b.explain(b.problem), b.marks(); b.Marked && b.says == "" {
			b.says = "page.field.check"
		}
		if b.says != "" && err == nil {
			b.Problem, err = b.T(b.says)
		}
	}
	if b.remedy != "" {
		b.Remedy = &remedy{Path: v.link(b.remedyPath)}
		b.Remedy.Text, err = b.T(b.remedy)
	}
	return err
}

// Link is the address of a page of ours, for the same app and with the same place to return to.
func (b *base) Link(path string) string { return b.v.link(path) }

// Field is one input with everything around it, by its kind; the part `field` shows it.
func (b *base) Field(kind string) (*field, error) {
	known, ok := fields[kind]
	if !ok {
		return nil, fmt.Errorf("there is no field %s", kind)
	}
	f := &field{input: known, ID: kind}
	var err error
	say := func(out *string, key string) {
		if err == nil {
			*out, err = b.T(key)
		}
	}
	say(&f.Label, f.label)
	if f.hint != "" {
		say(&f.Hint, f.hint)
	}
	if !f.Required {
		say(&f.Optional, "page.field.optional")
	}
	if f.Secret() {
		say(&f.Show, "page.field.show")
		say(&f.Hide, "page.field.hide")
	} else {
		f.Value = b.values.Get(f.Name)
	}
	if f.Autocomplete == newPassword {
		var words string
		say(&words, "page.field.strength")
		f.Strength = strings.Split(words, "|")
		f.MinLength = max(f.MinLength, b.v.app.Settings.PasswordMin)
		if err == nil && len(f.Strength) != strengths {
			err = fmt.Errorf("page.field.strength in %s must be %d phrases with | between them", b.Lang, strengths)
		}
	}
	f.Error = b.wrong(f.Name)
	f.Focus = !b.focused && (b.problem == nil && b.focus == kind || b.Marked && f.Error != "")
	b.focused = b.focused || f.Focus
	f.describe()
	return f, err
}

// Fixed is Field for a value that stands and only is shown along, so that password managers know whose password it is.
func (b *base) Fixed(kind, value string) (*field, error) {
	f, err := b.Field(kind)
	if err == nil {
		f.Value, f.ReadOnly, f.Focus, f.Hint = value, true, false, ""
		f.describe()
	}
	return f, err
}

// wrong says what is wrong with the field of a form; empty if nothing is.
func (b *base) wrong(name string) string {
	if b.problem == nil {
		return ""
	}
	for _, one := range b.problem.Violations {
		if one.Field == name {
			return b.violated(one)
		}
	}
	if slices.Contains(fieldsOf[b.problem.Code], name) {
		return b.explain(b.problem)
	}
	return ""
}

// marks reports whether what is wrong stands beside a field, so that the page need not say it twice.
func (b *base) marks() bool {
	if !b.again {
		return false
	}
	if len(b.problem.Violations) == 0 {
		return len(fieldsOf[b.problem.Code]) > 0 && b.says == ""
	}
	for _, one := range b.problem.Violations {
		if !slices.ContainsFunc(slices.Collect(maps.Values(fields)), func(f input) bool { return f.Name == one.Field }) {
			return false
		}
	}
	return true
}

// fieldsOf are the fields that refusals without violations are about.
var fieldsOf = map[auth.Code][]string{
	auth.CodeWeakPassword:       {"password"},
	auth.CodeSecondFactorWrong:  {"code"},
	auth.CodeInvalidCredentials: {"current_password"},
	auth.CodeInviteCodeInvalid:  {"invite_code"}, auth.CodeInviteCodeRequired: {"invite_code"},
}
