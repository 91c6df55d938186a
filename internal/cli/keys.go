package cli

import (
	"fmt"
	"io"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server"
)

type keysCmd struct {
	Rotate keysRotateCmd `cmd:"" help:"Let new keys sign, or change the master key."`
	Shared keysSharedCmd `cmd:"" help:"Print the secret that an app shares with old resource servers."`
}

type keysSharedCmd struct {
	App string `placeholder:"ID" default:"default" help:"Id of the app (default)."`
}

// Run prints the shared secret of an app.
func (c keysSharedCmd) Run(e *env) error {
	return e.ask(c.App, func(ask *client.Client) error {
		shared, err := ask.GetSharedSecret(e.ctx)
		if err != nil {
			return err
		}
		return e.show(shared, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "%s\n\nIn base64url. The app's access tokens are signed with it (%s); whoever has it can make some for servers that share it.\n",
				shared.Secret, shared.Algorithm)
		})
	})
}

type keysRotateCmd struct {
	Emergency bool `xor:"what" help:"Somebody else may know the keys: the old ones stop at once, and every access token with them."`
	Master    bool `xor:"what" help:"Change the master key instead; the server must be stopped."`
}

// Run rotates keys.
func (c keysRotateCmd) Run(e *env) error {
	if c.Master {
		return e.rotateMaster()
	}
	return e.ask("", func(ask *client.Client) error {
		if err := ask.RotateSigningKeys(e.ctx, c.Emergency); err != nil {
			return err
		}
		return e.show(map[string]any{"rotated": "signing-keys", "emergency": c.Emergency}, func(w io.Writer) {
			_, _ = fmt.Fprintln(w, "New keys sign from now on.")
		})
	})
}

func (e *env) rotateMaster() error {
	c, err := e.settings()
	if err != nil {
		return err
	}
	if _, running := server.Dial(e.ctx, c); running {
		return fmt.Errorf("a server is running on %s; stop it first", c.Data)
	}
	fingerprint, err := server.RotateMaster(e.ctx, c, e.options(c, "warn"))
	if err != nil {
		return err
	}
	return e.show(map[string]string{"rotated": "master-key", "fingerprint": fingerprint}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "The new master key has the fingerprint %s. Keep a copy apart from the backups, and give it to every node.\n"+
			"Backups from before need the old key.\n", fingerprint)
	})
}

type setupCmd struct {
	Link setupLinkCmd `cmd:"" help:"Make a new link; the one before it dies."`
}

type setupLinkCmd struct{}

// Run makes a setup link.
func (setupLinkCmd) Run(e *env) error {
	return e.ask("", func(ask *client.Client) error {
		link, err := ask.IssueSetupLink(e.ctx)
		if err != nil {
			return err
		}
		return e.show(link, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "%s\n\nIt works once, until %s.\n", link.URL, when(&link.ExpiresAt))
		})
	})
}

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Walk the chain of events and tell whether every link holds."`
}

type auditVerifyCmd struct {
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`
}

// Run checks the audit chain of an app.
func (c auditVerifyCmd) Run(e *env) error {
	return e.ask(c.App, func(ask *client.Client) error {
		report, err := ask.VerifyAudit(e.ctx)
		if err != nil {
			return err
		}
		err = e.show(report, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "%d events in the chain, %d wait to be sealed, %d are gone after their time.\n", report.Sealed, report.Unsealed, report.Removed)
			if report.Intact {
				_, _ = fmt.Fprintln(w, "Every link holds.")
			}
		})
		if err == nil && !report.Intact {
			return fmt.Errorf("the audit log was tampered with: %s", report.Problem)
		}
		return err
	})
}
