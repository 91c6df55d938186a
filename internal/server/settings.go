package server

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/contracts"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/oauth"
	"github.com/ostiary-id/ostiary/internal/outbound"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
)

// ownContract is the contract that commands speak; it is always there, for the operator at least.
const ownContract = "ostiary"

// plan is what the settings mean to the packages that they are handed to.
type plan struct {
	mounts []contract.Mount
	limits map[string]limit.Setting
	smtp   *mail.SMTP // nil: no mail leaves
	sample float64
	party  *factor.Party  // nil: there are no passkeys
	roots  *x509.CertPool // of the servers that are called; nil: the machine's
}

// makePlan translates the settings. The error is a config.Problems with everything that only the packages of the
// house could find wrong.
func makePlan(c config.Config) (plan, error) {
	var p plan
	problems := config.Problems(c.Check())
	var more config.Problems
	p.mounts, more = mounts(c.Mounts)
	problems = append(problems, more...)
	p.limits, more = limits(c.Limits)
	problems = append(problems, more...)
	if c.SMTP.Host != "" {
		p.smtp = &mail.SMTP{Host: c.SMTP.Host, Port: c.SMTP.Port, Username: c.SMTP.Username,
			Password: secret.Secret(c.SMTP.Password), From: c.SMTP.From, TLS: c.SMTP.TLS}
		if err := p.smtp.Check(); err != nil {
			problems = append(problems, "smtp: "+err.Error())
		}
	}
	party, err := factor.NewParty(factor.PartyOptions{PublicURL: c.PublicBase(), ID: c.Passkeys.RPID, Related: c.Passkeys.RelatedOrigins,
		AllowClones: c.Passkeys.Clones == "allow"})
	if err != nil && len(problems) == 0 { // a public URL that is wrong was told of already
		problems = append(problems, err.Error())
	}
	p.party = party
	if p.roots, err = roots(c.Outbound.CAFile); err != nil {
		problems = append(problems, "outbound.ca_file: "+err.Error())
	}
	p.sample, _ = strconv.ParseFloat(c.Telemetry.Traces.Sample, 64) // config.Check has read it
	if len(problems) > 0 {
		return p, problems
	}
	return p, nil
}

// shipped reads a document of the binary.
func shipped(name string) (contract.Source, bool) {
	data, err := contracts.Files.ReadFile(name + ".yaml")
	return contract.Source{Name: name + ".yaml", Data: data, Trusted: true}, err == nil
}

// shippedNames lists the documents of the binary.
func shippedNames() []string {
	var out []string
	entries, err := fs.ReadDir(contracts.Files, ".")
	if err != nil {
		return nil // an embedded directory is always there
	}
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return out
}

// Source finds a contract by the name of a shipped one or the path of a file.
func Source(name string) (contract.Source, error) {
	if s, ok := shipped(name); ok {
		return s, nil
	}
	if !strings.ContainsAny(name, `/\.`) {
		return contract.Source{}, fmt.Errorf("there is no shipped contract %q; there are %s, or give the path of a document of your own",
			name, strings.Join(shippedNames(), ", "))
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return contract.Source{}, err
	}
	return contract.Source{Name: filepath.ToSlash(name), Data: data}, nil
}

// mounts reads the documents. Without settings every shipped contract serves the app default. Our own API is mounted
// for the operator in any case.
func mounts(list []config.Mount) (out []contract.Mount, problems config.Problems) {
	if len(list) == 0 {
		for _, name := range shippedNames() {
			list = append(list, config.Mount{Contract: name, App: string(auth.DefaultApp)})
		}
	}
	own := false
	for i, m := range list {
		at := fmt.Sprintf("mounts[%d]", i)
		source, err := Source(m.Contract)
		if err != nil {
			problems = append(problems, at+".contract: "+err.Error())
			continue
		}
		policy, wrong := policyOf(at, m.Policy)
		problems = append(problems, wrong...)
		own = own || (m.Contract == ownContract && m.Host == "" && m.Base == "")
		out = append(out, contract.Mount{Source: source, App: auth.AppID(m.App), Host: m.Host, Base: m.Base, Policy: policy,
			Links: auth.Links{Verify: m.Links.Verify, Reset: m.Links.Reset, Magic: m.Links.Magic, Invite: m.Links.Invite}})
	}
	if !own {
		if source, ok := shipped(ownContract); ok {
			out = append(out, contract.Mount{Source: source, App: auth.DefaultApp, Host: operatorHost})
		}
	}
	return out, problems
}

