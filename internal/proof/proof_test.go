package proof_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/proof"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

const (
	ada auth.UserID = "user-ada"
	eve auth.UserID = "user-eve"
)

// bench is a ledger over a database with a clock that stands still.
type bench struct {
	*proof.Ledger
	t     testing.TB
	db    *store.DB
	clock *storetest.Clock
}

func each(t *testing.T, fn func(t *testing.T, b *bench)) {
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		db := open(store.Options{Clock: clock.Now})
		fn(t, &bench{Ledger: &proof.Ledger{Rand: rand.Reader}, t: t, db: db, clock: clock})
	})
}

func (b *bench) write(fn func(tx *store.Tx) error) error { return b.db.Write(context.Background(), fn) }

// issue writes a proof and returns its secret.
func (b *bench) issue(p auth.Proof) string {
	b.t.Helper()
	if p.App == "" {
		p.App = auth.DefaultApp
	}
	var token string
	if err := b.write(func(tx *store.Tx) (err error) {
		token, err = b.Issue(tx, p)
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
	return token
}

func (b *bench) consume(kind auth.ProofKind, app auth.AppID, token string) (p auth.Proof, err error) {
	err = b.write(func(tx *store.Tx) error {
		p, err = b.Consume(tx, kind, app, token)
		return err
	})
	return p, err
}

func (b *bench) check(kind auth.ProofKind, app auth.AppID, token string) (p auth.Proof, err error) {
	err = b.db.Read(context.Background(), func(tx *store.Tx) error {
		p, err = b.Check(tx, kind, app, token)
		return err
	})
	return p, err
}

// dead fails the test unless a secret is refused, by reading and by spending, as proof-invalid.
func (b *bench) dead(kind auth.ProofKind, app auth.AppID, token string) {
	b.t.Helper()
	if _, err := b.check(kind, app, token); !auth.Is(err, auth.CodeProofInvalid) {
		b.t.Errorf("check: %v", err)
	}
	if _, err := b.consume(kind, app, token); !auth.Is(err, auth.CodeProofInvalid) {
		b.t.Errorf("consume: %v", err)
	}
}

func kinds() []auth.ProofKind {
	return []auth.ProofKind{auth.ProofVerifyEmail, auth.ProofPasswordReset, auth.ProofSecondFactor, auth.ProofSetup}
}

func TestIssueAndConsume_ET01(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		token := b.issue(auth.Proof{Kind: auth.ProofVerifyEmail, User: ada, Client: auth.DefaultClient, Session: "s",
			Email: "ada@example.com", Data: []byte(`{"door":"x"}`), Hash: []byte("ignored"), Attempts: 7})
		now := b.clock.Now().UTC().Truncate(time.Microsecond)
		want := auth.Proof{Kind: auth.ProofVerifyEmail, App: auth.DefaultApp, User: ada, Client: auth.DefaultClient, Session: "s",
			Email: "ada@example.com", Data: []byte(`{"door":"x"}`), Hash: secret.Hash(token), CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour)}
		for range 3 { // reading spends nothing, ET-09
			got, err := b.check(auth.ProofVerifyEmail, auth.DefaultApp, token)
			if err != nil || got.ID == "" {
				t.Fatal(err)
			}
			want.ID = got.ID
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		}
		got, err := b.consume(auth.ProofVerifyEmail, auth.DefaultApp, token)
		if err != nil {
			t.Fatal(err)
		}
		want.UsedAt = now
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		b.dead(auth.ProofVerifyEmail, auth.DefaultApp, token)
		b.clock.Advance(48 * time.Hour)
		for app, known := range map[auth.AppID]bool{auth.DefaultApp: true, "other": false} { // what it was about can still be told
			err = b.db.Read(context.Background(), func(tx *store.Tx) error {
				got, err = b.Recall(tx, auth.ProofVerifyEmail, app, token)
				return err
			})
			if known && (err != nil || cmp.Diff(want, got) != "") || !known && !auth.Is(err, auth.CodeProofInvalid) {
				t.Errorf("%s: %+v %v", app, got, err)
			}
		}
		if !secret.TokenShaped(token) || bytes.Contains(got.Hash, []byte(token)) {
			t.Errorf("the secret %q is no 256-bit token, or stored", token)
		}
	})
}

// TestKindsAndApps_ET02 tries every secret as every kind and in every app.
func TestKindsAndApps_ET02(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, issued := range kinds() {
			token := b.issue(auth.Proof{Kind: issued, User: ada})
			for _, tried := range append(kinds(), "", "oauth-state") {
				if tried != issued {
					b.dead(tried, auth.DefaultApp, token)
				}
			}
			for _, app := range []auth.AppID{"", "other", "DEFAULT"} {
				b.dead(issued, app, token)
			}
			if _, err := b.consume(issued, auth.DefaultApp, token); err != nil {
				t.Errorf("%s: the wrong tries spent it: %v", issued, err)
			}
		}
	})
}

