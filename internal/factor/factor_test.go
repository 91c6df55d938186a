package factor

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// house is a database with factors, and a clock that the test sets.
type house struct {
	*Factors
	t     testing.TB
	db    *store.DB
	clock *storetest.Clock
}

func newHouse(t testing.TB, db *store.DB, clock *storetest.Clock) *house {
	t.Helper()
	keys := storetest.Keys(t)
	return &house{Factors: &Factors{Keys: keys, Rand: rand.Reader, Clock: clock.Now}, t: t, db: db, clock: clock}
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	storetest.EachOptions(t, func(t *testing.T, open func(store.Options) *store.DB) {
		clock := storetest.NewClock()
		fn(t, newHouse(t, open(store.Options{Clock: clock.Now}), clock))
	})
}

func (h *house) person() auth.UserID {
	h.t.Helper()
	id := auth.UserID(secret.NewID(rand.Reader, h.clock.Now()))
	h.must(h.write(func(tx *store.Tx) error {
		number, err := tx.TakeUserNumber(auth.DefaultApp)
		if err != nil {
			return err
		}
		_, err = tx.InsertUser(auth.User{ID: id, App: auth.DefaultApp, Number: number, Role: auth.RoleUser,
			Status: auth.UserActive, Epoch: 1, Version: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}, "")
		return err
	}))
	return id
}

func (h *house) write(fn func(tx *store.Tx) error) error { return h.db.Write(context.Background(), fn) }

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// begin starts an enrolment and returns its secret.
func (h *house) begin(u auth.UserID) string {
	h.t.Helper()
	e, err := h.Draft(auth.DefaultApp, u)
	h.must(err)
	h.must(h.write(func(tx *store.Tx) error { return h.Begin(tx, e) }))
	return e.Secret
}

func (h *house) confirm(u auth.UserID, code string) (ok bool, codes []string, err error) {
	b, err := h.DraftBackup(auth.DefaultApp, u)
	h.must(err)
	err = h.write(func(tx *store.Tx) error {
		ok, err = h.Confirm(tx, auth.DefaultApp, u, code, b)
		return err
	})
	return ok, b.Codes, err
}

// enrol gives the user an active factor; the step of its first code is long past.
func (h *house) enrol(u auth.UserID) (base32Secret string, backup []string) {
	h.t.Helper()
	base32Secret = h.begin(u)
	ok, codes, err := h.confirm(u, h.code(base32Secret, 0))
	if err != nil || !ok {
		h.t.Fatalf("confirm: %v %v", ok, err)
	}
	h.clock.Advance(10 * time.Minute)
	return base32Secret, codes
}

// code is the code of a step near now.
func (h *house) code(base32Secret string, offset int64) string {
	h.t.Helper()
	code, err := codeAt(base32Secret, h.clock.Now().Unix()/period+offset)
	h.must(err)
	return code
}

func (h *house) verify(u auth.UserID, code string) (kind auth.FactorKind, ok bool, err error) {
	err = h.write(func(tx *store.Tx) error {
		kind, ok, err = h.Verify(tx, auth.DefaultApp, u, code)
		return err
	})
	return kind, ok, err
}

func (h *house) accepts(u auth.UserID, code string, want bool) {
	h.t.Helper()
	if _, ok, err := h.verify(u, code); err != nil || ok != want {
		h.t.Fatalf("verify %q: %v %v, want %v", code, ok, err, want)
	}
}

// distinctSteps moves the clock until the codes of the steps around now all differ, so that a test about one step
// cannot be right by another one's code.
func (h *house) distinctSteps(base32Secret string) {
	for {
		seen := map[string]bool{}
		for offset := int64(-2); offset <= 2; offset++ {
			seen[h.code(base32Secret, offset)] = true
		}
		if len(seen) == 5 {
			return
		}
		h.clock.Advance(period * time.Second)
	}
}

