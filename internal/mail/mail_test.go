package mail_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// house is the parts that mails pass through.
type house struct {
	t       *testing.T
	db      *store.DB
	clock   *storetest.Clock
	keys    *secret.Keys
	mailer  *mail.Mailer
	inbox   *mail.Inbox
	workers *queue.Workers
	log     bytes.Buffer
}

func newHouse(t *testing.T, open func(store.Options) *store.DB) *house {
	t.Helper()
	keys := storetest.Keys(t)
	clock := storetest.NewClock()
	h := &house{t: t, clock: clock, keys: keys, db: open(store.Options{Clock: clock.Now})}
	q := &queue.Queue{Keys: keys, Rand: rand.Reader}
	h.mailer = &mail.Mailer{Queue: q, PublicURL: "https://id.example.com/"}
	h.inbox = &mail.Inbox{DB: h.db, Keys: keys}
	h.workers = &queue.Workers{Queue: q, DB: h.db, Clock: clock.Now, Logger: slog.New(slog.NewTextHandler(&h.log, nil))}
	h.deliverTo(h.inbox)
	return h
}

func (h *house) deliverTo(transport mail.Transport) {
	handler := &mail.Handler{Transport: transport, Clock: h.clock.Now}
	h.workers.Handlers = map[string]queue.Handler{mail.JobKind: handler.Handle}
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) { fn(t, newHouse(t, open)) })
}

func (h *house) send(m mail.Message) error {
	return h.db.Write(h.t.Context(), func(tx *store.Tx) error { return h.mailer.Send(tx, m) })
}

func (h *house) mustSend(m mail.Message) {
	h.t.Helper()
	if err := h.send(m); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) runDue() int {
	h.t.Helper()
	n, err := h.workers.RunDue(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

func (h *house) list(limit int) []mail.InboxMessage {
	h.t.Helper()
	got, err := h.inbox.List(h.t.Context(), limit)
	if err != nil {
		h.t.Fatal(err)
	}
	return got
}

func (h *house) message(kind mail.Kind) mail.Message {
	return mail.Message{Kind: kind, App: auth.App{ID: auth.DefaultApp, Name: "Field Notes"}, To: "Ada@example.org", Name: "Ada",
		Token: "tok_en-1", ExpiresAt: h.clock.Now().Add(time.Hour)}
}

func TestEveryKindOfMail(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, kind := range mail.Kinds() {
			h.clock.Advance(time.Second)
			m := h.message(kind)
			if kind == mail.MagicLink || kind == mail.ConfirmIdentity {
				m.Code = "271828"
			}
			h.mustSend(m)
			if h.runDue() != 1 {
				t.Fatalf("%s was not delivered: %s", kind, h.log.String())
			}
			got := h.list(1)[0]
			page := map[mail.Kind]string{mail.VerifyEmail: "verify", mail.ResetPassword: "reset",
				mail.ChangeEmail: "verify", mail.AddEmail: "verify", mail.EmailChanging: "cancel-email-change",
				mail.EmailChanged: "cancel-email-change", mail.AccountDeleting: "cancel-deletion", mail.MagicLink: "magic", mail.Invite: "invite"}[kind]
			linked := page != ""
			link := "https://id.example.com/" + page + "?token=tok_en-1"
			if linked != (len(got.Links) == 1) || linked && (got.Links[0] != link || !strings.Contains(got.Text, link) ||
				!strings.Contains(got.HTML, `href="`+link+`"`) || !strings.Contains(got.Text, "13:00 UTC")) {
				t.Errorf("%s: links %v\n%s\n%s", kind, got.Links, got.Text, got.HTML)
			}
			if got.To != "Ada@example.org" || !strings.Contains(got.Subject, "Field Notes") || !got.SentAt.Equal(h.clock.Now()) {
				t.Errorf("%s: %+v", kind, got)
			}
			for _, body := range []string{got.Text, got.HTML} {
				if !strings.Contains(body, "Hello Ada,") || strings.Contains(body, "no value") || strings.Contains(body, "{{") ||
					strings.Contains(body, "tok_en") != linked {
					t.Errorf("%s:\n%s", kind, body)
				}
			}
			if coded := kind == mail.MagicLink || kind == mail.ConfirmIdentity; coded != strings.Contains(got.Text, "271828") || coded != strings.Contains(got.HTML, "271828") {
				t.Errorf("%s: the code: %s", kind, got.Text)
			}
			for line := range strings.Lines(got.Text) {
				if len(line) > 78 && !strings.Contains(line, "https://") {
					t.Errorf("%s: a long line: %s", kind, line)
				}
			}
		}
	})
}

