package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// What becomes of a line.
const (
	LineCreated    = "created"
	LineValid      = "valid" // would be created; of a dry run
	LineExists     = "exists"
	LineInvalid    = "invalid"
	LineNotReached = "not-reached" // stands after the line that stopped the import
)

// What to do about users who are there already.
const (
	ExistingSkip = "skip"
	ExistingFail = "fail"
)

// MaxImportLines is how many lines one call takes; importChunk how many of them one Write does, so that other Writes
// need not wait long.
const (
	MaxImportLines = 500
	importChunk    = 100
)

// ImportBatch is a part of a file.
type ImportBatch struct {
	Lines     []string
	FirstLine int    // number of the first one in the file, for the report; 0 means 1
	DryRun    bool   // write nothing
	Existing  string // skip (or empty) or fail: stop at the first one who is there
}

// ImportedLine tells what became of one line. Reason is for people and holds no value of the line.
type ImportedLine struct {
	Line       int
	Outcome    string
	ID         auth.UserID // of the user who was created or is there; empty in a dry run
	ExternalID string
	Email      string
	Field      string // which member is taken or wrong
	Reason     string
	Earlier    int      // the line of the same batch that took what this one needs; 0: none
	NotCarried []string // what the line held that this server did not take over
	// Identifiers are what a line of a dry run would take in the app if it did not clash with a line of its batch: by them
	// lines are compared that come in different batches. An id that this server would make is not among them.
	Identifiers []user.Identifier
}

// ImportReport tells what became of a batch, line by line.
type ImportReport struct {
	DryRun                     bool
	Stopped                    bool // Existing is fail and somebody was there
	Created, Existing, Invalid int  // Created counts what would be created in a dry run
	Lines                      []ImportedLine
}

// draft is one line on its way.
type draft struct {
	report ImportedLine
	user   user.Arrival
	kept   bool            // the line's id becomes the user's
	factor *factor.Arrival // nil: none
	places []auth.Membership

	identities []lineIdentity
	upstreams  []auth.Upstream // those of the identities whose provider is known
}

// Import makes users from lines in the format of docs/import.md, with the password hashes, second factors and ids that
// they had elsewhere. Nobody is mailed and nobody's password changes: it is hashed anew at the next sign-in. A line that
// is not right, or whose user is there, is reported and does not hinder the others; so the same file can be sent again
// until all is well. Codes: invalid-request, not-found (no such app), forbidden, conflict (somebody took an address at
// this moment: send the batch again).
func (s *Service) Import(ctx context.Context, c auth.Caller, in ImportBatch) (ImportReport, error) {
	if len(in.Lines) > MaxImportLines {
		return ImportReport{}, auth.Invalid("lines", auth.ViolationTooMany, fmt.Sprintf("At most %d lines.", MaxImportLines))
	}
	if in.Existing != "" && in.Existing != ExistingSkip && in.Existing != ExistingFail {
		return ImportReport{}, auth.Invalid("existing", auth.ViolationEnum, "Either skip or fail.")
	}
	var app auth.App
	err := s.Login.DB.Read(ctx, func(tx *store.Tx) (err error) {
		app, err = tx.App(c.App)
		return absent(err, "There is no such app.")
	})
	if err != nil {
		return ImportReport{}, err
	}
	drafts := make([]draft, len(in.Lines))
	for i, text := range in.Lines {
		drafts[i].report.Line = max(in.FirstLine, 1) + i
		if err := s.prepareLine(app, text, &drafts[i]); err != nil {
			return ImportReport{}, err
		}
	}
	report := ImportReport{DryRun: in.DryRun}
	size := importChunk
	if in.DryRun { // nobody waits for a read, and lines are compared within a part
		size = MaxImportLines
	}
	for part := range slices.Chunk(drafts, size) {
		lines, err := s.importPart(ctx, c, in, part, report.Stopped)
		if err != nil {
			return ImportReport{}, err
		}
		report.add(in, lines)
	}
	return report, nil
}

