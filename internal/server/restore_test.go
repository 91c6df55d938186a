package server

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/store"
)

// cookieWorks tells whether a session cookie still signs in, and why not.
func cookieWorks(s *Server, cookie *http.Cookie) error {
	_, err := s.house.sessions.AuthenticateCookie(context.Background(), auth.DefaultApp, cookie.Value)
	return err
}

func TestRestore_AV06(t *testing.T) {
	c := small(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	s, stop := started(t, c, options())
	cookie := administrator(t, s)
	must(t, cookieWorks(s, cookie))
	must(t, s.house.login.RequestPasswordReset(t.Context(), auth.Caller{App: auth.DefaultApp, Client: auth.DefaultClient}, "ada@example.test"))
	must(t, s.house.db.Backup(t.Context(), backup))
	if _, err := Restore(t.Context(), c, options(), backup); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Fatalf("while a server runs: %v", err)
	}
	stop()

	r, err := Restore(t.Context(), c, options(), backup)
	must(t, err)
	if r.Sessions != 1 || r.Proofs == 0 || r.Mails != 1 || !fileExists(r.Kept) {
		t.Errorf("%+v", r)
	}
	s = serverOf(t, c)
	if err := cookieWorks(s, cookie); !auth.Is(err, auth.CodeSessionEnded) {
		t.Errorf("the session of before: %v", err)
	}
	must(t, s.Work(t.Context()))
	if list, err := s.Inbox().List(t.Context(), 10); err != nil || len(list) != 0 {
		t.Errorf("mails were sent again: %v %v", list, err)
	}
	report, err := s.house.audit.Verify(t.Context(), s.house.db, auth.DefaultApp)
	if err != nil || !report.OK() {
		t.Errorf("the audit log: %+v %v", report, err)
	}
	events := restoreEvents(t, s)
	if events != 1 {
		t.Errorf("%d events of the restore", events)
	}
	if token, err := s.SetupToken(t.Context()); err != nil || token != "" {
		t.Errorf("the administrator is gone: %q %v", token, err)
	}
	left, err := filepath.Glob(filepath.Join(c.Data, ".restore-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func restoreEvents(t *testing.T, s *Server) (n int) {
	t.Helper()
	must(t, s.house.db.Read(t.Context(), func(tx *store.Tx) error {
		list, err := tx.Events(auth.DefaultApp, store.EventFilter{Limit: 100})
		for _, e := range list {
			if e.Action == restoredAction {
				n++
			}
		}
		return err
	}))
	return n
}

func TestRestoreRefuses(t *testing.T) {
	c := small(t)
	must(t, once(t, c))
	before, err := os.ReadFile(DatabasePath(c))
	must(t, err)
	if _, err := Restore(t.Context(), c, options(), filepath.Join(t.TempDir(), "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	garbage := filepath.Join(t.TempDir(), "garbage")
	must(t, os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600))
	if _, err := Restore(t.Context(), c, options(), garbage); err == nil {
		t.Error("garbage is restored")
	}
	other := small(t)
	must(t, once(t, other))
	if _, err := Restore(t.Context(), c, options(), DatabasePath(other)); err == nil || !strings.Contains(err.Error(), "not the master key") {
		t.Errorf("a database of another key: %v", err)
	}
	if after, err := os.ReadFile(DatabasePath(c)); err != nil || string(after) != string(before) {
		t.Error("a refused restore changed the database")
	}
	must(t, once(t, c))
}

func TestRestoreOnAnEmptyMachine(t *testing.T) {
	c := small(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	s, stop := started(t, c, options())
	administrator(t, s)
	must(t, s.house.db.Backup(t.Context(), backup))
	stop()
	fresh := small(t)
	if _, err := Restore(t.Context(), fresh, options(), backup); err == nil || !strings.Contains(err.Error(), "master key is missing") {
		t.Errorf("without the key: %v", err)
	}
	fresh.MasterKeyFile = keyPath(c)
	r, err := Restore(t.Context(), fresh, options(), backup)
	must(t, err)
	if r.Kept != "" || r.Sessions != 1 {
		t.Errorf("%+v", r)
	}
	must(t, once(t, fresh))
}

func TestMarkRestored(t *testing.T) {
	eachEngine(t, func(t *testing.T, c config.Config) {
		s, stop := started(t, c, options())
		cookie := administrator(t, s)
		if _, err := MarkRestored(t.Context(), c, options()); err == nil {
			t.Error("while a server runs")
		}
		stop()
		r, err := MarkRestored(t.Context(), c, options())
		must(t, err)
		if r.Sessions != 1 {
			t.Errorf("%+v", r)
		}
		if err := cookieWorks(serverOf(t, c), cookie); !auth.Is(err, auth.CodeSessionEnded) {
			t.Errorf("%v", err)
		}
	})
}
