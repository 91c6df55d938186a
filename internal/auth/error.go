package auth

import (
	"errors"
	"fmt"
	"time"
)

// Code is one of the closed list of error codes that operations return. Each has one HTTP status and title.
type Code string

const (
	CodeInvalidRequest     Code = "invalid-request"       // the input breaks the document or a rule; see Violations
	CodeInvalidCredentials Code = "invalid-credentials"   // the identifier or the secret is wrong; never says which
	CodeUnauthenticated    Code = "unauthenticated"       // a credential is needed and none was sent
	CodeInvalidToken       Code = "invalid-token"         // a credential was sent and is not ours, malformed or revoked
	CodeTokenExpired       Code = "token-expired"         // an access or refresh token past its time
	CodeSessionEnded       Code = "session-ended"         // the session behind the credential ended; Message says why
	CodeRefreshTokenReused Code = "refresh-token-reused"  // an old refresh token came back; the session ended
	CodeSecondFactorWrong  Code = "second-factor-invalid" // wrong, spent or late second-factor code
	CodeForbidden          Code = "forbidden"             // the caller may not do this
	CodeInsufficientScope  Code = "insufficient-scope"    // the API key lacks the scope
	CodePersonRequired     Code = "person-required"       // an API key tried what needs a person
	CodeReauthRequired     Code = "reauthentication-required"
	CodeEmailUnverified    Code = "email-unverified"
	CodeAccountDisabled    Code = "account-disabled" // told only to who proved the password
	CodePasswordExpired    Code = "password-reset-required"
	CodeAppMismatch        Code = "app-mismatch" // two sources name different apps
	CodeCSRF               Code = "csrf-failed"
	CodeNotFound           Code = "not-found"
	CodeMethodNotAllowed   Code = "method-not-allowed"
	CodeNotAcceptable      Code = "not-acceptable"
	CodeUnsupportedMedia   Code = "unsupported-media-type"
	CodePayloadTooLarge    Code = "payload-too-large"
	CodeConflict           Code = "conflict"
	CodeIdentifierTaken    Code = "identifier-taken" // address or username in use; only where the policy reveals
	CodeLimitReached       Code = "limit-reached"    // a count rule, such as keys of a user
	CodeVersionMismatch    Code = "version-mismatch" // If-Match names another version
	CodeWeakPassword       Code = "weak-password"    // too short, too long, blocklisted
	CodeProofInvalid       Code = "proof-invalid"    // a mailed secret is unknown, expired, spent or of another kind
	CodeTotpAlreadyEnabled Code = "totp-already-enabled"

	CodeRegistrationClosed     Code = "registration-closed"
	CodeInvitationRequired     Code = "invitation-required"
	CodeInviteCodeRequired     Code = "invite-code-required"
	CodeInviteCodeInvalid      Code = "invite-code-invalid"     // unknown, used up, expired or revoked; never says which
	CodeRegistrationWaitlisted Code = "registration-waitlisted" // the address waits for an administrator; told for every address

	CodeChallengeFailed      Code = "challenge-failed"      // the response to the app's challenge is missing or not valid
	CodeChallengeUnavailable Code = "challenge-unavailable" // the service that judges responses does not answer

	CodeProviderDenied      Code = "provider-denied"      // the person, or the identity provider for them, said no there
	CodeProviderRefused     Code = "provider-refused"     // what the identity provider answered cannot be believed
	CodeProviderUnavailable Code = "provider-unavailable" // the identity provider does not answer

	CodeTotpNotEnabled Code = "totp-not-enabled"
	CodeTotpNotBegun   Code = "totp-not-begun"
	CodeRateLimited    Code = "rate-limited"
	CodeOverloaded     Code = "overloaded"   // shed before work; retry later
	CodeStorageFull    Code = "storage-full" // the disk is full; reads go on
	CodeUnavailable    Code = "unavailable"  // the database cannot be reached
	CodeInternal       Code = "internal"
)

// The codes that bear the name of a result: operations never return them; a contract uses them where an error
// response answers the result.
const (
	CodeSecondFactorRequired Code = "second-factor-required" // the password was right, a code is needed as well
	CodeConfirmationPending  Code = "confirmation-pending"   // a mail was sent; the address must be confirmed first
)

