package auth

import "time"

// EndReason says why a session ended. It is stored, shown to the user and audited.
type EndReason string

const (
	EndSignedOut           EndReason = "signed-out"
	EndSignedOutEverywhere EndReason = "signed-out-everywhere"
	EndExpired             EndReason = "expired"
	EndIdle                EndReason = "idle"
	EndRefreshReused       EndReason = "refresh-token-reused"
	EndPasswordChanged     EndReason = "password-changed"
	EndPasswordReset       EndReason = "password-reset"
	EndUsernameChanged     EndReason = "username-changed"
	EndByUser              EndReason = "ended-by-user"
	EndByAdmin             EndReason = "ended-by-admin"
	EndUserDisabled        EndReason = "user-disabled"
	EndFactorRemoved       EndReason = "second-factor-removed"
	EndEmailProven         EndReason = "email-proven-elsewhere"
	EndEmailKept           EndReason = "email-change-canceled"
	EndDeleted             EndReason = "account-deleted"
	EndAppDisabled         EndReason = "app-disabled"
	EndClientDisabled      EndReason = "client-disabled"
	EndReplaced            EndReason = "replaced"
	EndRestored            EndReason = "restored-from-backup"
	EndConsentRevoked      EndReason = "consent-revoked"
	EndCodeReused          EndReason = "authorization-code-reused"
	EndTokenRevoked        EndReason = "token-revoked"
)

// EndReasons lists every reason.
func EndReasons() []EndReason {
	return []EndReason{EndSignedOut, EndSignedOutEverywhere, EndExpired, EndIdle, EndRefreshReused, EndPasswordChanged, EndPasswordReset,
		EndUsernameChanged, EndByUser, EndByAdmin, EndUserDisabled, EndFactorRemoved, EndEmailProven, EndEmailKept, EndAppDisabled,
		EndClientDisabled, EndReplaced, EndRestored, EndConsentRevoked, EndCodeReused, EndTokenRevoked}
}

// AMR values (RFC 8176) that Ostiary states.
const (
	AMRPassword = "pwd"
	AMROTP      = "otp"
	AMRMFA      = "mfa"
	// The proofs of possession of a passkey: a key bound to its device, or one that may be synced.
	AMRHardwareKey = "hwk"
	AMRSoftwareKey = "swk"
	// AMRUserPresence tells that the authenticator saw its user.
	AMRUserPresence = "user"
	// AMREmail is not in RFC 8176; it tells a link or code from a mailbox from a password.
	AMREmail = "email"
	// AMRBackupCode is not in RFC 8176; it tells recovery codes from live factors.
	AMRBackupCode = "backup_code"
	// AMRFederated is not in RFC 8176; it says that another identity provider vouched for the person.
	AMRFederated = "fed"
)

// Session is one sign-in on one device.
type Session struct {
	ID     SessionID
	App    AppID
	Client ClientID
	User   UserID
	// Account is the account that the session acts for; empty: none. Whether the user still belongs to it is asked anew
	// at every refresh and in every Write.
	Account AccountID
	// Number is the generation of the current refresh token; generation 0 is the one issued at sign-in.
	Generation int64
	// Rotations holds the times of the last 4 rotations, newest first; Rotations[0] is when Generation was made.
	Rotations []time.Time
	Salt      []byte // bound into the refresh token's MAC; replaced when all its tokens must die
	// CookieHash is the SHA-256 of the session cookie; empty if the door set none.
	CookieHash []byte
	AMR        []string
	AuthTime   time.Time // when the person last proved who they are in full
	StepUpAt   time.Time // last fresh proof; zero: none since sign-in
	// EmailVerified remembers whether the address was verified; doors that refuse unverified sign-ins refuse such sessions.
	EmailVerified bool
	UserEpoch     int64
	AppEpoch      int64
	IP            string
	UserAgent     string
	Device        string // name given by the client, or made from the user agent
	Contract      string // the door it was made at
	CreatedAt     time.Time
	LastSeenAt    time.Time // coarse
	IdleTTL       time.Duration
	IdleExpiresAt time.Time // moves with use, never past ExpiresAt
	ExpiresAt     time.Time // absolute, never moves
	EndedAt       time.Time // zero: alive
	EndReason     EndReason
	// Delegation is set if a client acts with the session in the person's name; nil: the session is the person's own.
	Delegation *Delegation
	// Parent is the browser's session in which the person let the client in; empty: none. When it ends, so does this one,
	// unless it is offline.
	Parent SessionID
}

// ProvenAt is when the person last proved who they are: at the sign-in, or at a later step-up.
func (s Session) ProvenAt() time.Time {
	if s.StepUpAt.After(s.AuthTime) {
		return s.StepUpAt
	}
	return s.AuthTime
}

// Alive reports whether the session stands at now.
func (s Session) Alive(now time.Time) bool {
	return s.EndedAt.IsZero() && now.Before(s.ExpiresAt) && now.Before(s.IdleExpiresAt)
}
