package operation

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/login"
)

// The structs of this file are the values of results. Their json names are the paths of x-output; omitempty
// says that the zero value means "no value". Identifiers keep their type, so that a contract's prefixes find
// them.

// Done is the value of a result that has nothing to tell.
type Done struct{}

// Tokens are the credentials of a session. ExpiresIn is how long the access token lives from now.
type Tokens struct {
	AccessToken  string        `json:"access_token"`
	RefreshToken string        `json:"refresh_token"`
	TokenType    string        `json:"token_type"` // always Bearer
	ExpiresIn    time.Duration `json:"expires_in"`
}

// Profile is a user as the user and administrators see it. Version is the ETag of the user.
type Profile struct {
	ID               auth.UserID     `json:"id"`
	Number           int64           `json:"number"`
	Email            string          `json:"email"` // every user has one
	EmailVerified    bool            `json:"email_verified"`
	EmailVerifiedAt  time.Time       `json:"email_verified_at,omitzero"`
	Emails           []EmailAddress  `json:"emails"` // the same, as a list
	Username         string          `json:"username,omitempty"`
	Name             string          `json:"name,omitempty"`
	GivenName        string          `json:"given_name,omitempty"`
	FamilyName       string          `json:"family_name,omitempty"`
	Locale           string          `json:"locale,omitempty"`
	Role             auth.Role       `json:"role"`
	Status           auth.UserStatus `json:"status"`
	TwoFactorEnabled bool            `json:"two_factor_enabled"`
	ExternalID       string          `json:"external_id,omitempty"`
	Attributes       map[string]any  `json:"attributes"`
	Version          int64           `json:"version"`
	CreatedAt        time.Time       `json:"created_at"`
	UpdatedAt        time.Time       `json:"updated_at"`
	DisabledAt       time.Time       `json:"disabled_at,omitzero"`
	DeletesAt        time.Time       `json:"deletes_at,omitzero"` // when the user is erased; status is `deleting` until then
	// Memberships are the user's places in accounts, oldest first, at most 100, each with its account. ActiveMembership is
	// the one that the session which asks acts for; only where a session is at hand.
	Memberships      []Membership `json:"memberships"`
	ActiveMembership *Membership  `json:"active_membership,omitempty"`
	Credit           *Credit      `json:"credit,omitempty"` // no value: never given any
}

// EmailAddress is one address of a user.
type EmailAddress struct {
	ID         auth.EmailID `json:"id"`
	Email      string       `json:"email"`
	VerifiedAt time.Time    `json:"verified_at,omitzero"`
}

// Session is one sign-in as its user sees it. EndReason says why an ended one ended.
type Session struct {
	ID            auth.SessionID `json:"id"`
	Client        auth.ClientID  `json:"client_id"`
	Account       auth.AccountID `json:"account_id,omitempty"` // that it acts for
	Current       bool           `json:"current"`              // the one that asks
	Device        string         `json:"device,omitempty"`
	IP            string         `json:"ip,omitempty"`
	UserAgent     string         `json:"user_agent,omitempty"`
	Agent         Agent          `json:"agent"`
	Door          string         `json:"door,omitempty"` // the contract it was made at
	AMR           []string       `json:"amr"`
	AuthTime      time.Time      `json:"auth_time"`
	EmailVerified bool           `json:"email_verified"`
	CreatedAt     time.Time      `json:"created_at"`
	LastSeenAt    time.Time      `json:"last_seen_at"`
	IdleExpiresAt time.Time      `json:"idle_expires_at"`
	ExpiresAt     time.Time      `json:"expires_at"`
	Ended         bool           `json:"ended"`
	EndedAt       time.Time      `json:"ended_at,omitzero"`
	EndReason     auth.EndReason `json:"end_reason,omitempty"`
}

// Agent is what the user agent of a session says about the device. It proves nothing.
type Agent struct {
	Kind     string `json:"kind"` // mobile, tablet, desktop, bot or unknown
	Browser  string `json:"browser,omitempty"`
	Version  string `json:"version,omitempty"` // of the browser
	Platform string `json:"platform,omitempty"`
	OS       string `json:"os,omitempty"`
}

// Granted is the value of every result that starts or renews a session. SessionCookie is the secret of the
// cookie kind `session`, present only where the door sets one.
type Granted struct {
	Tokens        Tokens  `json:"tokens"`
	SessionCookie string  `json:"session_cookie,omitempty"`
	User          Profile `json:"user"`
	Session       Session `json:"session"`
}

// Challenge is a half-finished sign-in: complete-second-factor takes its token and one code.
type Challenge struct {
	Token     string            `json:"token"`
	Factors   []auth.FactorKind `json:"factors"`
	ExpiresAt time.Time         `json:"expires_at"`
}

