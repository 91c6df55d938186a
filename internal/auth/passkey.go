package auth

import "time"

// Passkey is a WebAuthn credential of a user, made for this server's relying party id.
type Passkey struct {
	ID           FactorID
	App          AppID
	User         UserID
	CredentialID []byte // the authenticator's own, at most 1,023 bytes; unique in the whole house
	PublicKey    []byte // COSE
	Name         string // given by the user, else by the make of the authenticator
	AAGUID       string // the make, as a UUID; empty if the authenticator keeps it to itself
	Transports   []string
	// SignCount is the authenticator's counter at the last use; 0 for those that count nothing, as all synced ones do.
	SignCount      int64
	BackupEligible bool // it may be synced; never changes
	BackedUp       bool // it was, at the last use
	CreatedAt      time.Time
	LastUsedAt     time.Time // zero: never
	ClonedAt       time.Time // when the counter last went back, as that of a copy does; zero: never
}

// PasskeyMax is how many passkeys a user may have.
const PasskeyMax = 20

// PasskeyMethods are the AMR values (RFC 8176) of a sign-in with the passkey. One that may be synced is a key in
// software. Only a verified user has shown two factors: the key and what unlocks it (WA-11).
func PasskeyMethods(p Passkey, userVerified bool) []string {
	key := AMRHardwareKey
	if p.BackupEligible {
		key = AMRSoftwareKey
	}
	if !userVerified {
		return []string{key}
	}
	return []string{key, AMRUserPresence, AMRMFA}
}
