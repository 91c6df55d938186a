package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server"
)

type backupCmd struct {
	File string `arg:"" help:"New file on the server's machine."`
}

// Run copies the database.
func (c backupCmd) Run(e *env) error {
	path, err := filepath.Abs(c.File)
	if err != nil {
		return err
	}
	return e.ask("", func(ask *client.Client) error {
		saved, err := ask.Backup(e.ctx, path)
		if err != nil {
			return err
		}
		return e.show(saved, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "%s, %d bytes. The master key is not in it.\n", saved.Path, saved.Size)
		})
	})
}

type restoreCmd struct {
	File             string `arg:"" optional:"" help:"A file that backup made."`
	DatabaseRestored bool   `help:"The PostgreSQL database was restored by its own tools; do what is left to do."`
}

// Run restores a backup.
func (c restoreCmd) Run(e *env) error {
	settings, err := e.settings()
	if err != nil {
		return err
	}
	var r server.Restored
	switch {
	case c.DatabaseRestored && c.File == "":
		r, err = server.MarkRestored(e.ctx, settings, e.options(settings, "warn"))
	case c.File != "" && !c.DatabaseRestored:
		r, err = server.Restore(e.ctx, settings, e.options(settings, "warn"), c.File)
	default:
		err = errors.New("give either the file of a backup or --database-restored")
	}
	if err != nil {
		return err
	}
	return e.show(r, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "Restored. %d sessions ended, %d links and codes removed, %d waiting mails dropped.\n", r.Sessions, r.Proofs, r.Mails)
		if r.Kept != "" {
			_, _ = fmt.Fprintf(w, "The database of before is %s.\n", r.Kept)
		}
		_, _ = fmt.Fprintln(w, "API keys and app keys are as they were at the backup: revoke again what was revoked since.")
	})
}
