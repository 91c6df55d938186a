package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
	"github.com/ostiary-id/ostiary/internal/store"
)

// arrivals are users of other systems, all with the password "correct horse", by the format of their hash.
var arrivals = map[string]string{
	"bcrypt":          `{"hash": "$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"}`,
	"django-bcrypt":   `{"hash": "bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuuFRrKxBsFtwnfZtmHymgDN/Qb8toxLuK", "format": "django"}`,
	"django-pbkdf2":   `{"hash": "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso="}`,
	"pbkdf2":          `{"format": "pbkdf2-sha1", "hash": "890be434e175c042f82a187c7a8809f2b5218a93", "parameters": {"salt": "seasalt", "salt_encoding": "text", "hash_encoding": "hex", "iterations": 1000}}`,
	"scrypt":          `{"hash": "$scrypt$ln=10,r=8,p=1$c2Vhc2FsdHNlYXNhbHRzZQ$v/atHVoUOVB0uzjGSmrcKFtEt1z6etRNRTw7xRzvL+k"}`,
	"firebase-scrypt": `{"format": "firebase-scrypt", "hash": "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==", "parameters": {"salt": "42xEC+ixf3L2lw==", "salt_separator": "Bw==", "rounds": 8, "mem_cost": 14, "signer_key": "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="}}`,
	"argon2i":         `{"hash": "$argon2i$v=19$m=128,t=2,p=2$c2Vhc2FsdHNlYXNhbHRzZQ$5E4KAIw0ZKNGfTulfNu0eB2HCUe7hKEnsLaxzejKXvA"}`,
	"argon2id":        `{"hash": "$argon2id$v=19$m=128,t=2,p=2$c2Vhc2FsdHNlYXNhbHRzZQ$bTzuFiA/eESAN4ChswdO044DtXSBJ+TQL3QVYb2TyLY"}`,
	"sha512-crypt":    `{"hash": "$6$rounds=1000$saltstring$YiR6NSM0LQXmu7vAhkMXfkdYk7qtFouVx1Mdr3HmzXspT8kONjlpU3CsV7ezCB62uXJoAdaagsH4ck7/tB9js."}`,
	"phpass":          `{"hash": "$P$9saltsaltoOYGA0TbwROeAx3OxiKY5/"}`,
	"ssha":            `{"hash": "{SSHA}K0MZxWoMPVRxegoJBeg1/wEGvbpzYWx0MTIzNA=="}`,
}

const arrivalPassword = "correct horse"

func arrivalLines() (lines []string) {
	for format, password := range arrivals {
		lines = append(lines, fmt.Sprintf(`{"external_id": "old-%[1]s", "email": "%[1]s@example.com", "email_verified": true, "password": %[2]s}`, format, password))
	}
	return lines
}

func storedHash(t *testing.T, i *servertest.Instance, id string) (hash string) {
	t.Helper()
	none(t, i.DB.Read(t.Context(), func(tx *store.Tx) error {
		p, err := tx.Password(auth.DefaultApp, auth.UserID(id))
		hash = p.Hash
		return err
	}))
	return hash
}

