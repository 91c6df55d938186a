package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTemplatesCommands(t *testing.T) {
	s := newShell(t)
	if out := s.ok("templates", "check"); !strings.HasPrefix(out, "No mistakes in 0 files") {
		t.Error(out)
	}
	if out := s.ok("templates", "list"); !strings.Contains(out, "pages/verify.html.tmpl") || strings.Contains(out, "yes") {
		t.Error(out)
	}
	text := s.ok("templates", "show", "mail/body.txt.tmpl")
	if !strings.Contains(text, "{{.Link}}") {
		t.Error(text)
	}
	if got := s.fails(exitFailed, "templates", "show", "mail/bdy.txt.tmpl"); !strings.Contains(got, "did you mean mail/body.txt.tmpl?") {
		t.Error(got)
	}
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(s.data, "templates", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("mail/body.txt.tmpl", text)
	write("locales/nl.json", `{"mail.hello": "Dag {{.Name}},"}`)
	if out := s.ok("templates", "check"); !strings.HasPrefix(out, "No mistakes in 2 files") {
		t.Error(out)
	}
	if out := s.ok("templates", "list"); strings.Count(out, "yes") != 2 || !strings.Contains(out, "locales/nl.json") {
		t.Error(out)
	}
	if out, _, _ := s.run("doctor"); !strings.Contains(out, "locales/nl.json lacks") {
		t.Error(out)
	}
	write("pages/verify.html.tmpl", "\n\n{{.Nothing}}")
	out, errs, code := s.run("templates", "check")
	if code != exitFailed || !strings.Contains(out, "pages/verify.html.tmpl:3: ") || !strings.Contains(errs, "1 mistakes") {
		t.Errorf("%d\n%s\n%s", code, out, errs)
	}
	if out, _, _ := s.run("doctor"); !strings.Contains(out, "UNSAFE  templates: "+filepath.Join(s.data, "templates", "pages", "verify.html.tmpl")+":3:") {
		t.Error(out)
	}
}
