package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Check finds what is wrong with settings that were read well: values out of range and settings that contradict
// each other. It looks at nothing outside.
func (c Config) Check() []string {
	var d decoder
	d.address("listen", c.Listen)
	if c.Metrics.Listen != "" {
		d.address("metrics.listen", c.Metrics.Listen)
	}
	d.publicURL(c.PublicURL)
	d.database(c.Database)
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		d.problem("tls", "tls.cert and tls.key come together")
	}
	if c.MasterKey != "" && c.MasterKeyFile != "" {
		d.problem("master_key", "is set, and so is master_key_file; keep one")
	}
	d.smtp(c.SMTP)
	d.proxy(c.Outbound.Proxy)
	d.challenge(c.Challenge)
	d.lifetimes(c.Lifetimes)
	d.oauth(c.OAuth)
	d.overlap(c)
	d.password(c.Password)
	d.limits(c.Limits)
	d.mounts(c.Mounts)
	d.traces(c.Telemetry.Traces)
	d.atLeast("max_in_flight", c.MaxInFlight, 1)
	for key, v := range map[string]time.Duration{
		"drain_timeout": c.DrainTimeout, "retention.sessions": c.Retention.Sessions, "retention.proofs": c.Retention.Proofs,
		"retention.jobs": c.Retention.Jobs, "retention.events": c.Retention.Events,
	} {
		if v < 0 {
			d.problem(key, "cannot be negative")
		}
	}
	return d.problems
}

func (d *decoder) address(key, value string) {
	_, port, err := net.SplitHostPort(value)
	if err != nil {
		d.problem(key, "want host:port such as 127.0.0.1:8080, got %s", describe(value))
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		d.problem(key, "want a port from 0 to 65535, got %s", describe(port))
	}
}

func (d *decoder) publicURL(value string) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		d.problem("public_url", "want https://host with an optional port and nothing behind it, got %s", describe(value))
	}
}

func (d *decoder) database(value string) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		d.problem("database", "want postgres://user:password@host/name") // never the value: it may hold a password
	}
}

func (d *decoder) smtp(s SMTP) {
	if s.Host == "" {
		if s.Username != "" || s.Password != "" || s.From != "" {
			d.problem("smtp", "smtp.host is missing")
		}
		return
	}
	if s.From == "" {
		d.problem("smtp.from", "is required with smtp.host")
	} else if _, err := mail.ParseAddress(s.From); err != nil {
		d.problem("smtp.from", "want an address, or Name <address>, got %s", describe(s.From))
	}
	if s.Port < 1 || s.Port > 65535 {
		d.problem("smtp.port", "want a port from 1 to 65535, got %d", s.Port)
	}
	if s.TLS == "none" && s.Password != "" && !Loopback(s.Host) {
		d.problem("smtp.tls", "none would send the password in clear; use starttls or tls")
	}
}

func (d *decoder) proxy(value string) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		d.problem("outbound.proxy", "want http://host:port or https://host:port") // never the value: it may hold a password
	}
}

func (d *decoder) challenge(c Challenge) {
	for key, value := range map[string]string{"turnstile_url": c.TurnstileURL, "hcaptcha_url": c.HCaptchaURL, "recaptcha_url": c.ReCAPTCHAURL} {
		u, err := url.Parse(value)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil {
			d.problem("challenge."+key, "want https://host/path, got %s", describe(value))
		}
	}
	const longest = time.Minute
	if c.Timeout < time.Millisecond || c.Timeout > longest {
		d.problem("challenge.timeout", "want from 1ms to 1m")
	}
}

func (d *decoder) lifetimes(l Lifetimes) {
	for _, p := range []struct {
		key   string
		value time.Duration
	}{
		{"access", l.Access}, {"refresh", l.Refresh}, {"session", l.Session}, {"refresh_grace", l.RefreshGrace}, {"step_up", l.StepUp},
		{"verify_email", l.VerifyEmail}, {"password_reset", l.PasswordReset}, {"second_factor", l.SecondFactor},
		{"change_email", l.ChangeEmail}, {"magic_link", l.MagicLink}, {"sign_in_token", l.SignInToken}, {"invite", l.Invite},
		{"setup", l.Setup}, {"totp_enrolment", l.TOTPEnrolment}, {"signing_period", l.SigningPeriod}, {"signing_overlap", l.SigningOverlap},
	} {
		if p.value < time.Second {
			d.problem("lifetimes."+p.key, "want at least 1s, got %s", p.value)
		}
	}
	const day, short = 24 * time.Hour, 10 * time.Minute // SECURITY ET-13, ET-11; KM-01 for access tokens
	for _, p := range []struct {
		key         string
		value, most time.Duration
	}{{"access", l.Access, day}, {"change_email", l.ChangeEmail, day}, {"magic_link", l.MagicLink, short}, {"sign_in_token", l.SignInToken, short}} {
		if p.value > p.most {
			d.problem("lifetimes."+p.key, "want at most %s, got %s", p.most, p.value)
		}
	}
}

func (d *decoder) oauth(o OAuth) {
	for _, p := range []struct {
		key         string
		value, most time.Duration
	}{{"id_token", o.IDToken, 24 * time.Hour}, {"device", o.Device, 10 * time.Minute}} { // SECURITY KM-01, DV-01
		if p.value < time.Second || p.value > p.most {
			d.problem("oauth."+p.key, "want from 1s to %s, got %s", p.most, p.value)
		}
	}
}

// keptJWKS is how long others may keep the JWKS.
const keptJWKS = 10 * time.Minute

