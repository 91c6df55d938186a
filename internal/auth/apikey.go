package auth

import "time"

// APIKey is a long-lived scoped secret of a user. The secret is shown once; the row holds SHA-256 only.
type APIKey struct {
	ID     APIKeyID
	App    AppID
	User   UserID
	Name   string
	Prefix string // the first characters, shown in lists
	Hash   []byte
	// PreviousHash is the secret before the last rotation; it works until PreviousUntil.
	PreviousHash  []byte
	PreviousUntil time.Time
	Scopes        []string
	// Session is the session that made the key; a key made before the address was verified dies with
	// the first proof from elsewhere.
	Session       SessionID
	EmailVerified bool // the user's address was verified when the key was made
	UserEpoch     int64
	CreatedAt     time.Time
	ExpiresAt     time.Time     // zero: never
	Lifetime      time.Duration // for which it was made; 0: it does not expire
	LastUsedAt    time.Time     // written lazily; zero: never
	RevokedAt     time.Time     // zero: live
}

// Usable reports whether the key may be used at now.
func (k APIKey) Usable(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}