// codes maps each code to its HTTP status and title.
var codes = map[Code]struct {
	status int
	title  string
}{
	CodeInvalidRequest:         {400, "The request is not valid"},
	CodeInvalidCredentials:     {401, "The credentials are wrong"},
	CodeUnauthenticated:        {401, "Authentication is required"},
	CodeInvalidToken:           {401, "The credential is not valid"},
	CodeTokenExpired:           {401, "The token has expired"},
	CodeSessionEnded:           {401, "The session has ended"},
	CodeRefreshTokenReused:     {401, "The refresh token was used before"},
	CodeSecondFactorWrong:      {401, "The second-factor code is not valid"},
	CodeForbidden:              {403, "This is not allowed"},
	CodeInsufficientScope:      {403, "The key lacks the scope"},
	CodePersonRequired:         {403, "An API key cannot do this"},
	CodeReauthRequired:         {403, "Fresh authentication is required"},
	CodeEmailUnverified:        {403, "The e-mail address is not verified"},
	CodeAccountDisabled:        {403, "The account is disabled"},
	CodePasswordExpired:        {403, "The password must be reset"},
	CodeAppMismatch:            {403, "The request names two different apps"},
	CodeCSRF:                   {403, "The request did not come from a trusted origin"},
	CodeNotFound:               {404, "Not found"},
	CodeMethodNotAllowed:       {405, "The method is not allowed"},
	CodeNotAcceptable:          {406, "No acceptable representation"},
	CodeUnsupportedMedia:       {415, "The content type is not supported"},
	CodePayloadTooLarge:        {413, "The request is too large"},
	CodeConflict:               {409, "The change conflicts with the present state"},
	CodeIdentifierTaken:        {409, "The e-mail address or username is taken"},
	CodeLimitReached:           {409, "The limit is reached"},
	CodeVersionMismatch:        {412, "The resource has changed"},
	CodeWeakPassword:           {400, "The password is not acceptable"},
	CodeProofInvalid:           {400, "The link or code is not valid any more"},
	CodeRegistrationClosed:     {403, "Nobody can sign up at present"},
	CodeInvitationRequired:     {403, "Signing up takes an invitation"},
	CodeInviteCodeRequired:     {403, "Signing up takes an invite code"},
	CodeInviteCodeInvalid:      {400, "The invite code is not valid"},
	CodeRegistrationWaitlisted: {403, "The sign-up is on the waiting list"},

	CodeChallengeFailed:      {400, "The challenge was not passed"},
	CodeChallengeUnavailable: {503, "The challenge cannot be checked at present"},

	CodeProviderDenied:      {403, "The sign-in at the provider was not completed"},
	CodeProviderRefused:     {401, "The provider did not confirm the sign-in"},
	CodeProviderUnavailable: {503, "The provider cannot be reached"},

	CodeTotpAlreadyEnabled: {409, "Two-factor authentication is already enabled"},
	CodeTotpNotEnabled:     {409, "Two-factor authentication is not enabled"},
	CodeTotpNotBegun:       {409, "Two-factor enrolment was not begun or has expired"},
	CodeRateLimited:        {429, "Too many requests"},
	CodeOverloaded:         {503, "The server is busy"},
	CodeStorageFull:        {503, "The storage is full"},
	CodeUnavailable:        {503, "The service is temporarily unavailable"},
	CodeInternal:           {500, "Internal error"},

	CodeSecondFactorRequired: {401, "A second-factor code is required"},
	CodeConfirmationPending:  {403, "The e-mail address must be confirmed first"},
}

// Known reports whether c is in the closed list.
func (c Code) Known() bool { _, ok := codes[c]; return ok }

// Status is the HTTP status of c; 500 for a code outside the list.
func (c Code) Status() int {
	if e, ok := codes[c]; ok {
		return e.status
	}
	return 500
}

// Title is the fixed English title of c.
func (c Code) Title() string {
	if e, ok := codes[c]; ok {
		return e.title
	}
	return codes[CodeInternal].title
}

// Codes lists every code, in no particular order.
func Codes() []Code {
	out := make([]Code, 0, len(codes))
	for c := range codes {
		out = append(out, c)
	}
	return out
}

