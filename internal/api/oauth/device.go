package oauth

import (
	"net/http"
	"time"

	"github.com/ostiary-id/ostiary/internal/oauth"
)

// device is the device authorization endpoint (RFC 8628 section 3.1).
func (d *Door) device(w http.ResponseWriter, r *http.Request) error {
	c, err := clientOf(w, r)
	if err != nil {
		return err
	}
	out, err := d.o.Service.AuthorizeDevice(r.Context(), c)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, struct {
		oauth.DeviceResponse
		ExpiresIn int64 `json:"expires_in"`
		Interval  int64 `json:"interval"`
	}{out, int64(out.ExpiresIn / time.Second), int64(out.Interval / time.Second)})
}
