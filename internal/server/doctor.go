package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/internal/secret"
)

// Level says how much a finding matters.
type Level string

const (
	Fine   Level = "ok"
	Notice Level = "notice" // a choice that somebody should have made on purpose
	Unsafe Level = "unsafe" // must change before real people sign in
)

// Finding is one line of what doctor says.
type Finding struct {
	Level   Level  `json:"level"`
	Subject string `json:"subject"` // the setting, or what was looked at
	Text    string `json:"text"`
	Remedy  string `json:"remedy,omitempty"`
}

// Doctor looks at settings and files and tells what is unsafe. It changes nothing and opens no database.
func Doctor(ctx context.Context, c config.Config, o Options) []Finding {
	c, o = c.WithDefaults(), o.withDefaults()
	d := &doctor{config: c, now: o.Clock()}
	d.publicURL()
	d.listen()
	d.certificate()
	d.proxies()
	d.dev()
	d.mail()
	d.outbound()
	d.metrics()
	d.dataDirectory()
	d.masterKey()
	d.clock()
	d.passwords()
	d.overlap()
	d.limits()
	d.templates()
	d.contracts(ctx, o)
	return d.findings
}

type doctor struct {
	config   config.Config
	now      time.Time
	findings []Finding
}

func (d *doctor) ok(subject, text string) {
	d.findings = append(d.findings, Finding{Level: Fine, Subject: subject, Text: text})
}

func (d *doctor) notice(subject, text, remedy string) {
	d.findings = append(d.findings, Finding{Level: Notice, Subject: subject, Text: text, Remedy: remedy})
}

func (d *doctor) unsafe(subject, text, remedy string) {
	d.findings = append(d.findings, Finding{Level: Unsafe, Subject: subject, Text: text, Remedy: remedy})
}

// overlap tells of a time that is enough for the lifetimes of the settings, and not for whatever a client may be given.
func (d *doctor) overlap() {
	const longest = 24 * time.Hour // of an access token of a client, a resource or a contract
	if set := d.config.Lifetimes.SigningOverlap; set < config.LeastOverlap(longest) {
		d.notice("lifetimes.signing_overlap", fmt.Sprintf("%s is less than clients, resources and contracts may let their tokens live", set),
			"raise it to 24h10m, or give none of them a lifetime that is longer")
	}
}

func (d *doctor) publicURL() {
	switch base := d.config.PublicBase(); {
	case d.config.PublicURL == "":
		d.unsafe("public_url", "is not set, so mails and tokens name "+base, "set public_url to the https:// address that people use")
	case !https(d.config):
		d.unsafe("public_url", base+" is not https: passwords and tokens travel in the clear", "use an https:// address")
	default:
		d.ok("public_url", base)
	}
}

func (d *doctor) listen() {
	switch {
	case d.config.TLS.Cert != "":
		d.ok("listen", d.config.Listen+" speaks TLS 1.2 and later")
	case config.Loopback(d.config.Listen):
		d.ok("listen", d.config.Listen+" is reachable from this machine only")
	default:
		d.unsafe("listen", d.config.Listen+" speaks plain http to the network",
			"set tls.cert and tls.key, or listen on 127.0.0.1 behind a proxy that speaks https")
	}
}

// renewBefore is when a certificate that was not renewed is a problem.
const renewBefore = 14 * 24 * time.Hour

func (d *doctor) certificate() {
	if d.config.TLS.Cert == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(d.config.TLS.Cert, d.config.TLS.Key)
	if err != nil {
		d.unsafe("tls", "the certificate cannot be used: "+err.Error(), "put a PEM chain and its key into tls.cert and tls.key")
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		d.unsafe("tls", "the certificate cannot be read: "+err.Error(), "put a PEM chain into tls.cert")
		return
	}
	if left := leaf.NotAfter.Sub(d.now); left < renewBefore {
		d.unsafe("tls", "the certificate ends on "+leaf.NotAfter.Format(time.DateOnly), "renew it; the server takes the new files by itself")
		return
	}
	if u, err := url.Parse(d.config.PublicURL); err == nil && u.Hostname() != "" && leaf.VerifyHostname(u.Hostname()) != nil {
		d.unsafe("tls", "the certificate is not for "+u.Hostname(), "get one for the host of public_url")
		return
	}
	d.ok("tls", "the certificate is good until "+leaf.NotAfter.Format(time.DateOnly))
}

