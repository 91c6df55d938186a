package factor

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	handleBytes     = 64 // WebAuthn L3 section 14.6.1
	maxCredentialID = 1023
	maxPasskeyName  = 100           // code points
	ceremonyWait    = 5 * 60 * 1000 // milliseconds: a hint for the browser, as long as the flow lives
	unnamedPasskey  = "Passkey"     // of a make that nobody knows
	challengeLabel  = "ostiary passkey challenge"
)

// challengeOf makes the WebAuthn challenge of a flow. It follows from the flow's secret, which only the client that
// began holds, so an answer that somebody else gathered finds no flow to finish (WA-01).
func challengeOf(flow string) protocol.URLEncodedBase64 {
	sum := sha256.Sum256([]byte(challengeLabel + "\x00" + flow))
	return sum[:]
}

// PasskeyOwner is a user as authenticators see one. It is what webauthn.User wants.
type PasskeyOwner struct {
	Handle            []byte // random; never an address or an id (WA-07)
	Name, DisplayName string // shown by the authenticator when it asks which account
	Passkeys          []auth.Passkey
}

// WebAuthnID is the handle.
func (o PasskeyOwner) WebAuthnID() []byte { return o.Handle }

// WebAuthnName is what tells the account from others.
func (o PasskeyOwner) WebAuthnName() string { return o.Name }

// WebAuthnDisplayName is what the person is called.
func (o PasskeyOwner) WebAuthnDisplayName() string { return o.DisplayName }

// WebAuthnCredentials are the passkeys in the library's words.
func (o PasskeyOwner) WebAuthnCredentials() []webauthn.Credential {
	out := make([]webauthn.Credential, len(o.Passkeys))
	for i, p := range o.Passkeys {
		out[i] = webauthn.Credential{ID: p.CredentialID, PublicKey: p.PublicKey,
			Flags:         webauthn.CredentialFlags{BackupEligible: p.BackupEligible, BackupState: p.BackedUp},
			Authenticator: webauthn.Authenticator{SignCount: uint32(p.SignCount)}}
		for _, t := range p.Transports {
			out[i].Transport = append(out[i].Transport, protocol.AuthenticatorTransport(t))
		}
	}
	return out
}

// DraftHandle draws a user handle, before the Write that stores it.
func (f *Factors) DraftHandle() ([]byte, error) {
	handle := make([]byte, handleBytes)
	if _, err := io.ReadFull(f.Rand, handle); err != nil {
		return nil, fmt.Errorf("make a user handle: %w", err)
	}
	return handle, nil
}

// Owner reads the user's handle and passkeys. A user who never had one gets the drafted handle; without a draft the
// handle stays empty.
func (f *Factors) Owner(tx *store.Tx, app auth.AppID, user auth.UserID, draft []byte) (o PasskeyOwner, err error) {
	o.Handle, err = tx.PasskeyHandle(app, user)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
		if draft != nil {
			o.Handle, err = draft, tx.InsertPasskeyHandle(app, user, draft)
		}
	}
	if err != nil {
		return o, err
	}
	o.Passkeys, err = tx.Passkeys(app, user)
	return o, err
}

// Registration is a passkey on its way.
type Registration struct {
	Flow    string // the secret of the flow
	AppName string
	Owner   PasskeyOwner
	// Conditional lets the browser make the passkey without asking, after a sign-in with a password that it filled in. The
	// authenticator need not see or verify the user then (WebAuthn L3 section 7.1).
	Conditional bool
}

// begin is the same at both ends of a ceremony: all of it follows from the flow and the user.
func (f *Factors) beginRegistration(r Registration) (*protocol.CredentialCreation, *webauthn.SessionData, error) {
	mediation, verify := protocol.MediationDefault, protocol.VerificationRequired
	if r.Conditional {
		mediation, verify = protocol.MediationConditional, protocol.VerificationPreferred
	}
	return f.Party.lib.BeginMediatedRegistration(r.Owner, mediation,
		webauthn.WithCredentialParameters(webauthn.CredentialParametersRecommendedL3()),
		webauthn.WithExclusions(webauthn.Credentials(r.Owner.WebAuthnCredentials()).CredentialDescriptors()),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: verify}),
		webauthn.WithRegistrationRelyingPartyName(partyName(r.AppName)),
		func(o *protocol.PublicKeyCredentialCreationOptions) error {
			o.Challenge, o.Timeout, o.Extensions.CredProps = challengeOf(r.Flow), ceremonyWait, true
			return nil
		})
}

func partyName(app string) string {
	if app == "" {
		return "Ostiary"
	}
	return app
}

// CreationOptions is what a browser makes the passkey by: PublicKeyCredentialCreationOptionsJSON.
func (f *Factors) CreationOptions(r Registration) (map[string]any, error) {
	creation, _, err := f.beginRegistration(r)
	if err != nil {
		return nil, fmt.Errorf("begin a passkey: %w", err)
	}
	return plainJSON(creation.Response)
}

