package auth

import (
	"slices"
	"strings"
	"time"
)

// ProviderKind says what an identity provider speaks and which of its claims may be believed.
type ProviderKind string

// The kinds. All but the first and the last are ready profiles: their addresses, scopes and claims are known.
const (
	ProviderOIDC      ProviderKind = "oidc" // any OpenID provider, found by its issuer
	ProviderGoogle    ProviderKind = "google"
	ProviderMicrosoft ProviderKind = "microsoft"
	ProviderApple     ProviderKind = "apple"
	ProviderGitLab    ProviderKind = "gitlab"
	ProviderGitHub    ProviderKind = "github"
	ProviderFacebook  ProviderKind = "facebook"
	ProviderDiscord   ProviderKind = "discord"
	ProviderOAuth2    ProviderKind = "oauth2" // plain OAuth 2.0 with a user endpoint, described by the operator
)

// ProviderKinds lists the kinds.
func ProviderKinds() []ProviderKind {
	return []ProviderKind{ProviderOIDC, ProviderGoogle, ProviderMicrosoft, ProviderApple, ProviderGitLab, ProviderGitHub,
		ProviderFacebook, ProviderDiscord, ProviderOAuth2}
}

// OpenID reports whether a kind identifies people by ID tokens.
func (k ProviderKind) OpenID() bool {
	return slices.Contains([]ProviderKind{ProviderOIDC, ProviderGoogle, ProviderMicrosoft, ProviderApple, ProviderGitLab}, k)
}

// ProviderStatus says whether a provider may be used.
type ProviderStatus string

// The statuses.
const (
	ProviderActive   ProviderStatus = "active"
	ProviderDisabled ProviderStatus = "disabled"
)

// ProviderUse bounds what a person who comes from a provider may do.
type ProviderUse string

// The uses, from the widest to the narrowest. The zero value means UseSignUp.
const (
	UseSignUp ProviderUse = "sign-up" // sign in, link, and sign up where the app lets strangers in
	UseSignIn ProviderUse = "sign-in" // sign in and link; makes no users
	UseLink   ProviderUse = "link"    // link alone: nobody signs in with it
)

// Provider is a connection of one app to an identity provider outside the house.
type Provider struct {
	ID       ProviderID
	App      AppID
	Name     string // unique in the app; stands in paths: 1 to 40 of a-z, 0-9 and hyphens
	Kind     ProviderKind
	Status   ProviderStatus
	Settings ProviderSettings
	// Sealed is the client secret, or Apple's private key, under the master key. Empty: a client without a secret. It is
	// never handed out.
	Sealed    []byte
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// ProviderSettings are the facts of a connection that are no secret.
type ProviderSettings struct {
	Title    string      `json:"title"` // on buttons
	ClientID string      `json:"client_id"`
	Issuer   string      `json:"issuer,omitempty"` // of OpenID providers; of others what `iss` of their answers must be
	Scopes   []string    `json:"scopes,omitempty"`
	Use      ProviderUse `json:"use,omitempty"`
	// Domains are those for whose addresses the provider is the authority: who controls such an address controls it by
	// the provider's word. Only addresses in them link silently, beside those that a profile knows of itself.
	Domains []string `json:"domains,omitempty"`
	// HostedDomain lets in people of one organisation alone: Google's `hd`.
	HostedDomain string `json:"hosted_domain,omitempty"`

	// The endpoints of providers without discovery.
	AuthorizationURL string `json:"authorization_url,omitempty"`
	TokenURL         string `json:"token_url,omitempty"`
	UserURL          string `json:"user_url,omitempty"`
	EmailsURL        string `json:"emails_url,omitempty"` // GitHub's list of addresses
	// ClientAuth is how the secret is sent: basic (default), post, or none for a client without a secret.
	ClientAuth string       `json:"client_auth,omitempty"`
	Claims     ClaimMapping `json:"claims,omitzero"`

	// Apple's: its client secret is a token that the private key signs on demand.
	TeamID string `json:"team_id,omitempty"`
	KeyID  string `json:"key_id,omitempty"`
}

// ClaimMapping says where the answer of a user endpoint holds what: paths of member names and indexes joined by dots.
// An empty path is not looked for.
type ClaimMapping struct {
	Subject       string `json:"subject,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified string `json:"email_verified,omitempty"`
	Name          string `json:"name,omitempty"`
	GivenName     string `json:"given_name,omitempty"`
	FamilyName    string `json:"family_name,omitempty"`
	Username      string `json:"username,omitempty"`
	Picture       string `json:"picture,omitempty"`
	Locale        string `json:"locale,omitempty"`
}

// Upstream is a person as an identity provider has just confirmed them. Provider, Issuer and Subject together are who it
// is (SECURITY FD-01); everything else is what the provider says about them, bounded and cleaned, and may change.
type Upstream struct {
	Provider     ProviderID
	ProviderName string
	Issuer       string // of the ID token; the provider's own word for others
	Subject      string

	Email         string // as the provider writes it, or empty; always one that CanonicalEmail takes
	EmailVerified bool   // the provider says that it has verified Email; false if it does not say
	// Authoritative says that the provider is the authority for the domain of Email. Only then, and if EmailVerified, may a
	// user with the same verified address be linked without a word from them (FD-02).
	Authoritative bool

	Name, GivenName, FamilyName string
	Username                    string
	Picture                     string // an https URL
	Locale                      string
}

// SilentlyLinks reports whether the provider's half of the rule for silent linking holds: the address is verified, by
// the authority for its domain. The other half is that the local address is verified too (FD-02).
func (u Upstream) SilentlyLinks() bool { return u.Email != "" && u.EmailVerified && u.Authoritative }

// Identity ties a person at an identity provider to a user. It is found by provider, issuer and subject, never by an
// address or a name (FD-01).
type Identity struct {
	ID           IdentityID
	App          AppID
	User         UserID
	Provider     ProviderID
	ProviderName string // read along with the row
	Issuer       string
	Subject      string
	Email        string // as last told, for people to recognise it by
	Username     string // likewise
	CreatedAt    time.Time
	LastUsedAt   time.Time // zero: never since it was linked
}

// EmailDomain is the domain of an address in its canonical form; empty if it is no address. Everything that decides by
// a domain asks here (FD-08).
func EmailDomain(address string) string {
	canonical, err := CanonicalEmail(address)
	if err != nil {
		return ""
	}
	return canonical[strings.IndexByte(canonical, '@')+1:]
}
