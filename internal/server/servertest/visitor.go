package servertest

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// Visitor is a person at a browser without scripts: cookies, redirects and forms. It signs in where it is asked to, and
// never leaves the server.
type Visitor struct {
	Email, Password string
	// Code answers a code of the person's authenticator app; nil: they have none.
	Code func() string

	t    testing.TB
	base *url.URL
	http *http.Client
}

// Page is where a visitor has come.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	// Away is the address outside the server to which the visitor was sent; nil: none. Form is what a form would carry
	// there (OAuth Form Post), nil for a redirect.
	Away *url.URL
	Form url.Values
	// Text is what the page shows; Seen are the paths of the pages before it at which something had to be done.
	Text string
	Seen []string

	forms  []pageForm
	onward string // where a page leads that shows nothing but the way
}

// Answer is what came back to a client, whatever way.
func (p Page) Answer() url.Values {
	switch {
	case p.Away == nil:
		return nil
	case p.Form != nil:
		return p.Form
	case p.Away.Fragment != "":
		values, _ := url.ParseQuery(p.Away.EscapedFragment()) // what cannot be read is no answer
		return values
	}
	return p.Away.Query()
}

type pageForm struct {
	action  *url.URL
	fields  url.Values
	buttons [][2]string // name and value
}

// NewVisitor makes a visitor of the server at base.
func NewVisitor(t testing.TB, base, email, password string) *Visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	home, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	return &Visitor{Email: email, Password: password, t: t, base: home, http: &http.Client{Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Visitor makes one of this server.
func (i *Instance) Visitor(email, password string) *Visitor {
	i.t.Helper()
	return NewVisitor(i.t, i.URL, email, password)
}

// Open opens an address, or sends a form there, and follows it to a page or out of the server.
func (v *Visitor) Open(target string, form url.Values) Page {
	v.t.Helper()
	at, err := v.base.Parse(target)
	if err != nil {
		v.t.Fatal(err)
	}
	for range 12 {
		if at.Host != v.base.Host || at.Scheme != v.base.Scheme {
			return Page{URL: at, Away: at}
		}
		resp := v.ask(at, form)
		next, err := resp.Location()
		if err != nil || resp.StatusCode < 300 || resp.StatusCode >= 400 {
			return v.page(at, resp)
		}
		_ = resp.Body.Close()
		at, form = next, nil
	}
	v.t.Fatalf("%s redirects for ever", target)
	return Page{}
}

// Go goes on from an address as far as the visitor can: it signs in, and presses the first button with one of the values.
func (v *Visitor) Go(target string, presses ...string) Page {
	v.t.Helper()
	page, seen := v.Open(target, nil), []string(nil)
	for range 12 {
		form := v.next(page, presses)
		switch {
		case page.Away != nil, form == nil && page.onward == "":
			page.Seen = seen
			return page
		case form == nil:
			page = v.Open(page.onward, nil)
		default:
			seen = append(seen, page.URL.Path)
			page = v.Open(form.action.String(), form.fields)
		}
	}
	page.Seen = seen
	return page
}

// next is the form that the visitor would send on a page.
func (v *Visitor) next(p Page, presses []string) *pageForm {
	typed := map[string]string{"identifier": v.Email, "password": v.Password, "current_password": v.Password}
	if v.Code != nil {
		typed["code"] = v.Code()
	}
	for _, f := range p.forms {
		filled := false
		for name := range f.fields {
			if text, ok := typed[name]; ok {
				f.fields.Set(name, text)
				filled = true
			}
		}
		button := slices.IndexFunc(f.buttons, func(b [2]string) bool { return slices.Contains(presses, b[1]) })
		if button >= 0 {
			f.fields.Set(f.buttons[button][0], f.buttons[button][1])
		}
		if filled || button >= 0 {
			return &f
		}
	}
	return nil
}

func (v *Visitor) ask(at *url.URL, form url.Values) *http.Response {
	v.t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(context.Background(), method, at.String(), strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	r.Header.Set("Accept-Language", "en")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", v.base.Scheme+"://"+v.base.Host)
	}
	resp, err := v.http.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp
}

func (v *Visitor) page(at *url.URL, resp *http.Response) Page {
	v.t.Helper()
	defer func() { _ = resp.Body.Close() }()
	p := Page{URL: at, Status: resp.StatusCode, Header: resp.Header}
	root, err := html.Parse(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	p.read(root)
	p.Text = strings.Join(strings.Fields(p.Text), " ")
	for _, f := range p.forms {
		if f.action.Host != v.base.Host {
			p.Away, p.Form = f.action, f.fields // a script would send it at once
		}
	}
	return p
}

// read gathers text and forms of a document.
func (p *Page) read(n *html.Node) {
	switch {
	case n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "script":
		p.Text += " " + n.Data
	case n.Type == html.ElementNode && n.Data == "a" && attribute(n, "class") == "button" && attribute(n, "href") != "/my":
		p.onward = attribute(n, "href")
	case n.Type == html.ElementNode && n.Data == "form":
		if action, err := p.URL.Parse(attribute(n, "action")); err == nil {
			p.forms = append(p.forms, pageForm{action: action, fields: url.Values{}})
		}
	case n.Type == html.ElementNode && len(p.forms) > 0:
		p.field(n, &p.forms[len(p.forms)-1])
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		p.read(c)
	}
}

func (p *Page) field(n *html.Node, f *pageForm) {
	name := attribute(n, "name")
	switch {
	case name == "" || attribute(n, "type") == "checkbox":
	case n.Data == "input":
		f.fields.Set(name, attribute(n, "value"))
	case n.Data == "button":
		f.buttons = append(f.buttons, [2]string{name, attribute(n, "value")})
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