// VerifyNew checks the answer of a browser (RegistrationResponseJSON) against the flow and makes the row of it
// (WebAuthn L3 section 7.1). Whatever is wrong with it is invalid-request on `credential`, in our own words.
func (f *Factors) VerifyNew(r Registration, credential map[string]any) (auth.Passkey, error) {
	data, err := json.Marshal(credential)
	if err != nil {
		return auth.Passkey{}, badCredential()
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(data)
	if err != nil {
		return auth.Passkey{}, badCredential()
	}
	_, session, err := f.beginRegistration(r)
	if err != nil {
		return auth.Passkey{}, fmt.Errorf("begin a passkey: %w", err)
	}
	made, err := f.Party.lib.CreateCredential(r.Owner, *session, parsed)
	if err != nil || len(made.ID) > maxCredentialID {
		return auth.Passkey{}, badCredential()
	}
	now := f.Clock()
	p := auth.Passkey{ID: auth.FactorID(secret.NewID(f.Rand, now)), CredentialID: made.ID, PublicKey: made.PublicKey,
		SignCount: int64(made.Authenticator.SignCount), BackupEligible: made.Flags.BackupEligible, BackedUp: made.Flags.BackupState}
	if id, err := uuid.FromBytes(made.Authenticator.AAGUID); err == nil && id != uuid.Nil {
		p.AAGUID = id.String()
	}
	p.Name = unnamedPasskey
	if model := PasskeyModel(p.AAGUID); model != "" {
		p.Name = model
	}
	for _, t := range made.Transport {
		if knownTransport(t) && !slices.Contains(p.Transports, string(t)) {
			p.Transports = append(p.Transports, string(t))
		}
	}
	return p, nil
}

// knownTransport keeps what a client says about itself to the words of the standard.
func knownTransport(t protocol.AuthenticatorTransport) bool {
	switch t {
	case protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal:
		return true
	}
	return false
}

func badCredential() *auth.Error {
	return auth.Invalid("credential", auth.ViolationInvalid, "The browser's answer does not fit what it was asked.")
}

// PasskeyName reads a name that a person gives a passkey. Code: invalid-request on `name`.
func PasskeyName(typed string) (string, error) {
	name := strings.TrimSpace(typed)
	switch {
	case name == "":
		return "", auth.Invalid("name", auth.ViolationRequired, "A passkey needs a name.")
	case utf8.RuneCountInString(name) > maxPasskeyName:
		return "", auth.Invalid("name", auth.ViolationTooLong, fmt.Sprintf("At most %d characters.", maxPasskeyName))
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", auth.Invalid("name", auth.ViolationFormat, "No control characters.")
	}
	return name, nil
}

// AddPasskey stores a passkey that VerifyNew made. The user's row is locked. Codes: limit-reached, conflict (the
// authenticator's id is registered, to whomever).
func (f *Factors) AddPasskey(tx *store.Tx, p auth.Passkey) error {
	if err := RoomForPasskey(tx, p.App, p.User); err != nil {
		return err
	}
	p.CreatedAt = tx.Now()
	ok, err := tx.InsertPasskey(p)
	if err == nil && !ok {
		return auth.E(auth.CodeConflict, "This passkey is registered already.")
	}
	return err
}

// RoomForPasskey refuses one passkey too many. Code: limit-reached.
func RoomForPasskey(tx *store.Tx, app auth.AppID, user auth.UserID) error {
	held, err := tx.Passkeys(app, user)
	if err == nil && len(held) >= auth.PasskeyMax {
		return auth.E(auth.CodeLimitReached, fmt.Sprintf("A user may have %d passkeys.", auth.PasskeyMax))
	}
	return err
}

// RenamePasskey gives a passkey of the user another name. Code: not-found.
func (f *Factors) RenamePasskey(tx *store.Tx, p auth.Passkey, name string) (auth.Passkey, error) {
	p.Name = name
	ok, err := tx.UpdatePasskey(p)
	if err == nil && !ok {
		return p, noPasskey()
	}
	return p, err
}

// FindPasskey reads a passkey of the user. Code: not-found, also for another's (WA-08).
func FindPasskey(tx *store.Tx, app auth.AppID, user auth.UserID, id auth.FactorID) (auth.Passkey, error) {
	p, err := tx.Passkey(app, user, id)
	if errors.Is(err, store.ErrNotFound) {
		return p, noPasskey()
	}
	return p, err
}

// RemovePasskey destroys one passkey of the user. Code: not-found.
func (f *Factors) RemovePasskey(tx *store.Tx, p auth.Passkey) error {
	ok, err := tx.DeletePasskey(p.App, p.User, p.ID)
	if err == nil && !ok {
		return noPasskey()
	}
	return err
}

// RemovePasskeys destroys all passkeys of the user and counts them.
func (f *Factors) RemovePasskeys(tx *store.Tx, app auth.AppID, user auth.UserID) (int64, error) {
	return tx.DeletePasskeys(app, user)
}

func noPasskey() *auth.Error { return auth.E(auth.CodeNotFound, "There is no such passkey.") }

// CredentialText is an authenticator's id as browsers write it.
func CredentialText(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

// plainJSON is a value of the library as a result can carry it.
func plainJSON(v any) (map[string]any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode options of a passkey: %w", err)
	}
	var out map[string]any
	return out, json.Unmarshal(data, &out)
}
