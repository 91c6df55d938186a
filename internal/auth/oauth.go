package auth

import (
	"encoding/json"
	"slices"
	"time"
)

// ClientAuthMethod is how a client proves at the token endpoint who it is (RFC 7591 section 2, OpenID Core section 9).
type ClientAuthMethod string

const (
	ClientAuthNone          ClientAuthMethod = "none" // a public client: it can keep no secret
	ClientAuthBasic         ClientAuthMethod = "client_secret_basic"
	ClientAuthPost          ClientAuthMethod = "client_secret_post"
	ClientAuthPrivateKeyJWT ClientAuthMethod = "private_key_jwt"
)

// The grant types that Ostiary has, as the `grant_type` parameter names them.
const (
	GrantAuthorizationCode = "authorization_code"
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"    // RFC 8628
	GrantTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693
	GrantJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"     // RFC 7523
)

// GrantTypes lists every grant type.
func GrantTypes() []string {
	return []string{GrantAuthorizationCode, GrantRefreshToken, GrantClientCredentials, GrantDeviceCode, GrantTokenExchange, GrantJWTBearer}
}

// The response modes (OAuth Multiple Response Types section 2.1, OAuth Form Post).
const (
	ModeQuery    = "query"
	ModeFragment = "fragment"
	ModeFormPost = "form_post"
)

// ResponseModes lists every response mode.
func ResponseModes() []string { return []string{ModeQuery, ModeFragment, ModeFormPost} }

// The scopes of OpenID Connect (Core sections 5.4 and 11) and of the house. An app's resources declare theirs.
const (
	ScopeOpenID        = "openid"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopePhone         = "phone"
	ScopeAddress       = "address"
	ScopeOfflineAccess = "offline_access"
	ScopeRoles         = "roles"       // the claim `role`
	ScopeAccount       = "account"     // the claims `account` and `account_role`
	ScopePermissions   = "permissions" // the claim `permissions`: what the app's settings say of the roles
)

// StandardScopes lists the scopes that every app has.
func StandardScopes() []string {
	return []string{ScopeOpenID, ScopeProfile, ScopeEmail, ScopePhone, ScopeAddress, ScopeOfflineAccess, ScopeRoles, ScopeAccount,
		ScopePermissions}
}

// Authentication context classes (OpenID Core section 2, `acr`), from the weakest to the strongest.
const (
	ACRSingle   = "aal1" // one factor
	ACRMulti    = "aal2" // two factors, or a passkey that verified its user
	ACRPhishing = "phr"  // phishing-resistant (OpenID EAP ACR Values): a passkey that verified its user
)

// ACRs lists the classes from the weakest to the strongest.
func ACRs() []string { return []string{ACRSingle, ACRMulti, ACRPhishing} }

// ACROf tells the class that the methods of a sign-in reach.
func ACROf(amr []string) string {
	key := slices.Contains(amr, AMRHardwareKey) || slices.Contains(amr, AMRSoftwareKey)
	switch {
	case key && slices.Contains(amr, AMRMFA) && !slices.Contains(amr, AMROTP) && !slices.Contains(amr, AMRBackupCode):
		return ACRPhishing
	case slices.Contains(amr, AMRMFA):
		return ACRMulti
	}
	return ACRSingle
}

// ACRReaches reports whether class have is at least as strong as want; an unknown class is never reached.
func ACRReaches(have, want string) bool {
	classes := ACRs()
	return slices.Index(classes, want) >= 0 && slices.Index(classes, have) >= slices.Index(classes, want)
}

// ConsentRule says whether people are asked before a client gets what it wants.
type ConsentRule string

const (
	ConsentAsk     ConsentRule = ""        // asked once for each client and scope (OA-11)
	ConsentTrusted ConsentRule = "trusted" // a client of the house's own: nobody is asked
)

// Access token formats of a client.
const (
	TokenFormatJWT    = "jwt"    // RFC 9068; the default
	TokenFormatOpaque = "opaque" // only introspection tells what is in it
)

// Subject types (OpenID Core section 8).
const (
	SubjectPublic   = "public"   // the user's id; the default
	SubjectPairwise = "pairwise" // another one for each sector, so that clients cannot compare notes
)

// Application types (OpenID Dynamic Registration section 2).
const (
	ApplicationWeb    = "web" // the default
	ApplicationNative = "native"
)

