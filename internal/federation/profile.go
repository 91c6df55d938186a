package federation

import (
	"maps"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// profile is what is known of a kind of provider without being told.
type profile struct {
	settings   auth.ProviderSettings // fills what the operator leaves empty
	parameters map[string]string     // of every authorization request
	// authority are the domains for whose addresses the provider at the profile's own issuer is the authority.
	authority []string
}

func (p profile) formPost() bool { return p.parameters["response_mode"] == "form_post" }

func profileOf(kind auth.ProviderKind) profile { return profiles[kind] }

var openID = []string{"openid", "profile", "email"}

// profiles are the kinds, each from the provider's own documentation.
var profiles = map[auth.ProviderKind]profile{
	auth.ProviderOIDC: {settings: auth.ProviderSettings{Title: "Single sign-on", Scopes: openID}},
	auth.ProviderGoogle: {
		settings: auth.ProviderSettings{Title: "Google", Issuer: googleIssuer, Scopes: openID},
		// Addresses of other domains count by the claim hd; see authoritative.
		authority: []string{"gmail.com", "googlemail.com"},
	},
	auth.ProviderMicrosoft: {settings: auth.ProviderSettings{Title: "Microsoft", Issuer: microsoftIssuer, Scopes: openID}},
	auth.ProviderApple: {
		settings: auth.ProviderSettings{Title: "Apple", Issuer: appleIssuer, Scopes: []string{"name", "email"}, ClientAuth: clientAuthPost},
		// Asking for a name or an address obliges to form_post.
		parameters: map[string]string{"response_mode": "form_post"},
		authority:  []string{"privaterelay.appleid.com", "icloud.com", "me.com", "mac.com"},
	},
	auth.ProviderGitLab: {settings: auth.ProviderSettings{Title: "GitLab", Issuer: "https://gitlab.com", Scopes: openID}},
	auth.ProviderGitHub: {settings: auth.ProviderSettings{
		Title: "GitHub", Scopes: []string{"read:user", "user:email"}, ClientAuth: clientAuthPost,
		AuthorizationURL: "https://github.com/login/oauth/authorize",
		TokenURL:         "https://github.com/login/oauth/access_token",
		UserURL:          "https://api.github.com/user",
		EmailsURL:        "https://api.github.com/user/emails",
		Claims:           auth.ClaimMapping{Subject: "id", Name: "name", Username: "login", Picture: "avatar_url"},
	}},
	auth.ProviderFacebook: {settings: auth.ProviderSettings{
		Title: "Facebook", Scopes: []string{"public_profile", "email"}, ClientAuth: clientAuthPost,
		AuthorizationURL: "https://www.facebook.com/v23.0/dialog/oauth",
		TokenURL:         "https://graph.facebook.com/v23.0/oauth/access_token",
		UserURL:          "https://graph.facebook.com/v23.0/me?fields=id,name,first_name,last_name,email,picture",
		// Facebook does not say whether an address is verified, so none is.
		Claims: auth.ClaimMapping{Subject: "id", Email: "email", Name: "name", GivenName: "first_name", FamilyName: "last_name", Picture: "picture.data.url"},
	}},
	auth.ProviderDiscord: {settings: auth.ProviderSettings{
		Title: "Discord", Scopes: []string{"identify", "email"}, ClientAuth: clientAuthPost,
		AuthorizationURL: "https://discord.com/oauth2/authorize",
		TokenURL:         "https://discord.com/api/oauth2/token",
		UserURL:          "https://discord.com/api/users/@me",
		Claims:           auth.ClaimMapping{Subject: "id", Email: "email", EmailVerified: "verified", Name: "global_name", Username: "username", Locale: "locale"},
	}},
	auth.ProviderOAuth2: {settings: auth.ProviderSettings{Title: "Single sign-on",
		Claims: auth.ClaimMapping{Subject: "sub", Email: "email", EmailVerified: "email_verified", Name: "name", GivenName: "given_name",
			FamilyName: "family_name", Username: "preferred_username", Picture: "picture", Locale: "locale"}}},
}

// The issuers whose rules differ from those of any OpenID provider.
const (
	googleIssuer    = "https://accounts.google.com"
	appleIssuer     = "https://appleid.apple.com"
	microsoftIssuer = "https://login.microsoftonline.com/common/v2.0" // any organisation, and personal accounts
)

// The ways to send a client secret (RFC 6749 section 2.3.1).
const (
	clientAuthBasic = "basic"
	clientAuthPost  = "post"
	clientAuthNone  = "none"
)

// fill puts the profile's value where the operator gave none.
func fill(s *auth.ProviderSettings, kind auth.ProviderKind) {
	from := profileOf(kind).settings
	for _, f := range []struct {
		to   *string
		from string
	}{
		{&s.Title, from.Title}, {&s.Issuer, from.Issuer}, {&s.AuthorizationURL, from.AuthorizationURL}, {&s.TokenURL, from.TokenURL},
		{&s.UserURL, from.UserURL}, {&s.EmailsURL, from.EmailsURL}, {&s.ClientAuth, from.ClientAuth},
	} {
		if *f.to == "" {
			*f.to = f.from
		}
	}
	if len(s.Scopes) == 0 {
		s.Scopes = slices.Clone(from.Scopes)
	}
	if s.Claims == (auth.ClaimMapping{}) {
		s.Claims = from.Claims
	}
}

// known reports whether there is such a kind.
func known(kind auth.ProviderKind) bool {
	return slices.Contains(slices.Collect(maps.Keys(profiles)), kind)
}