// Challenged is the value of second-factor-required.
type Challenged struct {
	Challenge Challenge `json:"challenge"`
}

// Pending is the value of confirmation-pending: it tells nothing about who is known. Where the policy conceals, the
// id given for an address that is in use belongs to nobody.
type Pending struct {
	UserID auth.UserID `json:"user_id"`
	Email  string      `json:"email"` // as sent
}

// UserResult carries one user.
type UserResult struct {
	User Profile `json:"user"`
}

// Me is the value of get-me: the user, and what it asks with.
type Me struct {
	User            Profile         `json:"user"`
	HasPassword     bool            `json:"has_password"`
	BackupCodesLeft int             `json:"backup_codes_left"`
	Credential      auth.CallerKind `json:"credential"`           // session or api-key
	SessionID       auth.SessionID  `json:"session_id,omitempty"` // of a session
	APIKeyID        auth.APIKeyID   `json:"api_key_id,omitempty"` // of an API key
	Scopes          []string        `json:"scopes,omitempty"`     // of an API key
}

// Users is one page of users.
type Users struct {
	Users      []Profile   `json:"users"`
	NextCursor string      `json:"next_cursor,omitempty"`
	Pagination *Pagination `json:"pagination,omitempty"` // only of pages by number
}

// Pagination is where a page by number stands among all.
type Pagination struct {
	Page        int  `json:"page"`
	Size        int  `json:"size"`  // rows of a page at most
	Total       int  `json:"total"` // of rows
	Pages       int  `json:"pages"`
	HasNext     bool `json:"has_next"`
	HasPrevious bool `json:"has_previous"`
}

// Sessions is one page of sessions. Total counts those of all pages.
type Sessions struct {
	Sessions   []Session `json:"sessions"`
	Total      int       `json:"total"`
	NextCursor string    `json:"next_cursor,omitempty"`
}

// Ended tells how many sessions a call ended.
type Ended struct {
	Ended int `json:"ended"`
}

// APIKey is an API key without its secret. PreviousUntil is how long the secret before the last rotation works.
type APIKey struct {
	ID            auth.APIKeyID `json:"id"`
	Name          string        `json:"name"`
	Prefix        string        `json:"prefix"`
	Scopes        []string      `json:"scopes"`
	CreatedAt     time.Time     `json:"created_at"`
	ExpiresAt     time.Time     `json:"expires_at,omitzero"`
	LastUsedAt    time.Time     `json:"last_used_at,omitzero"`
	RevokedAt     time.Time     `json:"revoked_at,omitzero"`
	PreviousUntil time.Time     `json:"previous_until,omitzero"`
	// Usable is false once the key was revoked or has expired.
	Usable bool `json:"usable"`
}

// APIKeyResult carries one API key.
type APIKeyResult struct {
	APIKey APIKey `json:"api_key"`
}

// NewAPIKey carries an API key and its secret, which is never shown again.
type NewAPIKey struct {
	APIKey APIKey `json:"api_key"`
	Secret string `json:"secret"`
}

// APIKeys is one page of API keys, newest first.
type APIKeys struct {
	APIKeys    []APIKey `json:"api_keys"`
	NextCursor string   `json:"next_cursor,omitempty"`
}

// TOTP is a begun enrolment: the base32 secret, and the otpauth URI that authenticator apps read.
type TOTP struct {
	Secret    string    `json:"secret"`
	URI       string    `json:"uri"`
	ExpiresAt time.Time `json:"expires_at"`
}

// BegunTOTP is the value of begin-totp.
type BegunTOTP struct {
	TOTP TOTP `json:"totp"`
}

// BackupCodes are recovery codes, shown once.
type BackupCodes struct {
	BackupCodes []string `json:"backup_codes"`
}

// PasskeyFlow is a passkey ceremony that a browser has to answer. Options is what navigator.credentials takes, in the JSON
// form of WebAuthn Level 3; Flow goes back with the answer.
type PasskeyFlow struct {
	Flow      string         `json:"flow"`
	Options   map[string]any `json:"options"`
	ExpiresAt time.Time      `json:"expires_at"`
}

// Passkey is a passkey as its user sees it. Model is the make of the authenticator, which nobody attests; CloneSuspectedAt
// is when it last looked like a copy.
type Passkey struct {
	ID               auth.FactorID `json:"id"`
	CredentialID     string        `json:"credential_id"` // base64url
	Name             string        `json:"name"`
	AAGUID           string        `json:"aaguid,omitempty"`
	Model            string        `json:"model,omitempty"`
	Transports       []string      `json:"transports"`
	Syncable         bool          `json:"syncable"`
	Synced           bool          `json:"synced"`
	CreatedAt        time.Time     `json:"created_at"`
	LastUsedAt       time.Time     `json:"last_used_at,omitzero"`
	CloneSuspectedAt time.Time     `json:"clone_suspected_at,omitzero"`
}

