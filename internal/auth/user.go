package auth

import "time"

// UserStatus is the state of a user. Only active users may sign in or keep a session.
type UserStatus string

const (
	UserActive   UserStatus = "active"
	UserDisabled UserStatus = "disabled"
	// UserDeleting is how a user with DeleteAt is shown and looked for (User.Shown); rows never hold it.
	UserDeleting UserStatus = "deleting"
)

// Role is what a user may do in the app: `user` serves itself, `admin` manages the app; `moderator` and
// `member` carry no rights here and exist for resource servers.
type Role string

const (
	RoleUser      Role = "user"
	RoleMember    Role = "member"
	RoleModerator Role = "moderator"
	RoleAdmin     Role = "admin"
)

// Valid reports whether r is one of the roles above.
func (r Role) Valid() bool {
	switch r {
	case RoleUser, RoleMember, RoleModerator, RoleAdmin:
		return true
	}
	return false
}

// User is a person in one app.
type User struct {
	ID         UserID
	App        AppID
	Number     int64  // small, unique in the app, never reused
	ExternalID string // the id it had elsewhere; empty if none
	Username   string // as typed; unique in the app by CanonicalUsername; empty if none
	Name       string // full name as shown
	GivenName  string
	FamilyName string
	Locale     string // BCP 47; empty if unknown
	Role       Role
	Status     UserStatus
	Attributes map[string]any
	// Epoch is stored in every session and key of the user; raising it ends them all.
	Epoch      int64
	Version    int64 // raised by every change; the ETag of the user
	TOTP       bool  // a confirmed TOTP factor exists (derived, kept by package factor)
	CreatedAt  time.Time
	UpdatedAt  time.Time
	DisabledAt time.Time // zero: not disabled
	// DeleteAt is when the user is erased; zero: never. Until then an active one takes the deletion back by signing in;
	// API keys rest.
	DeleteAt time.Time
}

// Shown is the status that people see.
func (u User) Shown() UserStatus {
	if !u.DeleteAt.IsZero() {
		return UserDeleting
	}
	return u.Status
}

// Email is one address of a user. The primary one receives mails and is shown as the user's address.
type Email struct {
	ID         EmailID
	App        AppID
	User       UserID
	Address    string // as typed, trimmed; what mail is sent to
	Canonical  string // CanonicalEmail(Address); unique in the app
	Primary    bool
	VerifiedAt time.Time // zero: not verified
	CreatedAt  time.Time
}

// Verified reports whether the address was proven to be the user's.
func (e Email) Verified() bool { return !e.VerifiedAt.IsZero() }

// Password is the stored verifier of a user's password.
type Password struct {
	User UserID
	App  AppID
	// Hash is an argon2id PHC string, or until the next sign-in one that came from another system
	// (secret.ImportPassword).
	Hash string
	// Normaliser is the version of NormalisePassword that the hash was made with; 0: of the password as typed.
	Normaliser int
	MustChange bool // a reset is needed before the next sign-in
	ChangedAt  time.Time
}
