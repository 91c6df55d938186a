package server_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/contracts"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/internal/server"
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
			replayed(t, src)
		})
	}
	for _, name := range []string{"accountmaker.yaml", "club.yaml", "ledger.yaml", "legacy.yaml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			replayed(t, contract.Source{Name: name, Data: data})
		})
	}
}

// TestTheGuidesExample replays the document of contracts/README.md, so that what it teaches works.
func TestTheGuidesExample(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../contracts/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "```yaml\n")
	document, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the guide has no document")
	}
	replayed(t, contract.Source{Name: "library.yaml", Data: []byte(document)})
}

func replayed(t *testing.T, src contract.Source) {
	t.Helper()
	report, err := server.TestContract(t.Context(), src)
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
