package client

import "time"

// Tokens are the credentials of a session.
type Tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds that the access token lives
}

// User is a person in one app. Pointers are nil where the server knows no value.
type User struct {
	ID               string         `json:"id"`
	Number           int64          `json:"number"`
	Email            string         `json:"email"`
	EmailVerified    bool           `json:"email_verified"`
	EmailVerifiedAt  *time.Time     `json:"email_verified_at"`
	Username         string         `json:"username"`
	Name             string         `json:"name"`
	GivenName        string         `json:"given_name"`
	FamilyName       string         `json:"family_name"`
	Locale           string         `json:"locale"`
	Role             string         `json:"role"`
	Status           string         `json:"status"`
	TwoFactorEnabled bool           `json:"two_factor_enabled"`
	ExternalID       string         `json:"external_id"`
	Attributes       map[string]any `json:"attributes"`
	Version          int64          `json:"version"`
	CreatedAt        time.Time      `json:"created_at"`
	UpdatedAt        time.Time      `json:"updated_at"`
	DisabledAt       *time.Time     `json:"disabled_at"`
	DeletesAt        *time.Time     `json:"deletes_at"` // when the user is erased
	Memberships      []Membership   `json:"memberships"`
	ActiveMembership *Membership    `json:"active_membership"` // that the session acts for
	Credit           *Credit        `json:"credit"`
}

// Session is one sign-in on one device.
type Session struct {
	ID            string     `json:"id"`
	ClientID      string     `json:"client_id"`
	AccountID     string     `json:"account_id"` // that it acts for
	Current       bool       `json:"current"`
	Device        string     `json:"device"`
	IP            string     `json:"ip"`
	UserAgent     string     `json:"user_agent"`
	Agent         Agent      `json:"agent"`
	Contract      string     `json:"contract"`
	AMR           []string   `json:"amr"`
	AuthTime      time.Time  `json:"auth_time"`
	EmailVerified bool       `json:"email_verified"`
	CreatedAt     time.Time  `json:"created_at"`
	LastSeenAt    time.Time  `json:"last_seen_at"`
	IdleExpiresAt time.Time  `json:"idle_expires_at"`
	ExpiresAt     time.Time  `json:"expires_at"`
	EndedAt       *time.Time `json:"ended_at"`
	EndReason     string     `json:"end_reason"`
}

// Agent is what a user agent says about a device; empty fields are not known.
type Agent struct {
	Kind     string `json:"kind"` // mobile, tablet, desktop, bot or unknown
	Browser  string `json:"browser"`
	Version  string `json:"version"` // of the browser
	Platform string `json:"platform"`
	OS       string `json:"os"`
}

// SignedIn is a session with its tokens.
type SignedIn struct {
	Tokens  Tokens  `json:"tokens"`
	User    User    `json:"user"`
	Session Session `json:"session"`
}