// OAuthSettings are what an OAuth client registered; the names are those of RFC 7591 and OpenID Dynamic Registration
// where they have one. The zero value is a client that no OAuth endpoint serves.
type OAuthSettings struct {
	AuthMethod      ClientAuthMethod `json:"token_endpoint_auth_method,omitempty"`
	ApplicationType string           `json:"application_type,omitempty"`
	GrantTypes      []string         `json:"grant_types,omitempty"`
	// Scopes are those that it may ask for. Scopes of a resource count with the resource.
	Scopes []string `json:"scopes,omitempty"`
	// DefaultScopes are asked for when a request names none.
	DefaultScopes []string `json:"default_scopes,omitempty"`
	// Resources are the identifiers of the protected resources that it may ask tokens for; empty: all of the app.
	Resources []string `json:"resources,omitempty"`
	// JWKS are its public keys (RFC 7517), or JWKSURI says where they are.
	JWKS    json.RawMessage `json:"jwks,omitempty"`
	JWKSURI string          `json:"jwks_uri,omitempty"`

	TokenFormat string `json:"access_token_format,omitempty"`
	// IDTokenAlg is RS256 (default), ES256 or EdDSA.
	IDTokenAlg string `json:"id_token_signed_response_alg,omitempty"`
	// UserinfoAlg signs userinfo answers; empty: plain JSON.
	UserinfoAlg string `json:"userinfo_signed_response_alg,omitempty"`
	SubjectType string `json:"subject_type,omitempty"`
	// Sector is the host that pairwise subjects are made for; empty: the host of the redirect URIs.
	Sector     string `json:"sector,omitempty"`
	RequirePAR bool   `json:"require_pushed_authorization_requests,omitempty"`
	// DPoPBound says that every token must be bound to a key (RFC 9449 section 5.2).
	DPoPBound bool        `json:"dpop_bound_access_tokens,omitempty"`
	Consent   ConsentRule `json:"consent,omitempty"`
	// ResponseModes that it may ask for; empty: all.
	ResponseModes []string `json:"response_modes,omitempty"`

	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI   string   `json:"backchannel_logout_uri,omitempty"`
	FrontchannelLogoutURI  string   `json:"frontchannel_logout_uri,omitempty"`

	ClientURI string `json:"client_uri,omitempty"`
	LogoURI   string `json:"logo_uri,omitempty"`
	PolicyURI string `json:"policy_uri,omitempty"`
	TOSURI    string `json:"tos_uri,omitempty"`

	// Claims are custom claims: name -> CEL expression over the user (package oauth).
	Claims map[string]string `json:"claims,omitempty"`
	// AssertionIssuers are whose assertions the jwt-bearer grant believes.
	AssertionIssuers []AssertionIssuer `json:"assertion_issuers,omitempty"`
	// MetadataURL is the client id of a client that is known by its metadata document (CIMD).
	MetadataURL string `json:"metadata_url,omitempty"`
	// Dynamic says that the client registered itself (RFC 7591): nobody vouches for its name.
	Dynamic bool `json:"dynamic,omitempty"`
}

// What `sub` of an assertion is.
const (
	AssertedUser     = "user"     // our id
	AssertedExternal = "external" // the external_id
)

// AssertionIssuer is somebody whose signed word about a user a client may bring (RFC 7523 section 3).
type AssertionIssuer struct {
	Issuer  string          `json:"issuer"`
	JWKS    json.RawMessage `json:"jwks,omitempty"`
	JWKSURI string          `json:"jwks_uri,omitempty"`
	// Subject says what `sub` is; empty: AssertedUser.
	Subject string `json:"subject,omitempty"`
}

// Public reports whether the client can keep no secret.
func (o OAuthSettings) Public() bool { return o.AuthMethod == ClientAuthNone }

// Allows reports whether the client registered a grant type.
func (o OAuthSettings) Allows(grant string) bool {
	return o.AuthMethod != "" && slices.Contains(o.GrantTypes, grant)
}

// OAuthID is what the client is called on the wire: the URL of its metadata document, else its id.
func (c Client) OAuthID() string {
	if url := c.Settings.OAuth.MetadataURL; url != "" {
		return url
	}
	return string(c.ID)
}

// ClientSecretKind tells what a generated secret of a client is for.
type ClientSecretKind string

