package oauth

// Where the endpoints stand below the issuer. They are named here because tokens, metadata and proofs of possession speak
// of them; package api/oauth serves them.
const (
	AuthorizePath    = "/oauth2/authorize"
	ContinuePath     = "/oauth2/continue"
	TokenPath        = "/oauth2/token"
	PARPath          = "/oauth2/par"
	DevicePath       = "/oauth2/device_authorization"
	IntrospectPath   = "/oauth2/introspect"
	RevokePath       = "/oauth2/revoke"
	UserinfoPath     = "/oauth2/userinfo"
	LogoutPath       = "/oauth2/logout"
	RegisterPath     = "/oauth2/register"
	JWKSPath         = "/.well-known/jwks.json"
	DiscoveryPath    = "/.well-known/openid-configuration"
	MetadataPath     = "/.well-known/oauth-authorization-server"
	ResourcePath     = "/.well-known/oauth-protected-resource"
	DeviceVerifyPath = "/device"
	ConsentPath      = "/consent"
	LogoutPagePath   = "/logout"
)

// BrowserCookie is the name of the cookie whose secret binds what a browser began to it (SE-02).
const BrowserCookie = "__Host-ostiary-oauth"
