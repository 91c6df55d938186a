package bench

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/signer"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// BenchmarkAccessToken is what a bearer token costs: `cached` with its session, user and app from the caches, as
// nearly every request has it; `signature` the check of a token seen for the first time; `sign` the making of one.
func BenchmarkAccessToken(b *testing.B) {
	db := storetest.Open(b, store.Options{Clock: time.Now})
	keys := storetest.Keys(b)
	signs := signer.New(signer.Options{DB: db, Keys: keys, Clock: time.Now, Rand: rand.Reader, Issuer: "https://id.example"})
	if err := signs.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(signs.Stop)
	sessions := session.New(session.Options{DB: db, Signer: signs, Keys: keys, Audit: &audit.Log{Keys: keys, Rand: rand.Reader},
		Clock: time.Now, Rand: rand.Reader})
	token := signedIn(b, db, sessions)

	b.Run("cached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := sessions.Authenticate(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	var claims signer.AccessClaims
	b.Run("signature", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if claims, err = signs.VerifyAccess(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sign", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := signs.SignAccess(b.Context(), auth.AlgorithmES256, claims); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// signedIn makes a user with a session and answers its access token.
func signedIn(b *testing.B, db *store.DB, sessions *session.Service) string {
	b.Helper()
	now := time.Now()
	u := auth.User{ID: auth.UserID(secret.NewID(rand.Reader, now)), App: auth.DefaultApp, Number: 1, Name: "Bench",
		Role: auth.RoleUser, Status: auth.UserActive, Epoch: 1, Version: 1, CreatedAt: now, UpdatedAt: now}
	draft, err := sessions.Draft(session.Start{User: u, EmailVerified: true, AMR: []string{auth.AMRPassword},
		Caller: auth.Caller{Kind: auth.CallerAnonymous, App: auth.DefaultApp, Client: auth.DefaultClient}})
	if err != nil {
		b.Fatal(err)
	}
	err = db.Write(b.Context(), func(tx *store.Tx) error {
		if _, err := tx.InsertUser(u, ""); err != nil {
			return err
		}
		return sessions.Insert(tx, draft)
	})
	if err != nil {
		b.Fatal(err)
	}
	grant, err := sessions.Issue(b.Context(), draft)
	if err != nil {
		b.Fatal(err)
	}
	return grant.AccessToken
}