// Everybody signs in with the old password and has a hash of ours afterwards.
func TestImportedPasswordsAreUpgraded_PW11(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		report := ok[client.ImportReport](t)(i.Operator.ImportUsers(ctx, client.ImportBatch{Lines: arrivalLines()}))
		if report.Created != len(arrivals) || report.Invalid != 0 || report.Existing != 0 {
			t.Fatalf("%+v", report)
		}
		for format := range arrivals {
			password := arrivalPassword
			if format == "firebase-scrypt" {
				password = "user1password"
			}
			user := ok[client.User](t)(i.Operator.GetUser(ctx, "old-"+format))
			before := storedHash(t, i, user.ID)
			if format != "argon2id" && strings.HasPrefix(before, "$argon2id$") {
				t.Errorf("%s: %s before the first sign-in", format, before)
			}
			_, err := i.Client.SignIn(ctx, client.SignIn{Identifier: user.Email, Password: password + "!"})
			refusedAs(t, err, "invalid-credentials")
			if storedHash(t, i, user.ID) != before {
				t.Errorf("%s: a wrong password changed the hash", format)
			}
			for range 2 {
				in := ok[client.SignInResult](t)(i.Client.SignIn(ctx, client.SignIn{Identifier: user.Email, Password: password}))
				if in.User.ID != user.ID || in.User.ExternalID != "old-"+format || !in.User.EmailVerified {
					t.Errorf("%s: signed in as %+v", format, in.User)
				}
			}
			if after := storedHash(t, i, user.ID); !strings.HasPrefix(after, "$argon2id$v=19$m=64,t=1,p=1$") || after == before {
				t.Errorf("%s: %s after the first sign-in", format, after)
			}
		}
		if strings.Contains(i.Log.String(), "seasalt") || strings.Contains(i.Log.String(), "YiR6NSM0LQXmu7") {
			t.Error("a hash is in the log")
		}
	})
}

