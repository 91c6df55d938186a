package operation

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

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
		return done(c.deps.Signer.Rotate(ctx, in.Emergency))
	})
}

// GetSharedSecretInput is the input of get-shared-secret.
type GetSharedSecretInput struct{}

func (c *Catalogue) getSharedSecret() *Definition {
	return define(Definition{
		Name: "get-shared-secret",
		Doc: "The secret with which the app's access tokens are signed where its `signing_algorithm` is HS256. Whoever has it can make tokens of any " +
			"user of the app for servers that share it; our own doors take only what they have issued.",
		Access:  Operator,
		Results: []Result{result[SharedSecret]("ok", "The secret.")},
		Errors:  []auth.Code{auth.CodeConflict},
	}, func(ctx context.Context, r *Request, _ *GetSharedSecretInput) (Outcome, error) {
		home, err := c.deps.Apps.Get(ctx, r.Caller.App)
		if err != nil {
			return Outcome{}, err
		}
		if home.Settings.SigningAlgorithm != auth.AlgorithmHS256 {
			return Outcome{}, auth.E(auth.CodeConflict, "The app's tokens are not signed with a shared secret; verify them with the keys of /.well-known/jwks.json.")
		}
		return OK(SharedSecret{Algorithm: auth.AlgorithmHS256, Secret: base64.RawURLEncoding.EncodeToString(c.deps.Signer.HS256Secret(home.ID))}), nil
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
		report, err := c.deps.Audit.Verify(ctx, c.deps.DB, r.Caller.App)
		if err != nil {
			return Outcome{}, err
		}
		out := AuditReport{Sealed: report.Sealed, Removed: report.Removed, Unsealed: report.Unsealed, Intact: report.OK(), Faults: len(report.Faults)}
		if len(report.Faults) > 0 {
			first := report.Faults[0]
			out.Problem = fmt.Sprintf("%s at place %d of the chain (event %s)", first.Kind, first.Seq, first.Event)
		}
		return OK(out), nil
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
		link, needed, err := c.deps.Login.IssueSetupLink(ctx, r.Caller)
		if err != nil {
			return Outcome{}, err
		}
		if !needed {
			return Outcome{}, auth.E(auth.CodeConflict, "There is an administrator already. Who lost the password asks for a new one at the sign-in; another "+
				"administrator is made by `ostiary users create ADDRESS --role admin`.")
		}
		return OK(SetupLink{URL: c.deps.PublicURL + "/setup?token=" + url.QueryEscape(link.Token), Token: link.Token,
			ExpiresAt: link.ExpiresAt}), nil
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
		if !filepath.IsAbs(in.Path) {
			return Outcome{}, auth.Invalid("path", auth.ViolationFormat, "An absolute path on the server's machine.")
		}
		if _, err := os.Lstat(in.Path); err == nil {
			return Outcome{}, auth.E(auth.CodeConflict, "There is such a file already; give a name that does not exist.")
		}
		if err := c.deps.DB.Backup(ctx, in.Path); err != nil {
			return Outcome{}, err
		}
		file, err := os.Stat(in.Path)
		if err != nil {
			return Outcome{}, fmt.Errorf("look at the backup: %w", err)
		}
		return OK(SavedBackup{Path: in.Path, Size: file.Size()}), nil
	})
}