func TestWindow_MF01(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for offset, want := range map[int64]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
			u := h.person()
			s, _ := h.enrol(u)
			h.distinctSteps(s)
			h.accepts(u, h.code(s, offset), want)
		}
	})
}

func TestSecretIs160Bit_MF01(t *testing.T) {
	h := newHouse(t, storetest.Open(t), storetest.NewClock())
	e, err := h.Draft(auth.DefaultApp, "u")
	h.must(err)
	if len(e.Secret) != 32 || strings.Contains(e.Secret, "=") {
		t.Fatalf("secret %q", e.Secret)
	}
	u, err := url.Parse(e.URI("The: Shop & Co", "ann+1@example.org"))
	h.must(err)
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/The  Shop & Co:ann+1@example.org" {
		t.Fatalf("uri %s", u)
	}
	q := u.Query()
	if q.Get("secret") != e.Secret || q.Get("issuer") != "The  Shop & Co" || q.Get("digits") != "6" || q.Get("period") != "30" {
		t.Fatalf("query %v", q)
	}
	if strings.Contains(u.RawQuery, "+") {
		t.Fatal("authenticator apps show a + where a space was")
	}
}

// The vectors of RFC 6238 appendix B for SHA-1, cut to six digits.
func TestVectors(t *testing.T) {
	base32Secret := encode([]byte("12345678901234567890"))
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924",
		2000000000: "279037", 20000000000: "353130"} {
		if got, err := codeAt(base32Secret, at/period); err != nil || got != want {
			t.Errorf("at %d: %s %v, want %s", at, got, err, want)
		}
	}
}

func TestCodeOnce_MF02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		s, _ := h.enrol(u)
		h.distinctSteps(s)
		code := h.code(s, 0)
		spaced := code[:3] + " " + code[3:]
		h.accepts(u, "  "+spaced+" ", true)
		for _, again := range []string{code, spaced, code[:3] + "-" + code[3:]} {
			h.accepts(u, again, false)
		}
		h.accepts(u, h.code(s, -1), false) // an older step than the last spent one
		h.accepts(u, h.code(s, 1), true)
	})
}

func TestOtherDigitsRefused_MF02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		s, _ := h.enrol(u)
		wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, h.code(s, 0))
		for _, code := range []string{wide, "", " ", "12345", "1234567", strings.Repeat("1 ", 5000), "\x00\xff"} {
			h.accepts(u, code, false)
		}
	})
}

func TestOneOfManyParallel_MF02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		s, backup := h.enrol(u)
		for _, code := range []string{h.code(s, 0), backup[0]} {
			errWrong := errors.New("wrong")
			won := 0
			for _, err := range storetest.Race(t, h.db, 50, func(context.Context, int) error {
				_, ok, err := h.verify(u, code)
				if err == nil && !ok {
					err = errWrong
				}
				return err
			}) {
				if err == nil {
					won++
				} else if !errors.Is(err, errWrong) {
					t.Fatal(err)
				}
			}
			if won != 1 {
				t.Fatalf("%d of 50 were accepted", won)
			}
		}
	})
}

func TestEnrolment_MF03(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		first := h.begin(u)
		if _, _, err := h.verify(u, h.code(first, 0)); !auth.Is(err, auth.CodeTotpNotEnabled) {
			t.Fatalf("a pending factor has power: %v", err)
		}
		second := h.begin(u) // replaces the pending one
		if ok, _, err := h.confirm(u, h.code(first, 0)); ok || err != nil {
			t.Fatalf("the replaced secret confirms: %v %v", ok, err)
		}
		h.clock.Advance(10 * time.Minute)
		if _, _, err := h.confirm(u, h.code(second, 0)); !auth.Is(err, auth.CodeTotpNotBegun) {
			t.Fatalf("an expired enrolment: %v", err)
		}
		s, codes := h.enrol(u)
		if len(codes) != 10 {
			t.Fatalf("%d backup codes", len(codes))
		}
		e, err := h.Draft(auth.DefaultApp, u)
		h.must(err)
		if err := h.write(func(tx *store.Tx) error { return h.Begin(tx, e) }); !auth.Is(err, auth.CodeTotpAlreadyEnabled) {
			t.Fatalf("begin on top of an active factor: %v", err)
		}
		h.accepts(u, h.code(s, 0), true)
	})
}

