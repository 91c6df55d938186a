package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// started runs a server with its listeners until the test ends or stop is called.
func started(t *testing.T, c config.Config, o Options) (s *Server, stop func()) {
	t.Helper()
	s, err := New(t.Context(), c, o)
	must(t, err)
	must(t, s.Start(t.Context()))
	done := false
	stop = func() {
		if !done {
			done = true
			must(t, s.Shutdown(context.Background()))
		}
	}
	t.Cleanup(stop)
	return s, stop
}

func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	w, err := c.Do(r)
	must(t, err)
	defer func() { _ = w.Body.Close() }()
	body, err := io.ReadAll(w.Body)
	must(t, err)
	return w.StatusCode, string(body)
}

func writeCertificate(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"},
		DNSNames: []string{"id.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	must(t, err)
	encoded, err := x509.MarshalECPrivateKey(private)
	must(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}), 0o600))
	return cert, key
}

func TestTLSReload_SC04(t *testing.T) {
	dir := t.TempDir()
	c := small(t)
	c.TLS.Cert, c.TLS.Key = writeCertificate(t, dir, 1)
	clock := storetest.NewClock()
	s, _ := started(t, c, Options{Clock: clock.Now, Quiet: true})
	serial := func() int64 {
		t.Helper()
		conn, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		must(t, err)
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Fatalf("certificate %d", got)
	}
	writeCertificate(t, dir, 22)
	clock.Advance(2 * time.Second)
	if got := serial(); got != 22 {
		t.Errorf("after the change: certificate %d", got)
	}
	must(t, os.WriteFile(c.TLS.Cert, []byte("half a file"), 0o600))
	clock.Advance(2 * time.Second)
	if got := serial(); got != 22 {
		t.Errorf("with a broken file: certificate %d", got)
	}
	must(t, os.Remove(c.TLS.Key))
	clock.Advance(2 * time.Second)
	if got := serial(); got != 22 {
		t.Errorf("without a file: certificate %d", got)
	}
	old := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if conn, err := tls.Dial("tcp", s.Addr().String(), old); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
	h2 := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.Addr().String()+"/healthz", nil)
	must(t, err)
	w, err := h2.Do(r)
	must(t, err)
	_ = w.Body.Close()
	if w.ProtoMajor != 2 || w.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s %v", w.Proto, w.Header)
	}
	h2.CloseIdleConnections()
}

func TestBadCertificateStopsTheStart_SC04(t *testing.T) {
	c := small(t)
	c.TLS.Cert, c.TLS.Key = filepath.Join(t.TempDir(), "no"), filepath.Join(t.TempDir(), "no")
	s, err := New(t.Context(), c, options())
	must(t, err)
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "TLS certificate") {
		t.Errorf("%v", err)
	}
}

// No request is lost: one that is under way when the stop begins is answered in full (AV-04, F-11).
func TestGracefulDrain_AV04(t *testing.T) {
	c := small(t)
	s, _ := started(t, c, options())
	address := s.Addr().String()
	conn, err := net.Dial("tcp", address)
	must(t, err)
	defer func() { _ = conn.Close() }()
	body := "token=not-a-token&app="
	_, err = fmt.Fprintf(conn, "POST /verify HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		address, len(body), body[:5])
	must(t, err)
	until(t, func() bool { return s.inFlight() == 1 })

	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	until(t, func() bool {
		late, err := net.Dial("tcp", address)
		if err == nil {
			_ = late.Close()
		}
		return err != nil
	})
	if _, err = io.WriteString(conn, body[5:]); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	must(t, err)
	if !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") || !strings.Contains(string(answer), "</html>") {
		t.Errorf("the answer: %s", answer)
	}
	must(t, <-stopped)
	if _, err := os.Stat(filepath.Join(c.Data, SocketName)); err == nil {
		t.Error("the command socket is still there")
	}
	if fileExists(DatabasePath(c) + "-wal") {
		t.Error("a stopped server leaves half of its database in a log beside it")
	}
	must(t, once(t, c)) // the lock is gone
}

// until waits for what another goroutine of the server does.
func until(t *testing.T, ready func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ready() {
		if time.Now().After(deadline) {
			t.Fatal("it never happens")
		}
		time.Sleep(time.Millisecond) // polling: the event is a goroutine of net/http
	}
}

func TestDrainGivesUpAtItsDeadline_AV04(t *testing.T) {
	c := small(t)
	c.DrainTimeout = 50 * time.Millisecond
	s, err := New(t.Context(), c, options())
	must(t, err)
	must(t, s.Start(t.Context()))
	conn, err := net.Dial("tcp", s.Addr().String())
	must(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "POST /verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n")
	must(t, err)
	until(t, func() bool { return s.inFlight() == 1 })
	if err := s.Shutdown(context.Background()); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("%v", err)
	}
}

