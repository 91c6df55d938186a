package config

import (
	"net/netip"
	"time"
)

// Config is every setting of the server. The tags are the single source of names, defaults and help; `key` is the
// name in the YAML file, from which flag and environment variable follow. A field tagged `common` is shown in the
// command's own help; all are in docs/configuration.md. The zero value works: WithDefaults fills what is empty.
type Config struct {
	Listen         string         `key:"listen" default:"127.0.0.1:8080" common:"yes" help:"Address and port to listen on."`
	Data           string         `key:"data" default:"ostiary-data" common:"yes" help:"Directory of the database, the master key and the command socket. Made with mode 0700 if it is missing."`
	Database       string         `key:"database" common:"yes" help:"PostgreSQL URL, postgres://user:password@host/name. Empty: the embedded SQLite in the data directory."`
	DatabaseFile   string         `key:"database_file" help:"File that holds the database URL, instead of naming it here."`
	PublicURL      string         `key:"public_url" common:"yes" help:"URL by which people and programs reach the server; every link and the token issuer are built from it. Empty: http(s):// and the listen address."`
	TrustedProxies []netip.Prefix `key:"trusted_proxies" common:"yes" help:"Networks of the reverse proxies whose X-Forwarded-For and X-Request-Id are believed. Empty: nobody's."`
	Dev            bool           `key:"dev" common:"yes" help:"Development mode: the development inbox answers on any listener. Never in production."`
	MasterKey      string         `key:"master_key" secret:"yes" help:"The master key itself, 32 random bytes in base64. Empty: master_key_file."`
	MasterKeyFile  string         `key:"master_key_file" common:"yes" help:"File of the master key. Empty: master.key in the data directory, made together with an empty database."`
	GeoIP          string         `key:"geoip" help:"MaxMind DB file (.mmdb) of cities or countries, by which people are shown where their sessions are. Empty: nothing is shown."`
	MaxInFlight    int            `key:"max_in_flight" default:"1024" help:"Requests worked on at the same time; more are answered 503 with Retry-After before any work."`
	DrainTimeout   time.Duration  `key:"drain_timeout" default:"20s" help:"How long a stopping server waits for the requests under way."`

	TLS       TLS              `key:"tls"`
	Metrics   Metrics          `key:"metrics"`
	SMTP      SMTP             `key:"smtp"`
	Outbound  Outbound         `key:"outbound"`
	Challenge Challenge        `key:"challenge"`
	Lifetimes Lifetimes        `key:"lifetimes"`
	Password  Password         `key:"password"`
	Passkeys  Passkeys         `key:"passkeys"`
	OAuth     OAuth            `key:"oauth"`
	Limits    map[string]Limit `key:"limits" help:"Overrides of limiters by name; docs/limits.md lists them. Each has max, per and off."`
	Retention Retention        `key:"retention"`
	Mounts    []Mount          `key:"mounts" help:"Contracts to serve. Empty: every shipped contract for the app default."`
	Telemetry Telemetry        `key:"telemetry"`
	Log       Log              `key:"log"`
}

// TLS makes the listener speak HTTPS (and HTTP/2). Both files are read again when they change.
type TLS struct {
	Cert string `key:"cert" common:"yes" help:"PEM file of the certificate chain. With it the listener speaks HTTPS only."`
	Key  string `key:"key" common:"yes" help:"PEM file of the certificate's private key."`
}

// Metrics is the listener of Prometheus metrics and pprof, apart from the public one.
type Metrics struct {
	Listen string `key:"listen" common:"yes" help:"Address and port of /metrics and /debug/pprof. Empty: none. Keep it private."`
}

// SMTP is where mails go. Without a host, mails go to the development inbox or wait in the queue.
type SMTP struct {
	Host         string `key:"host" common:"yes" help:"Mail server. Empty: no mail leaves the machine."`
	Port         int    `key:"port" default:"587" help:"Port of the mail server."`
	Username     string `key:"username" help:"User name at the mail server. Empty: no authentication."`
	Password     string `key:"password" secret:"yes" help:"Password at the mail server."`
	PasswordFile string `key:"password_file" help:"File that holds the password, instead of naming it here."`
	From         string `key:"from" help:"Sender of every mail, Name <address>. Required with smtp.host."`
	TLS          string `key:"tls" default:"starttls" options:"starttls,tls,none" help:"starttls (required, never skipped), tls (from the first byte) or none (only for a relay on the same machine)."`
}

