package auth

import "time"

// ProofKind is the one purpose of a proof. A proof of one kind is never accepted as another.
type ProofKind string

const (
	ProofVerifyEmail   ProofKind = "verify-email"
	ProofPasswordReset ProofKind = "password-reset"
	ProofSecondFactor  ProofKind = "second-factor"
	ProofSetup         ProofKind = "setup"  // makes the first administrator
	ProofInvite        ProofKind = "invite" // of an Invite, whose id is the proof's data
	ProofChangeEmail   ProofKind = "change-email"
	ProofAddEmail      ProofKind = "add-email"           // makes the address that it was mailed to one more of the user's
	ProofCancelEmail   ProofKind = "cancel-email-change" // mailed to the address that a change replaces
	ProofCancelDelete  ProofKind = "cancel-deletion"     // lives as long as the deletion waits
	ProofMagicLink     ProofKind = "magic-link"          // a mailed link that signs in
	ProofEmailCode     ProofKind = "email-code"          // the flow that a mailed short code belongs to
	ProofSignIn        ProofKind = "sign-in-token"       // handed out once by a flow that has proven the person
	ProofOAuthState    ProofKind = "oauth-state"         // a sign-in that is away at an identity provider
	ProofIdentity      ProofKind = "identity"            // an upstream identity that waits until the person proves the address
	ProofAuthorization ProofKind = "authorization"       // an authorization request that waits for its person
	ProofPushedRequest ProofKind = "pushed-request"      // an authorization request that its client pushed (RFC 9126)

	// The flows of passkeys, one kind for each ceremony; the WebAuthn challenge is made from the secret.
	ProofPasskeyNew     ProofKind = "passkey-registration"
	ProofPasskeyOffered ProofKind = "passkey-offer" // a registration that the browser may do without asking
	ProofPasskeySignIn  ProofKind = "passkey-sign-in"
	ProofPasskeySecond  ProofKind = "passkey-second-factor"
	ProofPasskeyStepUp  ProofKind = "passkey-step-up"
)

// Proof is a secret that is mailed or handed out once. Only its hash is stored.
type Proof struct {
	ID        ProofID
	Kind      ProofKind
	App       AppID
	Client    ClientID  // empty: any
	User      UserID    // empty for ProofSetup, ProofInvite and requests of clients, and where a state or an upstream identity is no user's yet
	Session   SessionID // the session it was asked from; empty: none
	Email     string    // the address at issue; empty: not bound to one
	Hash      []byte    // SHA-256 of the secret
	Data      []byte    // JSON of the flow that the proof continues; never a secret
	Attempts  int       // wrong answers so far, for kinds that take an answer
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // zero: unspent
}