func TestHealth_AV02(t *testing.T) {
	s, _ := started(t, small(t), options())
	base := "http://" + s.Addr().String()
	if code, body := get(t, http.DefaultClient, base+"/healthz"); code != 200 || !strings.Contains(body, "alive") {
		t.Errorf("%d %s", code, body)
	}
	if code, body := get(t, http.DefaultClient, base+"/readyz"); code != 200 || !strings.Contains(body, `"ready"`) {
		t.Errorf("%d %s", code, body)
	}
	s.draining.Store(true)
	if code, body := get(t, http.DefaultClient, base+"/readyz"); code != 503 || !strings.Contains(body, "draining") {
		t.Errorf("%d %s", code, body)
	}
	must(t, s.house.db.Close())
	if code, body := get(t, http.DefaultClient, base+"/readyz"); code != 503 || !strings.Contains(body, "unreachable") {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := get(t, http.DefaultClient, base+"/healthz"); code != 200 {
		t.Errorf("alive: %d", code)
	}
}

func TestMetricsListener_AD05(t *testing.T) {
	c := small(t)
	c.Metrics.Listen = "127.0.0.1:0"
	s, _ := started(t, c, options())
	get(t, http.DefaultClient, "http://"+s.Addr().String()+"/healthz")
	private := "http://" + s.listeners[1].Addr().String()
	_, body := get(t, http.DefaultClient, private+"/metrics")
	for _, want := range []string{"ostiary_requests_total", "ostiary_password_workers", "ostiary_database_writes_total",
		"ostiary_jobs_queued 0", "ostiary_cache_live 1", "ostiary_requests_in_flight"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
	if code, _ := get(t, http.DefaultClient, private+"/debug/pprof/"); code != 200 {
		t.Errorf("profiles: %d", code)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		if code, _ := get(t, http.DefaultClient, "http://"+s.Addr().String()+path); code != 404 {
			t.Errorf("%s on the public listener: %d", path, code)
		}
	}
}

func TestCommandSocket(t *testing.T) {
	c := small(t)
	c.Data = filepath.Join(t.TempDir(), strings.Repeat("deep/", 40)) // deeper than a socket's address may be
	s, stop := started(t, c, options())
	info, err := os.Stat(filepath.Join(c.Data, SocketName))
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	web, ok := Dial(t.Context(), c)
	if !ok {
		t.Fatal("nobody answers")
	}
	if code, _ := get(t, web, OperatorURL+"/healthz"); code != 200 {
		t.Errorf("%d", code)
	}
	web.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr().String()+"/healthz", nil)
	must(t, err)
	r.Host = operatorHost
	w, err := http.DefaultClient.Do(r)
	must(t, err)
	_ = w.Body.Close()
	if w.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("the operator's host from the network: %d", w.StatusCode)
	}
	left, err := filepath.Glob(filepath.Join(c.Data, ".socket-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	stop()
	if _, ok := Dial(t.Context(), c); ok {
		t.Error("a stopped server answers")
	}
}

// A socket that a killed server left is replaced; one that a live server holds is not.
func TestSocketOfAnotherServer(t *testing.T) {
	url := storetest.PostgresURL(t)
	c := small(t)
	c.Database = url
	must(t, os.MkdirAll(c.Data, 0o700))
	dead, err := net.Listen("unix", filepath.Join(c.Data, SocketName))
	must(t, err)
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	must(t, dead.Close())
	_, stopFirst := started(t, c, options())
	second, stopSecond := started(t, c, options())
	if len(second.listeners) != 1 {
		t.Errorf("%d listeners", len(second.listeners))
	}
	stopSecond()
	if _, ok := Dial(t.Context(), c); !ok {
		t.Error("the second server took the first one's socket away")
	}
	stopFirst()
}

func TestTwoServersOnOneDirectory(t *testing.T) {
	c := small(t)
	_, stop := started(t, c, options())
	refused(t, c, "stop it first")
	stop()
	must(t, once(t, c))
}

func TestPortInUseStopsTheStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = taken.Close() }()
	c := small(t)
	c.Listen = taken.Addr().String()
	s, err := New(t.Context(), c, options())
	must(t, err)
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "listen") {
		t.Errorf("%v", err)
	}
}

// Limits of the part before the body, over a real connection (IO-01, F-21).
func TestLimitsOnTheWire_IO01(t *testing.T) {
	s, _ := started(t, small(t), options())
	for name, c := range map[string]struct{ request, want string }{
		"a long URL":       {"GET /?" + strings.Repeat("x", 9<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", "414"},
		"a big header":     {"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("x", 17<<10) + "\r\n\r\n", "431"},
		"many headers":     {"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: 1\r\n", 101) + "\r\n", "431"},
		"length twice":     {"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"},
		"length and chunk": {"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501"},
		"a folded header":  {"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "400"},
	} {
		conn, err := net.Dial("tcp", s.Addr().String())
		must(t, err)
		must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		_, _ = io.WriteString(conn, c.request) // the server may hang up before it has read all
		answer, _ := io.ReadAll(io.LimitReader(conn, 12))
		if got := strings.TrimPrefix(string(answer), "HTTP/1.1 "); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %s", name, answer, c.want)
		}
		_ = conn.Close()
	}
}