// Outbound bounds the calls that leave the house: to upstream providers, webhooks and challenge verifiers.
type Outbound struct {
	Allow  []netip.Prefix `key:"allow" help:"Networks that may be called although they are not on the public internet, such as the one of your own GitLab: on any port, and over plain http too. Empty: none."`
	CAFile string         `key:"ca_file" help:"File with the certificates (PEM) of authorities that are believed besides the machine's own, such as the one of your company."`
	Proxy  string         `key:"proxy" help:"http:// or https:// URL of a forward proxy for calls to other networks. It resolves names itself, so it has to refuse inner addresses. The environment (HTTPS_PROXY) is never asked."`
}

// Challenge is how the services are called that tell people from robots. Which app asks which is a setting of the app.
type Challenge struct {
	Timeout      time.Duration `key:"timeout" default:"5s" help:"How long a service may take; later, and when it does not answer, strangers are refused with 503."`
	TurnstileURL string        `key:"turnstile_url" default:"https://challenges.cloudflare.com/turnstile/v0/siteverify" help:"Where Turnstile verifies."`
	HCaptchaURL  string        `key:"hcaptcha_url" default:"https://api.hcaptcha.com/siteverify" help:"Where hCaptcha verifies."`
	ReCAPTCHAURL string        `key:"recaptcha_url" default:"https://www.google.com/recaptcha/api/siteverify" help:"Where reCAPTCHA verifies; https://www.recaptcha.net/recaptcha/api/siteverify where google.com is out of reach."`
}

// Lifetimes are the times of sessions, tokens and one-time secrets. All go down to one second.
type Lifetimes struct {
	Access         time.Duration `key:"access" default:"15m" help:"Access tokens, unless the contract or client says otherwise; at most a day."`
	Refresh        time.Duration `key:"refresh" default:"30d" help:"A session without use, unless the contract or client says otherwise."`
	Session        time.Duration `key:"session" default:"90d" help:"A session from its sign-in, used or not."`
	RefreshGrace   time.Duration `key:"refresh_grace" default:"2m" help:"How long a replaced refresh token still gets the same successor."`
	StepUp         time.Duration `key:"step_up" default:"5m" help:"How long a fresh proof of identity counts for dangerous changes."`
	VerifyEmail    time.Duration `key:"verify_email" default:"24h" help:"Links that verify an address."`
	ChangeEmail    time.Duration `key:"change_email" default:"24h" help:"Links that make a new address the user's; at most a day, in which the old address can cancel or take back the change."`
	MagicLink      time.Duration `key:"magic_link" default:"10m" help:"Links and codes that sign in by mail; at most ten minutes, for the code is short."`
	SignInToken    time.Duration `key:"sign_in_token" default:"10m" help:"One-time tokens that one sign-in flow hands to another; at most ten minutes."`
	Invite         time.Duration `key:"invite" default:"7d" help:"Invitations by mail."`
	PasswordReset  time.Duration `key:"password_reset" default:"1h" help:"Links that reset a password."`
	SecondFactor   time.Duration `key:"second_factor" default:"5m" help:"The time to answer a second-factor challenge."`
	Deletion       time.Duration `key:"deletion" default:"30d" help:"How long users who delete their account, or whom an administrator deletes, are kept: they can take it back, then everything about them is erased."`
	Setup          time.Duration `key:"setup" default:"24h" help:"The link that makes the first administrator."`
	TOTPEnrolment  time.Duration `key:"totp_enrolment" default:"10m" help:"The time to confirm a new authenticator."`
	SigningPeriod  time.Duration `key:"signing_period" default:"90d" help:"How long a signing key signs before its successor takes over."`
	SigningOverlap time.Duration `key:"signing_overlap" default:"25h" help:"How long a replaced signing key still verifies; at least the longest of access and oauth.id_token plus ten minutes. Below 24h10m, clients, resources and contracts must not ask for tokens that live longer."`
}

