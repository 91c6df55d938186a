package challenge_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/challenge"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// answer is a service that always says the same.
type answer struct {
	status int
	body   []byte
}

func (a answer) PostForm(context.Context, string, url.Values) (int, []byte, error) {
	return a.status, a.body, nil
}

func verifier(t testing.TB, post challenge.Poster) *challenge.Verifier {
	t.Helper()
	keys := storetest.Keys(t)
	return challenge.New(challenge.Options{Keys: keys, Post: post, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
}

// Whatever a service answers, only a verdict of success with the status 200 lets anybody in, and every other answer has
// one of two codes.
func FuzzVerdict(f *testing.F) {
	for _, body := range []string{`{"success":true}`, `{"success":false}`, `{"success":true,"score":0.1}`, `{"success":null}`, `[]`, ``,
		`{"success":true}{}`, `{"SUCCESS":true}`, `{"success":false,"error-codes":["timeout-or-duplicate"]}`, `{"success":false,"error-codes":[""]}`} {
		f.Add(200, []byte(body))
		f.Add(500, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		v := verifier(t, answer{status, body})
		app := auth.App{ID: "default"}
		sealed, err := v.Seal(app.ID, "secret")
		if err != nil {
			t.Fatal(err)
		}
		app.Settings.Challenge = auth.ChallengeSettings{Kind: auth.ChallengeTurnstile, Secret: sealed}
		err = v.Check(t.Context(), app, challenge.Attempt{Response: "r", Action: "sign-in"})
		var plain map[string]any
		says := json.Unmarshal(body, &plain) == nil
		switch {
		case err == nil && (status != 200 || !says):
			t.Errorf("status %d, %q lets in", status, body)
		case err != nil && !auth.Is(err, auth.CodeChallengeFailed) && !auth.Is(err, auth.CodeChallengeUnavailable):
			t.Errorf("%v", err)
		}
	})
}

// The sealed secret of one app opens nothing for another.
func TestSecretIsOfOneApp(t *testing.T) {
	v := verifier(t, answer{200, []byte(`{"success":true}`)})
	sealed, err := v.Seal("one", "secret")
	if err != nil {
		t.Fatal(err)
	}
	other := auth.App{ID: "other"}
	other.Settings.Challenge = auth.ChallengeSettings{Kind: auth.ChallengeHCaptcha, Secret: sealed}
	if err := v.Check(t.Context(), other, challenge.Attempt{Response: "r"}); !auth.Is(err, auth.CodeChallengeUnavailable) {
		t.Errorf("%v", err)
	}
	if s := v.Stats(); s.Down != 1 || s.Unavailable != 1 || s.Passed != 0 {
		t.Errorf("%+v", s)
	}
}
