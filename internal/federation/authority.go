package federation

import (
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// authority settles what a provider's word about an address is worth: whether the address counts as verified, and
// whether the provider is the authority for its domain (FD-02). A provider that merely lets people confirm addresses of
// others' domains is none, however well it does so.
//
//   - Any provider is the authority for the domains that the operator has listed.
//   - Google is for gmail.com, and for the domain of the organisation that hosts the account with it (claim hd).
//   - Microsoft's `email` is free text that a tenant's administrator sets, unless xms_edov says that the tenant has
//     proven the domain; then it is verified, and the tenant is the authority.
//   - Apple is for its relay and its own domains.
//   - Nobody else is for anything.
func authority(p auth.Provider, c claims, up *auth.Upstream) {
	up.Authoritative = false
	if up.Email == "" {
		up.EmailVerified = false
		return
	}
	domain := auth.EmailDomain(up.Email)
	own := p.Settings.Issuer == profileOf(p.Kind).settings.Issuer // a profile knows about its own issuer, no other
	switch {
	case p.Kind == auth.ProviderMicrosoft:
		up.EmailVerified = provenDomain(c)
		up.Authoritative = up.EmailVerified
	case own && slices.Contains(profileOf(p.Kind).authority, domain):
		up.Authoritative = true
	case own && p.Kind == auth.ProviderGoogle && c["hd"] != nil:
		hosted, _ := c["hd"].(string)
		up.Authoritative = auth.EmailDomain("a@"+hosted) == domain
	}
	if slices.Contains(p.Settings.Domains, domain) {
		up.Authoritative = true
	}
}

// provenDomain reads Microsoft's optional claim xms_edov, which comes as a flag, a word or a number.
func provenDomain(c claims) bool {
	switch v := c["xms_edov"].(type) {
	case bool:
		return v
	case string:
		return v == "true" || v == "1"
	case float64:
		return v == 1
	}
	return false
}

// admitted reports whether a person belongs to the organisation that the connection is for. The parameter hd that went
// along was a wish; the claim counts.
func admitted(p auth.Provider, c claims) bool {
	if p.Settings.HostedDomain == "" {
		return true
	}
	hosted, _ := c["hd"].(string)
	return hosted != "" && auth.EmailDomain("a@"+hosted) == p.Settings.HostedDomain
}
