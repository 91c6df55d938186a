package oauth

import (
	"errors"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Code is one of the error codes of OAuth and its extensions, as they stand on the wire.
type Code string

// The codes, with the specifications that define them.
const (
	InvalidRequest          Code = "invalid_request"           // RFC 6749 sections 4.1.2.1 and 5.2
	InvalidClient           Code = "invalid_client"            // RFC 6749 section 5.2
	InvalidGrant            Code = "invalid_grant"             // RFC 6749 section 5.2
	UnauthorizedClient      Code = "unauthorized_client"       // RFC 6749 section 5.2
	UnsupportedGrantType    Code = "unsupported_grant_type"    // RFC 6749 section 5.2
	UnsupportedResponseType Code = "unsupported_response_type" // RFC 6749 section 4.1.2.1
	InvalidScope            Code = "invalid_scope"             // RFC 6749 section 5.2
	AccessDenied            Code = "access_denied"             // RFC 6749 section 4.1.2.1
	ServerError             Code = "server_error"              // RFC 6749 section 4.1.2.1
	TemporarilyUnavailable  Code = "temporarily_unavailable"   // RFC 6749 section 4.1.2.1
	UnsupportedTokenType    Code = "unsupported_token_type"    // RFC 7009 section 2.2.1
	InvalidTarget           Code = "invalid_target"            // RFC 8707 section 2

	LoginRequired            Code = "login_required"                    // OpenID Core section 3.1.2.6
	ConsentRequired          Code = "consent_required"                  // OpenID Core section 3.1.2.6
	InteractionRequired      Code = "interaction_required"              // OpenID Core section 3.1.2.6
	AccountSelectionRequired Code = "account_selection_required"        // OpenID Core section 3.1.2.6
	InvalidRequestURI        Code = "invalid_request_uri"               // RFC 9101 section 7
	RequestNotSupported      Code = "request_not_supported"             // OpenID Core section 3.1.2.6
	RequestURINotSupported   Code = "request_uri_not_supported"         // OpenID Core section 3.1.2.6
	UnmetAuthentication      Code = "unmet_authentication_requirements" // OpenID Unmet Authentication Requirements

	AuthorizationPending Code = "authorization_pending" // RFC 8628 section 3.5
	SlowDown             Code = "slow_down"             // RFC 8628 section 3.5
	ExpiredToken         Code = "expired_token"         // RFC 8628 section 3.5

	InvalidToken        Code = "invalid_token"                    // RFC 6750 section 3.1
	InsufficientScope   Code = "insufficient_scope"               // RFC 6750 section 3.1
	InsufficientAuth    Code = "insufficient_user_authentication" // RFC 9470 section 3
	InvalidDPoPProof    Code = "invalid_dpop_proof"               // RFC 9449 section 5
	UseDPoPNonce        Code = "use_dpop_nonce"                   // RFC 9449 section 8
	InvalidRedirectURI  Code = "invalid_redirect_uri"             // RFC 7591 section 3.2.2
	InvalidMetadata     Code = "invalid_client_metadata"          // RFC 7591 section 3.2.2
	UnapprovedStatement Code = "unapproved_software_statement"    // RFC 7591 section 3.2.2
)

// Error is a refusal as a client may see it. Err is the cause for our own log; its text never leaves the house.
type Error struct {
	Code        Code
	Description string // printable ASCII without quote and backslash (RFC 6749 section 5.2)
	RetryAfter  time.Duration
	Scope       string // that would have been enough, of insufficient_scope (RFC 6750 section 3)
	Err         error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return string(e.Code) + ": " + e.Description + ": " + e.Err.Error()
	}
	return string(e.Code) + ": " + e.Description
}

func (e *Error) Unwrap() error { return e.Err }

// refuse makes an Error.
func refuse(code Code, description string) *Error {
	return &Error{Code: code, Description: description}
}

// AsError finds the Error in err's chain. It is the one place where refusals of the house become those of OAuth: what
// proves nothing any more is an invalid grant, what is busy is temporarily unavailable, all else a server error.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	e := auth.AsError(err)
	out := &Error{Code: ServerError, Description: "The request could not be carried out.", RetryAfter: e.RetryAfter, Err: err}
	switch e.Code {
	case auth.CodeInvalidToken, auth.CodeTokenExpired, auth.CodeSessionEnded, auth.CodeRefreshTokenReused, auth.CodeAccountDisabled,
		auth.CodeEmailUnverified, auth.CodeProofInvalid, auth.CodeInvalidCredentials, auth.CodeForbidden, auth.CodePasswordExpired:
		out.Code, out.Description = InvalidGrant, ascii(e.Text())
	case auth.CodeRateLimited, auth.CodeOverloaded, auth.CodeStorageFull, auth.CodeUnavailable:
		out.Code, out.Description = TemporarilyUnavailable, ascii(e.Text())
	case auth.CodeInvalidRequest:
		out.Code, out.Description = InvalidRequest, ascii(e.Text())
	}
	return out
}

// Is reports whether err is an Error with the code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// ascii keeps what error_description may hold (RFC 6749 section 5.2).
func ascii(text string) string {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			r = '\''
		}
		out = append(out, byte(r))
	}
	return string(out)
}
