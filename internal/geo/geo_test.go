package geo

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew")

// The control bytes of MaxMind DB (format 2.0): a type in the upper three bits, a size of up to 28 in the lower five.
func text(s string) string { return string([]byte{byte(0x40 | len(s))}) + s }

func object(pairs ...string) string {
	return string([]byte{byte(0xe0 | len(pairs)/2)}) + strings.Join(pairs, "")
}

func number(kind byte, n ...byte) string { return string([]byte{kind | byte(len(n))}) + string(n) }

const (
	uint16s = 0xa0
	uint32s = 0xc0
)

// database is a file with one node, both of whose sides are the same record.
func database(kind, record string) string {
	pointer := string([]byte{0, 0, 17}) // node count + 16 + offset 0
	about := object(text("binary_format_major_version"), number(uint16s, 2), text("binary_format_minor_version"), number(uint16s),
		text("build_epoch"), string([]byte{0x01, 0x02, 1}), text("database_type"), text(kind), text("description"), object(),
		text("ip_version"), number(uint16s, 4), text("languages"), string([]byte{0x00, 0x04}), text("node_count"), number(uint32s, 1),
		text("record_size"), number(uint16s, 24))
	return pointer + pointer + strings.Repeat("\x00", 16) + record + "\xab\xcd\xefMaxMind.com" + about
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "places.mmdb")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// lisbon is a file by which every address is in one city.
func lisbon() string {
	names := func(pairs ...string) string {
		for i := range pairs {
			pairs[i] = text(pairs[i])
		}
		return object(text("names"), object(pairs...))
	}
	return database("Test-City", object(text("city"), names("en", "Lisbon", "de", "Lissabon"),
		text("country"), names("en", "Portugal", "pt-BR", "Portugal"), text("location"), object()))
}

// shared is the same as a file, for tests of others.
const shared = "testdata/lisbon.mmdb"

func TestPlace(t *testing.T) {
	if *update {
		if err := os.WriteFile(shared, []byte(lisbon()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err := os.ReadFile(shared); err != nil || string(kept) != lisbon() {
		t.Errorf("%s is not what the test makes: %v", shared, err)
	}
	f, err := Open(write(t, lisbon()))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ address, language, want string }{
		{"192.0.2.1", "en", "Lisbon, Portugal"}, {"192.0.2.1", "de-AT", "Lissabon, Portugal"}, {"192.0.2.1", "pt", "Lisbon, Portugal"},
		{"192.0.2.1", "ja", "Lisbon, Portugal"}, {"::ffff:192.0.2.1", "en", "Lisbon, Portugal"}, {"2001:db8::1", "en", ""},
		{"nonsense", "en", ""}, {"", "", ""},
	} {
		if got := f.Place(c.address, c.language); got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.address, c.language, got, c.want)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if got := (*File)(nil).Place("192.0.2.1", "en"); got != "" {
		t.Errorf("without a file: %q", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, content := range map[string]string{"no database": "hello", "of networks": database("Test-ASN", object())} {
		if _, err := Open(write(t, content)); err == nil || !strings.HasPrefix(err.Error(), "geoip: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there")
	}
}

// FuzzPlace reads whatever lies where a database should: it is the operator's, but a broken one must not stop a page.
func FuzzPlace(f *testing.F) {
	f.Add([]byte(database("Test-City", object(text("city"), object()))))
	f.Add([]byte("\xab\xcd\xefMaxMind.com\xe0"))
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := Open(write(t, string(content)))
		if err != nil {
			return
		}
		_ = file.Place("192.0.2.1", "en")
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
}
