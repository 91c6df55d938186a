package secret

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"
)

func TestNewID(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 123456789, time.UTC)
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := NewID(rand.Reader, at)
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("%q is malformed or stands twice", id)
		}
		seen[id] = true
		parsed, err := uuid.Parse(id)
		if err != nil || parsed.Version() != 7 || parsed.Variant() != uuid.RFC4122 {
			t.Fatalf("%q: %v", id, err)
		}
		if seconds, nanos := parsed.Time().UnixTime(); time.Unix(seconds, nanos).UTC().Truncate(time.Millisecond) != at.Truncate(time.Millisecond) {
			t.Fatalf("%q carries another time", id)
		}
	}
	last := ""
	for i := range 1000 {
		id := NewID(rand.Reader, at.Add(time.Duration(i)*time.Microsecond))
		if id[:18] < last {
			t.Fatalf("%q sorts before %q", id, last)
		}
		last = id[:18]
	}
}

// TestRandomFailure_KM07 holds that nothing is made from a broken random source.
func TestRandomFailure_KM07(t *testing.T) {
	broken := iotest.ErrReader(errors.New("no entropy"))
	if token, err := Token(broken); err == nil {
		t.Errorf("a token without randomness: %q", token)
	}
	if key, err := NewAPIKey(broken, "sk_"); err == nil {
		t.Errorf("a key without randomness: %q", key)
	}
	if _, err := NewMaster(broken); err == nil {
		t.Error("a master key without randomness")
	}
	if _, err := NewMaster(bytes.NewReader(make([]byte, MasterBytes))); !errors.Is(err, ErrWeakMaster) {
		t.Error("a master key of zeros")
	}
	defer func() {
		if recover() == nil {
			t.Error("an id without randomness")
		}
	}()
	NewID(broken, time.Now())
}

func TestToken_ET01(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		token, err := Token(rand.Reader)
		if err != nil || !TokenShaped(token) || seen[token] {
			t.Fatalf("%q, %v", token, err)
		}
		seen[token] = true
	}
	token, _ := Token(rand.Reader)
	if len(Hash(token)) != 32 || !Equal(Hash(token), Hash(token)) || Equal(Hash(token), Hash(token+"x")) || Equal(nil, []byte{0}) {
		t.Fatal("hashes compare wrongly")
	}
	for _, bad := range []string{"", token[1:], token + "A", token[:42] + "=", token[:42] + "\n", token[:42] + "/", strings.Repeat("_", 43), strings.Repeat("ä", 22)[:43]} {
		if TokenShaped(bad) {
			t.Errorf("%q passes for a token", bad)
		}
	}
}

func TestSecretNeverPrints(t *testing.T) {
	key, err := NewMaster(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	type box struct {
		Value  Secret
		Master Master
	}
	shown := box{Value: "hunter2 hunter2", Master: key}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %[1]v"} {
		fmt.Fprintf(&out, verb+"\n", shown.Value)
		fmt.Fprintf(&out, verb+"\n", shown.Master)
		fmt.Fprintf(&out, verb+"\n", shown)
	}
	fmt.Fprintln(&out, shown, &shown, shown.Master.String(), shown.Master.GoString(), shown.Value.GoString())
	if err := json.NewEncoder(&out).Encode(shown); err != nil {
		t.Fatal(err)
	}
	if text, err := shown.Value.MarshalText(); err != nil || string(text) != Redacted {
		t.Errorf("as text it is %q, %v", text, err)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", shown.Value, "master", shown.Master, "both", shown)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", shown.Value, "master", shown.Master, "both", shown)
	for _, leak := range []string{"hunter2", "68756e74", key.Text(), fmt.Sprintf("%x", key.key[:4]), strings.Trim(fmt.Sprintf("%d", key.key[:4]), "[]")} {
		if strings.Contains(strings.ToLower(out.String()), strings.ToLower(leak)) {
			t.Errorf("%q is in:\n%s", leak, out.String())
		}
	}
	if shown.Value.Reveal() != "hunter2 hunter2" || Secret("").String() != "" {
		t.Error("the secret itself is lost, or an empty one looks set")
	}
}

func TestAPIKey(t *testing.T) {
	for _, prefix := range []string{"sk_", "ch_live_", "a_", "abcdefghijklmno_"} {
		key, err := NewAPIKey(rand.Reader, prefix)
		if err != nil || !CheckAPIKey(key) || !strings.HasPrefix(key, prefix) || len(key) != len(prefix)+36 {
			t.Fatalf("%q, %v", key, err)
		}
		if shown := KeyPrefix(key, prefix); shown != key[:len(prefix)+3] {
			t.Fatalf("%q is shown as %q", key, shown)
		}
		for i := range key { // every single wrong character is noticed without a look-up
			for _, c := range []byte("0aZ_.") {
				if changed := key[:i] + string(c) + key[i+1:]; changed != key && CheckAPIKey(changed) {
					t.Fatalf("%q passes for %q", changed, key)
				}
			}
		}
		for _, bad := range []string{key[1:], key + "0", key[:len(key)-1], strings.ToUpper(key), " " + key, key + "\n", ""} {
			if CheckAPIKey(bad) {
				t.Fatalf("%q passes", bad)
			}
		}
	}
	for _, prefix := range []string{"", "_", "sk", "SK_", "sk-_", "1k_", "_k_", "abcdefghijklmnop_", "sä_", "s k_", "sk_\n"} {
		if key, err := NewAPIKey(rand.Reader, prefix); err == nil {
			t.Errorf("prefix %q gave %q", prefix, key)
		}
	}
	if got := KeyPrefix("x", "sk_"); got != "x" {
		t.Errorf("the start of garbage is %q", got)
	}
}

func TestAPIKeyCharactersAreUniform(t *testing.T) {
	counts := map[rune]int{}
	const keys = 4000
	for range keys {
		key, err := NewAPIKey(rand.Reader, "k_")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range key[2 : 2+keyRandom] {
			counts[c]++
		}
	}
	mean := float64(keys*keyRandom) / 62
	for _, c := range base62 {
		if n := float64(counts[c]); n < mean*0.8 || n > mean*1.2 { // nine standard deviations
			t.Errorf("%c came %v times, expected about %.0f", c, n, mean)
		}
	}
}

func FuzzCheckAPIKey(f *testing.F) {
	key, err := NewAPIKey(rand.Reader, "sk_")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key)
	f.Add("sk_0000000000000000000000000000000000000000")
	f.Add("eyJhbGciOiJFUzI1NiJ9.e30.c2ln")
	f.Fuzz(func(t *testing.T, key string) {
		if CheckAPIKey(key) && (len(key) > maxPrefix+keyRandom+keyChecksum || strings.ContainsAny(key, ". \r\n\x00")) {
			t.Fatalf("%q passes", key)
		}
	})
}
