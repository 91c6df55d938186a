package signer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

const issuer = "https://id.example.com"

// bench is a started signer over a database with a clock that stands still.
type bench struct {
	*Signer
	t     testing.TB
	db    *store.DB
	keys  *secret.Keys
	clock *storetest.Clock
}

func testKeys(t testing.TB) *secret.Keys {
	t.Helper()
	return storetest.Keys(t)
}

func start(t testing.TB, b bench) *bench {
	t.Helper()
	b.t = t
	b.Signer = New(Options{DB: b.db, Keys: b.keys, Clock: b.clock.Now, Rand: rand.Reader, Issuer: issuer})
	if err := b.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	return &b
}

func lite(t testing.TB) *bench {
	t.Helper()
	clock := storetest.NewClock()
	return start(t, bench{db: storetest.Open(t, store.Options{Clock: clock.Now}), keys: testKeys(t), clock: clock})
}

func each(t *testing.T, fn func(t *testing.T, b *bench)) {
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		fn(t, start(t, bench{db: open(store.Options{Clock: clock.Now}), keys: testKeys(t), clock: clock}))
	})
}

func (b *bench) claims() AccessClaims {
	now := b.clock.Now().Unix()
	return AccessClaims{Subject: "user-ada", Audience: "https://api.example.com", ClientID: "default", SessionID: "s-1", ID: "j-1",
		IssuedAt: now, ExpiresAt: now + 900, AuthTime: now - 60, AMR: []string{"pwd", "otp"}, App: "default", Role: "user", Scope: "read write"}
}

func (b *bench) token(algorithm string, c AccessClaims) string {
	b.t.Helper()
	token, err := b.SignAccess(context.Background(), algorithm, c)
	if err != nil {
		b.t.Fatal(err)
	}
	return token
}

func (b *bench) accepts(token string) {
	b.t.Helper()
	if _, err := b.VerifyAccess(context.Background(), token); err != nil {
		b.t.Errorf("refused: %v", err)
	}
}

func (b *bench) refuses(token string, code auth.Code) {
	b.t.Helper()
	c, err := b.VerifyAccess(context.Background(), token)
	if !auth.Is(err, code) || c.Subject != "" {
		b.t.Errorf("got %+v, %v; want %s and no claims", c, err, code)
	}
}

// published parses the JWKS.
func (b *bench) published() []jose.JSONWebKey {
	b.t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(b.JWKS(), &set); err != nil {
		b.t.Fatalf("%v in %s", err, b.JWKS())
	}
	return set.Keys
}

// kid is the key that a token of the algorithm is signed with now.
func (b *bench) kid(algorithm string) string {
	b.t.Helper()
	h, err := parseHeader(b.token(algorithm, b.claims()), accessType)
	if err != nil {
		b.t.Fatal(err)
	}
	return h.KeyID
}

func (b *bench) rotate(emergency bool) {
	b.t.Helper()
	if err := b.Rotate(context.Background(), emergency); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) rows() []auth.SigningKey {
	b.t.Helper()
	var rows []auth.SigningKey
	if err := b.db.Read(context.Background(), func(tx *store.Tx) (err error) {
		rows, err = tx.SigningKeys()
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
	return rows
}

func ids(keys []jose.JSONWebKey) string {
	var out []string
	for _, k := range keys {
		out = append(out, k.KeyID)
	}
	return strings.Join(out, " ")
}

func TestStartMakesCurrentAndNext_KM01(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		keys := b.published()
		if len(keys) != 2 || keys[0].KeyID != b.kid("") || b.kid(auth.AlgorithmES256) != keys[0].KeyID {
			t.Fatalf("published are %s, signing is %s", ids(keys), b.kid(""))
		}
		again := start(t, *b)
		if ids(again.published()) != ids(keys) {
			t.Fatal("a second start made other keys")
		}
		again.accepts(b.token("", b.claims()))
	})
}

