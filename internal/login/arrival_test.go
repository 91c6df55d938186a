package login

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// oldPassword is what foreign is a hash of, and foreign one that another system made.
const (
	oldPassword = "correct horse"
	foreignHash = "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"
)

// arrive makes a user who has a hash of another system.
func (h *house) arrive(email, hash string) auth.UserID {
	h.t.Helper()
	now := h.clock.Now()
	a, err := user.CheckArrival(user.Arrival{
		User:     auth.User{ID: auth.UserID(secret.NewID(h.Rand, now)), App: auth.DefaultApp},
		Emails:   []auth.Email{{ID: auth.EmailID(secret.NewID(h.Rand, now)), Address: email, VerifiedAt: now}},
		Password: auth.Password{Hash: hash},
	})
	h.must(err)
	h.write(func(tx *store.Tx) error {
		number, err := user.ReserveNumbers(tx, auth.DefaultApp, 1)
		if err != nil {
			return err
		}
		inserted, err := user.InsertArrival(tx, a, number)
		if !inserted {
			h.t.Error("the user is not there")
		}
		return err
	})
	return a.User.ID
}

// A password that is changed between the check of the old hash and the upgrade stays as it was changed.
func TestUpgradeDoesNotOverwriteAChange_PW11(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		id := h.arrive("ann@example.org", foreignHash)
		before := h.identity(id)
		changed, err := h.Hash(context.Background(), otherPassword)
		h.must(err)
		upgraded, err := h.Hash(context.Background(), oldPassword)
		h.must(err)
		h.write(func(tx *store.Tx) error { return user.SetPassword(tx, before.User, changed, false) })
		h.write(func(tx *store.Tx) error { return user.UpgradePassword(tx, before.Password, upgraded) })
		if got := h.identity(id).Password.Hash; got != changed {
			t.Fatalf("the changed hash was overwritten by %s", got)
		}
		_, err = h.signIn("ann@example.org", oldPassword)
		wantCode(t, err, auth.CodeInvalidCredentials)
		_, err = h.signIn("ann@example.org", otherPassword)
		h.must(err)
	})
}

// The same while both are under way: whoever comes first, the new password is the one that opens.
func TestSignInAgainstAChange_PW11(t *testing.T) {
	eachWith(t, off("sign-in.account", "sign-in.network"), func(t *testing.T, h *house) {
		for range 10 {
			email := secret.NewID(h.Rand, h.clock.Now()) + "@example.org"
			id := h.arrive(email, foreignHash)
			changed, err := h.Hash(context.Background(), otherPassword)
			h.must(err)
			done := make(chan error, 1)
			go func() {
				_, err := h.signIn(email, oldPassword)
				done <- err
			}()
			h.write(func(tx *store.Tx) error {
				now, err := user.Lock(tx, auth.DefaultApp, id)
				if err != nil {
					return err
				}
				return user.SetPassword(tx, now.User, changed, false)
			})
			if err := <-done; err != nil && !auth.Is(err, auth.CodeInvalidCredentials) {
				t.Fatal(err)
			}
			if got := h.identity(id).Password.Hash; got != changed {
				t.Fatalf("the changed hash was overwritten by %s", got)
			}
		}
	})
}

// Another system hashed what was typed; ours hashes one form of it. After the first sign-in every way to type the
// password opens.
func TestForeignHashIsOfTheTypedPassword_PW05(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		composed := "six brass lanterns at noon é"
		typed := norm.NFD.String(composed)
		if typed == composed {
			t.Fatal("both forms are one")
		}
		made, err := h.Pool.Hash(context.Background(), typed)
		h.must(err)
		id := h.arrive("ann@example.org", made)
		_, err = h.signIn("ann@example.org", composed)
		wantCode(t, err, auth.CodeInvalidCredentials)
		_, err = h.signIn("ann@example.org", typed)
		h.must(err)
		if p := h.identity(id).Password; p.Normaliser != auth.PasswordNormaliser || p.Hash == made || !strings.HasPrefix(p.Hash, "$argon2id$") {
			t.Errorf("%+v", p)
		}
		for _, password := range []string{composed, typed} {
			_, err = h.signIn("ann@example.org", password)
			h.must(err)
		}
	})
}

// Who had more than 72 bytes at a system that cut them is refused like everybody else, and nothing is upgraded.
func TestLongPasswordAtBcrypt_PW12_EN01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		id := h.arrive("ann@example.org", foreignHash)
		_, err := h.signIn("ann@example.org", oldPassword+strings.Repeat("x", 100))
		wantCode(t, err, auth.CodeInvalidCredentials)
		if got := h.identity(id).Password.Hash; got != foreignHash {
			t.Errorf("%s", got)
		}
	})
}
