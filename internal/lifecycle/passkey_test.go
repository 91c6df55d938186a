package lifecycle

import (
	"context"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// The last way to sign in cannot be removed: what is left has to open by itself (WA-08).
func TestLastWayIn_WA08(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.verified("ann@example.org")
		key := auth.Passkey{ID: "key", App: in.User.App, User: in.User.ID, CredentialID: []byte{1}, PublicKey: []byte{1}, Name: "Key"}
		proven := auth.Email{Address: "ann@example.org", VerifiedAt: time.Unix(1, 0)}
		h.must(h.Login.DB.Write(context.Background(), func(tx *store.Tx) error {
			for _, c := range []struct {
				name string
				now  user.Identity
				want bool
			}{
				{"nothing", user.Identity{User: in.User}, false},
				{"a mailbox that nobody has shown to be theirs", user.Identity{User: in.User, Email: auth.Email{Address: "ann@example.org"}}, false},
				{"a password that has to be replaced by mail", user.Identity{User: in.User, Password: auth.Password{Hash: "x", MustChange: true}}, false},
				{"a password", user.Identity{User: in.User, Password: auth.Password{Hash: "x"}}, true},
				{"a mailbox", user.Identity{User: in.User, Email: proven}, true},
			} {
				if err := otherWayIn(tx, c.now); c.want != (err == nil) || !c.want && !auth.Is(err, auth.CodeConflict) {
					t.Errorf("%s: %v", c.name, err)
				}
			}
			if err := h.Login.Factors.AddPasskey(tx, key); err != nil {
				return err
			}
			return otherWayIn(tx, user.Identity{User: in.User})
		}))
	})
}
