package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/client"
)

type usersCmd struct {
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`

	List    usersListCmd    `cmd:"" help:"List the users."`
	Show    usersShowCmd    `cmd:"" help:"Show a user."`
	Create  usersCreateCmd  `cmd:"" help:"Make a user."`
	Disable usersDisableCmd `cmd:"" help:"Shut a user out at once."`
	Enable  usersEnableCmd  `cmd:"" help:"Let a user in again who is disabled or about to be erased."`
	Delete  usersDeleteCmd  `cmd:"" help:"Shut a user out at once, and erase everything about them after the grace period."`
	SignOut usersSignOutCmd `cmd:"" help:"End every session of a user."`

	Passkeys passkeysCmd `cmd:"" help:"Passkeys of a user."`

	Import usersImportCmd `cmd:"" help:"Take users in from a file, with the passwords and second factors they have."`
	Export usersExportCmd `cmd:"" help:"Write the users to a file that import reads."`
}

type usersListCmd struct {
	Status string `placeholder:"active|disabled|deleting" help:"Only those."`
	Role   string `help:"Only those."`
	Search string `help:"Only those whose address or username begins like this."`
}

// Run lists users.
func (c usersListCmd) Run(e *env, parent *usersCmd) error {
	return e.ask(parent.App, func(ask *client.Client) error {
		filter := client.UserFilter{Status: c.Status, Role: c.Role, Search: c.Search}
		users, err := all(e.ctx, func(ctx context.Context, p client.Paging) ([]client.User, string, error) {
			page, err := ask.ListUsers(ctx, filter, p)
			return page.Users, page.NextCursor, err
		})
		if err != nil {
			return err
		}
		return e.showUsers(users, users)
	})
}

func (e *env) showUsers(value any, users []client.User) error {
	var rows [][]string
	for _, u := range users {
		rows = append(rows, []string{strconv.FormatInt(u.Number, 10), u.Email, yesNo(u.EmailVerified), u.Role, u.Status,
			yesNo(u.TwoFactorEnabled), when(&u.CreatedAt), u.ID})
	}
	return e.show(value, table([]string{"number", "email", "verified", "role", "status", "2fa", "created", "id"}, rows))
}

// one asks for one user and prints the answer.
func (e *env) one(app string, call func(ask *client.Client) (client.User, error)) error {
	return e.ask(app, func(ask *client.Client) error {
		user, err := call(ask)
		if err != nil {
			return err
		}
		return e.showUsers(user, []client.User{user})
	})
}

// userArg is how a command names a user.
type userArg struct {
	User string `arg:"" help:"Id, external id, number, e-mail address or username."`
}

// id finds the user's id.
func (a userArg) id(ctx context.Context, ask *client.Client) (string, error) {
	user, err := ask.GetUser(ctx, a.User)
	return user.ID, err
}

type usersShowCmd struct{ userArg }

// Run shows a user.
func (c usersShowCmd) Run(e *env, parent *usersCmd) error {
	return e.one(parent.App, func(ask *client.Client) (client.User, error) { return ask.GetUser(e.ctx, c.User) })
}

type usersDisableCmd struct{ userArg }

// Run shuts a user out.
func (c usersDisableCmd) Run(e *env, parent *usersCmd) error {
	return e.one(parent.App, func(ask *client.Client) (client.User, error) {
		id, err := c.id(e.ctx, ask)
		if err != nil {
			return client.User{}, err
		}
		return ask.DisableUser(e.ctx, id)
	})
}

type usersEnableCmd struct{ userArg }

// Run lets a user in again.
func (c usersEnableCmd) Run(e *env, parent *usersCmd) error {
	return e.one(parent.App, func(ask *client.Client) (client.User, error) {
		id, err := c.id(e.ctx, ask)
		if err != nil {
			return client.User{}, err
		}
		return ask.EnableUser(e.ctx, id)
	})
}

type usersDeleteCmd struct {
	userArg
	Immediately bool `help:"Erase within minutes. Nothing takes that back."`
}

// Run lets a user be erased.
func (c usersDeleteCmd) Run(e *env, parent *usersCmd) error {
	return e.one(parent.App, func(ask *client.Client) (client.User, error) {
		id, err := c.id(e.ctx, ask)
		if err != nil {
			return client.User{}, err
		}
		return ask.DeleteUser(e.ctx, id, c.Immediately)
	})
}

type usersSignOutCmd struct{ userArg }

// Run ends every session of a user.
func (c usersSignOutCmd) Run(e *env, parent *usersCmd) error {
	return e.ask(parent.App, func(ask *client.Client) error {
		id, err := c.id(e.ctx, ask)
		if err != nil {
			return err
		}
		ended, err := ask.EndUserSessions(e.ctx, id)
		if err != nil {
			return err
		}
		return e.show(map[string]any{"id": id, "ended": ended}, func(w io.Writer) { _, _ = fmt.Fprintf(w, "%d sessions ended.\n", ended) })
	})
}

type usersCreateCmd struct {
	Email        string `arg:"" optional:"" help:"E-mail address."`
	EmailFlag    string `name:"email" placeholder:"ADDRESS" help:"The same."`
	Username     string `help:"Username."`
	Name         string `help:"Full name."`
	Role         string `placeholder:"user|member|moderator|admin" help:"Role; left out: user."`
	ExternalID   string `help:"Id that the user had elsewhere."`
	Verified     bool   `help:"The address is known to be the user's."`
	PasswordFile string `placeholder:"FILE" help:"File that holds the password, - for standard input. Left out: the user is mailed a link to choose one."`
}

// Run makes a user.
func (c usersCreateCmd) Run(e *env, parent *usersCmd) error {
	email := first(c.Email, c.EmailFlag)
	if email == "" {
		return errors.New("a user needs an address: ostiary users create ADDRESS")
	}
	password, err := e.secretFile(c.PasswordFile)
	if err != nil {
		return err
	}
	return e.one(parent.App, func(ask *client.Client) (client.User, error) {
		return ask.CreateUser(e.ctx, client.NewUser{Email: email, EmailVerified: c.Verified, Password: password, Username: c.Username,
			Name: c.Name, Role: c.Role, ExternalID: c.ExternalID})
	})
}

// secretFile reads the first line of a file, or of standard input. Secrets are never flags: other accounts of the
// machine can read those.
func (e *env) secretFile(path string) (string, error) {
	var text []byte
	var err error
	switch path {
	case "":
		return "", nil
	case "-":
		text, err = io.ReadAll(io.LimitReader(e.in, 4096))
	default:
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}