// PasskeyResult carries one passkey.
type PasskeyResult struct {
	Passkey Passkey `json:"passkey"`
}

// Passkeys are the passkeys of a user. Signals is what a browser tells its authenticators, so that they forget what was
// removed and show the name of today; no value before the first passkey.
type Passkeys struct {
	Passkeys []Passkey       `json:"passkeys"`
	Signals  *PasskeySignals `json:"signals,omitempty"`
}

// PasskeySignals are the arguments of signalAllAcceptedCredentials and signalCurrentUserDetails (WebAuthn Level 3).
type PasskeySignals struct {
	RPID          string   `json:"rp_id"`
	UserHandle    string   `json:"user_handle"`    // base64url
	CredentialIDs []string `json:"credential_ids"` // base64url
	Name          string   `json:"name"`
	DisplayName   string   `json:"display_name"`
}

// ResetToken is the value of check-reset-token.
type ResetToken struct {
	Valid     bool      `json:"valid"` // always true; a dead token is the error proof-invalid
	Email     string    `json:"email,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
}

// LinkPreview is the value of preview-link. Account is set where an invitation leads to one, Provider and Upstream for an
// identity: the provider's title, and the person as it calls them.
type LinkPreview struct {
	Kind      auth.ProofKind `json:"kind"`
	Email     string         `json:"email,omitempty"`
	Account   string         `json:"account,omitempty"`
	Provider  string         `json:"provider,omitempty"`
	Upstream  string         `json:"upstream,omitempty"`
	ExpiresAt time.Time      `json:"expires_at"`
}

// MailedSignIn is the value of send-magic-link, the same for every address.
type MailedSignIn struct {
	Flow      string    `json:"flow"`
	ExpiresAt time.Time `json:"expires_at"`
}

// EmailStatus is the value of check-email.
type EmailStatus struct {
	Status    string         `json:"status"` // active or inactive
	Preferred []login.Method `json:"preferred"`
	Available []login.Method `json:"available"`
}

// LoginMethod is one way to sign in.
type LoginMethod struct {
	Method login.Method `json:"method"`
}

// LoginMethods are the ways to sign in, as a list and one by one; a way that there is not has no value.
type LoginMethods struct {
	Methods   []login.Method   `json:"methods"`
	Password  *LoginMethod     `json:"password,omitempty"`
	MagicLink *LoginMethod     `json:"magic_link,omitempty"`
	Passkey   *LoginMethod     `json:"passkey,omitempty"`
	Providers []ProviderMethod `json:"providers"`
	Challenge *LoginChallenge  `json:"challenge,omitempty"`
}

// LoginChallenge is what a page must show before somebody signs in or up.
type LoginChallenge struct {
	Kind    string `json:"kind"`
	SiteKey string `json:"site_key,omitempty"` // that the service's widget is made with; never that of an allow-list
}

// ProviderMethod is an identity provider that signs in.
type ProviderMethod struct {
	Method   login.Method      `json:"method"`   // provider:NAME
	Key      string            `json:"key"`      // oauth_NAME, for answers that are keyed by it
	Provider string            `json:"provider"` // its name, as begin-federated-sign-in takes it
	Kind     auth.ProviderKind `json:"kind"`
	Title    string            `json:"title"` // for a button
}

// EmailPending is a new address that waits for its link.
type EmailPending struct {
	Email     string    `json:"email"`
	ExpiresAt time.Time `json:"expires_at"`
}

// EmailKept tells whether the address had been replaced and was taken back.
type EmailKept struct {
	Restored bool `json:"restored"`
}

// SteppedUp is the value of step-up. SessionCookie replaces the cookie that the request came with.
type SteppedUp struct {
	ExpiresAt     time.Time `json:"expires_at"`
	SessionCookie string    `json:"session_cookie,omitempty"`
	StepUpCookie  string    `json:"step_up_cookie"` // opens nothing; for clients that look for one
}

// TOTPStatus is the value of get-totp-status.
type TOTPStatus struct {
	Enabled         bool `json:"enabled"`
	BackupCodesLeft int  `json:"backup_codes_left"`
}

// Authentication is the value of get-authentication. User is left out for API keys that may not read the account.
type Authentication struct {
	Authenticated bool     `json:"authenticated"`
	User          *Profile `json:"user,omitempty"`
}

// App is an app as administrators see it.
type App struct {
	ID                auth.AppID                    `json:"id"`
	Name              string                        `json:"name"`
	Status            auth.AppStatus                `json:"status"`
	DefaultClient     auth.ClientID                 `json:"default_client_id,omitempty"`
	SigningAlgorithm  string                        `json:"signing_algorithm,omitempty"`
	Attributes        map[string]auth.AttributeRule `json:"attributes"`
	Permissions       map[string][]string           `json:"permissions"`  // by role
	Registration      auth.RegistrationMode         `json:"registration"` // how people sign up
	AccountsOnSignUp  bool                          `json:"accounts_on_sign_up"`
	MetadataDocuments bool                          `json:"client_id_metadata_documents"`
	PasswordMin       int                           `json:"password_min"` // 0: what the door says
	Locale            string                        `json:"locale,omitempty"`
	Challenge         Challenges                    `json:"challenge"`
	Brand             Brand                         `json:"brand"`
	Version           int64                         `json:"version"`
	CreatedAt         time.Time                     `json:"created_at,omitzero"` // zero: with the database
	UpdatedAt         time.Time                     `json:"updated_at,omitzero"`
}

// Brand is how an app looks to people, beside its name.
type Brand struct {
	Accent       string `json:"accent,omitempty"` // #rrggbb
	LogoURL      string `json:"logo_url,omitempty"`
	TermsURL     string `json:"terms_url,omitempty"`
	PrivacyURL   string `json:"privacy_url,omitempty"`
	SupportEmail string `json:"support_email,omitempty"`
}

// Challenges is what an app asks of strangers, without its secret.
type Challenges struct {
	Kind          string   `json:"kind"` // none, allow-list, turnstile, hcaptcha or recaptcha
	SiteKeys      []string `json:"site_keys"`
	SecretSet     bool     `json:"secret_set"`
	Hostnames     []string `json:"hostnames"`
	MinScore      float64  `json:"min_score"`
	CheckAction   bool     `json:"check_action"`
	ExemptAppKeys bool     `json:"exempt_app_keys"`
}

// Apps is one page of apps.
type Apps struct {
	Apps       []App  `json:"apps"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// AppKey is an app key without its secret.
type AppKey struct {
	ID         auth.AppKeyID `json:"id"`
	App        auth.AppID    `json:"app_id"`
	Name       string        `json:"name"`
	Prefix     string        `json:"prefix"`
	CreatedAt  time.Time     `json:"created_at"`
	ExpiresAt  time.Time     `json:"expires_at,omitzero"`
	LastUsedAt time.Time     `json:"last_used_at,omitzero"`
	RevokedAt  time.Time     `json:"revoked_at,omitzero"`
}

// NewAppKey carries an app key and its secret, which is never shown again.
type NewAppKey struct {
	AppKey AppKey `json:"app_key"`
	Secret string `json:"secret"`
}

// AppKeys is one page of the keys of an app, oldest first.
type AppKeys struct {
	AppKeys    []AppKey `json:"app_keys"`
	NextCursor string   `json:"next_cursor,omitempty"`
}

// Event is one line of the audit log.
type Event struct {
	ID        auth.EventID      `json:"id"`
	At        time.Time         `json:"at"`
	Action    string            `json:"action"`            // dotted past tense, `session.ended`
	Outcome   string            `json:"outcome"`           // `ok` or an error code
	Actor     string            `json:"actor,omitempty"`   // id of a user or key, or `system`
	ActorKind string            `json:"actor_kind"`        // session, api-key, system or anonymous
	User      auth.UserID       `json:"user_id,omitempty"` // whom it concerns
	Session   auth.SessionID    `json:"session_id,omitempty"`
	Target    string            `json:"target,omitempty"` // id of the thing changed
	IP        string            `json:"ip,omitempty"`
	UserAgent string            `json:"user_agent,omitempty"`
	RequestID string            `json:"request_id,omitempty"`
	Data      map[string]string `json:"data"`
}

// Events is one page of the audit log.
type Events struct {
	Events     []Event `json:"events"`
	NextCursor string  `json:"next_cursor,omitempty"`
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

// AuditReport is what verify-audit found out about one app's chain of events.
type AuditReport struct {
	Sealed   int64  `json:"sealed"`   // events in the chain
	Removed  int64  `json:"removed"`  // events before them that were old enough to go
	Unsealed int64  `json:"unsealed"` // committed events that the sealer has yet to chain
	Intact   bool   `json:"intact"`
	Faults   int    `json:"faults"`            // how many were found; counting stops at 100
	Problem  string `json:"problem,omitempty"` // the first fault, in words
}

// SavedBackup tells where a backup lies and what it holds.
type SavedBackup struct {
	Path string `json:"path"`
	Size int64  `json:"size"` // bytes
}
