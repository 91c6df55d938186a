package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is a pair of files that is read again when they change. A pair that cannot be read leaves the one
// before in use and is told to the log: the listener never falls back to anything weaker (SC-04).
type certificate struct {
	certFile, keyFile string
	clock             func() time.Time
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	marks   [2]mark
	looked  time.Time
}

// mark tells one state of a file from another.
type mark struct {
	modified time.Time
	size     int64
}

// lookEvery bounds how often handshakes look at the files.
const lookEvery = time.Second

func newCertificate(certFile, keyFile string, clock func() time.Time, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, clock: clock, log: log}
	marks, err := c.marksNow()
	if err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	c.current, c.marks, c.looked = &pair, marks, clock()
	return c, nil
}

func (c *certificate) marksNow() (out [2]mark, err error) {
	for i, path := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(path)
		if err != nil {
			return out, err
		}
		out[i] = mark{info.ModTime(), info.Size()}
	}
	return out, nil
}

// get is the tls.Config's GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock()
	if now.Sub(c.looked) < lookEvery && !now.Before(c.looked) {
		return c.current, nil
	}
	c.looked = now
	marks, err := c.marksNow()
	if err != nil || marks == c.marks {
		return c.current, nil //nolint:nilerr // a file that is away for a moment is being replaced
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		c.log.Error("the new TLS certificate cannot be used; the one before stays", "error", err)
		return c.current, nil
	}
	c.current, c.marks = &pair, marks
	c.log.Info("a new TLS certificate is in use")
	return c.current, nil
}

// config is TLS 1.2 and later with Go's modern suites; HTTP/2 where the client wants it.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"h2", "http/1.1"}}
}
