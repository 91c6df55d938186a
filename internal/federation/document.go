package federation

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/outbound"
)

// published is how long a document of a provider (discovery, keys) is believed, and how often an unknown key asks for a
// newer one.
func published() outbound.Keep {
	return outbound.Keep{Fresh: time.Hour, Stale: 24 * time.Hour, Renew: time.Minute, Retry: 10 * time.Second, Count: 500}
}
