package outbound_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/outbound"
)

// local is the network of the test servers; Allow lists it only where a test says so.
var local = netip.MustParsePrefix("127.0.0.1/32")

// neighbour is a server that must not be reached; it counts who reaches it.
func neighbour(t *testing.T) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var calls atomic.Int64
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	t.Cleanup(s.Close)
	return s, &calls
}

func upstream(t *testing.T, h http.HandlerFunc) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, pool
}

func answers(list ...string) func(context.Context, string) ([]netip.Addr, error) {
	return func(context.Context, string) ([]netip.Addr, error) {
		var out []netip.Addr
		for _, a := range list {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, nil
	}
}

func TestPublic_SS01(t *testing.T) {
	for text, want := range map[string]bool{
		"1.1.1.1": true, "9.9.9.9": true, "2606:4700::1111": true, "::ffff:1.1.1.1": true, "172.15.255.255": true, "172.32.0.1": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.1.2.3": false, "100.64.0.1": false, "100.100.100.200": false, "127.0.0.1": false,
		"127.255.255.254": false, "168.63.129.16": false, "169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.0.0.1": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.1.1": false, "198.18.0.1": false, "198.19.255.255": false,
		"198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "239.255.255.250": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false,
		"64:ff9b:1::1": false, "100::1": false, "2001::1": false, "2001:db8::1": false, "2002:7f00:1::": false, "3fff::1": false,
		"fc00::1": false, "fd12::1": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "ff02::1": false,
	} {
		if got := outbound.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s public: %v", text, got)
		}
	}
}

// Every spelling of an inner address is refused, and nobody there hears a byte (SS-01).
func TestInnerAddressesAreRefused_SS01(t *testing.T) {
	s, calls := neighbour(t)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	c := outbound.New(outbound.Options{})
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]", "2130706433",
		"0177.0.0.1", "0x7f.0.0.1", "127.1", "localhost.", "169.254.169.254", "10.0.0.1", "[fd00:ec2::254]", "[fe80::1%25lo]"} {
		for _, scheme := range []string{"https", "http"} {
			if _, _, err := c.Get(t.Context(), scheme+"://"+host+":"+port+"/"); err == nil {
				t.Errorf("%s %s is answered", scheme, host)
			}
		}
	}
	if _, _, err := c.Get(t.Context(), s.URL); !errors.Is(err, outbound.ErrRefused) {
		t.Errorf("%v, want a refusal", err)
	}
	if calls.Load() != 0 {
		t.Errorf("%d calls came through", calls.Load())
	}
}

// A name with one inner address among public ones is refused whole: nobody can know which is dialled.
func TestEveryAddressIsChecked_SS01(t *testing.T) {
	for _, list := range [][]string{{"127.0.0.1"}, {"9.9.9.9", "127.0.0.1"}, {"2606:4700::1111", "::ffff:169.254.169.254"}, {"64:ff9b::a9fe:a9fe"}} {
		c := outbound.New(outbound.Options{Resolve: answers(list...)})
		if _, _, err := c.Get(t.Context(), "https://rebound.test/"); !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%v: %v, want a refusal", list, err)
		}
	}
}

// A name is asked for once: what was checked is what is dialled, whatever the name says next.
func TestRebinding_SS01(t *testing.T) {
	s, roots := upstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "real") })
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	var asked atomic.Int64
	c := outbound.New(outbound.Options{Allow: []netip.Prefix{local}, Roots: roots, Resolve: func(context.Context, string) ([]netip.Addr, error) {
		if asked.Add(1) == 1 {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.2")}, nil
	}})
	status, body, err := c.Get(t.Context(), "https://example.com:"+port+"/")
	if err != nil || status != 200 || string(body) != "real" {
		t.Fatalf("%d %q %v", status, body, err)
	}
	if asked.Load() != 1 {
		t.Errorf("the name was asked for %d times", asked.Load())
	}
	c.HTTP().CloseIdleConnections()
	if _, _, err := c.Get(t.Context(), "https://example.com:"+port+"/"); !errors.Is(err, outbound.ErrRefused) {
		t.Errorf("rebound: %v, want a refusal", err)
	}
}

