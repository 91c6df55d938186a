package oauth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/outbound"
	"github.com/ostiary-id/ostiary/internal/proof"
	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/signer"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

const (
	testIssuer   = "https://id.example"
	testRedirect = "https://rp.example/callback"
	// testVerifier is a code verifier; its challenge is testChallenge().
	testVerifier = "the-verifier-of-tests-has-at-least-43-characters-in-it"
)

// house is an authorization server over real parts, with a clock that the test sets.
type house struct {
	*Service
	t        testing.TB
	db       *store.DB
	clock    *storetest.Clock
	sessions *session.Service
}

func furnish(t testing.TB, db *store.DB, clock *storetest.Clock, keys *secret.Keys) *house {
	t.Helper()
	signs := signer.New(signer.Options{DB: db, Keys: keys, Clock: clock.Now, Rand: rand.Reader, Issuer: testIssuer})
	if err := signs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(signs.Stop)
	log := &audit.Log{Keys: keys, Rand: rand.Reader}
	sessions := session.New(session.Options{DB: db, Signer: signs, Keys: keys, Audit: log, Clock: clock.Now, Rand: rand.Reader,
		Queue:      &queue.Queue{Keys: keys, Rand: rand.Reader},
		EndWaiting: func(tx *store.Tx, app auth.AppID, user auth.UserID) error { return grant.EndWaiting(tx, app, user, "") }})
	apps := app.New(app.Options{DB: db, Audit: log, Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck})
	return &house{t: t, db: db, clock: clock, sessions: sessions, Service: New(Options{DB: db, Apps: apps, Sessions: sessions,
		APIKeys: apikey.New(apikey.Options{DB: db, Audit: log, Clock: clock.Now, Rand: rand.Reader, Recheck: sessions.Recheck}),
		Signer:  signs, Keys: keys, Proofs: &proof.Ledger{Rand: rand.Reader}, Audit: log, Outbound: outbound.New(outbound.Options{}),
		Limits: limit.New(limit.Options{DB: db, Keys: keys, Clock: clock.Now}), Clock: clock.Now, Rand: rand.Reader, Issuer: testIssuer})}
}

// each runs fn on both engines.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		fn(t, furnish(t, open(store.Options{Clock: clock.Now}), clock, storetest.Keys(t)))
	})
}

