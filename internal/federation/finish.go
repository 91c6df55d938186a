package federation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Answer is what a provider sends a browser back with, raw.
type Answer struct {
	Code             string
	Issuer           string // the parameter `iss` of RFC 9207
	Error            string
	ErrorDescription string
	User             string // the parameter `user` of Apple's form: JSON with the name, on the first visit alone
}

// Finish takes the answer of a provider, whose state the caller has taken back from the right browser and spent, and
// tells who came. Name, redirectURI and state are those of Begin. Codes: not-found (the provider is gone or disabled),
// provider-denied (the person or the provider said no), provider-refused (the answer cannot be believed; the cause is for
// the log), provider-unavailable.
func (s *Service) Finish(ctx context.Context, app auth.AppID, name, redirectURI, state string, a Answer) (auth.Upstream, error) {
	return auth.Upstream{}, auth.E(auth.CodeProviderUnavailable, "")
}
