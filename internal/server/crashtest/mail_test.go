package crashtest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// sink is a mail server that can be away.
type sink struct {
	address string
	mu      sync.Mutex
	got     map[string]int // mails by recipient
	server  *smtp.Server
}

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{address: freeAddress(t), got: map[string]int{}}
	t.Cleanup(func() {
		if s.server != nil {
			_ = s.server.Close()
		}
	})
	return s
}

// open lets the sink answer from now on.
func (s *sink) open(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	s.server = smtp.NewServer(s)
	s.server.Domain = "sink.test"
	go func() { _ = s.server.Serve(l) }()
}

// NewSession begins one connection.
func (s *sink) NewSession(*smtp.Conn) (smtp.Session, error) { return &dialogue{sink: s}, nil }

func (s *sink) count(recipient string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got[recipient]
}

// dialogue is one connection to the sink.
type dialogue struct {
	sink *sink
	to   []string
}

func (d *dialogue) Reset()                               { d.to = nil }
func (d *dialogue) Logout() error                        { return nil }
func (d *dialogue) Mail(string, *smtp.MailOptions) error { return nil }
func (d *dialogue) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = append(d.to, to)
	return nil
}

func (d *dialogue) Data(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	d.sink.mu.Lock()
	defer d.sink.mu.Unlock()
	for _, to := range d.to {
		d.sink.got[to]++
	}
	return nil
}

// F-08: while the mail server refuses connections, and the server is killed in between, no mail is lost.
func TestCrashLosesNoMail_F08(t *testing.T) {
	mails := newSink(t)
	s := settings{data: filepath.Join(t.TempDir(), "data"), smtp: mails.address}
	p := start(t, s)
	var people []*person
	for i := range 20 {
		c := newPerson(fmt.Sprintf("mail-%d", i))
		if err := c.register(p); err != nil {
			t.Fatal(err)
		}
		people = append(people, c)
	}
	p.kill()
	mails.open(t)
	start(t, s)
	deadline := time.Now().Add(2 * time.Minute)
	for _, c := range people {
		for mails.count(c.email) == 0 {
			if time.Now().After(deadline) {
				t.Fatalf("the mail to %s was lost", c.email)
			}
			time.Sleep(50 * time.Millisecond) // polling another process: there is nothing to wait on
		}
	}
	for _, c := range people {
		if n := mails.count(c.email); n > 2 {
			t.Errorf("%d mails to %s: at most one duplicate is allowed", n, c.email)
		}
	}
}

// AV-08: clients that hang up in the middle of their writes harm nobody else's.
func TestCrashOfClientsHarmsNobody_AV08(t *testing.T) {
	engines(t, func(t *testing.T, s settings) {
		p := start(t, s)
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				for n := range 10 {
					// As many as there are polite ones: a flood would be shed, which is another matter (AV-02).
					hangUp(t, p, fmt.Sprintf("rude-%d-%d@crash.test", i, n))
					c := newPerson(fmt.Sprintf("polite-%d-%d", i, n))
					if err := c.register(p); err != nil {
						t.Error(err)
						return
					}
					if status, _, _, err := p.login(c.email, ""); err != nil || status != 200 {
						t.Errorf("sign-in answers %d, %v", status, err)
					}
				}
			})
		}
		group.Wait()
		p.kill()
		checkRows(t, s)
	})
}

// hangUp sends a whole registration and closes the connection without reading the answer.
func hangUp(t *testing.T, p *process, email string) {
	conn, err := net.Dial("tcp", p.url[len("http://"):])
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	body := fmt.Sprintf(`{"email":%q,"password":%q,"name":"Rude"}`, email, passphrase)
	w := bufio.NewWriter(conn)
	fmt.Fprintf(w, "POST /v1/auth/register HTTP/1.1\r\nHost: crash.test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		len(body), body)
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
	time.Sleep(time.Duration(len(email)%7) * time.Millisecond) // how far the server gets is what varies
}
