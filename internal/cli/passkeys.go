package cli

import (
	"fmt"
	"io"

	"github.com/ostiary-id/ostiary/client"
)

type passkeysCmd struct {
	List   passkeysListCmd   `cmd:"" help:"List the passkeys of a user."`
	Remove passkeysRemoveCmd `cmd:"" help:"Remove a passkey of a user who lost it; a mail tells the user."`
}

type passkeysListCmd struct{ userArg }

// Run lists the passkeys of a user.
func (c passkeysListCmd) Run(e *env, parent *usersCmd) error {
	return e.ask(parent.App, func(ask *client.Client) error {
		id, err := c.id(e.ctx, ask)
		if err != nil {
			return err
		}
		held, err := ask.ListUserPasskeys(e.ctx, id)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, p := range held.Passkeys {
			rows = append(rows, []string{p.Name, p.Model, yesNo(p.Synced), when(&p.CreatedAt), when(p.LastUsedAt), when(p.CloneSuspectedAt), p.ID})
		}
		return e.show(held.Passkeys, table([]string{"name", "made by", "synced", "created", "last used", "clone suspected", "id"}, rows))
	})
}

type passkeysRemoveCmd struct {
	userArg
	Passkey string `arg:"" help:"Id of the passkey, as list shows it."`
}

// Run removes a passkey of a user.
func (c passkeysRemoveCmd) Run(e *env, parent *usersCmd) error {
	return e.ask(parent.App, func(ask *client.Client) error {
		id, err := c.id(e.ctx, ask)
		if err != nil {
			return err
		}
		if err := ask.DeleteUserPasskey(e.ctx, id, c.Passkey); err != nil {
			return err
		}
		return e.show(map[string]string{"id": c.Passkey, "status": "removed"}, func(w io.Writer) { _, _ = fmt.Fprintln(w, "The passkey is removed.") })
	})
}