// The code that confirmed an enrolment is spent by it.
func TestConfirmingCodeIsSpent_MF02(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		s := h.begin(u)
		code := h.code(s, 0)
		if ok, _, err := h.confirm(u, code); !ok || err != nil {
			t.Fatal(ok, err)
		}
		h.accepts(u, code, false)
	})
}

func TestBackupCodes_MF07(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u, other := h.person(), h.person()
		_, codes := h.enrol(u)
		h.enrol(other)
		if kind, ok, err := h.verify(u, strings.ToUpper(codes[0][:5]+"-"+codes[0][5:])); !ok || err != nil || kind != auth.FactorBackupCode {
			t.Fatal(kind, ok, err)
		}
		h.accepts(u, codes[0], false)
		h.accepts(other, codes[1], false)
		left := 0
		h.must(h.write(func(tx *store.Tx) (err error) {
			left, err = tx.BackupCodesLeft(auth.DefaultApp, u)
			return err
		}))
		if left != 9 {
			t.Fatalf("%d left", left)
		}
		b, err := h.DraftBackup(auth.DefaultApp, u)
		h.must(err)
		h.must(h.write(func(tx *store.Tx) error { return h.ReplaceBackup(tx, auth.DefaultApp, u, b) }))
		h.accepts(u, codes[1], false)
		h.accepts(u, b.Codes[0], true)
		h.must(h.write(func(tx *store.Tx) error {
			if ok, err := h.VerifyTOTP(tx, auth.DefaultApp, u, b.Codes[1]); ok || err != nil {
				t.Errorf("a backup code passes for a live factor: %v %v", ok, err)
			}
			return nil
		}))
		h.must(h.write(func(tx *store.Tx) error { return h.Remove(tx, auth.DefaultApp, u) }))
		if _, _, err := h.verify(u, b.Codes[2]); !auth.Is(err, auth.CodeTotpNotEnabled) {
			t.Fatalf("after removal: %v", err)
		}
	})
}

func TestBackupCodeForms(t *testing.T) {
	for typed, want := range map[string]string{
		"abcde12345": "abcde12345", "ABCDE-12345": "abcde12345", "abcde 1234S": "abcde1234s", "ooooo-IlLi1": "0000011111",
		"abcde1234": "", "abcde123456": "", "abcdeu2345": "", "abcdé12345": "", "": "",
	} {
		if got := normaliseBackup(typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

// A sealed secret opens only in its own row.
func TestSealIsBoundToTheRow_MF08(t *testing.T) {
	h := newHouse(t, storetest.Open(t), storetest.NewClock())
	a, err := h.Draft(auth.DefaultApp, "a")
	h.must(err)
	b, err := h.Draft(auth.DefaultApp, "b")
	h.must(err)
	b.row.Sealed = a.row.Sealed
	if _, _, err := h.match(b.row, h.code(a.Secret, 0), h.clock.Now()); !errors.Is(err, secret.ErrSealed) {
		t.Fatalf("a swapped secret: %v", err)
	}
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"123456", "abcde-12345", "１２３４５６", "\xff\x00", strings.Repeat("9", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := normaliseTOTP(s); ok {
			if again, ok := normaliseTOTP(d); !ok || again != d || len(d) != totpDigits {
				t.Fatalf("%q -> %q -> %q", s, d, again)
			}
			if normaliseBackup(s) != "" {
				t.Fatalf("%q is both kinds", s)
			}
		}
		if b := normaliseBackup(s); b != "" && normaliseBackup(b) != b {
			t.Fatalf("%q -> %q is not stable", s, b)
		}
	})
}
