package auth

// ClientType is what kind of program a client is. It chooses the settings that nobody has said.
type ClientType string

const (
	ClientTypeWeb     ClientType = "web"     // a program on a server, which people reach with a browser
	ClientTypeBrowser ClientType = "browser" // a program in the browser itself
	ClientTypeNative  ClientType = "native"  // an installed app, on a phone or at a desk
	ClientTypeService ClientType = "service" // a program that acts by itself, for nobody
)

// ClientTypes lists every type.
func ClientTypes() []ClientType {
	return []ClientType{ClientTypeWeb, ClientTypeBrowser, ClientTypeNative, ClientTypeService}
}

// Preset are the settings that a client of the type begins with. ok is false for a type that there is not.
func (t ClientType) Preset() (o OAuthSettings, ok bool) {
	person := []string{ScopeOpenID, ScopeProfile, ScopeEmail, ScopeOfflineAccess}
	o = OAuthSettings{AuthMethod: ClientAuthNone, ApplicationType: ApplicationWeb, GrantTypes: []string{GrantAuthorizationCode, GrantRefreshToken},
		Scopes: person}
	switch t {
	case ClientTypeWeb:
		o.AuthMethod = ClientAuthBasic
	case ClientTypeBrowser:
		o.Scopes = person[:3]
	case ClientTypeNative:
		o.ApplicationType = ApplicationNative
	case ClientTypeService:
		o = OAuthSettings{AuthMethod: ClientAuthBasic, ApplicationType: ApplicationWeb, GrantTypes: []string{GrantClientCredentials}}
	default:
		return OAuthSettings{}, false
	}
	return o, true
}

// ClientOrigin says who made a client.
type ClientOrigin string

const (
	OriginAdministrator ClientOrigin = ""         // or the first migration
	OriginDynamic       ClientOrigin = "dynamic"  // itself, with an initial token (RFC 7591)
	OriginDocument      ClientOrigin = "document" // itself, by a metadata document at its client id
)

// Origin tells who made the client.
func (o OAuthSettings) Origin() ClientOrigin {
	switch {
	case o.MetadataURL != "":
		return OriginDocument
	case o.Dynamic:
		return OriginDynamic
	}
	return OriginAdministrator
}

// Secret reports whether the client proves itself by a secret that it shares with us.
func (m ClientAuthMethod) Secret() bool { return m == ClientAuthBasic || m == ClientAuthPost }

// What stands before generated secrets of and for clients, and before no other secret.
const (
	ClientSecretPrefix      = "osc_"
	RegistrationTokenPrefix = "ort_" // initial tokens (RFC 7591 section 3)
	RegistrationPrefix      = "orc_" // registration access tokens (RFC 7592 section 3)
)
