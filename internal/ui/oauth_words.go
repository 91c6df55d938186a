package ui

import (
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/oauth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// sampleAsking is a client that wants everything there is.
func sampleAsking() asking {
	a := operation.AskedFor{Client: operation.AskingClient{ID: "c", Name: "Book Club", Site: "https://app.example.com/", Terms: "https://app.example.com/terms",
		Privacy: "https://app.example.com/privacy"}, Scopes: []operation.AskedScope{{Name: "read", Text: "Read your lists"}},
		Resources: []operation.AskedResource{{URI: "https://api.example.com", Name: "Lists"}}, Host: "app.example.com", Consent: true,
		AccessLife: operation.AccessLife{Unused: 30 * 24 * time.Hour, Longest: 90 * 24 * time.Hour}}
	for _, scope := range auth.StandardScopes() {
		a.Scopes = append(a.Scopes, operation.AskedScope{Name: scope})
	}
	return asking{Asked: a, Client: "Book Club", House: "Ostiary", Who: "ada@example.com"}
}

// oauthSamples are what a page between a client and its person may be filled with; nil for other pages.
func oauthSamples(name string, plain base) []shown {
	switch name {
	case "form-post":
		return []shown{&formPostPage{}, &formPostPage{base: plain, Host: "app.example.com", Answer: oauth.Answer{RedirectURI: "https://app.example.com/",
			Mode: auth.ModeFormPost, Parameters: []oauth.Parameter{{Name: "code", Value: "c"}}}}}
	case "consent":
		verified := sampleAsking()
		verified.Asked.Client.Verified = true
		verified.Asked.Unused = verified.Asked.Longest
		bound := sampleAsking()
		bound.Bound = true
		return []shown{&consentPage{}, &consentPage{base: plain, asking: sampleAsking(), Flow: "f", OnDevice: true}, &consentPage{base: plain, asking: verified},
			&consentPage{base: plain, asking: bound}}
	case "device":
		return []shown{&devicePage{}, &devicePage{base: plain, asking: sampleAsking(), Device: operation.WaitingDevice{UserCode: "BCDF-GHJK",
			IP: "192.0.2.1", UserAgent: "curl", AskedAt: time.Unix(0, 0)}}}
	case "logout":
		return []shown{&logoutPage{}, &logoutPage{base: plain, Client: "Book Club", Fields: url.Values{"state": {"s"}}}}
	case "left":
		return []shown{&leftPage{}, &leftPage{base: plain, Client: "Book Club", Next: "https://app.example.com/", Frames: []string{"https://app.example.com/out"}}}
	}
	return nil
}

// oauthKeys are the sentences of these pages that code names and no template.
func oauthKeys() []string {
	keys := []string{"page.oauth.refused", "page.oauth.refused-text", "page.oauth.refused-client", "page.oauth.refused-used", "page.oauth.over", "page.oauth.over-text", "page.oauth.post", "page.consent.title",
		"page.consent.account", "page.consent.until-sign-out", "page.device.title", "page.device.confirm", "page.device.unknown"}
	return append(keys, slices.Collect(maps.Values(scopeWords))...)
}