const (
	SecretOfClient       ClientSecretKind = "client-secret"
	SecretOfRegistration ClientSecretKind = "registration-access-token" // RFC 7592 section 3
)

// ClientSecret is a generated secret of a client: 256 bits, stored as SHA-256, shown once.
type ClientSecret struct {
	ID        ClientSecretID
	App       AppID
	Client    ClientID
	Kind      ClientSecretKind
	Hash      []byte
	Prefix    string // the first characters, shown in lists
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never; set on the older one of two at a rotation
	RevokedAt time.Time // zero: live
}

// Live reports whether the secret counts at now.
func (s ClientSecret) Live(now time.Time) bool {
	return s.RevokedAt.IsZero() && (s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt))
}

// Delegation is what a person let a client do: the part of a session that makes it a client's instead of the person's
// own. Tokens of such a session are for the resources that it names; our own doors take none of them.
type Delegation struct {
	Scopes    []string `json:"scope"`
	Resources []string `json:"resource,omitempty"` // audiences (RFC 8707); empty: the issuer's own
	// JKT is the thumbprint of the key that the tokens are bound to (RFC 9449 section 6); empty: none.
	JKT string `json:"jkt,omitempty"`
	// Offline keeps it alive when the browser's session ends (offline_access).
	Offline bool `json:"offline,omitempty"`
	// Claims is the `claims` parameter of the request (OpenID Core section 5.5).
	Claims json.RawMessage `json:"claims,omitempty"`
}

// ProtectedResource is a resource server that tokens are made for (RFC 8707, RFC 9728).
type ProtectedResource struct {
	ID   ResourceID
	App  AppID
	URI  string // the resource identifier, without a slash at the end
	Name string
	// Scopes that it understands, by name, with what they let a client do in words for people.
	Scopes map[string]string
	// Client may introspect the tokens for it, beside the client that holds one; empty: nobody else.
	Client    ClientID
	TokenTTL  time.Duration // of access tokens for it; 0: what the client or the server says
	Document  bool          // serve its metadata (RFC 9728) under /.well-known/oauth-protected-resource
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt time.Time // zero: it is there
}

// Consent is what a person has let a client have, once for all. One row for each user and client.
type Consent struct {
	App       AppID
	User      UserID
	Client    ClientID
	Scopes    []string
	Resources []string
	GrantedAt time.Time
	UpdatedAt time.Time
}

// AuthorizationCode is a code that was handed to a client through the browser (RFC 6749 section 4.1.2). It stays after
// its use for as long as what it issued may have to be ended for a second use.
type AuthorizationCode struct {
	Hash        []byte // SHA-256
	App         AppID
	Client      ClientID
	User        UserID
	Parent      SessionID // the browser's session in which it was granted
	Issued      SessionID // what it was exchanged for; empty: nothing yet
	RedirectURI string
	Challenge   string // S256 (RFC 7636)
	Nonce       string
	Delegation  Delegation
	AMR         []string
	AuthTime    time.Time
	CreatedAt   time.Time
	ExpiresAt   time.Time
	UsedAt      time.Time // zero: unused
}

// DeviceStatus says how far a device authorization is.
type DeviceStatus string

const (
	DevicePending  DeviceStatus = "pending"
	DeviceApproved DeviceStatus = "approved"
	DeviceDenied   DeviceStatus = "denied"
	DeviceRedeemed DeviceStatus = "redeemed"
)

// DeviceAuthorization is a device without a browser that waits for somebody to let it in (RFC 8628).
type DeviceAuthorization struct {
	ID         DeviceAuthorizationID
	App        AppID
	Client     ClientID
	Hash       []byte // SHA-256 of the device code
	UserCode   string // canonical: upper case, no dash
	Delegation Delegation
	Status     DeviceStatus
	User       UserID    // who claimed it; empty: nobody has looked at it yet
	Session    SessionID // the browser's session that claimed it; only that one may approve (DV-02)
	AMR        []string  // of the approval
	AuthTime   time.Time
	IP         string // where the device asked from
	UserAgent  string
	Interval   time.Duration // between two polls
	PolledAt   time.Time
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

// RegistrationToken lets somebody register clients (RFC 7591 section 3).
type RegistrationToken struct {
	ID        RegistrationTokenID
	App       AppID
	Name      string
	Hash      []byte
	UsesLeft  int
	CreatedAt time.Time
	ExpiresAt time.Time
	RevokedAt time.Time
}