// policyOf makes the strict sides that a mount asks for. A knob that it does not name stays as the document has it.
func policyOf(at string, values map[string]string) (*auth.Policy, config.Problems) {
	if len(values) == 0 {
		return nil, nil
	}
	var problems config.Problems
	p := auth.Policy{SignUpImmediate: true, RevealExisting: true, AllowUnverified: true, RevealEmail: true}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i := slices.IndexFunc(auth.Knobs(), func(k auth.Knob) bool { return k.Name == name })
		if i < 0 {
			problems = append(problems, at+".policy."+name+": there is no such knob")
			continue
		}
		knob := auth.Knobs()[i]
		switch values[name] {
		case knob.Strict:
			*knob.Field(&p) = false
		case knob.Weak:
		default:
			problems = append(problems, fmt.Sprintf("%s.policy.%s: want %s or %s, got %q", at, name, knob.Strict, knob.Weak, values[name]))
		}
	}
	return &p, problems
}

func limits(list map[string]config.Limit) (map[string]limit.Setting, config.Problems) {
	var problems config.Problems
	known := limit.Catalogue()
	out := map[string]limit.Setting{}
	for _, name := range slices.Sorted(maps.Keys(list)) {
		if !slices.ContainsFunc(known, func(l limit.Limiter) bool { return l.Name == name }) {
			problems = append(problems, "limits."+name+": there is no such limiter; docs/limits.md lists them")
			continue
		}
		out[name] = limit.Setting{Max: list[name].Max, Per: list[name].Per, Off: list[name].Off}
	}
	return out, problems
}

func sessionSettings(l config.Lifetimes) session.Settings {
	return session.Settings{AccessTTL: l.Access, RefreshTTL: l.Refresh, AbsoluteTTL: l.Session, Grace: l.RefreshGrace,
		StepUpWindow: l.StepUp}
}

func proofLifetimes(l config.Lifetimes) map[auth.ProofKind]time.Duration {
	return map[auth.ProofKind]time.Duration{auth.ProofVerifyEmail: l.VerifyEmail, auth.ProofPasswordReset: l.PasswordReset,
		auth.ProofSecondFactor: l.SecondFactor, auth.ProofSetup: l.Setup, auth.ProofChangeEmail: l.ChangeEmail, auth.ProofAddEmail: l.ChangeEmail, auth.ProofInvite: l.Invite,
		auth.ProofMagicLink: l.MagicLink, auth.ProofEmailCode: l.MagicLink, auth.ProofSignIn: l.SignInToken,
		auth.ProofCancelDelete: l.Deletion}
}

func challengeURLs(c config.Challenge) map[auth.ChallengeKind]string {
	return map[auth.ChallengeKind]string{auth.ChallengeTurnstile: c.TurnstileURL, auth.ChallengeHCaptcha: c.HCaptchaURL,
		auth.ChallengeReCAPTCHA: c.ReCAPTCHAURL}
}

func poolOptions(p config.Password, o Options) secret.PoolOptions {
	return secret.PoolOptions{
		Params:  secret.PasswordParams{Memory: uint32(p.Memory), Time: uint32(p.Time), Threads: uint8(p.Threads)},
		Workers: p.Workers, QueueDeadline: p.QueueDeadline, Rand: o.Rand,
	}
}

// roots are the authorities of the machine and those of a file; nil, which is the machine's, without a file.
func roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("there is no certificate in " + file)
	}
	return pool, nil
}

func outboundOptions(c config.Outbound, roots *x509.CertPool) outbound.Options {
	o := outbound.Options{Allow: c.Allow, Roots: roots}
	if u, err := url.Parse(c.Proxy); err == nil && c.Proxy != "" { // config has checked it
		o.Proxy = u
	}
	return o
}

// oauthSettings are those of the authorization server.
func oauthSettings(c config.Config) oauth.Settings {
	return oauth.Settings{AccessTTL: c.Lifetimes.Access, IDTTL: c.OAuth.IDToken, DeviceTTL: c.OAuth.Device,
		NonceOff: c.OAuth.DPoPNonce == "off", Registration: c.OAuth.Registration}
}
