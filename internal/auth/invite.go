package auth

import "time"

// RegistrationMode says how people become users of an app by themselves. Administrators can always make users.
type RegistrationMode string

const (
	RegistrationOpen       RegistrationMode = "open" // also the meaning of the empty value
	RegistrationInviteCode RegistrationMode = "invite-code"
	RegistrationInvite     RegistrationMode = "invite"
	RegistrationWaitlist   RegistrationMode = "waitlist"
	RegistrationClosed     RegistrationMode = "closed"
)

// Valid reports whether m is empty or one of the modes above.
func (m RegistrationMode) Valid() bool {
	switch m {
	case "", RegistrationOpen, RegistrationInviteCode, RegistrationInvite, RegistrationWaitlist, RegistrationClosed:
		return true
	}
	return false
}

// Invite is an invitation by mail, to an account or, without one, to the app. Its secret is a Proof of kind
// ProofInvite.
type Invite struct {
	ID         InviteID
	App        AppID
	Account    AccountID // empty: to the app alone
	Email      string    // as typed; what the mail goes to
	Canonical  string
	Role       string // a MemberRole with an account, else a Role
	Inviter    UserID // empty: the operator
	CreatedAt  time.Time
	ExpiresAt  time.Time
	AcceptedAt time.Time // zero: not yet
	AcceptedBy UserID
	RevokedAt  time.Time // zero: not revoked
}

// Open reports whether the invite may still be accepted at now.
func (i Invite) Open(now time.Time) bool {
	return i.AcceptedAt.IsZero() && i.RevokedAt.IsZero() && now.Before(i.ExpiresAt)
}

// InviteCode is a code that people hand on: each use lets one of them sign up.
type InviteCode struct {
	ID        InviteCodeID
	App       AppID
	Code      string // as shown; compared without case, spaces and hyphens
	Uses      int    // how many sign-ups it allows in all
	Used      int
	Credit    Micros // the starting balance of who uses it
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	RevokedAt time.Time // zero: not revoked
}

// WaitStatus is what became of somebody's wait.
type WaitStatus string

const (
	Waiting  WaitStatus = "waiting"
	Approved WaitStatus = "approved"
	Denied   WaitStatus = "denied"
)

// SignUpFeature is the waitlist of those who want to become users of an app whose mode is RegistrationWaitlist.
const SignUpFeature = "sign-up"

// WaitlistEntry is one place in the queue for a feature.
type WaitlistEntry struct {
	ID        WaitlistEntryID
	App       AppID
	Feature   string
	Account   AccountID // that waits; empty: a user by itself
	User      UserID    // who signed up; empty: a stranger, who has Email alone
	Email     string    // as typed; only of strangers
	Status    WaitStatus
	CreatedAt time.Time
	DecidedAt time.Time // zero: waiting
}
