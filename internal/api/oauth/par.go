package oauth

import (
	"net/http"
	"time"

	"github.com/ostiary-id/ostiary/internal/oauth"
)

// push is the pushed authorization request endpoint (RFC 9126 section 2).
func (d *Door) push(w http.ResponseWriter, r *http.Request) error {
	f, err := form(w, r)
	if err != nil {
		return err
	}
	out, err := d.o.Service.Push(r.Context(), oauth.PushRequest{Form: f, Authorization: r.Header.Get("Authorization"),
		DPoP: r.Header.Values("DPoP"), Caller: stranger(r)})
	if err != nil {
		return err
	}
	return write(w, http.StatusCreated, struct {
		oauth.PushResponse
		ExpiresIn int64 `json:"expires_in"`
	}{out, int64(out.ExpiresIn / time.Second)})
}
