package login

import (
	"context"
	"encoding/json"
	"regexp"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func TestRegisterSignsInAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := h.register("Ann@Example.org")
		if in.Email.Address != "Ann@Example.org" || in.Email.Verified() || in.User.Number != 1 || in.User.Role != auth.RoleUser {
			t.Fatalf("%+v %+v", in.User, in.Email)
		}
		c := h.caller(in.Grant)
		if c.User != in.User.ID || c.EmailVerified {
			t.Fatalf("%+v", c)
		}
		if h.events(in.User.ID)["user.registered"] != 1 {
			t.Fatal("no event")
		}
		out, err := h.VerifyEmail(context.Background(), c, h.token("Ann@example.org", "/verify"))
		h.must(err)
		if out.SessionsEnded != 0 || !out.Email.Verified() || !h.alive(in.Grant) || !h.caller(in.Grant).EmailVerified {
			t.Fatalf("the session that registered should live on, verified: %+v", out)
		}
	})
}

func TestRegisterWaitsForVerification(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		out, err := h.Register(context.Background(), strict(), Registration{Email: "ann@example.org", Password: goodPassword})
		h.must(err)
		if out.Registered != nil || out.Pending == nil {
			t.Fatalf("%+v", out)
		}
		_, err = h.SignIn(context.Background(), strict(), Credentials{Identifier: "ann@example.org", Password: goodPassword})
		wantCode(t, err, auth.CodeEmailUnverified)
		_, err = h.VerifyEmail(context.Background(), strict(), h.token("ann@example.org", "/verify"))
		h.must(err)
		in, err := h.SignIn(context.Background(), strict(), Credentials{Identifier: "ann@example.org", Password: goodPassword})
		h.must(err)
		if in.SignedIn.User.ID != out.Pending.UserID {
			t.Fatal("the id of the answer is not the user's")
		}
	})
}

var anID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// Where the door conceals, the answer and its price are the same whoever has the address (EN-01), and a decoy id
// belongs to nobody.
func TestRegisterConceals_EN01(t *testing.T) {
	eachWith(t, off(limit.RegisterNetwork), func(t *testing.T, h *house) {
		h.verified("known@example.org")
		h.register("waits@example.org")
		h.disable(h.register("gone@example.org").User.ID)
		answers := map[string]bool{}
		for _, email := range []string{"nobody@example.org", "known@example.org", "KNOWN@Example.ORG", "waits@example.org", "gone@example.org"} {
			before := h.Pool.Evaluations()
			out, err := h.Register(context.Background(), strict(), Registration{Email: email, Password: otherPassword})
			h.must(err)
			if spent := h.Pool.Evaluations() - before; spent != 1 {
				t.Fatalf("%s cost %d hashes", email, spent)
			}
			if out.Pending.Email != email {
				t.Fatalf("%+v", out.Pending)
			}
			if email != "nobody@example.org" {
				err := h.db.Read(context.Background(), func(tx *store.Tx) error {
					_, err := tx.User(auth.DefaultApp, out.Pending.UserID)
					return err
				})
				if err == nil {
					t.Fatal("the decoy is somebody")
				}
			}
			out.Pending.Email = ""
			text, err := json.Marshal(out)
			h.must(err)
			answers[anID.ReplaceAllString(string(text), "ID")] = true
		}
		if len(answers) != 1 {
			t.Fatalf("answers differ: %v", answers)
		}
		if n := len(h.mails("known@example.org")); n != 3 { // verification, and two that tell of the tries
			t.Fatalf("%d mails to the owner", n)
		}
		if n := len(h.mails("gone@example.org")); n != 1 {
			t.Fatalf("%d mails to a disabled user", n)
		}
		if _, err := h.signIn("known@example.org", otherPassword); !auth.Is(err, auth.CodeInvalidCredentials) {
			t.Fatalf("the password of a known user was replaced: %v", err)
		}
	})
}

// A taken username is not told either: the account comes to be without one, and only its mailbox hears why.
func TestRegisterConcealsUsernames_EN01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		_, err := h.Register(ctx, strict(), Registration{Email: "ann@example.org", Username: "ann", Password: goodPassword})
		h.must(err)
		out, err := h.Register(ctx, strict(), Registration{Email: "other@example.org", Username: "ANN", Password: goodPassword})
		h.must(err)
		if u := h.identity(out.Pending.UserID).User; u.Username != "" {
			t.Fatalf("%+v", u)
		}
		if m := h.mails("other@example.org"); len(m) != 1 || !regexp.MustCompile(`username[^.]*taken`).MatchString(m[0].Text) {
			t.Fatalf("the mail does not tell: %+v", m)
		}
	})
}