func TestMutatedTokens_TK11(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		token := b.issue(auth.Proof{Kind: auth.ProofPasswordReset, User: ada})
		for i := range token {
			b.dead(auth.ProofPasswordReset, auth.DefaultApp, token[:i])
		}
		for _, bad := range []string{token + "=", token + "A", " " + token, token + "\n", strings.ToUpper(token), token[1:] + "A", "\x00", strings.Repeat("A", 1<<16)} {
			b.dead(auth.ProofPasswordReset, auth.DefaultApp, bad)
		}
		if _, err := b.check(auth.ProofPasswordReset, auth.DefaultApp, token); err != nil {
			t.Fatal(err)
		}
	})
}

// TestParallelConsumption_ET03 lets fifty callers spend one secret at once.
func TestParallelConsumption_ET03(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		token := b.issue(auth.Proof{Kind: auth.ProofPasswordReset, User: ada})
		start := make(chan struct{})
		results := make(chan error, 50)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				<-start
				_, err := b.consume(auth.ProofPasswordReset, auth.DefaultApp, token)
				results <- err
			})
		}
		close(start)
		wg.Wait()
		close(results)
		won := 0
		for err := range results {
			switch {
			case err == nil:
				won++
			case !auth.Is(err, auth.CodeProofInvalid):
				t.Errorf("a loser got %v", err)
			}
		}
		if won != 1 {
			t.Fatalf("%d succeeded", won)
		}
	})
}

func TestRolledBackConsumptionKeepsTheProof(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		token := b.issue(auth.Proof{Kind: auth.ProofPasswordReset, User: ada})
		undo := errors.New("the new password is weak")
		err := b.write(func(tx *store.Tx) error {
			if _, err := b.Consume(tx, auth.ProofPasswordReset, auth.DefaultApp, token); err != nil {
				return err
			}
			return undo
		})
		if !errors.Is(err, undo) {
			t.Fatal(err)
		}
		if _, err := b.consume(auth.ProofPasswordReset, auth.DefaultApp, token); err != nil {
			t.Fatal(err)
		}
	})
}

// TestExpiry_ET04 holds that the clock decides at the moment of use, down to lifetimes of a second.
func TestExpiry_ET04(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.TTL = map[auth.ProofKind]time.Duration{auth.ProofVerifyEmail: time.Second}
		for _, kind := range kinds() {
			ttl := b.Lifetime(kind)
			token := b.issue(auth.Proof{Kind: kind, User: ada})
			b.clock.Advance(ttl - time.Microsecond)
			if _, err := b.check(kind, auth.DefaultApp, token); err != nil {
				t.Errorf("%s is dead before its %v are over: %v", kind, ttl, err)
			}
			b.clock.Advance(time.Microsecond)
			b.dead(kind, auth.DefaultApp, token)
		}
	})
	l := &proof.Ledger{TTL: map[auth.ProofKind]time.Duration{auth.ProofVerifyEmail: time.Second, auth.ProofSetup: 0}}
	for kind, want := range map[auth.ProofKind]time.Duration{auth.ProofVerifyEmail: time.Second, auth.ProofPasswordReset: time.Hour,
		auth.ProofSecondFactor: 10 * time.Minute, auth.ProofSetup: 7 * 24 * time.Hour, "other": 10 * time.Minute} {
		if got := l.Lifetime(kind); got != want {
			t.Errorf("%s lives %v", kind, got)
		}
	}
}

// TestNewProofEndsOlder_ET05: the same purpose and person only, and never the challenge of another device.
func TestNewProofEndsOlder_ET05(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, kind := range kinds() {
			older := b.issue(auth.Proof{Kind: kind, User: ada})
			others := b.issue(auth.Proof{Kind: kind, User: eve})
			newer := b.issue(auth.Proof{Kind: kind, User: ada})
			if kind == auth.ProofSecondFactor {
				if _, err := b.consume(kind, auth.DefaultApp, older); err != nil {
					t.Errorf("the challenge of another device ended: %v", err)
				}
			} else {
				b.dead(kind, auth.DefaultApp, older)
			}
			for _, token := range []string{others, newer} {
				if _, err := b.check(kind, auth.DefaultApp, token); err != nil {
					t.Errorf("%s: %v", kind, err)
				}
			}
		}
	})
}