// A line that names what we do not carry says so, an old id opens every operation, a wrong line hinders nobody.
func TestImportReport(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		lines := []string{
			`{"id": "64f1c0", "emails": [{"address": "b@example.com", "verified": false}, {"address": "Ann@Example.com", "verified": true, "verified_at": "2020-01-02T03:04:05Z", "primary": true}], "username": "Ann", "name": "Ann Lee", "given_name": "Ann", "family_name": "Lee", "locale": "pt-BR", "role": "moderator", "attributes": {"company": "Acme", "plan": "gold"}, "created_at": "2019-05-06T07:08:09Z", "identities": [{"provider": "google", "subject": "1"}], "memberships": [{"account": "acme", "role": "owner"}], "totp": {}}`,
			`{"external_id": "2", "email": "two@example.com", "status": "disabled"}`,
			`{"external_id": "3", "email": "nothing"}`,
			`{"external_id": "4", "email": "four@example.com", "pasword": {}}`,
			`{"external_id": "5", "email": "five@example.com", "password": {"hash": "$argon2id$v=19$m=4194304,t=1,p=1$c2Vhc2FsdHNlYXNhbHRzZQ$bTzuFiA/eESAN4ChswdO044DtXSBJ+TQL3QVYb2TyLY"}}`,
			`{"external_id": "6", "email": "six@example.com", "username": "ann"}`,
			`{"external_id": "7", "email": "TWO@example.com"}`,
			`{"external_id": "8", "email": "eight@example.com", "attributes": {"shoe": 43}}`,
			`{"external_id": "9", "email": "nine@example.com", "totp": {"secret": "JBSWY3DPEHPK3PXP", "digits": 8}}`,
			`{"external_id": "10", "email": "ten@example.com", "role": "king"}`,
			`{"external_id": "11", "email": "eleven@example.com"} {}`,
			`[`, `null`, ``, `"secret-in-a-line"`,
		}
		want := []string{"created", "created", "invalid line", "invalid", "invalid", "invalid", "exists", "invalid", "invalid", "invalid", "invalid", "invalid", "invalid", "invalid", "invalid"}
		dry := ok[client.ImportReport](t)(i.Operator.ImportUsers(ctx, client.ImportBatch{Lines: lines, FirstLine: 101, DryRun: true}))
		if page := ok[client.UserPage](t)(i.Operator.ListUsers(ctx, userFilter(), paging(0))); len(page.Users) != 0 || !dry.DryRun || dry.Created != 2 {
			t.Errorf("a dry run wrote %+v: %+v", page, dry)
		}
		if events := importEvents(t, i); len(events) != 0 {
			t.Errorf("a dry run recorded %v", events)
		}
		report := ok[client.ImportReport](t)(i.Operator.ImportUsers(ctx, client.ImportBatch{Lines: lines, FirstLine: 101}))
		for n, l := range report.Lines {
			outcome, _, _ := strings.Cut(want[n], " ")
			if l.Outcome != outcome || l.Line != 101+n || (outcome == "invalid" && l.Reason == "") || strings.Contains(l.Reason, "secret-in") {
				t.Errorf("%s: %+v", lines[n], l)
			}
			if d := dry.Lines[n]; d.Outcome != outcome && (d.Outcome != "valid" || outcome != "created") {
				t.Errorf("the dry run said %+v, the import %+v", d, l)
			}
		}
		if report.Created != 2 || report.Existing != 1 || report.Invalid != 12 {
			t.Errorf("%+v", report)
		}
		if got := strings.Join(report.Lines[0].NotCarried, "; "); got != "totp (the file has no secret); membership in acme (there is no such account); identity at google (there is no such provider)" {
			t.Errorf("not carried: %s", got)
		}
		if events := importEvents(t, i); events["user.imported"] != 2 || events["users.imported"] != 1 {
			t.Errorf("%v", events)
		}
		ann := ok[client.User](t)(i.Operator.GetUser(ctx, "64f1c0"))
		if ann.Email != "Ann@Example.com" || !ann.EmailVerified || ann.EmailVerifiedAt.Year() != 2020 || ann.CreatedAt.Year() != 2019 || ann.Role != "moderator" ||
			ann.Username != "Ann" || ann.Name != "Ann Lee" || ann.GivenName != "Ann" || ann.FamilyName != "Lee" || ann.Locale != "pt-BR" || ann.ExternalID != "64f1c0" ||
			ann.Attributes["plan"] != "gold" || ann.TwoFactorEnabled || ann.Number != 1 {
			t.Errorf("%+v", ann)
		}
		oldIDs(t, i, ann)
		again := ok[client.ImportReport](t)(i.Operator.ImportUsers(ctx, client.ImportBatch{Lines: lines}))
		if again.Created != 0 || again.Existing != 3 || again.Lines[0].ID != ann.ID || again.Lines[0].Field != "external_id" {
			t.Errorf("%+v", again)
		}
		more := []string{`{"email": "new@example.com"}`, lines[1], `{"email": "never@example.com"}`}
		stopped := ok[client.ImportReport](t)(i.Operator.ImportUsers(ctx, client.ImportBatch{Lines: more, Existing: "fail"}))
		if !stopped.Stopped || stopped.Created != 1 || stopped.Lines[1].Outcome != "exists" || stopped.Lines[2].Outcome != "not-reached" {
			t.Errorf("%+v", stopped)
		}
		if mails := i.Mails("@example.com"); len(mails) != 0 {
			t.Errorf("the import mailed %v", mails)
		}
		_, err := i.Operator.ImportUsers(ctx, client.ImportBatch{Lines: make([]string, 501)})
		refusedAs(t, err, "invalid-request")
		_, err = i.Operator.WithApp("nothing").ImportUsers(ctx, client.ImportBatch{})
		if err == nil {
			t.Error("imported into no app")
		}
	})
}

// oldIDs uses the id that a user had elsewhere wherever a user's id is taken.
func oldIDs(t *testing.T, i *servertest.Instance, ann client.User) {
	t.Helper()
	ctx := t.Context()
	if got := ok[client.User](t)(i.Operator.SetRole(ctx, "64f1c0", "member")); got.ID != ann.ID || got.Role != "member" {
		t.Errorf("%+v", got)
	}
	if got := ok[client.User](t)(i.Operator.DisableUser(ctx, "64f1c0")); got.ID != ann.ID || got.Status != "disabled" {
		t.Errorf("%+v", got)
	}
	if got := ok[client.User](t)(i.Operator.EnableUser(ctx, "64f1c0")); got.Status != "active" {
		t.Errorf("%+v", got)
	}
	ok[int](t)(i.Operator.EndUserSessions(ctx, "64f1c0"))
	oldIDsInTeams(t, i, ann)
	if got := ok[client.User](t)(i.Operator.GetUser(ctx, "1")); got.ID != ann.ID { // nobody's external id, so the number
		t.Errorf("%+v", got)
	}
	if got := ok[client.User](t)(i.Operator.GetUser(ctx, "2")); got.Email != "two@example.com" {
		t.Errorf("%+v", got)
	}
	other := ok[client.User](t)(i.Operator.CreateUser(ctx, client.NewUser{Email: "other@example.com", ExternalID: "1", Password: phrase}))
	if got := ok[client.User](t)(i.Operator.GetUser(ctx, "1")); got.ID != other.ID {
		t.Errorf("a number wins over an external id: %+v", got)
	}
}

