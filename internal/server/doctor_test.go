package server

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// production is a configuration in which nothing is unsafe.
func production(t *testing.T) config.Config {
	t.Helper()
	c := config.Default()
	c.Data = filepath.Join(t.TempDir(), "data")
	must(t, os.MkdirAll(c.Data, 0o700))
	c.PublicURL = "https://id.test"
	c.TLS.Cert, c.TLS.Key = writeCertificate(t, t.TempDir(), 1)
	c.SMTP = config.SMTP{Host: "mail.test", Port: 587, From: "a@id.test", TLS: "starttls"}
	return c
}

func find(list []Finding, subject string) Finding {
	for _, f := range list {
		if strings.HasPrefix(f.Subject, subject) && f.Level != Fine {
			return f
		}
	}
	return Finding{}
}

func TestDoctorFindsNothing(t *testing.T) {
	list := Doctor(t.Context(), production(t), Options{Clock: storetest.NewClock().Now})
	for _, f := range list {
		if f.Level == Unsafe {
			t.Errorf("%+v", f)
		}
	}
	if AnyUnsafe(list) {
		t.Error("something is unsafe")
	}
}

// Doctor tells of every knob on which a mount is weaker than our own API, and how to make it stricter; a mount that was
// made stricter is fine.
func TestDoctorTellsWeakPolicies(t *testing.T) {
	c := production(t)
	list := Doctor(t.Context(), c, Options{})
	for subject, value := range map[string]string{"sign-up.session": "immediate", "sign-up.existing": "reveal", "sign-in.unverified": "allow"} {
		f := find(list, "cloudheed (app default) "+subject)
		if f.Level != Notice || f.Text != value || !strings.Contains(f.Remedy, "set "+subject) {
			t.Errorf("%s: %+v", subject, f)
		}
	}
	if f := find(list, "ostiary (app default)"); f.Subject != "" {
		t.Errorf("our own API: %+v", f)
	}
	c.Mounts = []config.Mount{{Contract: "wolfpal", Policy: map[string]string{"sign-up.existing": "conceal"}}}
	if f := find(Doctor(t.Context(), c, Options{}), "wolfpal (app default)"); f.Subject != "" {
		t.Errorf("made stricter: %+v", f)
	}
}

// An overlap that the settings allow may still be too short for a client that was given longer tokens (KM-01).
func TestDoctorTellsShortOverlap_KM01(t *testing.T) {
	c := production(t)
	if f := find(Doctor(t.Context(), c, Options{}), "lifetimes.signing_overlap"); f.Subject != "" {
		t.Errorf("the default: %+v", f)
	}
	c.Lifetimes.SigningOverlap = 2 * time.Hour
	if f := find(Doctor(t.Context(), c, Options{}), "lifetimes.signing_overlap"); f.Level != Notice || !strings.Contains(f.Remedy, "24h10m") {
		t.Errorf("%+v", f)
	}
}