func TestRegisterReveals(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		_, err := h.Register(ctx, anyone(), Registration{Email: "ann@example.org", Username: "ann", Password: goodPassword})
		h.must(err)
		_, err = h.Register(ctx, anyone(), Registration{Email: "Ann@example.org", Username: "Ann", Password: goodPassword})
		wantCode(t, err, auth.CodeIdentifierTaken)
		if v := auth.AsError(err).Violations; len(v) != 2 || v[0].Field != "email" || v[1].Field != "username" {
			t.Fatalf("%+v", v)
		}
		if n := len(h.mails("ann@example.org")); n != 1 {
			t.Fatalf("%d mails", n)
		}
	})
}

// At a door that conceals nobody is signed in at once, for the missing session of a known address would tell.
func TestConcealingWinsOverASessionAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := anyone()
		c.Door.Policy.RevealExisting = false
		out, err := h.Register(context.Background(), c, Registration{Email: "ann@example.org", Password: goodPassword})
		h.must(err)
		if out.Registered != nil {
			t.Fatal("a session")
		}
	})
}

func TestRegisterChecksItsInput(t *testing.T) {
	h := newHouse(t, storetest.Open(t), storetest.NewClock(), settings{})
	for field, in := range map[string]Registration{
		"email":              {Email: "a@b@c.example", Password: goodPassword},
		"username":           {Email: "a@example.org", Username: "a@b", Password: goodPassword},
		"name":               {Email: "a@example.org", Name: "Ann\u202e", Password: goodPassword},
		"locale":             {Email: "a@example.org", Locale: "not a locale", Password: goodPassword},
		"attributes.plan":    {Email: "a@example.org", Attributes: map[string]any{"plan": "gold"}, Password: goodPassword},
		"attributes.shoe":    {Email: "a@example.org", Attributes: map[string]any{"shoe": 43.0}, Password: goodPassword},
		"attributes.company": {Email: "a@example.org", Attributes: map[string]any{"company": 43.0}, Password: goodPassword},
		"password":           {Email: "wanderer@example.org", Password: "wanderer2026!"},
	} {
		_, err := h.Register(context.Background(), anyone(), in)
		e := auth.AsError(err)
		if e == nil || len(e.Violations) != 1 || e.Violations[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if n := h.Pool.Evaluations(); n != 0 {
		t.Fatalf("%d hashes for input that was refused", n)
	}
	out, err := h.Register(context.Background(), anyone(), Registration{Email: "a@example.org", Password: goodPassword,
		Attributes: map[string]any{"company": "Lamps and Sons"}})
	h.must(err)
	if out.Registered.User.Attributes["company"] != "Lamps and Sons" {
		t.Fatalf("%+v", out.Registered.User)
	}
}

// Two who sign up with one address, or one username, at the same time: one user.
func TestRegisterRace(t *testing.T) {
	eachWith(t, off(limit.RegisterNetwork, limit.MailRecipient, limit.MailNetwork), func(t *testing.T, h *house) {
		for name, c := range map[string]auth.Caller{"reveal": anyone(), "conceal": strict()} {
			email := name + "@example.org"
			taken := 0
			for _, err := range storetest.Race(t, h.db, 12, func(ctx context.Context, i int) error {
				_, err := h.Register(ctx, c, Registration{Email: email, Username: name, Password: goodPassword})
				return err
			}) {
				if auth.Is(err, auth.CodeIdentifierTaken) {
					taken++
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if want := map[string]int{"reveal": 11, "conceal": 0}[name]; taken != want {
				t.Fatalf("%s: %d were told that the address is taken", name, taken)
			}
		}
		var users []auth.User
		h.must(h.db.Read(context.Background(), func(tx *store.Tx) (err error) {
			users, err = tx.Users(auth.DefaultApp, store.UserFilter{}, h.clock.Now().Add(-1), "", 100)
			return err
		}))
		if len(users) != 2 {
			t.Fatalf("%d users", len(users))
		}
	})
}

func TestRegisterBudget(t *testing.T) {
	eachWith(t, settings{limits: map[string]limit.Setting{limit.RegisterNetwork: {Max: 2}}}, func(t *testing.T, h *house) {
		h.register("a@example.org")
		h.register("b@example.org")
		_, err := h.Register(context.Background(), anyone(), Registration{Email: "c@example.org", Password: goodPassword})
		wantCode(t, err, auth.CodeRateLimited)
	})
}
