package lifecycle

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	accounts "github.com/ostiary-id/ostiary/internal/account"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
	"github.com/ostiary-id/ostiary/internal/user"
)

func batchOf(from, n int) ImportBatch {
	b := ImportBatch{FirstLine: from}
	for i := range n {
		b.Lines = append(b.Lines, fmt.Sprintf(`{"external_id": "x%[1]d", "email": "user%[1]d@example.com", "email_verified": true, "name": "User %[1]d", `+
			`"attributes": {"company": "Acme"}, "password": {"hash": "$2b$12$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"}}`, from+i))
	}
	return b
}

func (h *house) count() (users int, numbers map[int64]bool) {
	h.t.Helper()
	numbers = map[int64]bool{}
	h.must(h.db.Read(context.Background(), func(tx *store.Tx) error {
		list, err := tx.Users(auth.DefaultApp, store.UserFilter{}, time.Time{}, "", 100000)
		for _, u := range list {
			numbers[u.Number] = true
		}
		users = len(list)
		return err
	}))
	return users, numbers
}

// Two imports of one file at the same moment make everybody once, with numbers of their own; so does one that was
// broken off and begun again.
func TestImportTwiceAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		reports := make([]ImportReport, 4)
		for _, err := range storetest.Race(t, h.db, len(reports), func(ctx context.Context, i int) (err error) {
			reports[i], err = h.Import(ctx, system(), batchOf(1, 250))
			return err
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		created := 0
		for _, r := range reports {
			created += r.Created
			if r.Created+r.Existing != 250 {
				t.Errorf("%d created, %d there", r.Created, r.Existing)
			}
		}
		if users, numbers := h.count(); created != 250 || users != 250 || len(numbers) != 250 {
			t.Errorf("%d created, %d users, %d numbers", created, users, len(numbers))
		}
		r, err := h.Import(context.Background(), system(), batchOf(201, 100))
		if err != nil || r.Created != 50 || r.Existing != 50 || r.Lines[99].Line != 300 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// An import and a sign-up for one address make one user.
func TestImportAgainstRegistration(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var report ImportReport
		errs := storetest.Race(t, h.db, 2, func(ctx context.Context, i int) (err error) {
			if i == 0 {
				report, err = h.Import(ctx, system(), batchOf(1, 1))
				return err
			}
			_, err = h.CreateUser(ctx, system(), NewUser{Email: "user1@example.com", Password: goodPassword})
			return err
		})
		if users, _ := h.count(); users != 1 {
			t.Fatalf("%d users", users)
		}
		if errs[0] != nil || (errs[1] == nil) == (report.Created == 1) {
			t.Errorf("import %+v, registration %v", report, errs)
		}
	})
}

// Only somebody who may still administer gets anything written or read.
func TestImportChecksTheCallerAgain(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		nobody := system()
		nobody.Kind, nobody.User = auth.CallerSession, "019ca945-0a00-7000-934f-6daf961913ef"
		if _, err := h.Import(context.Background(), nobody, batchOf(1, 1)); err == nil {
			t.Error("a caller without a session imports")
		}
		if _, _, err := h.Export(context.Background(), nobody, ExportPage{Page: user.Page{Limit: 1}}); err == nil {
			t.Error("a caller without a session exports")
		}
		if users, _ := h.count(); users != 0 {
			t.Errorf("%d users", users)
		}
	})
}

func FuzzImportLine(f *testing.F) {
	f.Add(batchOf(1, 1).Lines[0])
	f.Add(`{"id": "019ca945-0a00-7000-934f-6daf961913ef", "emails": [{"address": "a@b.c", "primary": true}], "totp": {"secret": "JBSWY3DPEHPK3PXP"}, "backup_codes": ["12345678"]}`)
	f.Add(`{"created_at": "2019-05-06T07:08:09Z", "email": "a@b.c", "identities": [{}], "memberships": [{}]}`)
	db := storetest.Open(f)
	h := newHouse(f, db, storetest.NewClock(), nil)
	app := auth.App{ID: auth.DefaultApp, Settings: auth.AppSettings{Attributes: auth.DefaultAttributes()}}
	f.Fuzz(func(t *testing.T, text string) {
		var d draft
		if err := h.prepareLine(app, text, &d); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if d.report.Outcome == "" && (len(d.user.Emails) == 0 || d.user.User.ID == "" || !d.user.User.Role.Valid()) {
			t.Fatalf("%q passes as %+v", text, d.user)
		}
		if strings.ContainsAny(d.report.Reason, "\r\n") {
			t.Fatalf("reason %q", d.report.Reason)
		}
	})
}