// Redirects come back as they are: the inner target hears nothing, and nor does another host learn credentials (SS-02).
func TestRedirectsAreNotFollowed_SS02(t *testing.T) {
	inner, calls := neighbour(t)
	for _, code := range []int{301, 302, 303, 307, 308} {
		s, roots := upstream(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inner.URL, code) })
		roots.AddCert(inner.Certificate())
		c := outbound.New(outbound.Options{Allow: []netip.Prefix{local}, Roots: roots})
		if status, _, err := c.Get(t.Context(), s.URL); err != nil || status != code {
			t.Errorf("%d: %d %v", code, status, err)
		}
		if status, _, err := c.PostForm(t.Context(), s.URL, url.Values{"secret": {"x"}}); err != nil || status != code {
			t.Errorf("%d: %d %v", code, status, err)
		}
	}
	if calls.Load() != 0 {
		t.Errorf("%d redirects were followed", calls.Load())
	}
}

func TestPlainHTTPOnlyToListed_SS01(t *testing.T) {
	c := outbound.New(outbound.Options{Resolve: answers("9.9.9.9")})
	for _, target := range []string{"http://public.test/", "https://public.test:22/", "ftp://public.test/", "file:///etc/passwd", "https://user:pw@public.test/", "//public.test", "https://"} {
		if _, _, err := c.Get(t.Context(), target); !errors.Is(err, outbound.ErrRefused) && target != "https://" {
			t.Errorf("%s: %v, want a refusal", target, err)
		} else if err == nil {
			t.Errorf("%s is answered", target)
		}
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	defer s.Close()
	listed := outbound.New(outbound.Options{Allow: []netip.Prefix{local}})
	if status, _, err := listed.Get(t.Context(), s.URL); err != nil || status != 204 {
		t.Errorf("%d %v", status, err)
	}
}

func TestBodyIsBounded_SS01(t *testing.T) {
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat("x", 4096))); err != nil {
				return
			}
		}
	}
	exact := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", n)) }
	}
	for name, test := range map[string]struct {
		h    http.HandlerFunc
		fits bool
	}{"endless": {endless, false}, "announced": {exact(1001), false}, "just fits": {exact(1000), true}} {
		s, roots := upstream(t, test.h)
		c := outbound.New(outbound.Options{Allow: []netip.Prefix{local}, Roots: roots, MaxBody: 1000})
		_, body, err := c.Get(t.Context(), s.URL)
		if test.fits && (err != nil || len(body) != 1000) {
			t.Errorf("%s: %d bytes, %v", name, len(body), err)
		}
		if !test.fits && !errors.Is(err, outbound.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A compressed answer is measured as it unfolds.
func TestCompressedBodyIsBounded_SS01(t *testing.T) {
	s, roots := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb(t))
	})
	c := outbound.New(outbound.Options{Allow: []netip.Prefix{local}, Roots: roots, MaxBody: 64 << 10})
	if _, _, err := c.Get(t.Context(), s.URL); !errors.Is(err, outbound.ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

func TestSilenceEnds_AV01(t *testing.T) {
	hold := make(chan struct{})
	s, roots := upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	})
	defer close(hold)
	c := outbound.New(outbound.Options{Allow: []netip.Prefix{local}, Roots: roots, Timeout: 50 * time.Millisecond})
	_, _, err := c.Get(t.Context(), s.URL+"/?token=hidden")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if strings.Contains(err.Error(), "hidden") {
		t.Errorf("the error holds the query: %v", err)
	}
}

// The environment's proxies are nobody's business; the operator's proxy gets the names, and inner addresses stay out.
func TestProxy_SS01(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.Host)
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	t.Setenv("HTTPS_PROXY", proxy.URL)
	none := outbound.New(outbound.Options{Resolve: answers("127.0.0.1")})
	if _, _, err := none.Get(t.Context(), "https://public.test/"); !errors.Is(err, outbound.ErrRefused) {
		t.Errorf("%v", err)
	}
	if len(asked) != 0 {
		t.Errorf("the environment's proxy was asked: %v", asked)
	}
	via, _ := url.Parse(proxy.URL)
	c := outbound.New(outbound.Options{Proxy: via})
	_, _, err := c.Get(t.Context(), "https://public.test/")
	if err == nil || len(asked) != 1 || asked[0] != "CONNECT public.test:443" {
		t.Errorf("%v, asked %v", err, asked)
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "169.254.169.254"} {
		if _, _, err := c.Get(t.Context(), "https://"+host+"/"); !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestPostForm(t *testing.T) {
	s, roots := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, r.Method+" "+r.FormValue("secret")+" "+r.Header.Get("User-Agent"))
	})
	c := outbound.New(outbound.Options{Allow: []netip.Prefix{local}, Roots: roots})
	status, body, err := c.PostForm(t.Context(), s.URL, url.Values{"secret": {"a b&c"}})
	if err != nil || status != http.StatusTeapot || string(body) != "POST a b&c Ostiary" {
		t.Errorf("%d %q %v", status, body, err)
	}
}
