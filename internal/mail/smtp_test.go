package mail_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/queue"
)

func (s *sink) transport() *mail.SMTP {
	return &mail.SMTP{Host: "127.0.0.1", Port: s.addr.Port, From: "Ostiary <noreply@example.com>", Timeout: 5 * time.Second,
		TLSConfig: &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}}
}

func letter() mail.Letter {
	return mail.Letter{ID: "0198c0de-0000-7000-8000-000000000001", To: "Ada@example.org", Subject: "Zürich calling",
		Text: "text body\nhttps://id.example.com/verify?token=abc\n", HTML: "<p>html body</p>",
		Date: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

func deliver(t *testing.T, s *mail.SMTP, l mail.Letter) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return s.Deliver(ctx, l)
}

func TestLetterOverSMTP_EM05(t *testing.T) {
	for _, mode := range []string{mail.TLSStart, mail.TLSImplicit} {
		t.Run(mode, func(t *testing.T) {
			s := newSink(t, mode == mail.TLSImplicit)
			transport := s.transport()
			transport.TLS, transport.Username, transport.Password = mode, sinkUser, sinkPassword
			for range 2 {
				if err := deliver(t, transport, letter()); err != nil {
					t.Fatal(err)
				}
			}
			taken := s.all()
			if len(taken) != 2 {
				t.Fatalf("%d mails were taken", len(taken))
			}
			got := taken[0]
			if got.From != "noreply@example.com" || got.To != "Ada@example.org" || got.Login != sinkUser || !got.TLS {
				t.Errorf("%+v", got)
			}
			checkLetter(t, got.Data)
			if first, second := header(t, taken[0].Data, "Message-ID"), header(t, taken[1].Data, "Message-ID"); first != second ||
				first != "<0198c0de-0000-7000-8000-000000000001@example.com>" {
				t.Errorf("Message-ID of two attempts: %s, %s", first, second)
			}
		})
	}
}

func header(t *testing.T, data, name string) string {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header.Get(name)
}

func checkLetter(t *testing.T, data string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	subject, _ := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	for name, pair := range map[string][2]string{
		"Subject":        {subject, "Zürich calling"},
		"From":           {m.Header.Get("From"), `"Ostiary" <noreply@example.com>`},
		"To":             {m.Header.Get("To"), "<Ada@example.org>"},
		"Date":           {m.Header.Get("Date"), "Sun, 01 Mar 2026 12:00:00 +0000"},
		"Auto-Submitted": {m.Header.Get("Auto-Submitted"), "auto-generated"},
		"User-Agent":     {m.Header.Get("User-Agent"), ""},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %q, want %q", name, pair[0], pair[1])
		}
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %q: %v", kind, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, want := range []struct{ kind, body string }{
		{"text/plain", "https://id.example.com/verify?token=abc"}, {"text/html", "<p>html body</p>"},
	} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil || !strings.HasPrefix(part.Header.Get("Content-Type"), want.kind) || !strings.Contains(string(body), want.body) {
			t.Errorf("%s: %s, %v", part.Header.Get("Content-Type"), body, err)
		}
	}
}

// A relay, or somebody before it, that does not offer STARTTLS gets neither the password nor the mail.
func TestStrippedStartTLS_EM05(t *testing.T) {
	raw := newRawSink(t, func(command string) string {
		switch word, _, _ := strings.Cut(strings.ToUpper(command), " "); word {
		case "EHLO":
			return "250-raw.test\r\n250 AUTH PLAIN LOGIN"
		case "QUIT":
			return "221 bye"
		case "AUTH":
			return "235 ok"
		default:
			return "250 ok"
		}
	})
	transport := &mail.SMTP{Host: "127.0.0.1", Port: raw.addr.Port, From: "noreply@example.com", Username: sinkUser,
		Password: sinkPassword, Timeout: 5 * time.Second}
	err := deliver(t, transport, letter())
	if err == nil || queue.IsPermanent(err) {
		t.Errorf("want an error that is tried again: %v", err)
	}
	if said := raw.dialogue(); strings.Contains(said, "AUTH") || strings.Contains(said, "MAIL") || strings.Contains(said, sinkPassword) {
		t.Errorf("said without TLS:\n%s", said)
	}
}

// A relay whose certificate is not the one of a known authority gets nothing either.
func TestUnknownCertificate_EM05(t *testing.T) {
	for _, mode := range []string{mail.TLSStart, mail.TLSImplicit} {
		s := newSink(t, mode == mail.TLSImplicit)
		transport := s.transport()
		transport.TLS, transport.Username, transport.Password = mode, sinkUser, sinkPassword
		transport.TLSConfig = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
		err := deliver(t, transport, letter())
		if err == nil || queue.IsPermanent(err) || len(s.all()) != 0 {
			t.Errorf("%s: %v, %d taken", mode, err, len(s.all()))
		}
	}
}

