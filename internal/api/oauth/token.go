package oauth

import (
	"net/http"
	"time"

	"github.com/ostiary-id/ostiary/internal/oauth"
)

// token is the token endpoint (RFC 6749 section 3.2).
func (d *Door) token(w http.ResponseWriter, r *http.Request) error {
	f, err := form(w, r)
	if err != nil {
		return err
	}
	out, err := d.o.Service.Token(r.Context(), oauth.TokenRequest{Form: f, Authorization: r.Header.Get("Authorization"),
		DPoP: r.Header.Values("DPoP"), Caller: stranger(r)})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, struct {
		oauth.TokenResponse
		ExpiresIn int64 `json:"expires_in"`
	}{out, int64(out.ExpiresIn / time.Second)})
}