func oldIDsInTeams(t *testing.T, i *servertest.Instance, ann client.User) {
	t.Helper()
	ctx := t.Context()
	acme := ok[client.Account](t)(i.Operator.CreateAccount(ctx, client.NewAccount{Name: "Acme", OwnerID: "64f1c0"}))
	two := ok[client.Membership](t)(i.Operator.AddMember(ctx, acme.ID, "2", "member"))
	if got := ok[client.Membership](t)(i.Operator.SetMemberRole(ctx, acme.ID, "2", "owner")); got.UserID != two.UserID || got.Role != "owner" {
		t.Errorf("%+v", got)
	}
	if got := ok[client.AccountPage](t)(i.Operator.ListAccounts(ctx, "64f1c0", client.Paging{})); len(got.Accounts) != 1 || got.Accounts[0].ID != acme.ID {
		t.Errorf("%+v", got)
	}
	none(t, i.Operator.RemoveMember(ctx, acme.ID, "2"))
	if got := ok[client.MemberPage](t)(i.Operator.ListMembers(ctx, acme.ID, client.Paging{})); len(got.Members) != 1 || got.Members[0].UserID != ann.ID {
		t.Errorf("%+v", got)
	}
	if got := ok[client.Credit](t)(i.Operator.GrantCredit(ctx, "64f1c0", 3, true)); got.Balance != 3 {
		t.Errorf("%+v", got)
	}
	if got := ok[client.Credit](t)(i.Operator.GetCredit(ctx, "64f1c0")); got.Balance != 3 {
		t.Errorf("%+v", got)
	}
	events := ok[client.EventPage](t)(i.Operator.ListEvents(ctx, client.EventFilter{UserID: "64f1c0", Action: "credit.granted"}, client.Paging{}))
	if len(events.Events) != 1 || events.Events[0].UserID != ann.ID {
		t.Errorf("%+v", events)
	}
}

func importEvents(t *testing.T, i *servertest.Instance) map[string]int {
	t.Helper()
	out := map[string]int{}
	none(t, i.DB.Read(t.Context(), func(tx *store.Tx) error {
		events, err := tx.Events(auth.DefaultApp, store.EventFilter{Limit: 1000})
		for _, e := range events {
			if strings.HasPrefix(e.Action, "user") {
				out[e.Action]++
			}
		}
		return err
	}))
	return out
}

