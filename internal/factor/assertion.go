package factor

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Ceremony is a use of a passkey on its way.
type Ceremony struct {
	Flow string // the secret of the flow
	// Owner is whose passkey is asked for; nil: anybody's, and the authenticator says whose it used. Nothing in the
	// options depends on who is known (EN-04).
	Owner *PasskeyOwner
	// VerifyUser makes the authenticator verify the person and refuses an answer without it.
	VerifyUser bool
}

func (f *Factors) beginUse(c Ceremony) (*protocol.CredentialAssertion, *webauthn.SessionData, error) {
	verify := protocol.VerificationPreferred
	if c.VerifyUser {
		verify = protocol.VerificationRequired
	}
	options := []webauthn.LoginOption{webauthn.WithUserVerification(verify), webauthn.WithChallenge(challengeOf(c.Flow)),
		func(o *protocol.PublicKeyCredentialRequestOptions) error {
			o.Timeout = ceremonyWait
			return nil
		}}
	if c.Owner == nil {
		return f.Party.lib.BeginDiscoverableLogin(options...)
	}
	return f.Party.lib.BeginLogin(*c.Owner, options...)
}

// RequestOptions is what a browser asks its authenticator by: PublicKeyCredentialRequestOptionsJSON.
func (f *Factors) RequestOptions(c Ceremony) (map[string]any, error) {
	assertion, _, err := f.beginUse(c)
	if err != nil {
		return nil, fmt.Errorf("begin the use of a passkey: %w", err)
	}
	return plainJSON(assertion.Response)
}

// Assertion is the answer of a browser, read and not yet believed.
type Assertion struct {
	parsed *protocol.ParsedCredentialAssertionData
}

// ReadAssertion reads AuthenticationResponseJSON. Code: invalid-request on `credential`.
func ReadAssertion(credential map[string]any) (*Assertion, error) {
	data, err := json.Marshal(credential)
	if err != nil {
		return nil, badCredential()
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(data)
	if err != nil || len(parsed.RawID) > maxCredentialID {
		return nil, badCredential()
	}
	return &Assertion{parsed}, nil
}

// CredentialID is the authenticator's id of the passkey that it says it used.
func (a *Assertion) CredentialID() []byte { return a.parsed.RawID }

// Answers reports whether the answer belongs to the flow at all: to its challenge, and to a use, not a making.
func (a *Assertion) Answers(flow string) bool {
	data := a.parsed.Response.CollectedClientData
	return data.Type == protocol.AssertCeremony && challengeOf(flow).String() == data.Challenge
}

// Use is an answer that was shown to be right.
type Use struct {
	Passkey auth.Passkey // as it was when the answer was checked
	// Verified says that the authenticator verified the person, not only saw somebody.
	Verified bool
	count    int64
	backedUp bool
}

// Methods are the AMR values of the use.
func (u Use) Methods() []string { return auth.PasskeyMethods(u.Passkey, u.Verified) }

// VerifyUse checks an answer against the flow and one passkey with its owner (WebAuthn L3 section 7.2). An answer about
// another owner's passkey is wrong (WA-05). ok is false for every fault.
func (f *Factors) VerifyUse(c Ceremony, a *Assertion, p auth.Passkey, owner PasskeyOwner) (use Use, ok bool) {
	_, session, err := f.beginUse(c)
	if err != nil {
		return Use{}, false
	}
	if c.Owner == nil {
		_, _, err = f.Party.lib.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return owner, nil }, *session, a.parsed)
	} else {
		_, err = f.Party.lib.ValidateLogin(owner, *session, a.parsed)
	}
	if err != nil {
		return Use{}, false
	}
	data := a.parsed.Response.AuthenticatorData
	return Use{Passkey: p, Verified: data.Flags.HasUserVerified(), count: int64(data.Counter), backedUp: data.Flags.HasBackupState()}, true
}

// SpendUse notes the use of a passkey whose user's row is locked. A counter that did not grow although it was in use
// is what a copy of the authenticator shows (WebAuthn L3 section 6.1.1): cloned is true then, the passkey is marked, and
// its counter stays. Code: not-found (it was removed meanwhile).
func (f *Factors) SpendUse(tx *store.Tx, u Use) (cloned bool, err error) {
	p, err := tx.Passkey(u.Passkey.App, u.Passkey.User, u.Passkey.ID)
	if errors.Is(err, store.ErrNotFound) {
		return false, noPasskey()
	}
	if err != nil {
		return false, err
	}
	cloned = u.count <= p.SignCount && (u.count != 0 || p.SignCount != 0)
	if cloned {
		p.ClonedAt = tx.Now()
	} else {
		p.SignCount = u.count
	}
	if !cloned || f.Party.allowClones {
		p.LastUsedAt, p.BackedUp = tx.Now(), u.backedUp
	}
	_, err = tx.UpdatePasskey(p)
	return cloned, err
}

// AllowsClones reports whether a passkey whose counter went back still opens the door.
func (f *Factors) AllowsClones() bool { return f.Party.allowClones }