func TestLinksComeFromTheConfiguration_ET06(t *testing.T) {
	h := newHouse(t, func(o store.Options) *store.DB { return storetest.Open(t, o) })
	m := h.message(mail.ResetPassword)
	m.Token = "a/b&c"
	m.Links = auth.Links{Reset: "https://app.example.net/#/reset/{token}/go", Verify: "https://wrong.example"}
	h.mustSend(m)
	h.runDue()
	if got := h.list(1)[0].Links; len(got) != 1 || got[0] != "https://app.example.net/#/reset/a%2Fb%26c/go" {
		t.Errorf("%v", got)
	}
	for name, change := range map[string]func(*mail.Message){
		"template without token":  func(m *mail.Message) { m.Links.Reset = "https://app.example.net/reset" },
		"template without scheme": func(m *mail.Message) { m.Links.Reset = "//app.example.net/{token}" },
		"template with script":    func(m *mail.Message) { m.Links.Reset = "javascript:alert('{token}')" },
		"no token":                func(m *mail.Message) { m.Token = "" },
		"no expiry":               func(m *mail.Message) { m.ExpiresAt = time.Time{} },
		"unknown kind":            func(m *mail.Message) { m.Kind = "newsletter" },
		"bad address":             func(m *mail.Message) { m.To = "ada@example.org\r\nBcc: b@example.org" },
	} {
		m := h.message(mail.ResetPassword)
		change(&m)
		if err := h.send(m); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	h.mailer.PublicURL = ""
	if err := h.send(h.message(mail.VerifyEmail)); err == nil {
		t.Error("a link without a public URL")
	}
}

func TestUsersTextInMails_EM02(t *testing.T) {
	h := newHouse(t, func(o store.Options) *store.DB { return storetest.Open(t, o) })
	m := h.message(mail.PasswordChanged)
	m.Name = `<a href=//evil.example>Click</a> {{.Secret}} https://evil.example`
	m.App.Name = "Shop\r\nBcc: x@evil.example"
	h.mustSend(m)
	h.runDue()
	got := h.list(1)[0]
	for _, part := range []string{got.Subject, got.Text, got.HTML} {
		if strings.Contains(part, "evil.example") || strings.Contains(part, "<a") || strings.Contains(part, "{{") {
			t.Errorf("%s", part)
		}
	}
	if strings.ContainsAny(got.Subject, "\r\n") || !strings.Contains(got.Subject, "Shop Bcc x evil example") {
		t.Errorf("%q", got.Subject)
	}
}

// The token is neither in the database nor in the log, before the delivery or after it.
func TestMailedTokenIsNowhereInTheClear_ET01(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ostiary.db")
	h := newHouse(t, func(o store.Options) *store.DB { o.Path = path; return storetest.Open(t, o) })
	m := h.message(mail.ResetPassword)
	m.Token = "canary-token-2f6c"
	look := func(when string) {
		t.Helper()
		files, err := filepath.Glob(path + "*")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, canary := range []string{m.Token, "Ada@example.org"} {
				if bytes.Contains(data, []byte(canary)) {
					t.Errorf("%s: %s is in %s", when, canary, filepath.Base(file))
				}
			}
		}
	}
	h.mustSend(m)
	look("while it waits")
	if h.runDue() != 1 || len(h.list(1)) != 1 {
		t.Fatal("not delivered")
	}
	look("after the delivery")
	if strings.Contains(h.log.String(), m.Token) {
		t.Errorf("in the log: %s", h.log.String())
	}
}

func TestInboxKeepsEachMailOnceNewestFirst(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		if got := h.list(10); got == nil || len(got) != 0 {
			t.Errorf("an empty inbox: %v", got)
		}
		l := mail.Letter{To: "a@example.org", Subject: "s", Date: h.clock.Now()}
		for _, id := range []auth.JobID{"1", "2", "2", "3"} {
			l.ID = id
			l.Date = l.Date.Add(time.Second)
			if err := h.inbox.Deliver(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
		got := h.list(2)
		if len(got) != 2 || got[0].ID != "3" || got[1].ID != "2" || got[0].Links == nil || len(h.list(10)) != 3 {
			t.Errorf("%+v", got)
		}
	})
}