// broad is the prefix length below which a network is no list of proxies any more.
const broad = 8

func (d *doctor) proxies() {
	for _, p := range d.config.TrustedProxies {
		if p.Bits() < broad {
			d.unsafe("trusted_proxies", p.String()+" lets nearly everybody choose the address that limits and the audit log see",
				"name the proxies' own addresses")
			return
		}
	}
	behind := https(d.config) && d.config.TLS.Cert == ""
	switch {
	case behind && len(d.config.TrustedProxies) == 0:
		d.unsafe("trusted_proxies", "https ends at a proxy, and no proxy is trusted: all clients look like one, and share its limits",
			"set trusted_proxies to the proxy's address, 127.0.0.1 if it is on this machine")
	case !behind && len(d.config.TrustedProxies) > 0:
		d.notice("trusted_proxies", "are set, though nothing else says that there is a proxy", "leave them out without a proxy")
	default:
		d.ok("trusted_proxies", fmt.Sprintf("%d networks", len(d.config.TrustedProxies)))
	}
}

func (d *doctor) dev() {
	if d.config.Dev {
		d.unsafe("dev", "development mode: whoever reaches the server reads every mail", "leave dev out")
		return
	}
	d.ok("dev", "off")
}

func (d *doctor) mail() {
	s := d.config.SMTP
	switch {
	case s.Host == "" && d.config.DevInbox():
		d.unsafe("smtp", "there is no mail server: mails stay in the development inbox at /dev/inbox", "set smtp.host and smtp.from")
	case s.Host == "":
		d.unsafe("smtp", "there is no mail server: mails wait in the queue and nobody gets them", "set smtp.host and smtp.from")
	case s.TLS == "none" && !config.Loopback(s.Host):
		d.unsafe("smtp.tls", "mails with sign-in links travel in the clear to "+s.Host, "use starttls or tls")
	default:
		d.ok("smtp", fmt.Sprintf("%s:%d, %s", s.Host, s.Port, s.TLS))
	}
}

func (d *doctor) outbound() {
	for _, p := range d.config.Outbound.Allow {
		if p.Bits() < broad {
			d.unsafe("outbound.allow", p.String()+" lets nearly every URL that somebody enters reach the inner network", "name the networks of the services themselves")
			return
		}
	}
	d.ok("outbound.allow", fmt.Sprintf("%d networks besides the public internet", len(d.config.Outbound.Allow)))
}

