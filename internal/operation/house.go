package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// RotateSigningKeysInput is the input of rotate-signing-keys.
type RotateSigningKeysInput struct {
	Emergency bool `input:"emergency"` // the old keys stop at once: every access token dies
}

func (c *Catalogue) rotateSigningKeys() *Definition {
	return define(Definition{
		Name: "rotate-signing-keys",
		Doc: "Makes new signing keys. The old ones stay in the JWKS until their tokens are gone, except with " +
			"`emergency`, which removes them at once.",
		Access:  Operator,
		Results: []Result{result[Done]("ok", "New keys sign from now on.")},
	}, func(ctx context.Context, r *Request, in *RotateSigningKeysInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// VerifyAuditInput is the input of verify-audit.
type VerifyAuditInput struct{}

func (c *Catalogue) verifyAudit() *Definition {
	return define(Definition{
		Name:    "verify-audit",
		Doc:     "Walks the sealed chain of the app's audit events and tells whether every link holds.",
		Access:  Operator,
		Results: []Result{result[AuditReport]("ok", "What was found.")},
	}, func(ctx context.Context, r *Request, in *VerifyAuditInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// IssueSetupLinkInput is the input of issue-setup-link.
type IssueSetupLinkInput struct{}

func (c *Catalogue) issueSetupLink() *Definition {
	return define(Definition{
		Name:    "issue-setup-link",
		Doc:     "Makes a new link for `create-first-administrator`; the one before it dies. Refused once an administrator exists.",
		Access:  Operator,
		Results: []Result{result[SetupLink]("ok", "The link.")},
		Errors:  []auth.Code{auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *IssueSetupLinkInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}

// BackupInput is the input of backup.
type BackupInput struct {
	Path string `input:"path,required"` // absolute, on the server's machine; must not exist
}

func (c *Catalogue) backup() *Definition {
	return define(Definition{
		Name: "backup",
		Doc: "Writes a consistent copy of the database to a new file on the server's machine, while serving. The " +
			"master key is not in it.",
		Access:  Operator,
		Results: []Result{result[SavedBackup]("ok", "The file.")},
		Errors:  []auth.Code{auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *BackupInput) (Outcome, error) {
		return Outcome{}, errUnwritten
	})
}