// TestManyNodesStartAtOnce: eight signers on two connections pools make one set of keys.
func TestManyNodesStartAtOnce(t *testing.T) {
	clock := storetest.NewClock()
	url := storetest.PostgresURL(t)
	dbs := []*store.DB{storetest.Open(t, store.Options{URL: url, Clock: clock.Now}), storetest.Open(t, store.Options{URL: url, Clock: clock.Now})}
	keys := testKeys(t)
	nodes := make([]*bench, 8)
	var wg sync.WaitGroup
	for i := range nodes {
		wg.Go(func() { nodes[i] = start(t, bench{db: dbs[i%2], keys: keys, clock: clock}) })
	}
	wg.Wait()
	if n := len(nodes[0].rows()); n != 2 {
		t.Fatalf("%d keys were made", n)
	}
	for _, n := range nodes {
		n.accepts(nodes[0].token("", nodes[0].claims()))
		if string(n.JWKS()) != string(nodes[0].JWKS()) {
			t.Fatal("the nodes publish different keys")
		}
	}
	// All rotate at once: one after the other, and every one of them by a whole step.
	for _, n := range nodes {
		wg.Go(func() { n.rotate(false) })
	}
	wg.Wait()
	active, next := 0, 0
	for _, row := range nodes[0].rows() {
		switch {
		case !row.RetiresAt.IsZero():
		case row.ActivatesAt.After(clock.Now()):
			next++
		default:
			active++
		}
	}
	if active != 1 || next != 1 {
		t.Fatalf("after the race %d sign and %d follow", active, next)
	}
}

// TestOtherNodeLearns: what one node does to the keys holds on another within a second.
func TestOtherNodeLearns(t *testing.T) {
	clock := storetest.NewClock()
	url := storetest.PostgresURL(t)
	keys := testKeys(t)
	one := start(t, bench{db: storetest.Open(t, store.Options{URL: url, Clock: clock.Now}), keys: keys, clock: clock})
	two := start(t, bench{db: storetest.Open(t, store.Options{URL: url, Clock: clock.Now}), keys: keys, clock: clock})
	old := one.token("", one.claims())
	two.accepts(old)
	one.rotate(true)
	one.refuses(old, auth.CodeInvalidToken) // at once on the own node
	clock.Advance(retryEvery)
	two.accepts(one.token("", one.claims())) // an unknown key is looked up
	deadline := time.Now().Add(time.Second)
	for string(two.JWKS()) != string(one.JWKS()) {
		if time.Now().After(deadline) {
			t.Fatal("the other node still publishes the removed keys after a second")
		}
		time.Sleep(5 * time.Millisecond) // the notification comes through a server outside
	}
	two.refuses(old, auth.CodeInvalidToken)
}

func TestRotation_KM01(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		before := b.published()
		claims := b.claims()
		claims.ExpiresAt += 10 * 24 * 3600
		old := b.token("", claims)
		b.clock.Advance(time.Hour)
		b.rotate(false)
		after := b.published()
		if len(after) != 3 || b.kid("") != before[1].KeyID || after[0].KeyID != before[0].KeyID {
			t.Fatalf("%s became %s, signing is %s", ids(before), ids(after), b.kid(""))
		}
		b.accepts(old)
		for _, row := range b.rows() {
			if retired := !row.RetiresAt.IsZero(); retired != (len(row.Sealed) == 0) {
				t.Errorf("the private half of a retired key is kept, or of another one lost: %+v", row)
			}
		}
		b.clock.Advance(DefaultOverlap - time.Second)
		b.accepts(old)
		b.clock.Advance(time.Second)
		b.refuses(old, auth.CodeInvalidToken)
		if keys := b.published(); len(keys) != 2 || keys[0].KeyID != before[1].KeyID {
			t.Fatalf("after the overlap %s are published", ids(keys))
		}
		if err := b.Tend(t.Context()); err != nil || len(b.rows()) != 2 {
			t.Fatalf("%d rows left, %v", len(b.rows()), err)
		}
	})
}

