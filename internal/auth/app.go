package auth

import "time"

// AppStatus says whether an app answers at all.
type AppStatus string

const (
	AppActive   AppStatus = "active"
	AppDisabled AppStatus = "disabled"
)

// App is an isolated pool of users with its own settings and keys.
type App struct {
	ID       AppID
	Name     string
	Status   AppStatus
	Settings AppSettings
	// Epoch is stored in every session of the app; raising it ends them all.
	Epoch     int64
	Version   int64 // raised by every change; the ETag of the app
	CreatedAt time.Time
	UpdatedAt time.Time
}

// AppSettings are the choices an administrator makes for one app. The zero value of each field means the
// default named in its comment.
type AppSettings struct {
	// Attributes declares the extra fields of users, by name.
	Attributes map[string]AttributeRule `json:"attributes,omitempty"`
	// PasswordMin is the least number of code points of a password; 0 means what the door says.
	PasswordMin int `json:"password_min,omitempty"`
	// SigningAlgorithm is ES256 (default), EdDSA, RS256, or HS256 for old resource servers that share a key.
	SigningAlgorithm string `json:"signing_algorithm,omitempty"`
	// Registration says how people sign up by themselves; empty means RegistrationOpen.
	Registration RegistrationMode `json:"registration,omitempty"`
	// AccountsOnSignUp makes an account for everybody who signs up, owned by them. A door may ask for one itself.
	AccountsOnSignUp bool `json:"accounts_on_sign_up,omitempty"`
	// Challenge says what strangers have to show before they may try anything that costs; the zero value: nothing.
	Challenge ChallengeSettings `json:"challenge,omitzero"`
	// Locale is the language, a BCP 47 tag, for people who say none; empty means English.
	Locale string `json:"locale,omitempty"`
	// Permissions are the permissions of each role, of the app or in an account, for the claim `permissions`.
	Permissions map[string][]string `json:"permissions,omitempty"`
	// MetadataDocuments lets clients that nobody registered be known by a document at their client id, an https URL.
	MetadataDocuments bool `json:"client_id_metadata_documents,omitempty"`
	// Brand is how the app looks to people.
	Brand Brand `json:"brand,omitzero"`
}

// AttributeWriter says who may write an attribute.
type AttributeWriter string

const (
	WrittenByUser  AttributeWriter = "user"
	WrittenByAdmin AttributeWriter = "admin"
)

// AttributeRule declares one attribute of an app's users.
type AttributeRule struct {
	Type      string          `json:"type"`                 // string, integer, number or boolean
	MaxLength int             `json:"max_length,omitempty"` // code points, for strings; 0 means 256
	Writer    AttributeWriter `json:"writer"`
}

// DefaultAttributes are declared by every new app.
func DefaultAttributes() map[string]AttributeRule {
	return map[string]AttributeRule{
		"company": {Type: "string", MaxLength: 200, Writer: WrittenByUser},
		"plan":    {Type: "string", MaxLength: 50, Writer: WrittenByAdmin},
	}
}

// ClientStatus says whether a client may be used.
type ClientStatus string

const (
	ClientActive   ClientStatus = "active"
	ClientDisabled ClientStatus = "disabled"
)

// Client is an OAuth client of an app. Every app has a default client; every session names its client.
type Client struct {
	ID        ClientID
	App       AppID
	Name      string
	Default   bool
	Status    ClientStatus
	Settings  ClientSettings
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt time.Time // zero: it is there; a deleted client is disabled for good
}

// ClientSettings are the registered facts of a client. Zero lifetimes mean what the door says.
type ClientSettings struct {
	RedirectURIs   []string      `json:"redirect_uris,omitempty"`
	AllowedOrigins []string      `json:"allowed_origins,omitempty"` // exact origins, scheme://host[:port]
	AccessTTL      time.Duration `json:"access_ttl,omitempty"`
	RefreshTTL     time.Duration `json:"refresh_ttl,omitempty"`
	OAuth          OAuthSettings `json:"oauth,omitzero"`
}

// AppKeyPrefix stands before every app key, and before no other key.
const AppKeyPrefix = "osa_"

// AppKey identifies an app to a door that asks for one. It gives no user's rights.
type AppKey struct {
	ID         AppKeyID
	App        AppID
	Name       string
	Prefix     string // the first characters, shown in lists
	Hash       []byte // SHA-256 of the whole key
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	RevokedAt  time.Time // zero: live
	LastUsedAt time.Time // written lazily; zero: never seen
}
