package lifecycle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
)

// line is one user in the file of an import or export: one JSON object (docs/import.md).
type line struct {
	ID            string           `json:"id,omitempty"`
	ExternalID    string           `json:"external_id,omitempty"`
	Email         string           `json:"email,omitempty"` // short for one address
	EmailVerified bool             `json:"email_verified,omitempty"`
	Emails        []lineEmail      `json:"emails,omitempty"` // the primary one is marked, else the first
	Username      string           `json:"username,omitempty"`
	Name          string           `json:"name,omitempty"`
	GivenName     string           `json:"given_name,omitempty"`
	FamilyName    string           `json:"family_name,omitempty"`
	Locale        string           `json:"locale,omitempty"`
	Role          auth.Role        `json:"role,omitempty"`
	Status        auth.UserStatus  `json:"status,omitempty"`
	Attributes    map[string]any   `json:"attributes,omitempty"`
	CreatedAt     *time.Time       `json:"created_at,omitempty"`
	Password      *linePassword    `json:"password,omitempty"`
	TOTP          *lineTOTP        `json:"totp,omitempty"`
	BackupCodes   []string         `json:"backup_codes,omitempty"`
	Identities    []lineIdentity   `json:"identities,omitempty"`
	Memberships   []lineMembership `json:"memberships,omitempty"`
	// NotCarried names what the exporting system could not put into the file.
	NotCarried []string `json:"not_carried,omitempty"`
}

type lineEmail struct {
	Address    string     `json:"address"`
	Verified   bool       `json:"verified"`
	VerifiedAt *time.Time `json:"verified_at,omitempty"`
	Primary    bool       `json:"primary,omitempty"`
}

type linePassword struct {
	Hash       string                    `json:"hash"`
	Format     string                    `json:"format,omitempty"`
	Parameters *secret.ForeignParameters `json:"parameters,omitempty"`
	MustChange bool                      `json:"must_change,omitempty"`
	// Normaliser is 1 for a hash of the password in NFC, as this server makes them; 0 for one of the password as typed.
	Normaliser int `json:"normaliser,omitempty"`
}

// lineTOTP without a secret says that there was a factor which the file does not hold.
type lineTOTP struct {
	Secret    string `json:"secret,omitempty"`
	Algorithm string `json:"algorithm,omitempty"`
	Digits    int    `json:"digits,omitempty"`
	Period    int    `json:"period,omitempty"`
}

type lineIdentity struct {
	Provider string `json:"provider"` // its name, or its issuer
	Issuer   string `json:"issuer,omitempty"`
	Subject  string `json:"subject"`
	Email    string `json:"email,omitempty"`
}

type lineMembership struct {
	Account string `json:"account"`
	Role    string `json:"role"`
}

// maxLine is the longest line of a file, in bytes.
const maxLine = 60 << 10

// parseLine reads one line strictly: a member that nobody knows may be a mistyped one. No message holds a value, for
// a value may be a secret. Code: invalid-request.
func parseLine(text string) (line, error) {
	var l line
	if len(text) > maxLine {
		return l, auth.Invalid("line", auth.ViolationTooLong, fmt.Sprintf("A line has at most %d bytes.", maxLine))
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	err := decoder.Decode(&l)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return l, auth.Invalid(wrongType.Field, auth.ViolationType, "This is of another type than the format asks for.")
	case err != nil && strings.HasPrefix(err.Error(), "json: unknown field "):
		name := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return l, auth.Invalid("line", auth.ViolationUnknown, fmt.Sprintf("The format has no member %.40q.", name))
	case err != nil:
		return l, auth.Invalid("line", auth.ViolationSyntax, "This is not a JSON object of a user.")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return l, auth.Invalid("line", auth.ViolationSyntax, "Something follows the JSON object.")
	}
	return l, nil
}

// text writes the line as it stands in a file, without the line break.
func (l line) text() (string, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(l); err != nil {
		return "", fmt.Errorf("write a user as JSON: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// firstEmail is the address that names the user in reports.
func (l line) firstEmail() string {
	for _, e := range l.addresses() {
		return e.Address
	}
	return ""
}

// addresses lists the addresses, the primary one first.
func (l line) addresses() []lineEmail {
	all := l.Emails
	if l.Email != "" {
		all = append([]lineEmail{{Address: l.Email, Verified: l.EmailVerified}}, all...)
	}
	for i, e := range all {
		if e.Primary && i > 0 {
			return append(append([]lineEmail{e}, all[:i]...), all[i+1:]...)
		}
	}
	return all
}

// ownID is the form of the ids that this server makes: UUID version 7 in small letters.
var ownID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// identity decides about the ids: one of our own form is kept, any other is the id that the user had elsewhere.
func (l line) identity(fresh string) (id, external string, dropped bool) {
	switch {
	case ownID.MatchString(l.ID):
		return l.ID, l.ExternalID, false
	case l.ExternalID == "":
		return fresh, l.ID, false
	}
	return fresh, l.ExternalID, l.ID != "" && l.ID != l.ExternalID
}

// leftBehind names what the line holds and this server does not carry. Memberships are looked at with the accounts.
func (l line) leftBehind() []string {
	out := append([]string{}, l.NotCarried...)
	if l.TOTP != nil && l.TOTP.Secret == "" {
		out = append(out, "totp (the file has no secret)")
	}
	if len(l.BackupCodes) > 0 && (l.TOTP == nil || l.TOTP.Secret == "") {
		out = append(out, fmt.Sprintf("backup codes (%d, without a second factor)", len(l.BackupCodes)))
	}
	return out
}
