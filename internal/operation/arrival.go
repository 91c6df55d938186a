package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/user"
)

// Whoever brings a hash along knows the password, and whoever reads one may guess it at leisure: an administrator may
// do neither to another person (PW-18), so both operations are the operator's.

// ImportUsersInput is the input of import-users.
type ImportUsersInput struct {
	Lines     []string `input:"lines,required,secret"` // of the file, at most 500
	FirstLine int      `input:"first_line"`            // number of the first one in the file; 0 means 1
	DryRun    bool     `input:"dry_run"`
	Existing  string   `input:"existing"` // skip (or empty) or fail
}

// ImportedLine tells what became of one line of an import.
type ImportedLine struct {
	Line       int         `json:"line"`
	Outcome    string      `json:"outcome"` // created, valid, exists, invalid or not-reached
	ID         auth.UserID `json:"id,omitempty"`
	ExternalID string      `json:"external_id,omitempty"`
	Email      string      `json:"email,omitempty"`
	Field      string      `json:"field,omitempty"`
	Reason     string      `json:"reason,omitempty"`
	Earlier    int         `json:"earlier_line,omitempty"` // took what this one needs
	NotCarried []string    `json:"not_carried"`
	// Identifiers are what a line of a dry run would take if it did not clash with one of its batch; a file of several
	// batches is compared by them.
	Identifiers []Identifier `json:"identifiers,omitempty"`
}

// Identifier is something that only one user of an app has, in the form in which it is compared.
type Identifier struct {
	Field string `json:"field"` // id, external_id, email or username
	Value string `json:"value"`
}

// ImportReport tells what became of a batch.
type ImportReport struct {
	DryRun   bool           `json:"dry_run"`
	Stopped  bool           `json:"stopped"`
	Created  int            `json:"created"`
	Existing int            `json:"existing"`
	Invalid  int            `json:"invalid"`
	Lines    []ImportedLine `json:"lines"`
}

func (c *Catalogue) importUsers() *Definition {
	return define(Definition{
		Name: "import-users",
		Doc: "Makes users from up to 500 lines of a file, each a JSON object (docs/import.md), with the password hashes, " +
			"second factors and ids that they had elsewhere. Nobody is mailed. A line that is wrong, or whose user is " +
			"there already, is reported and does not hinder the others. A dry run writes nothing; with `existing` " +
			"`fail` the import stops at the first user who is there.",
		Access:  Operator,
		Results: []Result{result[ImportReport]("ok", "What became of each line.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *ImportUsersInput) (Outcome, error) {
		report, err := c.deps.Lifecycle.Import(ctx, r.Caller, lifecycle.ImportBatch{Lines: in.Lines, FirstLine: in.FirstLine,
			DryRun: in.DryRun, Existing: in.Existing})
		if err != nil {
			return Outcome{}, err
		}
		out := ImportReport{DryRun: report.DryRun, Stopped: report.Stopped, Created: report.Created, Existing: report.Existing,
			Invalid: report.Invalid, Lines: make([]ImportedLine, len(report.Lines))}
		for i, l := range report.Lines {
			if l.NotCarried == nil {
				l.NotCarried = []string{}
			}
			out.Lines[i] = ImportedLine{Line: l.Line, Outcome: l.Outcome, ID: l.ID, ExternalID: l.ExternalID, Email: l.Email,
				Field: l.Field, Reason: l.Reason, Earlier: l.Earlier, NotCarried: l.NotCarried}
			for _, id := range l.Identifiers {
				out.Lines[i].Identifiers = append(out.Lines[i].Identifiers, Identifier(id))
			}
		}
		return OK(out), nil
	})
}

// ExportUsersInput is the input of export-users.
type ExportUsersInput struct {
	Paging
	Secrets bool `input:"secrets"` // TOTP secrets in the clear
}

// ExportedUsers is one page of users as lines of a file.
type ExportedUsers struct {
	Lines      []string `json:"lines"`
	NextCursor string   `json:"next_cursor,omitempty"`
}

func (c *Catalogue) exportUsers() *Definition {
	return define(Definition{
		Name: "export-users",
		Doc: "Writes users of the app as lines of the format that import-users reads, oldest first: with their password " +
			"hashes, and with `secrets` their TOTP secrets. Each page is recorded in the audit log.",
		Access:  Operator,
		Results: []Result{result[ExportedUsers]("ok", "One page of lines.")},
		Errors:  []auth.Code{auth.CodeNotFound},
	}, func(ctx context.Context, r *Request, in *ExportUsersInput) (Outcome, error) {
		page, err := c.page("export-users", r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		rows, more, err := c.deps.Lifecycle.Export(ctx, r.Caller, lifecycle.ExportPage{Secrets: in.Secrets,
			Page: user.Page{AfterTime: page.after.at, AfterID: auth.UserID(page.after.id), Limit: page.limit}})
		if err != nil {
			return Outcome{}, err
		}
		out := ExportedUsers{Lines: make([]string, len(rows))}
		for i, row := range rows {
			out.Lines[i] = row.Line
		}
		if more {
			last := rows[len(rows)-1].User
			out.NextCursor = page.seal(place{last.CreatedAt, string(last.ID)})
		}
		return OK(out), nil
	})
}