// BenchmarkImport takes 10,000 users in, in batches of 100 as the command does.
func BenchmarkImport(b *testing.B) {
	for engine, open := range map[string]func(testing.TB, ...store.Options) *store.DB{"sqlite": storetest.Open, "postgres": storetest.OpenPostgres} {
		b.Run(engine, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				clock := storetest.NewClock()
				h := newHouse(b, open(b, store.Options{Clock: clock.Now}), clock, nil)
				b.StartTimer()
				for from := 1; from <= 10000; from += 100 {
					if _, err := h.Import(context.Background(), system(), batchOf(from, 100)); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(10000*float64(b.N)/b.Elapsed().Seconds(), "users/s")
		})
	}
}

// A user arrives in the accounts that the app has, and takes them along again.
func TestImportMemberships(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		acme, err := h.Login.Accounts.Create(ctx, system(), accounts.Input{Name: "Acme"})
		h.must(err)
		line := fmt.Sprintf(`{"email": "ann@example.com", "memberships": [{"account": %q, "role": "owner"}, {"account": %[1]q, "role": "king"}, {"account": "x", "role": "owner"}]}`, acme.ID)
		for _, dry := range []bool{true, false} {
			r, err := h.Import(ctx, system(), ImportBatch{Lines: []string{line}, DryRun: dry})
			h.must(err)
			if r.Created != 1 || len(r.Lines[0].NotCarried) != 2 || !strings.Contains(r.Lines[0].NotCarried[1], "no such account") {
				t.Errorf("%+v", r)
			}
		}
		out, more, err := h.Export(ctx, system(), ExportPage{Page: user.Page{Limit: 1}})
		h.must(err)
		if want := fmt.Sprintf(`"memberships":[{"account":%q,"role":"owner"}]`, acme.ID); more || len(out) != 1 || !strings.Contains(out[0].Line, want) {
			t.Errorf("%v, no %s", out, want)
		}
	})
}

// What is exported with its secrets and imported elsewhere is exported there as the same bytes, in the same order.
func TestExportOfAnImportIsTheSame(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		acme, err := h.Login.Accounts.Create(ctx, system(), accounts.Input{Name: "Acme"})
		h.must(err)
		in := ImportBatch{Lines: []string{
			`{"id": "01590a5d-ac96-774b-bcce-b302099a8057", "email": "old@example.com", "email_verified": true, "password": {"hash": "{SSHA}K0MZxWoMPVRxegoJBeg1/wEGvbpzYWx0MTIzNA==", "must_change": true}}`,
			`{"id": "64f1c0", "emails": [{"address": "b@example.com", "verified": false}, {"address": "Ann@Exämple.com", "verified": true, "verified_at": "2020-01-02T03:04:05.678901Z", "primary": true}], "username": "Ann", "name": "Ann <Lee> & Co", "given_name": "Ann", "family_name": "Lee", "locale": "pt-BR", "role": "moderator", "status": "disabled", "attributes": {"company": "Acme", "plan": "gold"}, "created_at": "2019-05-06T07:08:09.000001Z", "totp": {"secret": "JBSW Y3DP EHPK 3PXP JBSW Y3DP"}, ` +
				fmt.Sprintf(`"memberships": [{"account": %q, "role": "owner"}]}`, acme.ID),
			`{"external_id": "7", "email": "bare@example.com", "password": {"format": "pbkdf2-sha1", "hash": "890be434e175c042f82a187c7a8809f2b5218a93", "parameters": {"salt": "seasalt", "salt_encoding": "text", "hash_encoding": "hex", "iterations": 1000}}}`,
		}}
		if r, err := h.Import(ctx, system(), in); err != nil || r.Created != 3 {
			t.Fatalf("%+v, %v", r, err)
		}
		_, err = h.CreateUser(ctx, system(), NewUser{Email: "native@example.com", Password: goodPassword, Role: auth.RoleAdmin})
		h.must(err)
		was := h.exported()

		clock := storetest.NewClock()
		clock.Advance(48 * time.Hour)
		other := newHouse(t, storetest.Open(t, store.Options{Clock: clock.Now}), clock, nil)
		h.must(other.db.Write(ctx, func(tx *store.Tx) error { return tx.InsertAccount(acme) }))
		if r, err := other.Import(ctx, system(), ImportBatch{Lines: was}); err != nil || r.Created != 4 || len(r.Lines[0].NotCarried) != 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		is := other.exported()
		if len(was) != 4 || len(is) != 4 {
			t.Fatalf("%d lines, then %d", len(was), len(is))
		}
		for i := range was {
			if was[i] != is[i] {
				t.Errorf("%s\nis now\n%s", was[i], is[i])
			}
		}
	})
}

// exported is every line of an export with secrets, read in pages of two.
func (h *house) exported() (lines []string) {
	h.t.Helper()
	in := ExportPage{Page: user.Page{Limit: 2}, Secrets: true}
	for more := true; more; {
		page, next, err := h.Export(context.Background(), system(), in)
		h.must(err)
		for _, e := range page {
			lines = append(lines, e.Line)
			in.AfterTime, in.AfterID = e.User.CreatedAt, e.User.ID
		}
		more = next
	}
	return lines
}