func TestInboxKeepsTheNewestThousand(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		began := h.clock.Now()
		var wg sync.WaitGroup
		for worker := range 20 {
			wg.Go(func() {
				for i := worker; i < 1005; i += 20 {
					l := mail.Letter{ID: auth.JobID(fmt.Sprint(i)), To: "a@example.org", Date: began.Add(time.Duration(i) * time.Second)}
					if err := h.inbox.Deliver(t.Context(), l); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n, err := h.inbox.Clean(t.Context()); n != 5 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		got := h.list(2000)
		if len(got) != 1000 || got[0].ID != "1004" || got[999].ID != "5" {
			t.Errorf("%d mails are left", len(got))
		}
	})
}

// A relay that is away for a day, refuses, or greylists loses no mail; each arrives once, under one Message-ID.
func TestRelayOutageLosesNoMail_F08(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := newSink(t, false)
		transport := s.transport()
		port := transport.Port
		h.deliverTo(transport)
		for i := range 5 {
			m := h.message(mail.PasswordChanged)
			m.To, m.ExpiresAt = fmt.Sprintf("user%d@example.org", i), time.Time{}
			h.mustSend(m)
		}
		pass := func(d time.Duration) { h.clock.Advance(d); h.runDue() }
		transport.Port = 1 // nobody listens there
		h.runDue()
		for range 3 {
			pass(10 * time.Minute)
		}
		transport.Port = port
		s.answer(func(string) error { return reply(421, "closing") }, nil)
		pass(10 * time.Minute)
		s.answer(nil, func(string) error { return reply(450, "greylisted") })
		pass(23 * time.Hour)
		if n := len(s.all()); n != 0 {
			t.Fatalf("%d mails were taken by a relay that refuses", n)
		}
		s.answer(nil, nil)
		pass(30 * time.Minute)
		pass(time.Hour)
		seen := map[string]string{}
		for _, e := range s.all() {
			if seen[e.To] != "" {
				t.Errorf("%s got two mails", e.To)
			}
			seen[e.To] = header(t, e.Data, "Message-ID")
		}
		if len(seen) != 5 {
			t.Errorf("%d of 5 arrived", len(seen))
		}
	})
}

// A recipient that is refused for good is recorded, not tried again, and holds up nobody.
func TestRefusedRecipientHoldsUpNobody_F09(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := newSink(t, false)
		s.answer(nil, func(to string) error {
			if strings.HasPrefix(to, "gone") {
				return reply(550, "no such user "+to)
			}
			return nil
		})
		h.deliverTo(s.transport())
		for _, to := range []string{"gone@example.org", "a@example.org", "b@example.org"} {
			m := h.message(mail.VerifyEmail)
			m.To = to
			h.mustSend(m)
		}
		if n := h.runDue(); n != 3 || len(s.all()) != 2 {
			t.Errorf("%d taken up, %d arrived", n, len(s.all()))
		}
		h.clock.Advance(30 * time.Minute)
		if n := h.runDue(); n != 0 {
			t.Errorf("%d tried again", n)
		}
		var counts []store.JobCount
		_ = h.db.Read(t.Context(), func(tx *store.Tx) (err error) { counts, err = tx.JobCounts(); return err })
		if len(counts) != 2 || counts[1].State != store.JobFailed || counts[1].Count != 1 {
			t.Errorf("%+v", counts)
		}
		if log := h.log.String(); !strings.Contains(log, "550") || strings.Contains(log, "gone@example.org") {
			t.Errorf("log: %s", log)
		}
	})
}

// A mail whose link has expired is not sent late.
func TestExpiredMailIsNotSent_EM06(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		failing := errors.New("the relay is away")
		h.deliverTo(transportFunc(func(context.Context, mail.Letter) error { return failing }))
		h.mustSend(h.message(mail.ResetPassword))
		h.runDue()
		h.deliverTo(h.inbox)
		h.clock.Advance(time.Hour)
		if n := h.runDue(); n != 1 || len(h.list(1)) != 0 {
			t.Errorf("%d taken up; in the inbox: %v", n, h.list(1))
		}
	})
}

type transportFunc func(ctx context.Context, l mail.Letter) error

func (f transportFunc) Deliver(ctx context.Context, l mail.Letter) error { return f(ctx, l) }
