package archtest

import (
	"slices"
	"strings"
	"testing"
)

// order is the list of docs/ARCHITECTURE.md from the bottom up. A package may import those before it in the list.
// Packages in one line are of one rank and never import each other.
var order = [][]string{
	{"internal/auth"}, {"internal/secret/argon2"}, {"internal/secret"}, {"internal/telemetry"},
	{"internal/store"}, {"internal/config"}, {"internal/httpx"}, {"internal/outbound"}, {"internal/geo"},
	{"internal/audit"}, {"internal/queue"}, {"internal/proof"}, {"internal/signer"}, {"internal/limit"}, {"internal/challenge"},
	{"internal/app", "internal/user", "internal/factor", "internal/session", "internal/account", "internal/apikey",
		"internal/invite", "internal/waitlist", "internal/federation", "internal/grant", "internal/mail", "internal/webhook"},
	{"internal/login"}, {"internal/lifecycle"}, {"internal/oauth"},
	{"internal/operation"},
	{"internal/contract/document"}, {"internal/contract/wire"}, {"internal/contract/schema"}, {"internal/contract"}, {"internal/api/oauth"}, {"internal/ui"}, {"internal/console"},
	{"internal/server"}, {"internal/cli"}, {"cmd/ostiary"},
}

// leaves import nothing of the house and may be imported by anybody from the nouns upwards. So do the examples, which nobody
// imports: they stand for programs of others.
var leaves = []string{"contracts", "web", "client"}

// mayUseHTTP lists the packages below the doors that may import net/http.
var mayUseHTTP = []string{"internal/httpx", "internal/outbound", "internal/telemetry", "internal/federation", "internal/webhook"}

func rank(pkg string) int {
	return slices.IndexFunc(order, func(line []string) bool { return slices.Contains(line, pkg) })
}

func TestImportsPointDown(t *testing.T) {
	for _, f := range load(t).product() {
		if f.Package == "internal/archtest" {
			continue
		}
		if slices.Contains(leaves, f.Package) || strings.HasPrefix(f.Package, "examples/") {
			if got := f.imports(); len(got) > 0 {
				t.Errorf("%s: package %s is a leaf and imports %v", f.Path, f.Package, got)
			}
			continue
		}
		from := rank(f.Package)
		if from < 0 {
			t.Errorf("%s: package %s has no place in the list of docs/ARCHITECTURE.md", f.Path, f.Package)
			continue
		}
		for _, to := range f.imports() {
			if slices.Contains(leaves, to) && from >= rank("internal/mail") {
				continue
			}
			if r := rank(to); r < 0 || r >= from {
				t.Errorf("%s: %s may not import %s, which is not below it", f.Path, f.Package, to)
			}
		}
	}
}

func TestNoHTTPBelowTheDoors(t *testing.T) {
	doors := rank("internal/operation")
	for _, f := range load(t).product() {
		r := rank(f.Package)
		if r < 0 || r >= doors || slices.Contains(mayUseHTTP, f.Package) {
			continue
		}
		for _, path := range f.foreign() {
			if path == "net/http" {
				t.Errorf("%s imports net/http: transport stays in the doors", f.Path)
			}
		}
	}
}

func TestVocabularyIsPure(t *testing.T) {
	allowed := []string{"golang.org/x/text", "golang.org/x/net/idna"}
	forbidden := []string{"database/sql", "net/http", "os", "crypto/rand", "math/rand"}
	for _, f := range load(t).product() {
		if f.Package != "internal/auth" {
			continue
		}
		for _, path := range f.foreign() {
			outside := strings.Contains(strings.SplitN(path, "/", 2)[0], ".")
			ok := slices.ContainsFunc(allowed, func(a string) bool { return path == a || strings.HasPrefix(path, a+"/") })
			if outside && !ok || slices.Contains(forbidden, path) {
				t.Errorf("%s imports %s: auth is words and pure rules only", f.Path, path)
			}
		}
	}
}

func TestSQLOnlyInStore(t *testing.T) {
	drivers := []string{"database/sql", "modernc.org/sqlite", "modernc.org/libc", "github.com/jackc/pgx", "github.com/pressly/goose"}
	for _, f := range load(t).product() {
		if f.Package == "internal/store" {
			continue
		}
		for _, path := range f.foreign() {
			if slices.ContainsFunc(drivers, func(d string) bool { return path == d || strings.HasPrefix(path, d+"/") }) {
				t.Errorf("%s imports %s: all SQL is in internal/store", f.Path, path)
			}
		}
		for _, text := range stringsIn(f) {
			if looksLikeSQL(text) {
				t.Errorf("%s holds SQL outside internal/store: %.60q", f.Path, text)
			}
		}
	}
}