// Password is the cost of password hashing (argon2id) and the bound on how much of it happens at once.
type Password struct {
	Memory        int           `key:"memory" default:"19456" help:"Memory of one hash, KiB."`
	Time          int           `key:"time" default:"2" help:"Passes of one hash."`
	Threads       int           `key:"threads" default:"1" help:"Lanes of one hash."`
	Workers       int           `key:"workers" help:"Hashes at the same time. 0: one for each processor."`
	QueueDeadline time.Duration `key:"queue_deadline" default:"2s" help:"How long a sign-in waits for a worker before it is answered 503."`
	FailureFloor  time.Duration `key:"failure_floor" help:"How long the answer to a wrong sign-in takes at least. Set it above the time of the most expensive hash that was imported, or its users can be told from others. 0: as long as the work."`
	BreachCheck   bool          `key:"breach_check" help:"Compare new passwords with known breaches: five digits of a SHA-1 are sent to breach_url. A service that does not answer refuses nobody."`
	BreachURL     string        `key:"breach_url" default:"https://api.pwnedpasswords.com/range/" help:"Where breach_check asks; the five digits are appended."`
	AllowWeak     bool          `key:"allow_weak" help:"Take a cost below the floor (19456 KiB, 2 passes). For tests only; said by doctor."`
}

// Passkeys says for which names passkeys are made.
type Passkeys struct {
	RPID           string   `key:"rp_id" help:"Relying party id: the host of public_url, or a domain above it. Empty: that host. Every passkey is lost when it changes."`
	RelatedOrigins []string `key:"related_origins" help:"Origins on other domains, https://host, where the passkeys work too; /.well-known/webauthn lists them."`
	Clones         string   `key:"clones" default:"refuse" options:"refuse,allow" help:"What becomes of a sign-in with a passkey whose counter went back, as that of a copy does. It is recorded and told by mail in any case."`
}

// OAuth is the authorization server.
type OAuth struct {
	IDToken      time.Duration `key:"id_token" default:"1h" help:"ID tokens; at most a day."`
	Device       time.Duration `key:"device" default:"10m" help:"The time in which somebody has to let a device in; at most ten minutes, for the code is short."`
	DPoPNonce    string        `key:"dpop_nonce" default:"require" options:"require,off" help:"Whether a proof of possession must hold a nonce of ours, which bounds how long a copied one is of use."`
	Registration bool          `key:"registration" help:"Let clients register themselves at /oauth2/register, with an initial token that an administrator made."`
}

// Limit overrides one limiter.
type Limit struct {
	Max int           `key:"max" help:"How many in the time of per."`
	Per time.Duration `key:"per" help:"The time after which the allowance is back."`
	Off bool          `key:"off" help:"Never limit. Said by doctor."`
}

// Retention is how long what is over and done with is kept.
type Retention struct {
	Sessions time.Duration `key:"sessions" default:"30d" help:"Ended sessions, and API keys that were revoked or have expired."`
	Proofs   time.Duration `key:"proofs" default:"1d" help:"Expired or spent links and codes."`
	Jobs     time.Duration `key:"jobs" default:"7d" help:"Finished jobs, and those that were given up."`
	Clients  time.Duration `key:"clients" default:"90d" help:"OAuth clients that registered themselves, or are known by a document, and that nobody uses."`
	Events   time.Duration `key:"events" help:"Events of the audit log, from the oldest on; a keyed note stands for those that are gone. 0: for ever."`
}

// Mount serves one contract for one app.
type Mount struct {
	Contract string            `key:"contract" help:"Name of a shipped contract, or path of a document of your own."`
	App      string            `key:"app" default:"default" help:"Id of the app whose users it serves."`
	Host     string            `key:"host" help:"Only requests for this host. Empty: any."`
	Base     string            `key:"base" help:"Base path instead of the document's own."`
	Policy   map[string]string `key:"policy" help:"Policy knobs by name; only to the stricter side."`
	Links    Links             `key:"links"`
}

// Links are URL templates with {token} of pages that the team has already. Empty: the server's own pages.
type Links struct {
	Verify string `key:"verify" help:"Page that verifies an address."`
	Reset  string `key:"reset" help:"Page that resets a password."`
	Magic  string `key:"magic" help:"Page that signs in by mail."`
	Invite string `key:"invite" help:"Page that accepts an invitation."`
}

// Telemetry is where traces go.
type Telemetry struct {
	Traces Traces `key:"traces"`
}

// Traces is the OpenTelemetry exporter.
type Traces struct {
	Endpoint string `key:"endpoint" help:"URL of an OTLP/HTTP collector, such as http://127.0.0.1:4318/v1/traces. Empty: no traces."`
	Sample   string `key:"sample" default:"0.1" help:"Share of requests that are traced, 0 to 1."`
}

// Log is the form of the server's own log.
type Log struct {
	Format string `key:"format" default:"auto" options:"auto,text,json" help:"text, json, or auto: text in a terminal, JSON elsewhere."`
	Level  string `key:"level" default:"info" options:"debug,info,warn,error" help:"The least severe line that is written."`
}
