package federation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/outbound"
)

type documents struct{}

func newDocuments(*outbound.Client, func() time.Time) *documents { return nil }

type endpoints struct{ authorization string }

func (s *Service) endpoints(context.Context, auth.Provider) (endpoints, error) {
	return endpoints{}, unavailable(auth.Provider{}, "")
}
func unavailable(auth.Provider, string) error { return auth.E(auth.CodeProviderUnavailable, "") }
func check(*auth.Provider, bool) error        { return nil }
func checkSecret(auth.Provider, string) error { return nil }