// LeastOverlap is how long a replaced signing key has to be published for tokens that live so long: for that time, and for
// that in which the JWKS is kept, or twice for tokens that do not live as long as that.
func LeastOverlap(longest time.Duration) time.Duration { return longest + min(longest, keptJWKS) }

// overlap compares with the lifetimes that are set here (KM-01). Clients, resources and contracts may ask for up to a day,
// which the default covers; whether less is enough for them is not known here.
func (d *decoder) overlap(c Config) {
	key, longest := "lifetimes.access", c.Lifetimes.Access
	if c.OAuth.IDToken > longest {
		key, longest = "oauth.id_token", c.OAuth.IDToken
	}
	if least := LeastOverlap(longest); c.Lifetimes.SigningOverlap < least {
		d.problem("lifetimes.signing_overlap", "want at least %s, for tokens signed by the old key live for %s: raise it, or lower %s; got %s",
			least, longest, key, c.Lifetimes.SigningOverlap)
	}
}

func (d *decoder) password(p Password) {
	d.atLeast("password.memory", p.Memory, 8*p.Threads)
	d.atLeast("password.time", p.Time, 1)
	d.atLeast("password.threads", p.Threads, 1)
	d.atLeast("password.workers", p.Workers, 0)
	if !p.AllowWeak && (p.Memory < 19456 || p.Time < 2) {
		d.problem("password", "the cost is below the floor of 19456 KiB and 2 passes; raise it, or set password.allow_weak for a test")
	}
	if p.Memory > 4<<20 || p.Time > 100 || p.Threads > 64 || p.Workers > 1024 {
		d.problem("password", "the cost is out of all proportion (memory up to 4 GiB, time 100, threads 64, workers 1024)")
	}
	d.breaches(p)
	if p.FailureFloor < 0 || p.FailureFloor > 10*time.Second {
		d.problem("password.failure_floor", "want a time up to 10s, got %s", p.FailureFloor)
	}
	if p.QueueDeadline < time.Millisecond {
		d.problem("password.queue_deadline", "want at least 1ms, got %s", p.QueueDeadline)
	}
}

func (d *decoder) breaches(p Password) {
	if !p.BreachCheck {
		return
	}
	if u, err := url.Parse(p.BreachURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		d.problem("password.breach_url", "want a URL such as https://api.pwnedpasswords.com/range/, got %s", describe(p.BreachURL))
	}
}

func (d *decoder) atLeast(key string, value, least int) {
	if value < least {
		d.problem(key, "want at least %d, got %d", least, value)
	}
}

func (d *decoder) limits(limits map[string]Limit) {
	for name, l := range limits {
		switch {
		case l.Off && (l.Max != 0 || l.Per != 0):
			d.problem("limits."+name, "off leaves no room for max and per")
		case l.Max < 0 || l.Per < 0 || (!l.Off && l.Max == 0 && l.Per == 0):
			d.problem("limits."+name, "want max, per, or off")
		case l.Per != 0 && l.Per < time.Second:
			d.problem("limits."+name+".per", "want at least 1s, got %s", l.Per)
		}
	}
}

func (d *decoder) mounts(mounts []Mount) {
	for i, m := range mounts {
		at := fmt.Sprintf("mounts[%d]", i)
		if m.Contract == "" {
			d.problem(at+".contract", "is required")
		}
		if m.Base != "" && !strings.HasPrefix(m.Base, "/") {
			d.problem(at+".base", "want a path that begins with /, got %s", describe(m.Base))
		}
		for name, link := range map[string]string{"verify": m.Links.Verify, "reset": m.Links.Reset,
			"magic": m.Links.Magic, "invite": m.Links.Invite} {
			d.link(at+".links."+name, link)
		}
	}
}

// link checks a URL template. The token must not decide the host, else a mail could be made to point anywhere.
func (d *decoder) link(at, value string) {
	if value == "" {
		return
	}
	u, err := url.Parse(strings.ReplaceAll(value, "{token}", "token"))
	switch {
	case err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname()))):
		d.problem(at, "want https:// (http:// only for this machine), got %s", describe(value))
	case strings.Count(value, "{token}") != 1 || strings.Contains(originOf(value), "{token}"):
		d.problem(at, "want {token} once, in the path, query or fragment, got %s", describe(value))
	}
}

// originOf is the part of a URL up to the path.
func originOf(value string) string {
	_, rest, _ := strings.Cut(value, "://")
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	return host
}

func (d *decoder) traces(t Traces) {
	if share, err := strconv.ParseFloat(t.Sample, 64); err != nil || share < 0 || share > 1 {
		d.problem("telemetry.traces.sample", "want a number from 0 to 1, got %s", describe(t.Sample))
	}
	if t.Endpoint == "" {
		return
	}
	if u, err := url.Parse(t.Endpoint); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		d.problem("telemetry.traces.endpoint", "want an http:// or https:// URL, got %s", describe(t.Endpoint))
	}
}

// Loopback reports whether a host name or address, with or without a port, is this machine's own.
func Loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

// PublicBase is the origin under which the server is reached, without a slash at the end: public_url, else made
// of the listen address.
func (c Config) PublicBase() string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	scheme := "http"
	if c.TLS.Cert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return scheme + "://" + c.Listen
	}
	if addr, err := netip.ParseAddr(host); host == "" || (err == nil && addr.IsUnspecified()) {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// DevInbox reports whether the development inbox exists: only without a mail server, and only where nobody but
// this machine can read it or the operator asked for it.
func (c Config) DevInbox() bool {
	return c.SMTP.Host == "" && (c.Dev || Loopback(c.Listen))
}