// Error is a refusal that a caller may see. Err is the cause for our own log; its text never leaves the house.
type Error struct {
	Code       Code
	Message    string // for people; empty means the code's title
	Violations []Violation
	Reason     EndReason     // of session-ended, and of token-expired where a session's time ran out
	Limit      *LimitState   // of the limiter that refused
	RetryAfter time.Duration // 0: say nothing
	Err        error
}

// E makes an Error with a message for people.
func E(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// Internal wraps a cause that nobody outside may read.
func Internal(err error) *Error { return &Error{Code: CodeInternal, Err: err} }

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Text(), e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Text())
}

func (e *Error) Unwrap() error { return e.Err }

// Text is the message for people, or the code's title.
func (e *Error) Text() string {
	if e.Message != "" {
		return e.Message
	}
	return e.Code.Title()
}

// AsError finds the Error in err's chain; any other error becomes CodeInternal. It is the one place where an
// unknown error turns into an answer. AsError(nil) is nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Internal(err)
}

// Is reports whether err carries the code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// Where a violation stands in a request.
const (
	InBody   = "body"
	InQuery  = "query"
	InPath   = "path"
	InHeader = "header"
	InCookie = "cookie"
)

// Violation codes: the closed list that contracts may translate.
const (
	ViolationRequired     = "required"
	ViolationType         = "type"
	ViolationTooShort     = "too_short"
	ViolationTooLong      = "too_long"
	ViolationTooSmall     = "too_small"
	ViolationTooLarge     = "too_large"
	ViolationTooFew       = "too_few"
	ViolationTooMany      = "too_many"
	ViolationPattern      = "pattern"
	ViolationFormat       = "format"
	ViolationEmail        = "email"
	ViolationEnum         = "enum"
	ViolationConst        = "const"
	ViolationUnknown      = "unknown"       // a member that the schema forbids
	ViolationDuplicate    = "duplicate"     // the same member twice
	ViolationSyntax       = "syntax"        // not JSON, not a form
	ViolationEncoding     = "encoding"      // invalid UTF-8, NUL
	ViolationDepth        = "depth"         // nested too deep
	ViolationMismatch     = "mismatch"      // two members must agree
	ViolationPasswordWeak = "password_weak" // on a blocklist
	ViolationInvalid      = "invalid"       // any other rule; Message says which
	ViolationNotUnique    = "not_unique"    // an element stands twice
	ViolationSchema       = "schema"        // oneOf, anyOf, not, if/then
)

// ViolationCodes lists the closed list of violation codes.
func ViolationCodes() []string {
	return []string{ViolationRequired, ViolationType, ViolationTooShort, ViolationTooLong, ViolationTooSmall,
		ViolationTooLarge, ViolationTooFew, ViolationTooMany, ViolationPattern, ViolationFormat, ViolationEmail,
		ViolationEnum, ViolationConst, ViolationUnknown, ViolationDuplicate, ViolationSyntax, ViolationEncoding,
		ViolationDepth, ViolationMismatch, ViolationPasswordWeak, ViolationInvalid, ViolationNotUnique, ViolationSchema}
}

// Violation is one broken rule of a request. It names the place in the wire's own words and never holds a value.
//
// An operation that finds one itself names the input field in Field and leaves Path and Loc to the contract
// engine, which knows what the wire calls that field.
type Violation struct {
	In       string   `json:"in"`
	Path     string   `json:"path"` // dotted
	Loc      []string `json:"loc"`
	Code     string   `json:"code"`
	Message  string   `json:"message"`
	Expected string   `json:"expected"` // the type, bound or pattern; empty if there is none
	Received string   `json:"received"` // JSON type; empty if unknown
	Field    string   `json:"-"`
}

// Invalid makes an invalid-request error about one input field of an operation.
func Invalid(field, code, message string) *Error {
	return &Error{Code: CodeInvalidRequest, Message: message,
		Violations: []Violation{{Field: field, Code: code, Message: message}}}
}

// LimitState is what a limiter tells about itself: the numbers behind rate-limit headers.
type LimitState struct {
	Name       string        `json:"name"`
	Max        int           `json:"max"`
	Remaining  int           `json:"remaining"`
	Reset      time.Time     `json:"reset"`       // when the full allowance is back
	RetryAfter time.Duration `json:"retry_after"` // 0 while not limited
}