func TestRevokeAll_ET05(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		verify := b.issue(auth.Proof{Kind: auth.ProofVerifyEmail, User: ada})
		reset := b.issue(auth.Proof{Kind: auth.ProofPasswordReset, User: ada})
		others := b.issue(auth.Proof{Kind: auth.ProofPasswordReset, User: eve})
		revoke := func(kinds ...auth.ProofKind) {
			t.Helper()
			if err := b.write(func(tx *store.Tx) error { return b.RevokeAll(tx, auth.DefaultApp, ada, kinds...) }); err != nil {
				t.Fatal(err)
			}
		}
		revoke(auth.ProofPasswordReset)
		b.dead(auth.ProofPasswordReset, auth.DefaultApp, reset)
		if _, err := b.check(auth.ProofVerifyEmail, auth.DefaultApp, verify); err != nil {
			t.Errorf("another kind was revoked: %v", err)
		}
		challenge := b.issue(auth.Proof{Kind: auth.ProofSecondFactor, User: ada})
		revoke()
		b.dead(auth.ProofVerifyEmail, auth.DefaultApp, verify)
		b.dead(auth.ProofSecondFactor, auth.DefaultApp, challenge)
		if _, err := b.check(auth.ProofPasswordReset, auth.DefaultApp, others); err != nil {
			t.Errorf("another person's was revoked: %v", err)
		}
		b.clock.Advance(-time.Minute) // a clock set back revives nothing
		b.dead(auth.ProofVerifyEmail, auth.DefaultApp, verify)
	})
}

// TestAttempts_ET11: five answers, then the proof is dead even for the right one; parallel ones are all counted.
func TestAttempts_ET11(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		token := b.issue(auth.Proof{Kind: auth.ProofSecondFactor, User: ada})
		p, err := b.check(auth.ProofSecondFactor, auth.DefaultApp, token)
		if err != nil {
			t.Fatal(err)
		}
		attempt := func(app auth.AppID) (left int, err error) {
			err = b.write(func(tx *store.Tx) error {
				left, err = b.SpendAttempt(tx, app, p.ID, 5)
				return err
			})
			return left, err
		}
		if _, err := attempt("other"); !auth.Is(err, auth.CodeProofInvalid) {
			t.Errorf("in another app: %v", err)
		}
		if left, err := attempt(auth.DefaultApp); err != nil || left != 4 {
			t.Fatalf("%d left, %v", left, err)
		}
		var mu sync.Mutex
		granted := 0
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := attempt(auth.DefaultApp); err == nil {
					mu.Lock()
					granted++
					mu.Unlock()
				} else if !auth.Is(err, auth.CodeProofInvalid) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if granted != 4 {
			t.Fatalf("%d of 20 answers were taken, 4 were left", granted)
		}
		if got, err := b.check(auth.ProofSecondFactor, auth.DefaultApp, token); err != nil || got.Attempts != 5 {
			t.Fatalf("%d attempts counted, %v", got.Attempts, err)
		}
		b.clock.Advance(time.Hour)
		if _, err := attempt(auth.DefaultApp); !auth.Is(err, auth.CodeProofInvalid) {
			t.Errorf("of an expired one: %v", err)
		}
	})
}

func TestSweep(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		spent := b.issue(auth.Proof{Kind: auth.ProofSecondFactor, User: ada})
		live := b.issue(auth.Proof{Kind: auth.ProofVerifyEmail, User: ada})
		if _, err := b.consume(auth.ProofSecondFactor, auth.DefaultApp, spent); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(time.Hour)
		for _, want := range []int64{1, 0} {
			if n, err := b.Sweep(t.Context(), b.db, b.clock.Now()); err != nil || n != want {
				t.Fatalf("%d removed, %v; want %d", n, err, want)
			}
		}
		if _, err := b.consume(auth.ProofVerifyEmail, auth.DefaultApp, live); err != nil {
			t.Fatal(err)
		}
	})
}

func TestIssueRefuses(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, p := range []auth.Proof{{App: auth.DefaultApp}, {Kind: auth.ProofSetup}} {
			if err := b.write(func(tx *store.Tx) error { _, err := b.Issue(tx, p); return err }); err == nil {
				t.Errorf("%+v was issued", p)
			}
		}
		older := b.issue(auth.Proof{Kind: auth.ProofSetup})
		b.Rand = iotest.ErrReader(errors.New("no entropy"))
		if err := b.write(func(tx *store.Tx) error {
			_, err := b.Issue(tx, auth.Proof{Kind: auth.ProofSetup, App: auth.DefaultApp})
			return err
		}); err == nil {
			t.Error("issued without randomness")
		}
		if _, err := b.check(auth.ProofSetup, auth.DefaultApp, older); err != nil {
			t.Errorf("a failed issue ended the older one: %v", err)
		}
	})
}