func (d *doctor) metrics() {
	host, _, err := net.SplitHostPort(d.config.Metrics.Listen)
	if err != nil || config.Loopback(host) {
		return
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsPrivate() {
		d.notice("metrics.listen", d.config.Metrics.Listen+" shows metrics and profiles to the private network without a password",
			"keep the port closed to everybody but the monitoring")
		return
	}
	d.unsafe("metrics.listen", d.config.Metrics.Listen+" shows metrics and profiles to whoever reaches it", "listen on 127.0.0.1 or a private address")
}

func (d *doctor) dataDirectory() {
	info, err := os.Stat(d.config.Data)
	switch {
	case err != nil:
		d.notice("data", d.config.Data+" does not exist yet", "`ostiary serve` makes it")
	case info.Mode().Perm()&0o077 != 0:
		d.unsafe("data", fmt.Sprintf("%s has mode %04o: other accounts of the machine can look into it", d.config.Data, info.Mode().Perm()),
			"chmod 700 "+d.config.Data)
	default:
		d.ok("data", d.config.Data)
	}
}

func (d *doctor) masterKey() {
	m, found, err := findMaster(d.config)
	switch {
	case err != nil:
		d.unsafe("master key", err.Error(), "put the right key there with mode 0600")
	case !found && fileExists(DatabasePath(d.config)) && d.config.Database == "":
		d.unsafe("master key", m.path+" does not exist, but the database does", "put the key of this database back")
	case !found:
		d.notice("master key", m.path+" does not exist yet", "the first start makes it; keep a copy apart from the backups")
	case m.path == "":
		d.ok("master key", "from the environment, fingerprint "+m.key.Fingerprint())
	default:
		d.ok("master key", m.path+", fingerprint "+m.key.Fingerprint()+"; keep a copy apart from the backups")
	}
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// madeAfter is a day before which this program did not exist.
func madeAfter() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func (d *doctor) clock() {
	if d.now.Before(madeAfter()) {
		d.unsafe("clock", "the machine thinks it is "+d.now.UTC().Format(time.DateTime), "let the machine take its time from the network")
		return
	}
	d.ok("clock", d.now.UTC().Format(time.RFC3339))
}

func (d *doctor) passwords() {
	p, least := d.config.Password, secret.DefaultPasswordParams()
	if p.Memory < int(least.Memory) || p.Time < int(least.Time) {
		d.unsafe("password", fmt.Sprintf("a hash costs only %d KiB and %d passes", p.Memory, p.Time), "leave password.memory, password.time and password.allow_weak out")
		return
	}
	text := fmt.Sprintf("argon2id, %d KiB, %d passes", p.Memory, p.Time)
	if p.BreachCheck {
		text += "; new ones are compared with known breaches"
	}
	d.ok("password", text)
}

// looser is how much more than the default is worth a word.
const looser = 10

func (d *doctor) limits() {
	for _, l := range limit.Catalogue() {
		set, ok := d.config.Limits[l.Name]
		at := "limits." + l.Name
		switch {
		case ok && set.Off:
			d.unsafe(at, "is off", "leave it out, or raise max")
		case ok && set.Max > looser*l.Max:
			d.notice(at, fmt.Sprintf("allows %d, the default is %d", set.Max, l.Max), "see that this is meant")
		}
	}
}

// contracts lists every policy knob of every mount.
func (d *doctor) contracts(ctx context.Context, o Options) {
	infos, err := Contracts(ctx, d.config, o)
	if err != nil {
		d.unsafe("contracts", err.Error(), "mend the documents; `ostiary contract check FILE` looks at one")
		return
	}
	if len(d.config.Mounts) == 0 {
		d.notice("mounts", fmt.Sprintf("all %d shipped contracts are served", len(infos)), "name the ones that you use in mounts")
	}
	for _, info := range infos {
		for _, knob := range auth.Knobs() {
			at := fmt.Sprintf("%s (app %s) %s", info.Name, info.App, knob.Name)
			if value := knob.Value(info.Policy); value == knob.Strict {
				d.ok(at, value)
			} else {
				d.notice(at, value, "set "+knob.Name+": "+knob.Strict+" in the policy of the mount, unless clients need it")
			}
		}
	}
}

// Contracts compiles the documents of the settings without a database and lists them. The error has every mistake of
// every document.
func Contracts(ctx context.Context, c config.Config, o Options) ([]contract.Info, error) {
	c, o = c.WithDefaults(), o.withDefaults()
	p, err := makePlan(c)
	if err != nil {
		return nil, err
	}
	key, err := secret.NewMaster(o.Rand)
	if err != nil {
		return nil, err
	}
	h := &house{late: &late{plan: operation.New(operation.Deps{})}}
	result := h.load(ctx, c, p, o, key)
	if result.err != nil {
		return nil, result.err
	}
	return public(result.engine.Contracts()), nil
}

// AnyUnsafe reports whether something must change before real people sign in.
func AnyUnsafe(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == Unsafe })
}
