package mail_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// envelope is one mail that a sink took.
type envelope struct {
	From, To, Login string
	TLS             bool
	Data            string
}

// sink is an SMTP server that keeps what it takes. Its answers can be changed while it runs.
type sink struct {
	mu       sync.Mutex
	taken    []envelope
	attempts int
	mail     func(from string) error // answer to MAIL FROM
	rcpt     func(to string) error   // answer to RCPT TO
	addr     *net.TCPAddr
	config   *tls.Config
	roots    *x509.CertPool
}

const (
	sinkUser     = "relay-user"
	sinkPassword = "relay-password"
)

// newSink listens on a port of its own; implicit says whether TLS begins at once.
func newSink(t *testing.T, implicit bool) *sink {
	t.Helper()
	s := &sink{}
	web := httptest.NewTLSServer(nil) // for its certificate, which names 127.0.0.1
	t.Cleanup(web.Close)
	s.config = &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(web.Certificate())
	s.listen(t, "127.0.0.1:0", implicit)
	return s
}

func (s *sink) listen(t *testing.T, address string, implicit bool) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().(*net.TCPAddr)
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &sinkSession{sink: s, conn: c}, nil
	}))
	server.Domain = "sink.test"
	server.EnableSMTPUTF8 = true
	if implicit {
		l = tls.NewListener(l, s.config)
	} else {
		server.TLSConfig = s.config
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
}

func (s *sink) all() []envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]envelope(nil), s.taken...)
}

func (s *sink) answer(mail, rcpt func(string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mail, s.rcpt = mail, rcpt
}

type sinkSession struct {
	sink *sink
	conn *smtp.Conn
	now  envelope
}

func (s *sinkSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *sinkSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != sinkUser || password != sinkPassword {
			return errors.New("wrong login")
		}
		s.now.Login = username
		return nil
	}), nil
}

func (s *sinkSession) Mail(from string, _ *smtp.MailOptions) error {
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.sink.attempts++
	s.now.From = from
	if s.sink.mail != nil {
		return s.sink.mail(from)
	}
	return nil
}

func (s *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.now.To = to
	if s.sink.rcpt != nil {
		return s.sink.rcpt(to)
	}
	return nil
}

func (s *sinkSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, s.now.TLS = s.conn.TLSConnectionState()
	s.now.Data = string(data)
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.sink.taken = append(s.sink.taken, s.now)
	return nil
}

func (s *sinkSession) Reset()        {}
func (s *sinkSession) Logout() error { return nil }

func reply(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: text}
}

// rawSink speaks SMTP word by word: script answers each command line; an answer of "" closes the connection. It
// keeps the dialogue.
type rawSink struct {
	addr *net.TCPAddr
	mu   sync.Mutex
	said []string
}

func newRawSink(t *testing.T, script func(command string) string) *rawSink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &rawSink{addr: l.Addr().(*net.TCPAddr)}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(conn, script)
		}
	}()
	return s
}

func (s *rawSink) talk(conn net.Conn, script func(string) string) {
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprint(conn, "220 raw.test ready\r\n")
	lines := bufio.NewScanner(conn)
	body := false
	for lines.Scan() {
		line := lines.Text()
		if body && line != "." {
			continue
		}
		s.mu.Lock()
		s.said = append(s.said, line)
		s.mu.Unlock()
		answer := script(line)
		if answer == "" {
			return
		}
		body = strings.HasPrefix(answer, "354")
		if _, err := fmt.Fprint(conn, answer+"\r\n"); err != nil {
			return
		}
	}
}

func (s *rawSink) dialogue() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.said, "\n")
}