func (h *house) write(fn func(tx *store.Tx) error) {
	h.t.Helper()
	if err := h.db.Write(context.Background(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func anyone() auth.Caller {
	return auth.Caller{Kind: auth.CallerAnonymous, App: auth.DefaultApp, Client: auth.DefaultClient, IP: netip.MustParseAddr("192.0.2.7"),
		Door: auth.Door{Contract: "pages", SessionCookie: true}}
}

// person makes an active user with a verified address.
func (h *house) person() (u auth.User) {
	h.t.Helper()
	id := secret.NewID(rand.Reader, h.clock.Now())
	h.write(func(tx *store.Tx) error {
		number, err := tx.TakeUserNumber(auth.DefaultApp)
		if err != nil {
			return err
		}
		u = auth.User{ID: auth.UserID(id), App: auth.DefaultApp, Number: number, Name: "Ann", Role: auth.RoleUser, Status: auth.UserActive,
			Epoch: 1, Version: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}
		if _, err := tx.InsertUser(u, ""); err != nil {
			return err
		}
		_, err = tx.InsertEmail(auth.Email{ID: auth.EmailID(id), App: u.App, User: u.ID, Address: id + "@example.org",
			Canonical: id + "@example.org", Primary: true, VerifiedAt: tx.Now(), CreatedAt: tx.Now()})
		return err
	})
	return u
}

// signedIn begins a browser's session.
func (h *house) signedIn(u auth.User) auth.Session {
	h.t.Helper()
	d, err := h.sessions.Draft(session.Start{User: u, EmailVerified: true, Caller: anyone(), AMR: []string{auth.AMRPassword}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(func(tx *store.Tx) error { return h.sessions.Insert(tx, d) })
	return d.Session
}

// client registers a client with everything that most tests need; change makes it another one. The secret is empty for a
// public client.
func (h *house) client(change ...func(*auth.OAuthSettings)) (c auth.Client, password string) {
	h.t.Helper()
	c = auth.Client{ID: auth.ClientID(secret.NewID(rand.Reader, h.clock.Now())), App: auth.DefaultApp, Name: "Shop", Status: auth.ClientActive,
		Settings: auth.ClientSettings{RedirectURIs: []string{testRedirect}, OAuth: auth.OAuthSettings{AuthMethod: auth.ClientAuthBasic,
			GrantTypes: auth.GrantTypes(), Scopes: append(auth.StandardScopes(), "read", "write"), DefaultScopes: []string{"openid"}}}}
	for _, f := range change {
		f(&c.Settings.OAuth)
	}
	password, err := secret.Token(rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(func(tx *store.Tx) error {
		c.CreatedAt, c.UpdatedAt = tx.Now(), tx.Now()
		if err := tx.InsertClient(c); err != nil {
			return err
		}
		tx.Invalidate(store.KindClient, string(c.ID))
		return tx.InsertClientSecret(auth.ClientSecret{ID: auth.ClientSecretID(c.ID), App: c.App, Client: c.ID, Kind: auth.SecretOfClient,
			Hash: secret.Hash(password), CreatedAt: tx.Now()})
	})
	if c.Settings.OAuth.Public() {
		password = ""
	}
	return c, password
}

func public(o *auth.OAuthSettings) { o.AuthMethod = auth.ClientAuthNone }

func testChallenge() string {
	sum := sha256.Sum256([]byte(testVerifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// code lets a client in, as the authorization endpoint would, and answers the code.
func (h *house) code(c auth.Client, browser auth.Session, scopes ...string) string {
	h.t.Helper()
	text, err := secret.Token(rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	d := auth.Delegation{Scopes: scopes}
	for _, s := range scopes {
		d.Offline = d.Offline || s == auth.ScopeOfflineAccess
	}
	h.write(func(tx *store.Tx) error {
		return grant.IssueCode(tx, text, auth.AuthorizationCode{App: c.App, Client: c.ID, User: browser.User, Parent: browser.ID,
			RedirectURI: testRedirect, Challenge: testChallenge(), Nonce: "n-1", Delegation: d, AMR: browser.AMR, AuthTime: browser.AuthTime})
	})
	return text
}

// basicOf is the Authorization header of a client.
func basicOf(c auth.Client, password string) string {
	if password == "" {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(string(c.ID)+":"+password))
}

// ask asks for tokens. The fields are pairs of names and values; a name that begins with - is taken out.
func (h *house) ask(c auth.Client, password string, fields ...string) (TokenResponse, error) {
	h.t.Helper()
	f := Form{}
	if password == "" {
		f["client_id"] = []string{string(c.ID)}
	}
	for i := 0; i < len(fields); i += 2 {
		f[fields[i]] = append(f[fields[i]], fields[i+1])
	}
	return h.Token(h.t.Context(), TokenRequest{Form: f, Authorization: basicOf(c, password), Caller: anyone()})
}

// redeem exchanges a code.
func (h *house) redeem(c auth.Client, password, code string, more ...string) (TokenResponse, error) {
	h.t.Helper()
	return h.ask(c, password, append([]string{"grant_type", auth.GrantAuthorizationCode, "code", code, "redirect_uri", testRedirect,
		"code_verifier", testVerifier}, more...)...)
}

func (h *house) refresh(c auth.Client, password, token string, more ...string) (TokenResponse, error) {
	h.t.Helper()
	return h.ask(c, password, append([]string{"grant_type", auth.GrantRefreshToken, "refresh_token", token}, more...)...)
}

// must is for what has to succeed.
func must(t testing.TB) func(TokenResponse, error) TokenResponse {
	return func(r TokenResponse, err error) TokenResponse {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func wantCode(t testing.TB, err error, want Code) {
	t.Helper()
	if !Is(err, want) {
		t.Fatalf("%v, not %s", err, want)
	}
}

// claims reads the claims of a JWT without a look at its signature.
func claims(t testing.TB, token string) (out map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// row reads a session.
func (h *house) row(id auth.SessionID) (s auth.Session) {
	h.t.Helper()
	err := h.db.Read(context.Background(), func(tx *store.Tx) (err error) {
		s, err = tx.AnySession(id)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// sid is the session that an access token names.
func sid(t testing.TB, r TokenResponse) auth.SessionID {
	t.Helper()
	text, _ := claims(t, r.AccessToken)["sid"].(string)
	return auth.SessionID(text)
}

const grace = 2*time.Minute + time.Second // longer than a spent refresh token is taken