func TestKeysChangeByThemselves(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		before := b.published()
		b.clock.Advance(DefaultPeriod - time.Second)
		if b.kid("") != before[0].KeyID {
			t.Fatal("the next key signs before its time")
		}
		old := b.token("", b.claims())
		b.clock.Advance(time.Second)
		if b.kid("") != before[1].KeyID {
			t.Fatal("the next key does not take over at its time")
		}
		b.accepts(old)
		for range 2 { // the second time there is nothing to do
			if err := b.Tend(t.Context()); err != nil {
				t.Fatal(err)
			}
			if keys := b.published(); len(keys) != 3 || b.kid("") != before[1].KeyID {
				t.Fatalf("published are %s", ids(keys))
			}
		}
		b.accepts(old)
	})
}

func TestEmergency_KM01(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_ = b.token(auth.AlgorithmEdDSA, b.claims())
		old, oldEd := b.token("", b.claims()), b.token(auth.AlgorithmEdDSA, b.claims())
		before := string(b.JWKS())
		b.rotate(true)
		b.refuses(old, auth.CodeInvalidToken)
		b.refuses(oldEd, auth.CodeInvalidToken)
		keys := b.published()
		if len(keys) != 4 {
			t.Fatalf("published are %s", ids(keys))
		}
		for _, k := range keys {
			if strings.Contains(before, k.KeyID) {
				t.Errorf("%s survived", k.KeyID)
			}
		}
		b.accepts(b.token("", b.claims()))
		b.accepts(b.token(auth.AlgorithmEdDSA, b.claims()))
	})
}

// TestRotationUnderLoad_F24: nobody is refused while keys are rotated.
func TestRotationUnderLoad_F24(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						b.accepts(b.token("", b.claims()))
					}
				}
			})
		}
		for range 5 {
			b.rotate(false)
		}
		close(stop)
		wg.Wait()
	})
}

// TestJWKS_KM04 holds that others see public members and nothing else.
func TestJWKS_KM04(t *testing.T) {
	b := lite(t)
	for _, algorithm := range []string{auth.AlgorithmEdDSA, auth.AlgorithmRS256} {
		b.accepts(b.token(algorithm, b.claims()))
	}
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(b.JWKS(), &set); err != nil || len(set.Keys) != 6 || len(b.JWKS()) > 4096 {
		t.Fatalf("%v: %d keys, %d bytes", err, len(set.Keys), len(b.JWKS()))
	}
	members := map[string]string{auth.AlgorithmES256: "alg crv kid kty use x y", auth.AlgorithmEdDSA: "alg crv kid kty use x", auth.AlgorithmRS256: "alg e kid kty n use"}
	for _, k := range set.Keys {
		want := strings.Fields(members[k["alg"].(string)])
		if len(k) != len(want) || k["use"] != "sig" {
			t.Errorf("%v", k)
		}
		for _, name := range want {
			if k[name] == nil {
				t.Errorf("%s is missing in %v", name, k)
			}
		}
	}
	if _, err := b.SignAccess(t.Context(), "ES512", b.claims()); err == nil {
		t.Error("an unknown algorithm signs")
	}
}

