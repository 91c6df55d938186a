package server_test

import (
	"crypto/sha1" // what the service is asked by
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// A new password is compared with what a range service knows, which learns five digits; without the service people may
// still choose a password, and the log and the metrics say that nobody compared it (PW-07).
func TestBreachService_PW07(t *testing.T) {
	const known = "eleven paper lanterns drift by"
	sum := sha1.Sum([]byte(known))
	digest := strings.ToUpper(hex.EncodeToString(sum[:]))
	var lock sync.Mutex
	var asked []string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lock.Lock()
		defer lock.Unlock()
		asked = append(asked, r.URL.String())
		_, _ = w.Write([]byte(digest[5:] + ":7\r\n"))
	}))
	defer service.Close()
	i := servertest.Start(t, servertest.Configure(func(c *config.Config) {
		c.Password.BreachCheck, c.Password.BreachURL = true, service.URL+"/range/"
		c.Outbound.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}))
	register := func(email string) error {
		return i.Client.Register(t.Context(), client.Registration{Email: email, Password: known})
	}
	refusedAs(t, register("ann@example.com"), "weak-password")
	lock.Lock()
	if len(asked) != 1 || asked[0] != "/range/"+digest[:5] {
		t.Errorf("asked %v", asked)
	}
	lock.Unlock()
	service.Close()
	none(t, register("ann@example.com"))
	w := httptest.NewRecorder()
	i.Server.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if !strings.Contains(w.Body.String(), "ostiary_breach_checks_failed_total 1") || !strings.Contains(i.Log.String(), "known breaches") {
		t.Errorf("log %s", i.Log)
	}
	if strings.Contains(i.Log.String(), digest[:5]) {
		t.Error("the digits are in the log")
	}
}