func TestDoctorFinds_SC03(t *testing.T) {
	for subject, change := range map[string]func(t *testing.T, c *config.Config){
		"public_url":      func(_ *testing.T, c *config.Config) { c.PublicURL = "" },
		"public_url ":     func(_ *testing.T, c *config.Config) { c.PublicURL = "http://id.test" },
		"listen":          func(_ *testing.T, c *config.Config) { c.Listen, c.TLS = "0.0.0.0:80", config.TLS{} },
		"tls":             func(t *testing.T, c *config.Config) { must(t, os.Remove(c.TLS.Key)) },
		"tls ":            func(_ *testing.T, c *config.Config) { c.PublicURL = "https://other.test" },
		"trusted_proxies": func(_ *testing.T, c *config.Config) { c.TLS = config.TLS{} },
		"trusted_proxies ": func(t *testing.T, c *config.Config) {
			loaded, err := config.Load(config.Source{Flags: map[string]string{"trusted-proxies": "0.0.0.0/0"}})
			must(t, err)
			c.TrustedProxies = loaded.TrustedProxies
		},
		"outbound.allow": func(t *testing.T, c *config.Config) {
			loaded, err := config.Load(config.Source{Flags: map[string]string{"outbound-allow": "0.0.0.0/0"}})
			must(t, err)
			c.Outbound = loaded.Outbound
		},
		"dev":            func(_ *testing.T, c *config.Config) { c.Dev = true },
		"smtp":           func(_ *testing.T, c *config.Config) { c.SMTP = config.SMTP{} },
		"smtp ":          func(_ *testing.T, c *config.Config) { c.SMTP, c.Listen = config.SMTP{}, "0.0.0.0:443" },
		"smtp.tls":       func(_ *testing.T, c *config.Config) { c.SMTP.TLS = "none" },
		"metrics.listen": func(_ *testing.T, c *config.Config) { c.Metrics.Listen = "0.0.0.0:9090" },
		"data":           func(t *testing.T, c *config.Config) { must(t, os.Chmod(c.Data, 0o755)) },
		"master key": func(t *testing.T, c *config.Config) {
			must(t, os.WriteFile(keyPath(*c), []byte("changeme"), 0o600))
		},
		"master key ": func(t *testing.T, c *config.Config) { must(t, os.WriteFile(DatabasePath(*c), nil, 0o600)) },
		"password":    func(_ *testing.T, c *config.Config) { c.Password.Memory, c.Password.AllowWeak = 64, true },
		"limits.sign-in.account": func(_ *testing.T, c *config.Config) {
			c.Limits = map[string]config.Limit{"sign-in.account": {Off: true}}
		},
		"contracts": func(_ *testing.T, c *config.Config) { c.Mounts = []config.Mount{{Contract: "nothing"}} },
	} {
		t.Run(subject, func(t *testing.T) {
			c := production(t)
			change(t, &c)
			list := Doctor(t.Context(), c, Options{Clock: storetest.NewClock().Now})
			f := find(list, strings.TrimSpace(subject))
			if f.Level != Unsafe || f.Remedy == "" || !AnyUnsafe(list) {
				t.Errorf("%+v", list)
			}
		})
	}
}

func TestDoctorLooksAtTheClock(t *testing.T) {
	c := production(t)
	early := Doctor(t.Context(), c, Options{Clock: func() time.Time { return time.Unix(0, 0) }})
	if find(early, "clock").Level != Unsafe {
		t.Errorf("%+v", early)
	}
	late := Doctor(t.Context(), c, Options{Clock: func() time.Time { return time.Date(2026, 12, 30, 0, 0, 0, 0, time.UTC) }})
	if find(late, "tls").Level != Unsafe {
		t.Errorf("%+v", late)
	}
}

// doctor and the start refuse the same mistakes, all at once.
func TestSettingsThatOnlyTheHouseCanJudge(t *testing.T) {
	c := small(t)
	c.Limits = map[string]config.Limit{"no.such": {Max: 1}}
	c.Mounts = []config.Mount{{Contract: "nothing"}, {Contract: "cloudheed", Policy: map[string]string{"check-email": "maybe", "no.knob": "x"}}}
	refused(t, c, "limits.no.such: there is no such limiter", `there is no shipped contract "nothing"`, "want conceal or reveal",
		"no.knob: there is no such knob")
}

func TestOwnContractIsAlwaysThere(t *testing.T) {
	own := func(list []config.Mount) (hosts []string) {
		mounted, problems := mounts(list)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for _, m := range mounted {
			if m.Source.Name == "ostiary.yaml" {
				hosts = append(hosts, m.Host)
			}
		}
		return hosts
	}
	if got := own(nil); !slices.Equal(got, []string{""}) {
		t.Errorf("by default: %q", got)
	}
	if got := own([]config.Mount{{Contract: "cloudheed"}}); !slices.Equal(got, []string{operatorHost}) {
		t.Errorf("left out: %q", got)
	}
	if got := own([]config.Mount{{Contract: "ostiary", Host: "id.test"}}); !slices.Equal(got, []string{"id.test", operatorHost}) {
		t.Errorf("on a host of its own: %q", got)
	}
}
