package httpx

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func proxies(t testing.TB, list ...string) Proxies {
	t.Helper()
	var out Proxies
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func TestClientIP_RL03(t *testing.T) {
	trusted := proxies(t, "10.0.0.0/8", "fd00::/8")
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "203.0.113.9:1", nil, "203.0.113.9"},
		{"a header from a stranger is ignored", "203.0.113.9:1", []string{"1.2.3.4"}, "203.0.113.9"},
		{"through a proxy", "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"the client prepends a lie", "10.0.0.1:1", []string{"1.2.3.4, 203.0.113.9"}, "203.0.113.9"},
		{"the lie on a line of its own", "10.0.0.1:1", []string{"1.2.3.4", "203.0.113.9"}, "203.0.113.9"},
		{"two proxies", "10.0.0.1:1", []string{"203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		{"only proxies", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"no header", "10.0.0.1:1", nil, "10.0.0.1"},
		{"empty header", "10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"garbage nearest", "10.0.0.1:1", []string{"203.0.113.9, unknown"}, "10.0.0.1"},
		{"garbage behind a proxy", "10.0.0.1:1", []string{"1.2.3.4, ???, 10.0.0.2"}, "10.0.0.2"},
		{"with a port", "10.0.0.1:1", []string{"203.0.113.9:4711"}, "203.0.113.9"},
		{"IPv6", "[fd00::1]:1", []string{"2001:db8::9"}, "2001:db8::9"},
		{"IPv6 in brackets", "[fd00::1]:1", []string{"[2001:db8::9]"}, "2001:db8::9"},
		{"IPv6 with a port", "[fd00::1]:1", []string{"[2001:db8::9]:443"}, "2001:db8::9"},
		{"IPv6 with a zone", "[fd00::1]:1", []string{"fe80::1%eth0"}, "fe80::1"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"unspecified", "10.0.0.1:1", []string{"0.0.0.0"}, "10.0.0.1"},
		{"a unix socket", "@", []string{"1.2.3.4"}, "invalid IP"},
		{"a long chain", "10.0.0.1:1", []string{"1.2.3.4" + strings.Repeat(", 10.0.0.2", 5000)}, "10.0.0.2"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		for _, line := range c.forwarded {
			r.Header.Add("X-Forwarded-For", line)
		}
		r.Header.Set("Forwarded", "for=6.6.6.6")
		r.Header.Set("X-Real-Ip", "6.6.6.6")
		if got := trusted.ClientIP(r); got.String() != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Whatever the header says: no panic, and the answer is the peer, or an address that stood in the header of a
// trusted peer.
func FuzzClientIP_RL03(f *testing.F) {
	f.Add("10.0.0.1:1", "1.2.3.4, 10.0.0.2")
	f.Add("203.0.113.9:1", "[::1]:2,,")
	f.Fuzz(func(t *testing.T, remote, header string) {
		trusted := proxies(t, "10.0.0.0/8")
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {header}}}
		got := trusted.ClientIP(r)
		own := peer(remote)
		if !trusted.Trusts(own) && got != own {
			t.Errorf("a stranger chose %s", got)
		}
		if own.IsValid() && !got.IsValid() {
			t.Error("no address")
		}
	})
}