// add counts the lines of one part.
func (r *ImportReport) add(in ImportBatch, lines []ImportedLine) {
	r.Lines = append(r.Lines, lines...)
	for _, l := range lines {
		switch l.Outcome {
		case LineCreated, LineValid:
			r.Created++
		case LineExists:
			r.Existing++
			r.Stopped = r.Stopped || in.Existing == ExistingFail
		case LineInvalid:
			r.Invalid++
		}
	}
}

// prepareLine does for one line what has to be done before the Write. What is wrong with the line stands in its
// report; an error is one of ours.
func (s *Service) prepareLine(app auth.App, text string, d *draft) error {
	l, err := parseLine(text)
	if err == nil {
		d.report.ExternalID, d.report.Email = l.ExternalID, l.firstEmail()
		err = s.draftLine(app, l, d)
	}
	var refusal *auth.Error
	if !errors.As(err, &refusal) || refusal.Code != auth.CodeInvalidRequest {
		return err
	}
	d.report.Outcome, d.report.Reason = LineInvalid, refusal.Text()
	if len(refusal.Violations) > 0 {
		d.report.Field = refusal.Violations[0].Field
	}
	d.report.ExternalID, d.report.Email = clip(d.report.ExternalID), clip(d.report.Email)
	return nil
}

// clip keeps a report short whatever stands in the line.
func clip(text string) string {
	if runes := []rune(text); len(runes) > 254 {
		return string(runes[:254])
	}
	return text
}

func (s *Service) draftLine(app auth.App, l line, d *draft) error {
	now := s.Login.Clock()
	fresh := func() string { return secret.NewID(s.Login.Rand, now) }
	id, external, dropped := l.identity(fresh())
	attributes, err := user.CheckAttributes(app.Settings.Attributes, auth.WrittenByAdmin, l.Attributes)
	if err != nil {
		return err
	}
	u := auth.User{ID: auth.UserID(id), App: app.ID, ExternalID: external, Username: l.Username, Name: l.Name, GivenName: l.GivenName,
		FamilyName: l.FamilyName, Locale: l.Locale, Role: l.Role, Status: l.Status, Attributes: user.MergeAttributes(nil, attributes)}
	if u.CreatedAt, err = past("created_at", l.CreatedAt, now); err != nil {
		return err
	}
	a := user.Arrival{User: u}
	for _, e := range l.addresses() {
		address := auth.Email{ID: auth.EmailID(fresh()), Address: e.Address}
		at, err := past("verified_at", e.VerifiedAt, now)
		if err != nil {
			return err
		}
		if address.VerifiedAt = at; at.IsZero() && e.Verified {
			address.VerifiedAt = now
		}
		a.Emails = append(a.Emails, address)
	}
	if a, err = user.CheckArrival(a); err != nil {
		return err
	}
	if a.Password, err = linePasswordOf(l.Password); err != nil {
		return err
	}
	if l.TOTP != nil && l.TOTP.Secret != "" {
		if d.factor, err = s.draftFactor(app.ID, a.User.ID, l); err != nil {
			return err
		}
		a.User.TOTP = true
	}
	for _, m := range l.Memberships {
		d.places = append(d.places, auth.Membership{ID: auth.MembershipID(fresh()), App: app.ID, Account: auth.AccountID(m.Account),
			User: a.User.ID, Role: auth.MemberRole(m.Role)})
	}
	if err := checkIdentities(l.Identities); err != nil {
		return err
	}
	d.user, d.kept, d.identities = a, id == l.ID, l.Identities
	d.report.ExternalID, d.report.Email, d.report.NotCarried = a.User.ExternalID, a.Emails[0].Address, l.leftBehind()
	if dropped {
		d.report.NotCarried = append(d.report.NotCarried, "id")
	}
	return nil
}

// past reads a time that must lie behind; zero if there is none.
func past(field string, at *time.Time, now time.Time) (time.Time, error) {
	if at == nil {
		return time.Time{}, nil
	}
	if at.UnixMicro() <= 0 || at.After(now.Add(time.Minute)) {
		return time.Time{}, auth.Invalid(field, auth.ViolationInvalid, "This time lies before 1970 or in the future.")
	}
	return at.UTC().Truncate(time.Microsecond), nil
}

