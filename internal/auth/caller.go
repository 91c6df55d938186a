package auth

import (
	"net/netip"
	"time"
)

// CallerKind says how a caller proved who it is.
type CallerKind string

const (
	CallerAnonymous CallerKind = "anonymous"
	CallerSession   CallerKind = "session" // access token or session cookie of a person
	CallerAPIKey    CallerKind = "api-key" // a user's key: acts for the user within its scopes
	CallerSystem    CallerKind = "system"  // a command on the machine, through the server's socket
)

// Caller is who asks: made once a request from verified credentials, handed to every operation, never
// from anything that a body says. The zero value is nobody.
type Caller struct {
	Kind   CallerKind
	App    AppID    // the app of the request: credential, else client, else mount
	Client ClientID // of the session, else the app's default client
	AppKey AppKeyID // the app key that came with the request; empty if none

	User          UserID
	Role          Role
	Session       SessionID
	Account       AccountID // that the session acts for; empty: none. A Write asks again whether the user belongs to it
	Key           APIKeyID
	Scopes        []string // of an API key; nil for a session, which is not limited by scopes
	AMR           []string
	AuthTime      time.Time // of the session, or its later step-up
	EmailVerified bool
	// Cookie says that the credential came in a cookie, so cross-site rules apply.
	Cookie bool

	IP        netip.Addr // the client's, behind trusted proxies
	UserAgent string     // at most 512 bytes, printable
	// AcceptLanguage is the header of that name (RFC 9110 section 12.5.4), at most 200 bytes: a wish, never an identity.
	AcceptLanguage string
	RequestID      string
	Door           Door
}

// Person reports whether a human session asks, not a key.
func (c Caller) Person() bool { return c.Kind == CallerSession }

// Admin reports whether the caller may use administrators' operations: the machine's operator, or a person
// or key whose user is an administrator of the app (keys also need the scope, see package operation).
func (c Caller) Admin() bool { return c.Kind == CallerSystem || c.Role == RoleAdmin }

// Administers is Admin for rules that the access rule of an operation does not settle: an API key of an administrator
// counts only with the scope `admin` (AK-04).
func (c Caller) Administers() bool {
	return c.Admin() && (c.Kind != CallerAPIKey || ScopesWithin([]string{"admin"}, c.Scopes))
}

// Door is the contract through which a request came: its name, policy and lifetimes.
type Door struct {
	Contract   string
	Policy     Policy
	AccessTTL  time.Duration // 0: the server's default
	RefreshTTL time.Duration // idle lifetime of a session's refresh token; 0: the server's default
	// SessionCookie says that the door will set a session cookie from this call, so one must be made.
	SessionCookie bool
	// SignsIn says that cookies which the door will set from this call sign the browser in.
	SignsIn bool
	// Home says that the door is the server's own pages: a way through a provider ends at them, where no client registers anything.
	Home bool
	// URL is where the contract's first base path is reached, without a slash at the end.
	URL   string
	Links Links
}

// Links are URL templates with {token} for mails that this door causes; empty fields mean our own pages.
type Links struct {
	Verify, Reset, Magic, Invite string
}
