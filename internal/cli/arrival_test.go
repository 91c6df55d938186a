package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func arrivalFile(t *testing.T, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func arrivalLines(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf(`{"external_id": "%d", "email": "user%[1]d@example.com", "email_verified": true, "password": {"hash": "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"}}`, i))
	}
	return lines
}

// The import does the same with a server and without one, goes on where it was broken off, and tells of each line.
func TestUsersImport(t *testing.T) {
	for _, served := range []bool{false, true} {
		t.Run(fmt.Sprintf("served=%v", served), func(t *testing.T) {
			s := newShell(t)
			if served {
				s.serve()
			}
			lines := arrivalLines(700)
			file := arrivalFile(t, lines...)
			if out := s.ok("users", "import", file, "--dry-run"); !strings.Contains(out, "700 lines: 700 would be created") {
				t.Errorf("%s", out)
			}
			if got := s.list("users", "list"); len(got) != 0 {
				t.Fatalf("a dry run made %d users", len(got))
			}
			if out := s.ok("users", "import", file, "--from", "601"); !strings.Contains(out, "100 lines: 100 created") {
				t.Errorf("%s", out)
			}
			if out := s.ok("users", "import", file); !strings.Contains(out, "700 lines: 600 created") || !strings.Contains(out, "100 were there") {
				t.Errorf("%s", out)
			}
			if got := s.object("users", "show", "650"); got["email"] != "user650@example.com" || got["external_id"] != "650" {
				t.Errorf("%v", got)
			}
			_, errs, code := s.run("users", "import", file, "--existing", "fail")
			if code != exitFailed || !strings.Contains(errs, "there already") {
				t.Errorf("%d %s", code, errs)
			}
			wrong := arrivalFile(t, "", `{"email": "new@example.com", "identities": [{"provider": "google", "subject": "7"}]}`, "", `{"email": "nothing"}`,
				`{"name": "`+strings.Repeat("x", 70000)+`"}`, `{"email": "last@example.com"}`)
			out, errs, code := s.run("users", "import", wrong)
			for _, want := range []string{"line 2: new@example.com: not carried: identities (1)", "line 4: nothing: invalid", "line 5: -: invalid: The line is too long.",
				"4 lines: 2 created (1 of them without something they had), 0 were there, 2 invalid."} {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if code != exitFailed || !strings.Contains(errs, "not every line") {
				t.Errorf("%d %s", code, errs)
			}
			s.fails(exitUsage, "users", "import", file, "--existing", "overwrite")
			s.fails(exitFailed, "users", "import", filepath.Join(t.TempDir(), "nothing"))
			s.fails(exitFailed, "users", "import", file, "--app", "nothing")
		})
	}
}

// With --json each line of the file has one of the report, and a summary ends it; what is exported comes back in.
func TestUsersExport(t *testing.T) {
	s, other := newShell(t), newShell(t)
	s.in = strings.Join(arrivalLines(450), "\n")
	out := s.ok("users", "import", "-", "--json")
	reports := strings.Split(strings.TrimSpace(out), "\n")
	var summary struct{ Summary importSummary }
	if err := json.Unmarshal([]byte(reports[len(reports)-1]), &summary); err != nil || len(reports) != 451 || summary.Summary.Created != 450 || summary.Summary.Through != 450 {
		t.Errorf("%d lines, %+v, %v", len(reports), summary, err)
	}
	file := filepath.Join(t.TempDir(), "out.jsonl")
	if got := s.object("users", "export", file); got["users"] != 450.0 {
		t.Errorf("%v", got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	s.fails(exitFailed, "users", "export", file)
	if text, err := os.ReadFile(file); err != nil || s.ok("users", "export", "-", "--with-secrets") != string(text) {
		t.Errorf("the export to standard output differs: %v", err)
	}
	if out := other.ok("users", "import", file); !strings.Contains(out, "450 lines: 450 created") {
		t.Errorf("%s", out)
	}
	if was, is := s.object("users", "show", "user7@example.com")["id"], other.object("users", "show", "user7@example.com")["id"]; was != is {
		t.Errorf("%v is %v now", was, is)
	}
}
