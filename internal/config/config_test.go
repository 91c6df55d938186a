package config

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ostiary.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func problems(t *testing.T, s Source) []string {
	t.Helper()
	_, err := Load(s)
	var p Problems
	if !errors.As(err, &p) {
		t.Fatalf("Load: %v, want problems", err)
	}
	return p
}

func TestNoSettingsWork(t *testing.T) {
	c, err := Load(Source{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, Default(), cmp.AllowUnexported(netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
	if c.Listen != "127.0.0.1:8080" || c.Lifetimes.Refresh != 30*24*time.Hour || c.Password.Memory != 19456 {
		t.Errorf("defaults are not filled: %+v", c)
	}
	if got := c.PublicBase(); got != "http://127.0.0.1:8080" {
		t.Errorf("public base %q", got)
	}
}

// One naming rule: every setting is set by file, environment and flag under names that follow from its key, and
// all three give the same value.
func TestOneNamingRule(t *testing.T) {
	samples := map[string]string{
		"text": "sample", "number": "7", "yes or no": "true", "duration": "36h", "list": "10.0.0.0/8, ::1",
		"limits": "{sign-in.account: {max: 20, per: 15m}, mail.app: {off: true}}",
		"mounts": "[{contract: phala, policy: {check-email: conceal}, links: {verify: 'https://a.test/v#{token}'}}]",
	}
	seen := map[string]string{}
	for _, s := range Settings() {
		t.Run(s.Key, func(t *testing.T) {
			if s.Help == "" {
				t.Error("no help")
			}
			want := strings.ToUpper(strings.ReplaceAll(s.Key, ".", "_"))
			if s.Env != "OSTIARY_"+want {
				t.Errorf("environment %s", s.Env)
			}
			if !s.Secret && strings.ToUpper(strings.ReplaceAll(s.Flag, "-", "_")) != want {
				t.Errorf("flag %s", s.Flag)
			}
			if other := seen[s.Env]; other != "" {
				t.Errorf("%s and %s share the name %s", s.Key, other, s.Env)
			}
			seen[s.Env] = s.Key

			sample := samples[s.Kind]
			if s.Kind == "YAML" {
				sample = samples[s.Key]
			}
			if s.Options != nil {
				sample = s.Options[len(s.Options)-1]
			}
			set := func(fill func(*decoder, map[string]given)) any {
				t.Helper()
				var d decoder
				found := map[string]given{}
				fill(&d, found)
				var c Config
				v := reflect.ValueOf(&c).Elem().FieldByIndex(s.index)
				d.setting(s, found[s.Key], v)
				if len(d.problems) > 0 {
					t.Fatal(d.problems)
				}
				if v.IsZero() {
					t.Fatal("nothing was set")
				}
				return v.Interface()
			}
			all := Settings()
			fromFile := set(func(d *decoder, found map[string]given) { d.fromFile(write(t, nested(s, sample)), all, found) })
			fromEnv := set(func(d *decoder, found map[string]given) {
				d.fromEnv(environment([]string{s.Env + "=" + sample}), all, found)
			})
			if !reflect.DeepEqual(fromFile, fromEnv) {
				t.Errorf("file %#v, environment %#v", fromFile, fromEnv)
			}
			if s.Secret {
				return
			}
			fromFlag := set(func(d *decoder, found map[string]given) {
				d.fromFlags(map[string]string{s.Flag: sample}, all, found)
			})
			if !reflect.DeepEqual(fromFile, fromFlag) {
				t.Errorf("file %#v, flag %#v", fromFile, fromFlag)
			}
		})
	}
}

// nested writes a setting the way a file has it.
func nested(s Setting, value string) string {
	parts := strings.Split(s.Key, ".")
	var b strings.Builder
	for i, p := range parts {
		fmt.Fprintf(&b, "%s%s:", strings.Repeat("  ", i), p)
		if i < len(parts)-1 {
			b.WriteString("\n")
		}
	}
	if s.Kind == "list" {
		value = "[" + strings.ReplaceAll(value, "::1", `"::1"`) + "]"
	}
	return b.String() + " " + value + "\n"
}

func TestPrecedence(t *testing.T) {
	file := write(t, "listen: 127.0.0.1:1\ndata: from-file\nlog: {level: debug}\n")
	c, err := Load(Source{File: file, Env: []string{"OSTIARY_DATA=from-env", "OSTIARY_LISTEN=127.0.0.1:2", "HOME=/"},
		Flags: map[string]string{"listen": "127.0.0.1:3"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || c.Data != "from-env" || c.Log.Level != "debug" {
		t.Errorf("listen %s, data %s, level %s", c.Listen, c.Data, c.Log.Level)
	}
}

func TestFileFromTheEnvironment(t *testing.T) {
	c, err := Load(Source{Env: []string{"OSTIARY_CONFIG=" + write(t, "data: elsewhere"), "OSTIARY_TEST_POSTGRES=x"}})
	if err != nil || c.Data != "elsewhere" {
		t.Errorf("data %q, %v", c.Data, err)
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	got := problems(t, Source{
		File: write(t, `
listen: nowhere
smpt: {host: a}
smtp: {hots: mail.test, port: many}
log: {level: loud}
lifetimes: {access: 10ms, change_email: 25h, magic_link: 11m}
oauth: {device: 11m, id_token: 10ms}
challenge: {timeout: 2m, turnstile_url: "ftp://example.com"}
limits: {sign-in.account: {maximum: 3}}
mounts: [{app: default}]
metrics: 5
`),
		Env:   []string{"OSTIARY_LISTENER=1", "OSTIARY_MAX_IN_FLIGHT=lots"},
		Flags: map[string]string{"public-url": "https://host/path?x"},
	})
	for _, want := range []string{
		"smpt: there is no such setting",
		"smtp.hots: there is no such setting; did you mean smtp.host?",
		"smtp.port: want a whole number, got \"many\"",
		"log.level: want one of debug, info, warn, error, got \"loud\"",
		"lifetimes.access: want at least 1s, got 10ms",
		"lifetimes.change_email: want at most 24h0m0s, got 25h0m0s",
		"lifetimes.magic_link: want at most 10m0s, got 11m0s",
		"oauth.device: want from 1s to 10m0s, got 11m0s",
		"oauth.id_token: want from 1s to 24h0m0s, got 10ms",
		"challenge.timeout: want from 1ms to 1m",
		"challenge.turnstile_url: want https://host/path, got",
		"limits.sign-in.account.maximum: there is no such setting",
		"mounts[0].contract: is required",
		"metrics: want names with values, got 5",
		"OSTIARY_LISTENER: there is no such setting; did you mean OSTIARY_LISTEN?",
		"OSTIARY_MAX_IN_FLIGHT: want a whole number",
		"public_url: want https://host",
		"listen: want host:port",
	} {
		if !slices.ContainsFunc(got, func(p string) bool { return strings.Contains(p, want) }) {
			t.Errorf("no problem says %q in:\n%s", want, strings.Join(got, "\n"))
		}
	}
}

func TestContradictions(t *testing.T) {
	file := write(t, "x")
	for name, flags := range map[string]map[string]string{
		"tls.cert and tls.key come together":               {"tls-cert": "a.pem"},
		"smtp.from: is required":                           {"smtp-host": "mail.test"},
		"smtp.host is missing":                             {"smtp-from": "a@b.test"},
		"outbound.proxy: want http://host:port":            {"outbound-proxy": "socks5://user:hunter2@proxy"},
		"database: want postgres://":                       {"database": "mysql://root:hunter2@db/x"},
		"database: is set, and so is database_file":        {"database": "postgres://db/x", "database-file": file},
		"below the floor":                                  {"password-memory": "1024"},
		"off leaves no room":                               {"limits": "{mail.app: {off: true, max: 1}}"},
		"links.verify: want https://":                      {"mounts": "[{contract: a, links: {verify: 'http://a.test/{token}'}}]"},
		"links.reset: want {token} once":                   {"mounts": "[{contract: a, links: {reset: 'https://{token}.test/'}}]"},
		"telemetry.traces.sample: want a number from 0 to": {"telemetry-traces-sample": "2"},
		"is not YAML":                                      {"mounts": "[{"},
		"lifetimes.access: want at most 24h0m0s":           {"lifetimes-access": "25h"},
		"oauth.device: want from 1s to 10m0s":              {"oauth-device": "1ms"},
		"oauth.id_token: want from 1s to 24h0m0s":          {"oauth-id-token": "25h"},
	} {
		got := problems(t, Source{Flags: flags})
		if !strings.Contains(strings.Join(got, "\n"), name) {
			t.Errorf("%v: %v", flags, got)
		}
		if strings.Contains(fmt.Sprint(got), "hunter2") {
			t.Errorf("a problem tells a secret: %v", got)
		}
	}
	if got := problems(t, Source{File: write(t, "listen: a:1\nlisten: b:2\n")}); !strings.Contains(got[0], "already defined") {
		t.Errorf("a duplicate key: %v", got)
	}
}

// What a replaced key has signed verifies for as long as it lives (KM-01).
func TestSigningOverlap_KM01(t *testing.T) {
	for _, c := range []struct {
		access, idToken, overlap string
		want                     string // empty: it will do
	}{
		{"24h", "24h", "", ""},
		{"15m", "1h", "70m", ""},
		{"15m", "1h", "69m", "want at least 1h10m0s, for tokens signed by the old key live for 1h0m0s: raise it, or lower oauth.id_token; got 1h9m0s"},
		{"2h", "1h", "2h", "want at least 2h10m0s, for tokens signed by the old key live for 2h0m0s: raise it, or lower lifetimes.access; got 2h0m0s"},
		{"2s", "1s", "4s", ""},
		{"2s", "1s", "3s", "want at least 4s"},
	} {
		flags := map[string]string{"lifetimes-access": c.access, "oauth-id-token": c.idToken}
		if c.overlap != "" {
			flags["lifetimes-signing-overlap"] = c.overlap
		}
		_, err := Load(Source{Flags: flags})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), "lifetimes.signing_overlap: "+c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestSecretsByFile(t *testing.T) {
	c, err := Load(Source{Flags: map[string]string{
		"database-file": write(t, "postgres://u:p@db/x\n"), "smtp-password-file": write(t, "sesame\n"),
		"smtp-host": "mail.test", "smtp-from": "House <a@b.test>",
	}})
	if err != nil || c.Database != "postgres://u:p@db/x" || c.SMTP.Password != "sesame" {
		t.Errorf("%q %q %v", c.Database, c.SMTP.Password, err)
	}
}

func TestDevInbox(t *testing.T) {
	for _, c := range []struct {
		name         string
		listen, smtp string
		dev, want    bool
	}{
		{"loopback", "127.0.0.1:8080", "", false, true},
		{"loopback, IPv6", "[::1]:8080", "", false, true},
		{"localhost", "localhost:8080", "", false, true},
		{"with a mail server", "127.0.0.1:8080", "mail.test", true, false},
		{"everywhere", "0.0.0.0:8080", "", false, false},
		{"everywhere, no host", ":8080", "", false, false},
		{"a name that looks local", "localhost.evil.test:8080", "", false, false},
		{"everywhere in development", "0.0.0.0:8080", "", true, true},
	} {
		got := Config{Listen: c.listen, Dev: c.dev, SMTP: SMTP{Host: c.smtp}}.DevInbox()
		if got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "2w": 14 * 24 * time.Hour, "30d": 720 * time.Hour,
		"1h30m": 90 * time.Minute} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "5", "-3d", "9999999999d", "1.5d", "1y"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("smtp: {host: a}\nlimits: {x: {max: 1}}")
	f.Add("mounts: [{contract: a}, 5, [x]]")
	f.Fuzz(func(t *testing.T, text string) {
		var d decoder
		tree, ok := d.parseDocument("fuzz", []byte(text))
		if !ok {
			return
		}
		found := map[string]given{}
		d.descend("fuzz", "", tree, Settings(), found)
		var c Config
		for _, s := range Settings() {
			if g, ok := found[s.Key]; ok {
				d.setting(s, g, reflect.ValueOf(&c).Elem().FieldByIndex(s.index))
			}
		}
		_ = c.WithDefaults().Check()
	})
}

// The page is made from the struct; run with -update after a change.
func TestConfigurationPage(t *testing.T) {
	const path = "../../docs/configuration.md"
	want := page()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/configuration.md is not what the struct says (%v); run go test ./internal/config -update", err)
	}
}

func page() string {
	var b strings.Builder
	b.WriteString(`# Configuration

This page is made from ` + "`internal/config`" + `; do not edit it.

Ostiary runs without any setting. Each setting has one name in three spellings: ` + "`smtp.password_file`" + ` in the YAML file
(` + "`--config FILE`" + ` or ` + "`OSTIARY_CONFIG`" + `) is ` + "`OSTIARY_SMTP_PASSWORD_FILE`" + ` in the environment and ` + "`--smtp-password-file`" + ` on the command
line. A flag wins over the environment, the environment over the file. Unknown names are refused, and all problems are reported at
once. Durations are written ` + "`90s`, `15m`, `12h`, `30d` or `2w`" + `, lists with commas. Settings of kind YAML are written as such in flags and
environment too: ` + "`OSTIARY_LIMITS='{sign-in.account: {max: 20, per: 15m}}'`" + `. Secrets have no flag.

| setting | kind | default | meaning |
| --- | --- | --- | --- |
`)
	for _, s := range Settings() {
		kind := s.Kind
		if s.Options != nil {
			kind = strings.Join(s.Options, ", ")
		}
		if s.Secret {
			kind += ", secret"
		}
		value := "-"
		if s.Default != "" {
			value = "`" + s.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Key, kind, value, s.Help)
	}
	for _, part := range []struct {
		title string
		typ   reflect.Type
	}{{"One entry of `limits`", reflect.TypeFor[Limit]()}, {"One entry of `mounts`", reflect.TypeFor[Mount]()}} {
		fmt.Fprintf(&b, "\n## %s\n\n| member | kind | default | meaning |\n| --- | --- | --- | --- |\n", part.title)
		for _, s := range settingsOf(part.typ, "", nil) {
			value := "-"
			if s.Default != "" {
				value = "`" + s.Default + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Key, s.Kind, value, s.Help)
		}
	}
	return b.String()
}
