package user

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

func fresh(t testing.TB, email, username string) New {
	t.Helper()
	now := storetest.NewClock().Now()
	n, err := Check(New{
		User:  auth.User{ID: auth.UserID(secret.NewID(rand.Reader, now)), App: auth.DefaultApp, Username: username},
		Email: auth.Email{ID: auth.EmailID(secret.NewID(rand.Reader, now)), Address: email},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func insert(db *store.DB, n New) (u auth.User, err error) {
	err = db.Write(context.Background(), func(tx *store.Tx) error {
		u, _, err = Insert(tx, n)
		return err
	})
	return u, err
}

func TestInsertAndFind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := fresh(t, " Ann@Example.org ", "Ann")
		n.PasswordHash, n.Verified = "$argon2id$x", true
		n.User.Attributes = map[string]any{"company": "Lamps", "plan": "gold"}
		made, err := insert(db, n)
		if err != nil {
			t.Fatal(err)
		}
		for _, typed := range []string{"ann@example.org", " ANN@example.ORG ", "ann", "ANN"} {
			err := db.Read(context.Background(), func(tx *store.Tx) error {
				known, _, err := ByIdentifier(tx, auth.DefaultApp, typed)
				if err != nil {
					return err
				}
				if diff := cmp.Diff(made, known.User); diff != "" {
					t.Errorf("%q: %s", typed, diff)
				}
				if known.Email.Address != "Ann@Example.org" || !known.Email.Verified() || known.Password.Hash != "$argon2id$x" {
					t.Errorf("%+v", known)
				}
				_, _, err = ByIdentifier(tx, "other", typed)
				if err == nil {
					t.Error("found in another app")
				}
				return nil
			})
			if err != nil {
				t.Fatalf("%q: %v", typed, err)
			}
		}
	})
}

// Numbers count up in each app and are never given twice, whoever is refused.
func TestNumbers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for i, email := range []string{"a@example.org", "b@example.org", "c@example.org"} {
			u, err := insert(db, fresh(t, email, ""))
			if err != nil || u.Number != int64(i+1) {
				t.Fatalf("%d %v", u.Number, err)
			}
			if _, err := insert(db, fresh(t, email, "")); !TakenField(err, "email") {
				t.Fatalf("%v", err)
			}
		}
		other := fresh(t, "d@example.org", "")
		other.User.App = "other"
		if _, err := insert(db, other); !auth.Is(err, auth.CodeNotFound) {
			t.Fatalf("%v", err)
		}
	})
}

// Two sign-ups that look at the same time and insert one after the other: the address belongs to one.
func TestInsertRace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		all := make([]New, 16)
		for i := range all {
			all[i] = fresh(t, "ann@example.org", "")
			if i%2 == 0 {
				all[i] = fresh(t, strings.Repeat("x", i+1)+"@example.org", "ann")
			}
		}
		won := 0
		for _, err := range storetest.Race(t, db, len(all), func(_ context.Context, i int) error {
			_, err := insert(db, all[i])
			return err
		}) {
			if err == nil {
				won++
			} else if !auth.Is(err, auth.CodeIdentifierTaken) {
				t.Fatal(err)
			}
		}
		if won != 2 {
			t.Fatalf("%d users, want one by address and one by username", won)
		}
	})
}

func TestCheckAttributes(t *testing.T) {
	rules := map[string]auth.AttributeRule{
		"company": {Type: "string", MaxLength: 5, Writer: auth.WrittenByUser},
		"note":    {Type: "string", Writer: auth.WrittenByUser},
		"plan":    {Type: "string", Writer: auth.WrittenByAdmin},
		"seats":   {Type: "integer", Writer: auth.WrittenByUser},
		"ratio":   {Type: "number", Writer: auth.WrittenByUser},
		"beta":    {Type: "boolean", Writer: auth.WrittenByUser},
	}
	for _, c := range []struct {
		name  string
		value any
		want  any
		code  string // of the violation
	}{
		{"company", "Lämps", "Lämps", ""}, {"company", "Lanterns", nil, auth.ViolationTooLong}, {"company", 5.0, nil, auth.ViolationType},
		{"company", nil, nil, ""}, {"company", "a\x00", nil, auth.ViolationEncoding},
		{"note", strings.Repeat("n", 256), strings.Repeat("n", 256), ""}, {"note", strings.Repeat("n", 257), nil, auth.ViolationTooLong},
		{"seats", 5.0, int64(5), ""}, {"seats", json.Number("5"), int64(5), ""}, {"seats", int64(5), int64(5), ""}, {"seats", 5.5, nil, auth.ViolationType},
		{"seats", 1e300, nil, auth.ViolationTooLarge}, {"seats", "5", nil, auth.ViolationType}, {"seats", json.Number("x"), nil, auth.ViolationType},
		{"ratio", 0.5, 0.5, ""}, {"ratio", 2, 2.0, ""}, {"ratio", math.NaN(), nil, auth.ViolationType}, {"ratio", math.Inf(1), nil, auth.ViolationType},
		{"beta", true, true, ""}, {"beta", "true", nil, auth.ViolationType},
		{"plan", "gold", nil, auth.ViolationUnknown}, {"plan", nil, nil, auth.ViolationUnknown}, {"shoe", 43.0, nil, auth.ViolationUnknown},
	} {
		got, err := CheckAttributes(rules, auth.WrittenByUser, map[string]any{c.name: c.value})
		if c.code == "" {
			if err != nil || !cmp.Equal(got, map[string]any{c.name: c.want}) {
				t.Errorf("%s %v: %v %v", c.name, c.value, got, err)
			}
			continue
		}
		e := auth.AsError(err)
		if e == nil || e.Code != auth.CodeInvalidRequest || e.Violations[0].Code != c.code || e.Violations[0].Field != "attributes."+c.name {
			t.Errorf("%s %v: %v", c.name, c.value, err)
		}
	}
	if got, err := CheckAttributes(rules, auth.WrittenByAdmin, map[string]any{"plan": "gold", "company": "Lamps"}); err != nil || len(got) != 2 {
		t.Errorf("%v %v", got, err)
	}
}

func TestTexts(t *testing.T) {
	for _, bad := range []string{"a\nb", "a\x00b", "a\u202eb", "a\u2028b", "\xff", strings.Repeat("é", 201)} {
		if _, err := cleanText("name", bad, maxName); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
	for _, good := range []string{"", "Ann O'Neill-Szabó", "李明", "<b>{{.Name}}</b>", strings.Repeat("é", 200)} {
		if got, err := cleanText("name", "  "+good+" ", maxName); err != nil || got != good {
			t.Errorf("%q: %q %v", good, got, err)
		}
	}
	for locale, ok := range map[string]bool{"": true, "en": true, "pt-BR": true, "zh-Hant-TW": true, "e": false, "en_US": false, "en-": false,
		strings.Repeat("a", 8) + strings.Repeat("-abcdefg", 4): false} {
		if err := auth.CheckLocale(locale); (err == nil) != ok {
			t.Errorf("%q: %v", locale, err)
		}
	}
}
