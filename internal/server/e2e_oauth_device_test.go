package server_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
	"github.com/ostiary-id/ostiary/internal/store"
)

// waits lets a device of a client wait under a user code, as the device authorization endpoint would.
func waits(t *testing.T, i *servertest.Instance, p party, code string) {
	t.Helper()
	none(t, i.DB.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.InsertDevice(auth.DeviceAuthorization{ID: auth.DeviceAuthorizationID(secret.NewID(rand.Reader, tx.Now())), App: p.App, Client: p.ID,
			Hash: secret.Hash(code), UserCode: code, Delegation: auth.Delegation{Scopes: []string{"openid", "read"}}, Status: auth.DevicePending,
			IP: "192.0.2.44", UserAgent: "television/1", CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(10 * time.Minute)})
		return err
	}))
}

// stands reads the device of a user code.
func stands(t *testing.T, i *servertest.Instance, code string) (d auth.DeviceAuthorization) {
	t.Helper()
	none(t, i.DB.Read(t.Context(), func(tx *store.Tx) (err error) {
		d, err = tx.DeviceByUserCode(code)
		return err
	}))
	return d
}

// types posts a form of the device page.
func (g guest) types(do, code string) reply {
	g.t.Helper()
	return g.ask(http.MethodPost, "/device", url.Values{"do": {do}, "user_code": {code}}, "Origin", g.i.URL, "Accept", "text/html", "Accept-Language", "en")
}

// TestDevicePage lets a device in by who typed its code and compared what the page shows, and nobody else.
func TestDevicePage_DV02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newParty(t, i)
		for _, code := range []string{"BCDFGHJK", "LMNPQRST", "VWXZBCDF"} {
			waits(t, i, p, code)
		}
		ann, bob := signedInGuest(t, i, "ann@example.com"), signedInGuest(t, i, "bob@example.com")
		// A code in the address is only filled in; nothing is claimed, not even for who looks.
		ann.goes("/device?user_code=BCDF-GHJK").want(http.StatusOK).says(`value="BCDF-GHJK"`).lacks("Book Club")
		if d := stands(t, i, "BCDFGHJK"); d.User != "" {
			t.Errorf("claimed by a look: %+v", d)
		}
		ann.types("approve", "BCDF-GHJK").want(http.StatusBadRequest) // not without having seen what it is
		newGuest(t, i).types("show", "BCDF-GHJK").goesTo("/sign-in")

		ann.types("show", " bcdf ghjk").want(http.StatusOK).says("Connect this device?", "BCDF-GHJK", "Book Club", "192.0.2.44", "television/1", "Know that it is you", "for 30 days, for 90 days at most").lacks("until you sign out")
		bob.types("show", "BCDFGHJK").want(http.StatusBadRequest).says("There is no such code").lacks("Book Club")
		bob.types("approve", "BCDFGHJK").want(http.StatusBadRequest)
		ann.types("approve", "BCDFGHJK").goesTo("/done/device-connected")
		ann.types("approve", "BCDFGHJK").want(http.StatusBadRequest)
		d := stands(t, i, "BCDFGHJK")
		if d.Status != auth.DeviceApproved || len(d.AMR) == 0 || d.AuthTime.IsZero() {
			t.Errorf("%+v", d)
		}
		ann.goes("/my/apps").says("Book Club")

		bob.types("show", "LMNPQRST").want(http.StatusOK)
		bob.types("deny", "LMNPQRST").goesTo("/done/device-refused")
		if d := stands(t, i, "LMNPQRST"); d.Status != auth.DeviceDenied {
			t.Errorf("%+v", d)
		}
		i.Clock.Advance(11 * time.Minute)
		bob.types("show", "VWXZBCDF").want(http.StatusBadRequest)
		if r := bob.ask(http.MethodPost, "/device", url.Values{"do": {"show"}, "user_code": {"VWXZBCDF"}}, "Origin", "https://evil.example"); r.Status != http.StatusForbidden {
			t.Errorf("from elsewhere: %d", r.Status)
		}
	})
}

// TestDeviceGuesses_DV01 stops who tries codes.
func TestDeviceGuesses_DV01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		p := newParty(t, i)
		waits(t, i, p, "BCDFGHJK")
		ann := signedInGuest(t, i, "ann@example.com")
		for range 10 {
			ann.types("show", "BCDFGHJL").want(http.StatusBadRequest)
		}
		if r := ann.types("show", "BCDFGHJK").want(http.StatusTooManyRequests); r.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	})
}