func linePasswordOf(p *linePassword) (auth.Password, error) {
	if p == nil {
		return auth.Password{}, nil
	}
	if p.Normaliser != 0 && p.Normaliser != auth.PasswordNormaliser {
		return auth.Password{}, auth.Invalid("password.normaliser", auth.ViolationEnum, "0 or 1.")
	}
	hash, err := secret.ImportPassword(secret.ForeignPassword{Hash: p.Hash, Format: p.Format, Parameters: p.Parameters})
	return auth.Password{Hash: hash, Normaliser: p.Normaliser, MustChange: p.MustChange}, err
}

// draftFactor refuses parameters that our verification does not know, for a factor that never accepts a code would shut
// the user out, and one that is left out silently would open the account.
func (s *Service) draftFactor(app auth.AppID, id auth.UserID, l line) (*factor.Arrival, error) {
	t := l.TOTP
	if (t.Algorithm != "" && t.Algorithm != "SHA1") || (t.Digits != 0 && t.Digits != 6) || (t.Period != 0 && t.Period != 30) {
		return nil, auth.Invalid("totp", auth.ViolationInvalid, "Only SHA1, 6 digits and 30 seconds are known here.")
	}
	return s.Login.Factors.DraftArrival(app, id, t.Secret, l.BackupCodes)
}

// importPart does some of the lines in one Write; in a dry run it only looks. The Write may run twice, so it works on
// reports of its own.
func (s *Service) importPart(ctx context.Context, c auth.Caller, in ImportBatch, part []draft, stopped bool) ([]ImportedLine, error) {
	var out []ImportedLine
	do := func(tx *store.Tx) error {
		out = make([]ImportedLine, len(part))
		known, err := user.ReadKnown(tx, c.App, arrivals(part))
		if err != nil {
			return err
		}
		fit := sortLines(in, part, known, stopped, out)
		part := slices.Clone(part)
		for _, i := range fit {
			if part[i].places, err = places(tx, part[i], &out[i]); err != nil {
				return err
			}
			if part[i].upstreams, err = upstreams(tx, c.App, part[i], &out[i]); err != nil {
				return err
			}
		}
		if in.DryRun || len(fit) == 0 {
			return nil
		}
		return s.insertLines(tx, c, part, fit, out)
	}
	if in.DryRun {
		err := s.Login.DB.Read(ctx, do)
		return out, err
	}
	err := s.Login.DB.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.AppForUpdate(c.App); err != nil {
			return absent(err, "There is no such app.")
		}
		if err := s.recheckAdministrator(tx, c); err != nil {
			return err
		}
		return do(tx)
	})
	return out, err
}

func arrivals(part []draft) []user.Arrival {
	out := make([]user.Arrival, 0, len(part))
	for _, d := range part {
		if d.report.Outcome == "" {
			out = append(out, d.user)
		}
	}
	return out
}

// sortLines tells for each line whether its user can be made, and answers the places of those who can.
func sortLines(in ImportBatch, part []draft, known user.Known, stopped bool, out []ImportedLine) (fit []int) {
	made := map[auth.UserID]int{} // by lines before
	for i, d := range part {
		out[i] = d.report
		if stopped {
			out[i].Outcome, out[i].Field, out[i].Reason, out[i].NotCarried = LineNotReached, "", "", nil
			continue
		}
		if d.report.Outcome != "" {
			continue
		}
		who, field := known.Find(d.user)
		if field == "" {
			known.Add(d.user)
			fit, made[d.user.User.ID] = append(fit, i), d.report.Line
			if in.DryRun {
				out[i].Outcome, out[i].Identifiers = LineValid, d.identifiers()
			}
			continue
		}
		out[i].taken(who, field, made[who])
		if in.DryRun && made[who] > 0 {
			out[i].ID, out[i].Identifiers = "", d.identifiers()
		}
		stopped = out[i].Outcome == LineExists && in.Existing == ExistingFail
	}
	return fit
}

