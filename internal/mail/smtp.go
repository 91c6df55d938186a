package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/internal/secret"
)

// How the connection to the relay is encrypted.
const (
	TLSStart    = "starttls" // STARTTLS is demanded: a relay, or somebody before it, that does not offer it gets no mail
	TLSImplicit = "tls"      // TLS from the first byte
	TLSNone     = "none"     // only to a relay on this machine, and without a password
)

// smtpTimeout is the default of SMTP.Timeout. Twice it must fit into the deadline of a queue's handler.
const smtpTimeout = 20 * time.Second

// SMTP is the Transport of production: one relay that takes all mails.
type SMTP struct {
	Host     string
	Port     int    // 0: 587 for starttls, 465 for tls, 25 for none
	Username string // empty: no authentication
	Password secret.Secret
	From     string // an address, or `Name <address>`
	TLS      string // empty: starttls
	// Timeout bounds the connecting, and again the dialogue; 0 means 20 s.
	Timeout time.Duration
	// TLSConfig is used in place of the system's certificate authorities; its ServerName is set here. nil: those.
	TLSConfig *tls.Config
}

// Check reports every mistake in the settings.
func (s *SMTP) Check() error {
	var problems []error
	if s.Host == "" || strings.ContainsAny(s.Host, "/ \r\n\x00") {
		problems = append(problems, errors.New("mail: the host of the relay must be a name or an address"))
	}
	if s.Port < 0 || s.Port > 65535 {
		problems = append(problems, fmt.Errorf("mail: %d is no port", s.Port))
	}
	if _, err := s.sender(); err != nil {
		problems = append(problems, err)
	}
	switch s.TLS {
	case "", TLSStart, TLSImplicit:
	case TLSNone:
		if !loopback(s.Host) {
			problems = append(problems, errors.New("mail: `none` is for a relay on this machine; use `starttls` or `tls`"))
		}
		if s.Username != "" {
			problems = append(problems, errors.New("mail: a password is never sent without TLS; use `starttls` or `tls`, or no username"))
		}
	default:
		problems = append(problems, fmt.Errorf("mail: %q is not one of `starttls`, `tls`, `none`", s.TLS))
	}
	if s.Username == "" && s.Password != "" {
		problems = append(problems, errors.New("mail: there is a password but no username"))
	}
	return errors.Join(problems...)
}

// Deliver hands one letter to the relay. A recipient or a content that the relay refuses for good (5xx) is
// permanent; a relay that cannot be reached, is not what was configured, refuses our sender or asks for patience
// (4xx) is tried again.
func (s *SMTP) Deliver(ctx context.Context, l Letter) error {
	if err := s.Check(); err != nil {
		return err
	}
	msg, err := s.message(l)
	if err != nil {
		return queue.Permanent(err)
	}
	var open net.Conn
	client, err := s.client(func(conn net.Conn) { open = conn })
	if err != nil {
		return fmt.Errorf("prepare the connection to the mail relay: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if open != nil {
		_ = open.Close() // the library leaves it open when the greeting or the authentication fails
	}
	if err == nil || msg.IsDelivered() { // the relay has it; what failed came after
		return nil
	}
	text := strings.ReplaceAll(err.Error(), l.To, "[recipient]")
	if refusedForGood(err) {
		return queue.Permanent(errors.New(text))
	}
	return errors.New(text)
}

// refusedForGood reports whether the relay refused the recipient or the content itself with a 5xx answer.
func refusedForGood(err error) bool {
	var refusal *gomail.SendError
	if !errors.As(err, &refusal) || refusal.ErrorCode() < 500 {
		return false
	}
	switch refusal.Reason {
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose, gomail.ErrWriteContent:
		return true
	}
	return false
}

// message writes the headers and the two bodies. Message-ID comes from the job, so a mail that arrives twice can be
// recognised (F-08).
func (s *SMTP) message(l Letter) (*gomail.Msg, error) {
	from, err := s.sender()
	if err != nil {
		return nil, err
	}
	to, err := deliverable(l.To)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(l.Subject, "\r\n\x00") {
		return nil, errors.New("a subject must be one line")
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(from)
	msg.ToMailAddress(&mail.Address{Address: to})
	msg.Subject(l.Subject)
	msg.SetDateWithValue(l.Date.UTC())
	msg.SetMessageIDWithValue(string(l.ID) + from.Address[strings.LastIndexByte(from.Address, '@'):])
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 section 5: no vacation notices
	msg.SetBodyString(gomail.TypeTextPlain, l.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	return msg, nil
}

// sender parses From.
func (s *SMTP) sender() (*mail.Address, error) {
	from, err := mail.ParseAddress(s.From)
	if err != nil {
		return nil, fmt.Errorf("mail: the sender %q is neither an address nor `Name <address>`", s.From)
	}
	if from.Address, err = deliverable(from.Address); err != nil {
		return nil, fmt.Errorf("mail: the address of the sender %q cannot be used", s.From)
	}
	return from, nil
}

// client is made for one mail. opened is told of the connection.
func (s *SMTP) client(opened func(net.Conn)) (*gomail.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.TLSConfig != nil {
		config = s.TLSConfig.Clone()
	}
	config.ServerName = s.Host
	options := []gomail.Option{gomail.WithTimeout(cmp.Or(s.Timeout, smtpTimeout)), gomail.WithoutNoop()}
	port, policy := 587, gomail.TLSMandatory
	dial := (&net.Dialer{}).DialContext
	switch s.TLS {
	case TLSNone:
		port, policy = 25, gomail.NoTLS
	case TLSImplicit:
		port = 465
		dial = (&tls.Dialer{Config: config}).DialContext
		options = append(options, gomail.WithSSL())
	}
	options = append(options, gomail.WithPort(cmp.Or(s.Port, port)), gomail.WithTLSPolicy(policy),
		gomail.WithTLSConfig(config),
		gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err == nil {
				opened(conn)
			}
			return conn, err
		}))
	if s.Username != "" {
		options = append(options, gomail.WithSMTPAuthCustom(&login{host: s.Host, username: s.Username, password: s.Password}))
	}
	return gomail.NewClient(s.Host, options...)
}

// login authenticates with what the relay offers, after TLS stands and not before (EM-05).
type login struct {
	host, username string
	password       secret.Secret
	chosen         smtp.Auth
}

// Start chooses the mechanism.
func (a *login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS {
		return "", nil, errors.New("the connection to the mail relay is not encrypted, so no password is sent")
	}
	switch {
	case slices.Contains(server.Auth, "PLAIN"):
		a.chosen = smtp.PlainAuth("", a.username, a.password.Reveal(), a.host, false)
	case slices.Contains(server.Auth, "LOGIN"):
		a.chosen = smtp.LoginAuth(a.username, a.password.Reveal(), a.host, false)
	case slices.Contains(server.Auth, "SCRAM-SHA-256"):
		a.chosen = smtp.ScramSHA256Auth(a.username, a.password.Reveal())
	default:
		return "", nil, errors.New("the mail relay offers none of PLAIN, LOGIN and SCRAM-SHA-256")
	}
	return a.chosen.Start(server)
}

// Next goes on with the chosen mechanism.
func (a *login) Next(fromServer []byte, more bool) ([]byte, error) {
	return a.chosen.Next(fromServer, more)
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
