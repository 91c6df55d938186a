package auth

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestCodes(t *testing.T) {
	titles := map[string]bool{}
	for _, c := range Codes() {
		if !c.Known() || c.Status() < 400 || c.Status() > 599 || c.Title() == "" {
			t.Errorf("%s: status %d, title %q", c, c.Status(), c.Title())
		}
		if titles[c.Title()] {
			t.Errorf("two codes have the title %q", c.Title())
		}
		titles[c.Title()] = true
	}
	unknown := Code("no-such-code")
	if unknown.Known() || unknown.Status() != 500 || unknown.Title() != CodeInternal.Title() {
		t.Errorf("an unknown code is not answered as internal")
	}
}

func TestError(t *testing.T) {
	cause := errors.New("the disk caught fire")
	err := fmt.Errorf("while saving: %w", Internal(cause))
	e := AsError(err)
	if e.Code != CodeInternal || !errors.Is(err, cause) || !Is(err, CodeInternal) || Is(err, CodeNotFound) {
		t.Fatalf("the chain is lost: %v", err)
	}
	if strings.Contains(e.Text(), "fire") || !strings.Contains(e.Error(), "fire") {
		t.Fatal("the cause belongs in the log and not in the answer")
	}
	if AsError(nil) != nil || AsError(cause).Code != CodeInternal {
		t.Fatal("AsError decides wrongly")
	}
	if got := E(CodeForbidden, "Not today").Text(); got != "Not today" {
		t.Fatalf("the message is %q", got)
	}
	v := Invalid("name", ViolationTooLong, "too long").Violations[0]
	if v.Field != "name" || v.Code != ViolationTooLong || v.Message != "too long" {
		t.Fatalf("the violation is %+v", v)
	}
}

func TestViolationCodesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range ViolationCodes() {
		if c == "" || seen[c] {
			t.Errorf("%q stands twice", c)
		}
		seen[c] = true
	}
}

func TestPolicy(t *testing.T) {
	weak := Policy{}
	for _, k := range Knobs() {
		if got := k.Value(weak); got != k.Strict {
			t.Errorf("%s: the zero policy is %s", k.Name, got)
		}
		*k.Field(&weak) = true
		if got := k.Value(weak); got != k.Weak {
			t.Errorf("%s: set weak it is %s", k.Name, got)
		}
	}
	if weak != (Policy{true, true, true, true}) {
		t.Fatalf("two knobs share a field: %+v", weak)
	}
	if weak.Stricter(Policy{}) != (Policy{}) || (Policy{}).Stricter(weak) != (Policy{}) || weak.Stricter(weak) != weak {
		t.Fatal("Stricter let a mount weaken a contract")
	}
}

