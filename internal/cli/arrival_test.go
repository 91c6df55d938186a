package cli

import (
	"encoding/json"
	"errors"
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
			for _, want := range []string{"line 2: new@example.com: not carried: identity at google (there is no such provider)", "line 4: nothing: invalid", "line 5: -: invalid: The line is too long.",
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

// A dry run tells of every line what the import makes of it, also where lines clash that travel in different batches.
func TestUsersImportDryRunSeesTheWholeFile(t *testing.T) {
	s := newShell(t)
	lines := arrivalLines(700)
	lines[3] = `{"email": "four@example.com", "username": "Four"}`
	for n, text := range map[int]string{
		5:   `{"external_id": "4", "email": "within@example.com"}`, // within a batch
		600: `{"external_id": "a", "email": "USER2@example.com"}`,
		610: `{"external_id": "a", "email": "a@example.com"}`, // line 601 is not made, so nobody has this id
		620: `{"email": "b@example.com", "username": "four"}`,
		630: `{"external_id": "1", "email": "c@example.com"}`,
		640: `{"id": "019ca945-0a00-7000-934f-6daf961913ef", "email": "d@example.com"}`,
		650: `{"id": "019ca945-0a00-7000-934f-6daf961913ef", "email": "e@example.com"}`,
	} {
		lines[n] = text
	}
	file := arrivalFile(t, lines...)
	type reported struct {
		Line    int
		Outcome string
		Field   string
		Earlier int `json:"earlier_line"`
	}
	report := func(args ...string) (out []reported, summary importSummary) {
		text, errs, code := s.run(append([]string{"users", "import", file, "--json"}, args...)...)
		if code != exitFailed {
			t.Fatalf("exit %d\n%s%s", code, text, errs)
		}
		for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
			var r reported
			end := struct{ Summary *importSummary }{&summary}
			if err := errors.Join(json.Unmarshal([]byte(line), &r), json.Unmarshal([]byte(line), &end)); err != nil {
				t.Fatal(err)
			}
			if r.Outcome == "valid" {
				r.Outcome = "created"
			}
			if r.Line > 0 {
				out = append(out, r)
			}
		}
		return out, summary
	}
	dry, drySum := report("--dry-run")
	for line, want := range map[int]reported{6: {6, "exists", "external_id", 5}, 601: {601, "exists", "email", 3}, 611: {611, "created", "", 0},
		621: {621, "invalid", "username", 4}, 631: {631, "exists", "external_id", 2}, 651: {651, "exists", "id", 641}} {
		if got := dry[line-1]; got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if out, _, _ := s.run("users", "import", file, "--dry-run"); !strings.Contains(out, "line 601: a: exists: Line 3 has this email.") {
		t.Errorf("%s", out)
	}
	stopped, _ := report("--dry-run", "--existing", "fail")
	if last := stopped[5]; last.Outcome != "exists" || stopped[6].Outcome != "not-reached" {
		t.Errorf("%+v", stopped[5:7])
	}
	real, realSum := report()
	for n := range real {
		if dry[n].Outcome != real[n].Outcome || dry[n].Field != real[n].Field {
			t.Errorf("the dry run said %+v, the import %+v", dry[n], real[n])
		}
	}
	if drySum.DryRun = false; drySum != realSum || len(real) != 700 {
		t.Errorf("the dry run said %+v, the import %+v", drySum, realSum)
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