func TestRefusalsAreTold_F09(t *testing.T) {
	for _, c := range []struct {
		name       string
		mail, rcpt error
		login      string
		permanent  bool
	}{
		{name: "recipient unknown", rcpt: reply(550, "no such user"), permanent: true},
		{name: "recipient greylisted", rcpt: reply(451, "come back later")},
		{name: "sender refused", mail: reply(550, "not from you")},
		{name: "relay busy", mail: reply(421, "too busy")},
		{name: "login refused", login: "wrong"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSink(t, false)
			s.answer(func(string) error { return c.mail }, func(string) error { return c.rcpt })
			transport := s.transport()
			transport.Username, transport.Password = sinkUser, sinkPassword
			if c.login != "" {
				transport.Password = "wrong-password"
			}
			err := deliver(t, transport, letter())
			if err == nil || queue.IsPermanent(err) != c.permanent {
				t.Errorf("permanent %v, want %v: %v", queue.IsPermanent(err), c.permanent, err)
			}
			if err != nil && (strings.Contains(err.Error(), "example.org") || strings.Contains(err.Error(), "wrong-password")) {
				t.Errorf("the error tells too much: %v", err)
			}
		})
	}
}

// A connection that breaks after the relay took the mail is no reason to send it again.
func TestMailIsNotSentAgainOnceTaken(t *testing.T) {
	raw := newRawSink(t, func(command string) string {
		switch word, _, _ := strings.Cut(strings.ToUpper(command), " "); word {
		case "DATA":
			return "354 go on"
		case "RSET", "QUIT":
			return ""
		default:
			return "250 ok"
		}
	})
	transport := &mail.SMTP{Host: "127.0.0.1", Port: raw.addr.Port, From: "noreply@example.com", TLS: mail.TLSNone}
	if err := deliver(t, transport, letter()); err != nil {
		t.Errorf("%v\n%s", err, raw.dialogue())
	}
}

// A relay that takes the connection and says nothing costs the timeout, not more.
func TestSilentRelay_F08(t *testing.T) {
	raw := newRawSink(t, func(string) string { select {} })
	transport := &mail.SMTP{Host: "127.0.0.1", Port: raw.addr.Port, From: "noreply@example.com", TLS: mail.TLSNone, Timeout: 200 * time.Millisecond}
	began := time.Now()
	err := deliver(t, transport, letter())
	if err == nil || queue.IsPermanent(err) || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

// Nothing that an address or a subject holds leaves its place in the dialogue.
func TestInjectionNeverReachesTheRelay_EM01(t *testing.T) {
	raw := newRawSink(t, func(command string) string {
		if strings.HasPrefix(command, "DATA") {
			return "354 go on"
		}
		return "250 ok"
	})
	transport := &mail.SMTP{Host: "127.0.0.1", Port: raw.addr.Port, From: "noreply@example.com", TLS: mail.TLSNone, Timeout: 5 * time.Second}
	for _, to := range []string{"a@example.org\r\nRCPT TO:<b@example.org>", "a@example.org>\r\nDATA", "a\x00@example.org", "<a@example.org>", "a@b@example.org", `"a b"@example.org`, "a@example.org, b@example.org", "=?utf-8?q?a?=@example.org@x.org", ""} {
		l := letter()
		l.To = to
		if err := deliver(t, transport, l); err == nil || !queue.IsPermanent(err) {
			t.Errorf("%q: %v", to, err)
		}
	}
	l := letter()
	l.Subject = "hello\r\nBcc: b@example.org"
	if err := deliver(t, transport, l); !queue.IsPermanent(err) {
		t.Errorf("subject: %v", err)
	}
	if said := raw.dialogue(); said != "" {
		t.Errorf("said:\n%s", said)
	}
}

func TestSMTPCheck(t *testing.T) {
	good := mail.SMTP{Host: "relay.example.com", From: "Ostiary <noreply@example.com>"}
	for name, c := range map[string]struct {
		change func(*mail.SMTP)
		want   string // empty: good
	}{
		"as it is":          {func(*mail.SMTP) {}, ""},
		"login":             {func(s *mail.SMTP) { s.Username, s.Password = "u", "p" }, ""},
		"implicit":          {func(s *mail.SMTP) { s.TLS = mail.TLSImplicit }, ""},
		"none to loopback":  {func(s *mail.SMTP) { s.TLS, s.Host = mail.TLSNone, "localhost" }, ""},
		"none to ::1":       {func(s *mail.SMTP) { s.TLS, s.Host = mail.TLSNone, "::1" }, ""},
		"none elsewhere":    {func(s *mail.SMTP) { s.TLS = mail.TLSNone }, "on this machine"},
		"none with login":   {func(s *mail.SMTP) { s.TLS, s.Host, s.Username = mail.TLSNone, "localhost", "u" }, "never sent without TLS"},
		"unknown mode":      {func(s *mail.SMTP) { s.TLS = "ssl" }, `"ssl" is not one of`},
		"no host":           {func(s *mail.SMTP) { s.Host = "" }, "host of the relay"},
		"a socket":          {func(s *mail.SMTP) { s.Host = "unix:///run/smtp" }, "host of the relay"},
		"port":              {func(s *mail.SMTP) { s.Port = 70000 }, "no port"},
		"no sender":         {func(s *mail.SMTP) { s.From = "" }, "the sender"},
		"quoted sender":     {func(s *mail.SMTP) { s.From = `"a b"@example.com` }, "cannot be used"},
		"password, no name": {func(s *mail.SMTP) { s.Password = "p" }, "no username"},
	} {
		s := good
		c.change(&s)
		err := s.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := mail.SMTP{Port: -1, TLS: "x", Password: "canary"}
	err := bad.Check()
	if strings.Count(err.Error(), "mail:") != 5 {
		t.Errorf("not every mistake at once: %v", err)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Error("the password is in the error")
	}
	if err := deliver(t, &bad, letter()); err == nil || queue.IsPermanent(err) {
		t.Errorf("bad settings must not lose mails: %v", err)
	}
}