// Challenge is a sign-in that wants a second factor.
type Challenge struct {
	Token     string    `json:"token"`
	Factors   []string  `json:"factors"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Me is who asks, and with what.
type Me struct {
	User            User     `json:"user"`
	HasPassword     bool     `json:"has_password"`
	BackupCodesLeft int      `json:"backup_codes_left"`
	Credential      string   `json:"credential"` // session or api-key
	SessionID       string   `json:"session_id"`
	APIKeyID        string   `json:"api_key_id"`
	Scopes          []string `json:"scopes"`
}

// TOTP is a begun enrolment of an authenticator app.
type TOTP struct {
	Secret    string    `json:"secret"`
	URI       string    `json:"uri"`
	ExpiresAt time.Time `json:"expires_at"`
}

// APIKey is an API key without its secret.
type APIKey struct {
	ID            string     `json:"id"`
	Name          string     `json:"name"`
	Prefix        string     `json:"prefix"`
	Scopes        []string   `json:"scopes"`
	CreatedAt     time.Time  `json:"created_at"`
	ExpiresAt     *time.Time `json:"expires_at"`
	LastUsedAt    *time.Time `json:"last_used_at"`
	RevokedAt     *time.Time `json:"revoked_at"`
	PreviousUntil *time.Time `json:"previous_until"`
}

// NewAPIKey is an API key with its secret, which is never shown again.
type NewAPIKey struct {
	APIKey APIKey `json:"api_key"`
	Secret string `json:"secret"`
}

// App is an isolated pool of users.
type App struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	Status          string `json:"status"`
	DefaultClientID string `json:"default_client_id"`
	// Registration says how people sign up: open, invite-code, invite, waitlist or closed.
	Registration      string `json:"registration"`
	AccountsOnSignUp  bool   `json:"accounts_on_sign_up"`
	MetadataDocuments bool   `json:"client_id_metadata_documents"`
	// Locale is the language of mails and pages for people who say none; empty: English.
	Locale      string `json:"locale,omitempty"`
	PasswordMin int    `json:"password_min"`
	// Attributes are declared by name.
	Attributes map[string]AttributeRule `json:"attributes"`
	// Permissions are lists by role.
	Permissions map[string][]string `json:"permissions"`
	// SigningAlgorithm is that of access tokens; empty: ES256.
	SigningAlgorithm string       `json:"signing_algorithm,omitempty"`
	Challenge        AppChallenge `json:"challenge"`
	Brand            Brand        `json:"brand"`
	Version          int64        `json:"version"`
	CreatedAt        *time.Time   `json:"created_at"` // nil: with the database
	UpdatedAt        *time.Time   `json:"updated_at"`
}

// AttributeRule says what an attribute of users is and who writes it.
type AttributeRule struct {
	Type      string `json:"type"`                 // string, integer, number or boolean
	MaxLength int    `json:"max_length,omitempty"` // of a string, in code points; 0: 256
	Writer    string `json:"writer"`               // user or admin
}

// Brand is how an app looks on pages; empty fields are not set.
type Brand struct {
	Accent       string `json:"accent,omitempty"` // #rrggbb
	LogoURL      string `json:"logo_url,omitempty"`
	TermsURL     string `json:"terms_url,omitempty"`
	PrivacyURL   string `json:"privacy_url,omitempty"`
	SupportEmail string `json:"support_email,omitempty"`
}

// AppChallenge is what an app asks of strangers before they sign up, sign in or have a mail sent.
type AppChallenge struct {
	Kind          string   `json:"kind"` // none, allow-list, turnstile, hcaptcha or recaptcha
	SiteKeys      []string `json:"site_keys"`
	SecretSet     bool     `json:"secret_set"`
	Hostnames     []string `json:"hostnames"`
	MinScore      float64  `json:"min_score"`
	CheckAction   bool     `json:"check_action"`
	ExemptAppKeys bool     `json:"exempt_app_keys"`
}

// AppKey is an app key without its secret.
type AppKey struct {
	ID         string     `json:"id"`
	AppID      string     `json:"app_id"`
	Name       string     `json:"name"`
	Prefix     string     `json:"prefix"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

// NewAppKey is an app key with its secret, which is never shown again.
type NewAppKey struct {
	AppKey AppKey `json:"app_key"`
	Secret string `json:"secret"`
}

// Event is one line of the audit log.
type Event struct {
	ID        string            `json:"id"`
	At        time.Time         `json:"at"`
	Action    string            `json:"action"`
	Outcome   string            `json:"outcome"` // ok or an error code
	Actor     string            `json:"actor"`
	ActorKind string            `json:"actor_kind"`
	UserID    string            `json:"user_id"` // whom it concerns
	SessionID string            `json:"session_id"`
	Target    string            `json:"target"` // id of the thing changed
	IP        string            `json:"ip"`
	UserAgent string            `json:"user_agent"`
	RequestID string            `json:"request_id"`
	Data      map[string]string `json:"data"`
}

// SetupLink makes the first administrator, once.
type SetupLink struct {
	URL       string    `json:"url"`
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// SharedSecret signs the access tokens of an app whose old resource servers share it. Secret is base64url, without padding.
type SharedSecret struct {
	Algorithm string `json:"algorithm"`
	Secret    string `json:"secret"`
}

// AuditReport is what a check of the audit chain found.
type AuditReport struct {
	Intact   bool   `json:"intact"`
	Sealed   int64  `json:"sealed"`
	Removed  int64  `json:"removed"` // events before them that were old enough to go
	Unsealed int64  `json:"unsealed"`
	Faults   int    `json:"faults"`
	Problem  string `json:"problem"` // the first fault, in words
}

// Backup is a copy of the database on the server's machine.
type Backup struct {
	Path string `json:"path"`
	Size int64  `json:"size"` // bytes
}

// ImportReport tells what became of a batch of an import.
type ImportReport struct {
	DryRun   bool           `json:"dry_run"`
	Stopped  bool           `json:"stopped"` // somebody was there and Existing was fail
	Created  int            `json:"created"` // in a dry run those that would be
	Existing int            `json:"existing"`
	Invalid  int            `json:"invalid"`
	Lines    []ImportedLine `json:"lines"`
}

// ImportedLine tells what became of one line of a file.
type ImportedLine struct {
	Line       int      `json:"line"`
	Outcome    string   `json:"outcome"` // created, valid, exists, invalid or not-reached
	ID         string   `json:"id,omitempty"`
	ExternalID string   `json:"external_id,omitempty"`
	Email      string   `json:"email,omitempty"`
	Field      string   `json:"field,omitempty"`
	Reason     string   `json:"reason,omitempty"`
	Earlier    int      `json:"earlier_line,omitempty"` // the line of the batch that took what this one needs
	NotCarried []string `json:"not_carried"`
	// Identifiers are what a line of a dry run would take in the app if it did not clash with one of its batch. Two lines of
	// one file that share one are one person twice, or with the field username two people who want one name.
	Identifiers []Identifier `json:"identifiers,omitempty"`
}

// Identifier is something that only one user of an app has, in the form in which the server compares it.
type Identifier struct {
	Field string `json:"field"` // id, external_id, email or username
	Value string `json:"value"`
}