// identifiers are what the line takes, without an id that was made for it.
func (d draft) identifiers() []user.Identifier {
	all := d.user.Identifiers()
	if d.kept {
		return all
	}
	return slices.DeleteFunc(all, func(i user.Identifier) bool { return i.Field == "id" })
}

// taken reports that somebody has an identifier of the line: a user who was there, or one of an earlier line.
func (l *ImportedLine) taken(who auth.UserID, field string, line int) {
	l.Outcome, l.ID, l.Field, l.NotCarried = LineExists, who, field, nil
	l.Reason = "A user with this " + field + " is there already."
	if field == "username" {
		l.Outcome, l.ID, l.Reason = LineInvalid, "", "Another user has this username."
	}
	if line > 0 {
		l.Earlier, l.Reason = line, fmt.Sprintf("Line %d has this %s.", line, field)
	}
}

// insertLines makes the users and records them. The app's row is locked.
func (s *Service) insertLines(tx *store.Tx, c auth.Caller, part []draft, fit []int, out []ImportedLine) error {
	number, err := user.ReserveNumbers(tx, c.App, len(fit))
	if err != nil {
		return err
	}
	created := 0
	for n, i := range fit {
		d := part[i]
		inserted, err := user.InsertArrival(tx, d.user, number+int64(n))
		if err != nil {
			return err
		}
		if !inserted {
			out[i].Outcome, out[i].Field, out[i].Reason = LineInvalid, "id", "The id belongs to somebody else."
			continue
		}
		if err := s.insertBelongings(tx, c, d, &out[i]); err != nil {
			return err
		}
		out[i].Outcome, out[i].ID = LineCreated, d.user.User.ID
		created++
		if err := s.Login.Record(tx, c, auth.Event{Action: "user.imported", User: d.user.User.ID,
			Data: map[string]string{"role": string(d.user.User.Role), "external_id": d.user.User.ExternalID}}); err != nil {
			return err
		}
	}
	first, last := part[0].report.Line, part[len(part)-1].report.Line
	return s.Login.Record(tx, c, auth.Event{Action: "users.imported", Data: map[string]string{"created": strconv.Itoa(created),
		"lines": fmt.Sprintf("%d-%d", first, last)}})
}

// places leaves out the memberships that cannot be had, and says so in the report. It gives the same when it runs twice.
func places(tx *store.Tx, d draft, report *ImportedLine) (fit []auth.Membership, err error) {
	for _, m := range d.places {
		_, err := tx.Account(m.App, m.Account)
		switch {
		case errors.Is(err, store.ErrNotFound):
			report.NotCarried = append(slices.Clip(report.NotCarried), fmt.Sprintf("membership in %s (there is no such account)", clip(string(m.Account))))
		case err != nil:
			return nil, err
		case !m.Role.Valid():
			report.NotCarried = append(slices.Clip(report.NotCarried), fmt.Sprintf("membership in %s (there is no such role)", m.Account))
		default:
			fit = append(fit, m)
		}
	}
	return fit, nil
}

// insertBelongings stores what a user who was just inserted brings along.
func (s *Service) insertBelongings(tx *store.Tx, c auth.Caller, d draft, report *ImportedLine) error {
	if d.factor != nil {
		if err := s.Login.Factors.InsertArrival(tx, d.factor); err != nil {
			return err
		}
	}
	if err := s.linkArrived(tx, c, d, report); err != nil {
		return err
	}
	for _, m := range d.places {
		if _, err := tx.AccountForUpdate(m.App, m.Account); err != nil {
			return err
		}
		switch _, err := s.Login.Accounts.Join(tx, c, m); {
		case auth.Is(err, auth.CodeLimitReached):
			report.NotCarried = append(slices.Clip(report.NotCarried), fmt.Sprintf("membership in %s (the account is full)", m.Account))
		case err != nil:
			return err
		}
	}
	return nil
}
