package limit_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/limit"
)

var update = flag.Bool("update", false, "write docs/limits.md anew")

const page = "../../docs/limits.md"

func TestDocumentedLimits(t *testing.T) {
	want := document()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/limits.md is stale; run `go test ./internal/limit -run TestDocumentedLimits -update`")
	}
}

func document() string {
	var b strings.Builder
	b.WriteString(`# Limits

Written by ` + "`go test ./internal/limit -run TestDocumentedLimits -update`" + ` from the catalogue in internal/limit; do not edit.

A limiter that refuses answers 429 with its name, and tells after how many seconds to come back (Retry-After).
A client network is an IPv4 address or an IPv6 /64.

`)
	kinds := []struct {
		kind  limit.Kind
		title string
		about string
	}{
		{limit.Requests, "Requests", "Counted in memory, by each node for itself. The whole number may come at once; the allowance then refills evenly."},
		{limit.Guesses, "Guesses", "Counted in the database over a fixed window that begins with the first guess, so all nodes, doors and API versions share them and a restart forgets nothing. A guess is counted before the secret is looked at and given back when it was right."},
		{limit.Actions, "Actions", "Counted in the database like guesses, and never given back."},
	}
	for _, k := range kinds {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n| name | what is counted | default |\n| --- | --- | --- |\n", k.title, k.about)
		for _, l := range limit.Catalogue() {
			if l.Kind == k.kind {
				fmt.Fprintf(&b, "| `%s` | %s | %d in %s |\n", l.Name, l.Doc, l.Max, words(l.Per))
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("## Settings\n\nIn the configuration file, by name: a number and a duration, or `off`.\n\n```yaml\nlimits:\n  sign-in.account: 20/15m\n  requests.network: off\n```\n")
	return b.String()
}

func words(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}

func TestCatalogueNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range limit.Catalogue() {
		if seen[l.Name] || l.Doc == "" || l.Max < 1 || l.Per < time.Second {
			t.Errorf("%+v", l)
		}
		seen[l.Name] = true
	}
}

func TestParseSetting(t *testing.T) {
	good := map[string]limit.Setting{
		"off":     {Off: true},
		"10/15m":  {Max: 10, Per: 15 * time.Minute},
		"1/1s":    {Max: 1, Per: time.Second},
		"5000/1h": {Max: 5000, Per: time.Hour},
	}
	for text, want := range good {
		if got, err := limit.ParseSetting(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "on", "OFF", "10", "10/", "/15m", "0/15m", "-1/15m", "10/15", "10/0s", "10/999ms", "10/9000h", "1000001/1m", "1.5/1m", "10/15m/2"} {
		if got, err := limit.ParseSetting(text); err == nil {
			t.Errorf("%q is taken as %+v", text, got)
		}
	}
}

func FuzzParseSetting(f *testing.F) {
	for _, s := range []string{"off", "10/15m", "10/-15m", "9999999999999999999/1m", "1/1h2m3s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := limit.ParseSetting(text)
		if err == nil && !got.Off && (got.Max < 1 || got.Per < time.Second) {
			t.Errorf("%q: %+v", text, got)
		}
	})
}

func TestParseSettingsReportsAll(t *testing.T) {
	_, err := limit.ParseSettings(map[string]string{"sign-in.acount": "5/1m", "mail.app": "many", "mail.network": "1/1m"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"limits.sign-in.acount", "limits.mail.app"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "mail.network") {
		t.Errorf("a good setting is reported: %v", err)
	}
}

func TestNetwork_RL02(t *testing.T) {
	for _, c := range []struct{ ip, want string }{
		{"192.0.2.7", "192.0.2.7"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"2001:db8:1:2::ffff", "2001:db8:1:2::/64"},
		{"2001:db8:1:3::1", "2001:db8:1:3::/64"},
		{"fe80::1%eth0", "fe80::/64"},
	} {
		if got := limit.Network(netip.MustParseAddr(c.ip)); got != c.want {
			t.Errorf("%s: %s, want %s", c.ip, got, c.want)
		}
	}
	if got := limit.Network(netip.Addr{}); got != "unknown" {
		t.Errorf("no address: %s", got)
	}
}