func TestScopes(t *testing.T) {
	tests := []struct {
		wanted, held []string
		want         bool
	}{
		{nil, nil, true},
		{[]string{"a"}, nil, false},
		{[]string{"a"}, []string{"a", "b"}, true},
		{[]string{"a", "c"}, []string{"a", "b"}, false},
		{[]string{"a", "b"}, []string{"*"}, true},
		{[]string{"*"}, []string{"a"}, false},
	}
	for _, test := range tests {
		if got := ScopesWithin(test.wanted, test.held); got != test.want {
			t.Errorf("ScopesWithin(%v, %v) = %v", test.wanted, test.held, got)
		}
	}
	for scope, want := range map[string]bool{"read": true, "keys:write": true, "*": true, "": false, "a b": false,
		`a"`: false, `a\`: false, "ä": false, "a\x7f": false, strings.Repeat("a", 101): false} {
		if ValidScope(scope) != want {
			t.Errorf("ValidScope(%q) = %v", scope, !want)
		}
	}
}

func TestLifetimes(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	key := APIKey{ExpiresAt: at}
	if !key.Usable(at.Add(-time.Second)) || key.Usable(at) || !(APIKey{}).Usable(at) || (APIKey{RevokedAt: at}).Usable(at) {
		t.Error("an API key is usable at the wrong time")
	}
	s := Session{ExpiresAt: at, IdleExpiresAt: at.Add(-time.Hour)}
	if !s.Alive(at.Add(-2*time.Hour)) || s.Alive(at.Add(-time.Hour)) {
		t.Error("an idle session lives")
	}
	s.IdleExpiresAt, s.EndedAt = at.Add(time.Hour), at.Add(-3*time.Hour)
	if s.Alive(at.Add(-2 * time.Hour)) {
		t.Error("an ended session lives")
	}
	if s.EndedAt = (time.Time{}); s.Alive(at) {
		t.Error("an expired session lives")
	}
}

func TestCaller(t *testing.T) {
	tests := []struct {
		caller        Caller
		person, admin bool
	}{
		{Caller{}, false, false},
		{Caller{Kind: CallerSession, Role: RoleUser}, true, false},
		{Caller{Kind: CallerSession, Role: RoleAdmin}, true, true},
		{Caller{Kind: CallerAPIKey, Role: RoleAdmin}, false, true},
		{Caller{Kind: CallerSystem}, false, true},
		{Caller{Kind: CallerSession, Role: RoleModerator}, true, false},
	}
	for _, test := range tests {
		if test.caller.Person() != test.person || test.caller.Admin() != test.admin {
			t.Errorf("%+v: person %v, admin %v", test.caller, test.caller.Person(), test.caller.Admin())
		}
	}
	for role, want := range map[Role]bool{RoleUser: true, RoleMember: true, RoleModerator: true, RoleAdmin: true, "": false, "root": false} {
		if role.Valid() != want {
			t.Errorf("role %q valid: %v", role, !want)
		}
	}
	if (Email{}).Verified() || !(Email{VerifiedAt: time.Unix(1, 0)}).Verified() {
		t.Error("an address is verified by the wrong thing")
	}
}

func TestIDKinds(t *testing.T) {
	kinds := []string{AppID("").IDKind(), ClientID("").IDKind(), UserID("").IDKind(), EmailID("").IDKind(), SessionID("").IDKind(),
		FactorID("").IDKind(), APIKeyID("").IDKind(), AppKeyID("").IDKind(), EventID("").IDKind(),
		AccountID("").IDKind(), MembershipID("").IDKind(), InviteID("").IDKind(), InviteCodeID("").IDKind(), WaitlistEntryID("").IDKind(),
		ProviderID("").IDKind(), IdentityID("").IDKind(), ClientSecretID("").IDKind(), ResourceID("").IDKind(), RegistrationTokenID("").IDKind()}
	if !reflect.DeepEqual(kinds, IDKinds()) {
		t.Fatalf("%v is not %v", kinds, IDKinds())
	}
}

func TestParseAmount(t *testing.T) {
	for text, want := range map[string]Micros{"0": 0, "12.5": 12_500_000, "-3": -3_000_000, "0.000001": 1, "1000000000": MaxAmount, "007": 7_000_000} {
		if got, err := ParseAmount("amount", text); err != nil || got != want {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-", ".5", "5.", "1.0000001", "1000000001", "1e3", "+1", "1,5", "--1", "NaN", "+Inf", " 1"} {
		if got, err := ParseAmount("amount", text); !Is(err, CodeInvalidRequest) {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
	if got := Micros(12_500_000).Number(); got != 12.5 {
		t.Errorf("%v", got)
	}
}

func TestDefaultAttributesAreTheCallersOwn(t *testing.T) {
	DefaultAttributes()["company"] = AttributeRule{}
	if DefaultAttributes()["company"].Type != "string" || DefaultAttributes()["plan"].Writer != WrittenByAdmin {
		t.Fatal("the default attributes changed")
	}
}

func TestParseLifetime(t *testing.T) {
	for text, want := range map[string]time.Duration{"1s": time.Second, "90m": 90 * time.Minute, "12h": 12 * time.Hour,
		"365d": 365 * 24 * time.Hour, "2w": 14 * 24 * time.Hour, "36500d": 36500 * 24 * time.Hour} {
		got, err := ParseLifetime(text)
		if err != nil || got != want {
			t.Errorf("ParseLifetime(%q) = %v, %v", text, got, err)
		}
		if back, err := ParseLifetime(FormatLifetime(got)); err != nil || back != got {
			t.Errorf("%q comes back as %v, %v", text, back, err)
		}
	}
	for _, text := range []string{"", "d", "0d", "01d", "-1d", "+1d", "1", "1y", "1D", "1.5h", "1 d", "1h30m", " 1d", "36501d",
		"99999999999s", "9223372036854775807w", "１d", "1d\n"} {
		if got, err := ParseLifetime(text); !Is(err, CodeInvalidRequest) {
			t.Errorf("ParseLifetime(%q) = %v, %v", text, got, err)
		}
	}
	for d, want := range map[time.Duration]string{0: "0s", time.Millisecond: "0s", time.Minute: "1m", 90 * time.Second: "90s",
		25 * time.Hour: "25h", 7 * 24 * time.Hour: "1w", 365 * 24 * time.Hour: "365d"} {
		if got := FormatLifetime(d); got != want {
			t.Errorf("FormatLifetime(%v) = %q", d, got)
		}
	}
}

func FuzzParseLifetime(f *testing.F) {
	f.Add("365d")
	f.Add("100000000w")
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseLifetime(text); err == nil && (d <= 0 || d > maxLifetime) {
			t.Fatalf("ParseLifetime(%q) = %v", text, d)
		}
	})
}
