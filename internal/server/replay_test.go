package server_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/contracts"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/internal/server"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// shippedNames lists the documents of the binary, by the files that are embedded.
func shippedNames() []string {
	var out []string
	files, _ := contracts.Files.ReadDir(".") // an embedded directory is always there
	for _, f := range files {
		out = append(out, strings.TrimSuffix(f.Name(), ".yaml"))
	}
	return out
}

// TestShippedExamples replays every example of the shipped documents, as `ostiary contract test` does.
func TestShippedExamples(t *testing.T) {
	for _, name := range shippedNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, err := server.Source(name)
			if err != nil {
				t.Fatal(err)
			}
			replayed(t, src, "")
		})
	}
	for _, name := range []string{"club.yaml", "ledger.yaml", "legacy.yaml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			replayed(t, contract.Source{Name: name, Data: data}, "")
		})
	}
}

// guide is contracts/README.md.
func guide(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../contracts/README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// fenced is the nth block of the guide in a language, without the indentation that it has in a list.
func fenced(t *testing.T, language string, n int) string {
	t.Helper()
	blocks := regexp.MustCompile("(?ms)^( *)```"+language+"\n(.*?)^ *```").FindAllStringSubmatch(guide(t), -1)
	if len(blocks) <= n {
		t.Fatalf("the guide has %d blocks of %s", len(blocks), language)
	}
	return strings.ReplaceAll("\n"+blocks[n][2], "\n"+blocks[n][1], "\n")[1:]
}

// TestTheGuidesExample does what contracts/README.md teaches: its document replays, is mounted with its configuration,
// and answers its last request as it shows.
func TestTheGuidesExample(t *testing.T) {
	t.Parallel()
	document := fenced(t, "yaml", 0)
	replayed(t, contract.Source{Name: "library.yaml", Data: []byte(document)}, "")

	dir := t.TempDir()
	none(t, os.WriteFile(filepath.Join(dir, "library.yaml"), []byte(document), 0o600))
	none(t, os.WriteFile(filepath.Join(dir, "ostiary.yaml"), []byte(fenced(t, "yaml", 1)), 0o600))
	loaded, err := config.Load(config.Source{File: filepath.Join(dir, "ostiary.yaml")})
	none(t, err)
	for n := range loaded.Mounts { // files are found from where the server starts
		if name := loaded.Mounts[n].Contract; strings.HasSuffix(name, ".yaml") {
			loaded.Mounts[n].Contract = filepath.Join(dir, name)
		}
	}
	i := servertest.Start(t, servertest.Configure(func(c *config.Config) { c.Mounts = loaded.Mounts }))
	commands := fenced(t, "sh", 1)
	pin := between(t, commands, "echo '", "' > pin")
	ok[client.User](t)(i.Operator.CreateUser(t.Context(), client.NewUser{Email: "ada@example.com", Name: "Ada", EmailVerified: true, Password: pin}))
	path := between(t, commands, "http://127.0.0.1:8080", " ")
	got := newWire(t, i).ask("POST", path, between(t, commands, "--json '", "'")).want(200)
	var shown object
	none(t, json.Unmarshal([]byte(fenced(t, "json", 0)), &shown))
	if got.text("reader") != shown["reader"] || got.text("ticket") == "" {
		t.Errorf("the guide shows %v, the server answers %s", shown, got.Body)
	}
	got.keys("", slices.Collect(maps.Keys(shown))...)
}

func between(t *testing.T, text, before, after string) string {
	t.Helper()
	_, rest, _ := strings.Cut(text, before)
	found, _, done := strings.Cut(rest, after)
	if !done {
		t.Fatalf("nothing stands between %q and %q in %s", before, after, text)
	}
	return found
}

// TestTheGuideNamesEveryOperation keeps its table whole.
func TestTheGuideNamesEveryOperation(t *testing.T) {
	text := guide(t)
	for _, d := range operation.New(operation.Deps{}).All() {
		if !strings.Contains(text, "`"+d.Name+"`") {
			t.Errorf("contracts/README.md does not name %s", d.Name)
		}
	}
}

// TestPostgresExamples is TestShippedExamples on the other engine, as `ostiary contract test --database URL` does it.
func TestPostgresExamples(t *testing.T) {
	postgres := storetest.PostgresServer(t)
	for _, name := range shippedNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, err := server.Source(name)
			if err != nil {
				t.Fatal(err)
			}
			replayed(t, src, postgres)
		})
	}
}

func replayed(t *testing.T, src contract.Source, postgres string) {
	t.Helper()
	report, err := server.TestContract(t.Context(), src, postgres)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Replays {
		if r.Skipped != "" {
			t.Errorf("%s:%d: %s %s (%s, %s): skipped: %s", src.Name, r.Line, r.Method, r.Path, r.Example, r.Outcome, r.Skipped)
		}
		for _, fault := range r.Faults {
			t.Errorf("%s:%d: %s %s (%s, %s): %s", src.Name, r.Line, r.Method, r.Path, r.Example, r.Outcome, fault)
		}
	}
}

// TestShippedDocuments holds that the shipped documents pass the full check which users' own documents get, and
// that our own has a place for every operation of the catalogue.
func TestShippedDocuments(t *testing.T) {
	catalogue := operation.New(operation.Deps{})
	for _, name := range shippedNames() {
		src, err := server.Source(name)
		if err != nil {
			t.Fatal(err)
		}
		src.Trusted = false
		for _, p := range contract.Check(src, catalogue) {
			t.Error(p)
		}
	}
	src, err := server.Source("ostiary")
	if err != nil {
		t.Fatal(err)
	}
	placed := []string{}
	for line := range strings.Lines(string(src.Data)) {
		if name, found := strings.CutPrefix(strings.TrimSpace(line), "x-operation: "); found {
			placed = append(placed, name)
		}
	}
	for _, d := range catalogue.All() {
		if !slices.Contains(placed, d.Name) {
			t.Errorf("our own API has no place for %s", d.Name)
		}
	}
}
