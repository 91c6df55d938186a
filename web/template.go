package web

import (
	htmltemplate "html/template"
	"io"
	texttemplate "text/template"
)

// Mail is the templates of one kind of mail: a layout around a body, in text and in HTML.
type Mail struct {
	Text *texttemplate.Template
	HTML *htmltemplate.Template
}

// Page is the template of one page.
type Page struct{ template *htmltemplate.Template }

// Execute writes the page. An error of the template names its file and line; see ProblemOf.
func (p *Page) Execute(w io.Writer, data any) error { return p.template.Execute(w, data) }

const (
	htmlEnding = ".html.tmpl"
	textEnding = ".txt.tmpl"
	styleName  = "style.css"
	layoutName = "layout"
	bodyName   = "body"
	partsName  = "parts"
)

// Mail is the templates of a kind of mail. The body is the kind's own if there is one, else that of all kinds.
func (s *Skin) Mail(kind string) (*Mail, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.mails[kind]; ok {
		return m, nil
	}
	m := &Mail{}
	layout, layoutText, body, bodyText, err := s.sources("mail/", textEnding, kind, bodyName)
	if err != nil {
		return nil, err
	}
	m.Text, err = texttemplate.New(layout).Option("missingkey=error").Parse(layoutText)
	if err != nil {
		return nil, Problems{ProblemOf(layout, err)}
	}
	part, err := m.Text.New(body).Parse(bodyText)
	if err != nil {
		return nil, Problems{ProblemOf(body, err)}
	}
	if _, err := m.Text.AddParseTree(bodyName, part.Tree); err != nil {
		return nil, Problems{ProblemOf(body, err)}
	}
	layout, layoutText, body, bodyText, err = s.sources("mail/", htmlEnding, kind, bodyName)
	if err != nil {
		return nil, err
	}
	if m.HTML, err = parseHTML(layout, layoutText, body, bodyText); err != nil {
		return nil, err
	}
	s.mails[kind] = m
	return m, nil
}

// Page is the template of a page: the layout around the page's own, and the parts that both may call by name.
func (s *Skin) Page(name string) (*Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.pages[name]; ok {
		return p, nil
	}
	layout, layoutText, body, bodyText, err := s.sources("pages/", htmlEnding, name)
	if err != nil {
		return nil, err
	}
	parts, partsText, err := s.find("pages/" + partsName + htmlEnding)
	if err != nil {
		return nil, err
	}
	t, err := parseHTML(layout, layoutText, body, bodyText)
	if err != nil {
		return nil, err
	}
	if _, err := t.New(parts).Parse(partsText); err != nil {
		return nil, Problems{ProblemOf(parts, err)}
	}
	p := &Page{t}
	s.pages[name] = p
	return p, nil
}

// sources finds a layout and what goes into it.
func (s *Skin) sources(dir, ending string, bodies ...string) (layout, layoutText, body, bodyText string, err error) {
	if layout, layoutText, err = s.find(dir + layoutName + ending); err != nil {
		return "", "", "", "", err
	}
	names := make([]string, len(bodies))
	for i, name := range bodies {
		names[i] = dir + name + ending
	}
	body, bodyText, err = s.find(names...)
	return layout, layoutText, body, bodyText, err
}

// parseHTML makes a template of a layout that calls `body`.
func parseHTML(layout, layoutText, body, bodyText string) (*htmltemplate.Template, error) {
	t, err := htmltemplate.New(layout).Option("missingkey=error").Parse(layoutText)
	if err != nil {
		return nil, Problems{ProblemOf(layout, err)}
	}
	part, err := t.New(body).Parse(bodyText)
	if err != nil {
		return nil, Problems{ProblemOf(body, err)}
	}
	if _, err := t.AddParseTree(bodyName, part.Tree); err != nil {
		return nil, Problems{ProblemOf(body, err)}
	}
	return t, nil
}
