package oauth

import (
	"net/url"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// sectorOf is whom pairwise subjects of a client are made for (OpenID Core section 8.1): the sector that was registered,
// else the host of its redirect URIs, of which there is only one then. A client that no browser returns to is a sector by
// itself.
func sectorOf(client auth.Client) string {
	o := client.Settings.OAuth
	if o.Sector != "" {
		return o.Sector
	}
	for _, uri := range client.Settings.RedirectURIs {
		if u, err := url.Parse(uri); err == nil && u.Hostname() != "" {
			return u.Hostname()
		}
	}
	return string(client.ID)
}
