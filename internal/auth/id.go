package auth

// Identifiers are opaque strings (UUID version 7 in canonical form). They are no secrets and carry no
// meaning; a contract may add a prefix on the way out and strip it on the way in (x-contract.ids).
type (
	AppID     string
	ClientID  string
	UserID    string
	EmailID   string
	SessionID string
	ProofID   string
	FactorID  string
	APIKeyID  string
	AppKeyID  string
	EventID   string

	AccountID       string
	MembershipID    string
	InviteID        string
	InviteCodeID    string
	WaitlistEntryID string
	JobID           string
	SigningKeyID    string
	ProviderID      string
	IdentityID      string

	ClientSecretID        string
	ResourceID            string
	DeviceAuthorizationID string
	RegistrationTokenID   string
)

// DefaultApp is the app that exists from the first migration, and DefaultClient its default client.
const (
	DefaultApp    AppID    = "default"
	DefaultClient ClientID = "default"
)

// IDKind names the kind of thing an identifier points to. The contract engine finds the prefix of
// x-contract.ids by it.
func (AppID) IDKind() string     { return "app" }
func (ClientID) IDKind() string  { return "client" }
func (UserID) IDKind() string    { return "user" }
func (EmailID) IDKind() string   { return "email" }
func (SessionID) IDKind() string { return "session" }
func (FactorID) IDKind() string  { return "factor" }
func (APIKeyID) IDKind() string  { return "api-key" }
func (AppKeyID) IDKind() string  { return "app-key" }
func (EventID) IDKind() string   { return "event" }

func (AccountID) IDKind() string       { return "account" }
func (MembershipID) IDKind() string    { return "membership" }
func (InviteID) IDKind() string        { return "invite" }
func (InviteCodeID) IDKind() string    { return "invite-code" }
func (WaitlistEntryID) IDKind() string { return "waitlist-entry" }
func (ProviderID) IDKind() string      { return "provider" }
func (IdentityID) IDKind() string      { return "identity" }

func (ClientSecretID) IDKind() string      { return "client-secret" }
func (ResourceID) IDKind() string          { return "resource" }
func (RegistrationTokenID) IDKind() string { return "registration-token" }

// IDKinds lists the kinds that x-contract.ids may name.
func IDKinds() []string {
	return []string{"app", "client", "user", "email", "session", "factor", "api-key", "app-key", "event",
		"account", "membership", "invite", "invite-code", "waitlist-entry", "provider", "identity",
		"client-secret", "resource", "registration-token"}
}