// What is exported with secrets lets everybody in on a fresh server, by password and second factor, under the same id.
func TestRoundTrip(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		jo := signUp(t, i, i.Client, "jo@example.com")
		me := i.Client.WithToken(jo.Tokens.AccessToken)
		begun := ok[client.TOTP](t)(me.BeginTOTP(ctx, ""))
		ok[[]string](t)(me.ConfirmTOTP(ctx, code(t, i, begun.Secret)))
		report := ok[client.ImportReport](t)(i.Operator.ImportUsers(ctx, client.ImportBatch{Lines: append(arrivalLines(),
			`{"external_id": "f", "email": "factor@example.com", "email_verified": true, "password": `+arrivals["ssha"]+`, "totp": {"secret": "JBSW Y3DP EHPK 3PXP JBSW Y3DP"}, "backup_codes": ["AB12-CD34", "12345678", "12345678"]}`)}))
		if report.Invalid != 0 {
			t.Fatalf("%+v", report)
		}
		half := ok[client.SignInResult](t)(i.Client.SignIn(ctx, client.SignIn{Identifier: "factor@example.com", Password: arrivalPassword}))
		ok[client.SignedIn](t)(i.Client.CompleteSecondFactor(ctx, client.ChallengeAnswer{Token: half.Challenge.Token, Code: "ab12cd34"}))

		if lines := export(t, i, false); strings.Contains(strings.Join(lines, "\n"), begun.Secret) {
			t.Error("an export without secrets holds one")
		}
		lines := export(t, i, true)
		if len(lines) != len(arrivals)+2 {
			t.Fatalf("%d lines", len(lines))
		}
		fresh := servertest.Start(t, servertest.WithClock(i.Clock))
		report = ok[client.ImportReport](t)(fresh.Operator.ImportUsers(ctx, client.ImportBatch{Lines: lines}))
		if report.Created != len(lines) {
			t.Fatalf("%+v", report)
		}
		for n, l := range report.Lines {
			was := ok[client.User](t)(i.Operator.GetUser(ctx, l.Email))
			is := ok[client.User](t)(fresh.Operator.GetUser(ctx, l.Email))
			if was.ID != is.ID || was.ExternalID != is.ExternalID || !was.CreatedAt.Equal(is.CreatedAt) || was.TwoFactorEnabled != is.TwoFactorEnabled {
				t.Errorf("%s: was %+v, is %+v", lines[n], was, is)
			}
		}
		for email, want := range map[string][2]string{"jo@example.com": {phrase, begun.Secret}, "factor@example.com": {arrivalPassword, "JBSWY3DPEHPK3PXPJBSWY3DP"},
			"bcrypt@example.com": {arrivalPassword, ""}, "firebase-scrypt@example.com": {"user1password", ""}} {
			fresh.Clock.Advance(time.Minute)
			in := ok[client.SignInResult](t)(fresh.Client.SignIn(ctx, client.SignIn{Identifier: email, Password: want[0]}))
			if (in.Challenge != nil) != (want[1] != "") {
				t.Errorf("%s: %+v", email, in)
			}
			if in.Challenge != nil {
				ok[client.SignedIn](t)(fresh.Client.CompleteSecondFactor(ctx, client.ChallengeAnswer{Token: in.Challenge.Token, Code: code(t, fresh, want[1])}))
			}
		}
		if events := importEvents(t, i); events["users.exported"] < 2 {
			t.Errorf("%v", events)
		}
	})
}

// export reads every page; each line is one JSON object.
func export(t *testing.T, i *servertest.Instance, secrets bool) (lines []string) {
	t.Helper()
	p := client.Paging{Limit: 5}
	for {
		page := ok[client.ExportedPage](t)(i.Operator.ExportUsers(t.Context(), secrets, p))
		for _, l := range page.Lines {
			if !json.Valid([]byte(l)) || strings.Contains(l, "\n") {
				t.Errorf("line %s", l)
			}
		}
		lines = append(lines, page.Lines...)
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			return lines
		}
	}
}

// Neither an administrator nor anybody else on the network may bring or read hashes.
func TestOnlyTheOperatorImports_PW18(t *testing.T) {
	i := servertest.Start(t)
	ctx := t.Context()
	ada := ok[client.SignedIn](t)(i.Client.CreateFirstAdministrator(ctx, client.Setup{Token: i.SetupToken(), Email: "ada@example.com", Password: phrase}))
	admin := i.Client.WithToken(ada.Tokens.AccessToken)
	_, err := admin.ImportUsers(ctx, client.ImportBatch{})
	refusedAs(t, err, "forbidden")
	_, err = admin.ExportUsers(ctx, false, paging(0))
	refusedAs(t, err, "forbidden")
}
