package oauth

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// --- to be replaced, each in the file that is named beside it ---

// dpop.go
type ProofCheck struct {
	Headers     []string
	Method, URL string
	Token       string // the access token that the proof must be for (`ath`); empty: none
	JKT         string // the key that it must be of; empty: any
}

func (s *Service) CheckProof(ctx context.Context, c ProofCheck) (jkt string, err error) {
	return "", refuse(InvalidDPoPProof, "stub")
}

// client_assertion.go
func assertionSubject(assertion string) (string, error) { return "", refuse(InvalidClient, "stub") }
func (s *Service) checkAssertion(ctx context.Context, client auth.Client, assertion string) error {
	return refuse(InvalidClient, "stub")
}

// client_document.go
func (s *Service) documented(ctx context.Context, url string) (auth.Client, error) {
	return auth.Client{}, unknownClient()
}

// grant_device.go, grant_exchange.go, grant_assertion.go
func (s *Service) proveDevice(ctx context.Context, x *exchange) (*proven, error) {
	return nil, refuse(UnsupportedGrantType, "stub")
}
func (s *Service) proveExchange(ctx context.Context, x *exchange) (*proven, error) {
	return nil, refuse(UnsupportedGrantType, "stub")
}
func (s *Service) proveAssertion(ctx context.Context, x *exchange) (*proven, error) {
	return nil, refuse(UnsupportedGrantType, "stub")
}