// TestDatabaseAway_F03 holds that tokens are signed and verified while the database does not answer.
func TestDatabaseAway_F03(t *testing.T) {
	clock := storetest.NewClock()
	db, err := store.Open(t.Context(), store.Options{Path: t.TempDir() + "/x.db", Clock: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, bench{db: db, keys: testKeys(t), clock: clock})
	forged := b.craft(`{"alg":"ES256","kid":"unknown","typ":"at+jwt"}`, b.payload())
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	clock.Advance(refreshEvery)
	b.accepts(b.token("", b.claims()))
	if len(b.published()) != 2 {
		t.Error("the JWKS is gone")
	}
	// A key that cannot be looked up is no reason to tell the client that its token is bad.
	b.refuses(forged, auth.CodeUnavailable)
	clock.Advance(retryEvery)
	b.refuses(forged, auth.CodeUnavailable)
	b.accepts(b.token("", b.claims()))
}

// TestUnknownKeyIsLookedUpOnceASecond holds that garbage cannot keep the database busy.
func TestUnknownKeyIsLookedUpOnceASecond(t *testing.T) {
	b := lite(t)
	forged := b.craft(`{"alg":"ES256","kid":"unknown","typ":"at+jwt"}`, b.payload())
	b.clock.Advance(retryEvery)
	loads := map[time.Time]bool{}
	for range 20 {
		b.refuses(forged, auth.CodeInvalidToken)
		loads[b.set.Load().loadedAt] = true
		b.clock.Advance(retryEvery / 10)
	}
	if len(loads) != 2 {
		t.Fatalf("20 tries within 2 s read the keys %d times", len(loads))
	}
}

// TestRowsAreNotTrusted_KM02 holds that a row's halves must belong together and to that row.
func TestRowsAreNotTrusted_KM02(t *testing.T) {
	for name, change := range map[string]func(one, other auth.SigningKey) auth.SigningKey{
		"foreign public half":  func(one, other auth.SigningKey) auth.SigningKey { one.PublicJWK = other.PublicJWK; return one },
		"foreign private half": func(one, other auth.SigningKey) auth.SigningKey { one.Sealed = other.Sealed; return one },
		"another algorithm":    func(one, _ auth.SigningKey) auth.SigningKey { one.Algorithm = auth.AlgorithmRS256; return one },
		"broken public half":   func(one, _ auth.SigningKey) auth.SigningKey { one.PublicJWK = "{}"; return one },
		"broken seal":          func(one, _ auth.SigningKey) auth.SigningKey { one.Sealed = []byte("x"); return one },
	} {
		t.Run(name, func(t *testing.T) {
			b := lite(t)
			one, err := b.makeKey(auth.AlgorithmES256)
			if err != nil {
				t.Fatal(err)
			}
			other, err := b.makeKey(auth.AlgorithmES256)
			if err != nil {
				t.Fatal(err)
			}
			one.CreatedAt, one.ActivatesAt = b.clock.Now(), b.clock.Now()
			if err := b.db.Write(t.Context(), func(tx *store.Tx) error { return tx.InsertSigningKey(change(one, other)) }); err != nil {
				t.Fatal(err)
			}
			if err := b.reload(t.Context()); err == nil {
				t.Fatal("loaded")
			}
			b.accepts(b.token("", b.claims())) // the set at hand serves on
		})
	}
}

func TestWrongMasterStopsTheStart_KM02(t *testing.T) {
	b := lite(t)
	other := New(Options{DB: b.db, Keys: testKeys(t), Clock: b.clock.Now, Rand: rand.Reader, Issuer: issuer})
	defer other.Stop()
	if err := other.Start(t.Context()); !errors.Is(err, secret.ErrSealed) {
		t.Fatalf("started: %v", err)
	}
}

func TestReseal(t *testing.T) {
	first, err := secret.NewMaster(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	second, err := secret.NewMaster(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keysOf := func(m secret.Master, old ...secret.Master) *secret.Keys {
		k, err := secret.NewKeys(m, old...)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	clock := storetest.NewClock()
	db := storetest.Open(t, store.Options{Clock: clock.Now})
	b := start(t, bench{db: db, keys: keysOf(first), clock: clock})
	b.rotate(false)
	both := start(t, bench{db: db, keys: keysOf(second, first), clock: clock})
	for _, want := range []int{2, 0} {
		if n, err := both.Reseal(t.Context()); err != nil || n != want {
			t.Fatalf("%d sealed again, %v; want %d", n, err, want)
		}
	}
	start(t, bench{db: db, keys: keysOf(second), clock: clock}).accepts(b.token("", b.claims()))
}

func BenchmarkSignAccess(bm *testing.B) {
	b := lite(bm)
	for _, algorithm := range []string{auth.AlgorithmES256, auth.AlgorithmEdDSA, auth.AlgorithmHS256} {
		bm.Run(algorithm, func(bm *testing.B) {
			claims := b.claims()
			bm.ReportAllocs()
			for bm.Loop() {
				b.token(algorithm, claims)
			}
		})
	}
}

func BenchmarkVerifyAccess(bm *testing.B) {
	b := lite(bm)
	for _, algorithm := range []string{auth.AlgorithmES256, auth.AlgorithmEdDSA, auth.AlgorithmHS256} {
		bm.Run(algorithm, func(bm *testing.B) {
			token := b.token(algorithm, b.claims())
			bm.ReportAllocs()
			for bm.Loop() {
				b.accepts(token)
			}
		})
	}
}
