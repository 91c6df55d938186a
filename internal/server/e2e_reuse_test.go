package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
	"github.com/ostiary-id/ostiary/internal/store"
)

// reuseMails are the mails that tell of a token which was used twice.
func reuseMails(i *servertest.Instance, to string) (out []string) {
	for _, m := range i.Mails(to) {
		if strings.Contains(m.Subject, "signed out of Ostiary on one device") {
			out = append(out, m.Text+m.HTML)
		}
	}
	return out
}

// Whoever's session ends because its refresh token was used twice is told once, and of which device (RT-02).
func TestReuseIsToldToTheOwner_RT02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		in := signUp(t, i, i.Client, "ann@example.com")
		old := in.Tokens.RefreshToken
		next := ok[client.SignedIn](t)(i.Client.RefreshSession(t.Context(), old))
		i.Clock.Advance(time.Second)
		ok[client.SignedIn](t)(i.Client.RefreshSession(t.Context(), old)) // within the grace window: the same again
		i.Clock.Advance(3 * time.Minute)
		last := ok[client.SignedIn](t)(i.Client.RefreshSession(t.Context(), next.Tokens.RefreshToken))
		i.Clock.Advance(3 * time.Minute)
		if got := reuseMails(i, "ann@example.com"); len(got) != 0 {
			t.Fatalf("a mail before anything was used twice: %s", got)
		}
		for _, token := range []string{old, old, next.Tokens.RefreshToken, last.Tokens.RefreshToken} {
			if _, err := i.Client.RefreshSession(t.Context(), token); err == nil {
				t.Fatal("the session goes on")
			}
		}
		got := reuseMails(i, "ann@example.com")
		if len(got) != 1 {
			t.Fatalf("%d mails", len(got))
		}
		for _, want := range []string{"(Laptop, 127.0.0.1)", "was used twice", i.URL + "/my/sessions\n", `href="` + i.URL + `/my/sessions"`,
			"ask for a new password"} {
			if !strings.Contains(strings.Join(strings.Fields(got[0]), " "), strings.TrimSpace(want)) {
				t.Errorf("no %q in %s", want, got[0])
			}
		}
		if strings.Contains(got[0], old) || strings.Contains(got[0], "no value") {
			t.Errorf("%s", got[0])
		}
	})
}

// Access of a client is told of by its name and by the browser in which the person let it in (RT-02).
func TestReuseOfAClientIsTold_RT02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		h := newIssuing(t, i)
		c := h.client(public)
		refresh := func(token string) reply { return h.token(c, "grant_type", "refresh_token", "refresh_token", token) }
		for n, scope := range []string{"openid", "openid offline_access"} {
			first := h.signedIn(c, scope).text("refresh_token")
			second := refresh(first).want(200).text("refresh_token")
			i.Clock.Advance(3 * time.Minute)
			last := refresh(second).want(200).text("refresh_token")
			i.Clock.Advance(3 * time.Minute)
			refresh(first).refused(400, "invalid_grant")
			refresh(last).refused(400, "invalid_grant")
			got := reuseMails(i, "ann@example.com")
			if len(got) != n+1 || !strings.Contains(got[0], "the access of RP since") || !strings.Contains(got[0], "127.0.0.1)") {
				t.Errorf("%s: %d mails: %s", scope, len(got), got)
			}
		}
	})
}

// An address that nobody proved is told nothing, and one that no mail can go to keeps no session alive (RT-02).
func TestReuseIsNotToldToJustAnybody_RT02(t *testing.T) {
	for _, c := range []struct {
		address string
		proven  bool
	}{{"else@example.com", false}, {"\"a\"@example.com", true}} {
		servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
			in := signUp(t, i, i.Client, "ann@example.com")
			none(t, i.DB.Write(t.Context(), func(tx *store.Tx) error {
				e, err := tx.PrimaryEmail(auth.DefaultApp, auth.UserID(in.User.ID))
				if err != nil {
					return err
				}
				if e.Address, e.Canonical = c.address, c.address; !c.proven {
					e.VerifiedAt = time.Time{}
				}
				_, err = tx.ReplaceEmail(e, e.VerifiedAt)
				return err
			}))
			token := in.Tokens.RefreshToken
			for range 3 {
				in = ok[client.SignedIn](t)(i.Client.RefreshSession(t.Context(), in.Tokens.RefreshToken))
				i.Clock.Advance(3 * time.Minute)
			}
			_, err := i.Client.RefreshSession(t.Context(), token)
			refusedAs(t, err, "refresh-token-reused")
			_, err = i.Client.RefreshSession(t.Context(), in.Tokens.RefreshToken)
			refusedAs(t, err, "session-ended")
			if got := reuseMails(i, "example.com"); len(got) != 0 {
				t.Errorf("%s: %s", c.address, got)
			}
		})
	}
}
