package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"github.com/ostiary-id/ostiary/internal/config"
)

// Exit codes of Main.
const (
	exitOK     = 0
	exitFailed = 1 // the command failed, doctor found something unsafe, or an import left lines out
	exitUsage  = 2 // unknown command or flag, or wrong settings
)

// commands is the tree of all commands.
type commands struct {
	JSON   bool   `name:"json" help:"Print JSON instead of tables."`
	Config string `name:"config" placeholder:"FILE" help:"Settings in YAML (OSTIARY_CONFIG)."`

	Serve serveCmd `cmd:"" help:"Run the server."`
	Apps  appsCmd  `cmd:"" help:"Apps and the keys that identify them."`
	Users usersCmd `cmd:"" help:"Users of an app."`

	Clients     clientsCmd     `cmd:"" help:"Clients of an app: where people sign in."`
	Providers   providersCmd   `cmd:"" help:"Identity providers that people sign in with."`
	Accounts    accountsCmd    `cmd:"" help:"Accounts: customers or teams inside an app."`
	Members     membersCmd     `cmd:"" help:"Who belongs to an account."`
	Invites     invitesCmd     `cmd:"" help:"Invitations by mail."`
	InviteCodes inviteCodesCmd `cmd:"" help:"Codes that let people sign up."`
	Waitlists   waitlistsCmd   `cmd:"" help:"Who waits for what."`
	Credits     creditsCmd     `cmd:"" help:"What users have of credit."`

	Keys      keysCmd      `cmd:"" help:"Signing keys and the master key."`
	Contract  contractCmd  `cmd:"" help:"The API documents that the server speaks."`
	Templates templatesCmd `cmd:"" help:"Templates, styles and sentences of your own for mails and pages."`

	Setup   setupCmd   `cmd:"" help:"The link that makes the first administrator."`
	Audit   auditCmd   `cmd:"" help:"The audit log."`
	Backup  backupCmd  `cmd:"" help:"Copy the database to a new file while the server goes on."`
	Restore restoreCmd `cmd:"" help:"Put a backup in the place of the database; the server must be stopped."`
	Doctor  doctorCmd  `cmd:"" help:"Say what is unsafe in the configuration and how to mend it."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// env is what every command works with.
type env struct {
	ctx            context.Context
	in             io.Reader
	stdout, stderr io.Writer
	environ        []string
	json           bool
	file           string
	flags          map[string]string // settings given on the command line
	pause          func() bool       // in place of a moment; nil: one passes
}

// Main runs one command and returns the exit code of the process.
func Main(args []string, stdout, stderr io.Writer) int {
	e := &env{ctx: context.Background(), in: os.Stdin, stdout: stdout, stderr: stderr, environ: os.Environ()}
	return e.run(args)
}

// exit carries kong's wish to end (after --help) out of the parser.
type exit int

func (e *env) run(args []string) (code int) {
	defer func() {
		if wish, ok := recover().(exit); ok {
			code = int(wish)
		}
	}()
	var root commands
	flags := newSettingFlags()
	parser, err := kong.New(&root, kong.Name("ostiary"), kong.Description("A self-hosted identity server that speaks the API your clients already use."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Writers(e.stdout, e.stderr), kong.Exit(func(code int) { panic(exit(code)) }), kong.Embed(flags.target()))
	if err != nil {
		_, _ = fmt.Fprintf(e.stderr, "ostiary: %v\n", err)
		return exitFailed
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		_, _ = fmt.Fprintf(e.stderr, "ostiary: %v; see ostiary --help\n", err)
		return exitUsage
	}
	e.json, e.file, e.flags = root.JSON, root.Config, flags.given()
	return e.report(parsed.Run(e))
}

// report tells what went wrong and picks the exit code.
func (e *env) report(err error) int {
	var problems config.Problems
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUnsafe):
		return exitFailed // doctor has said everything
	case errors.As(err, &problems):
		_, _ = fmt.Fprintf(e.stderr, "ostiary: %v\n", problems)
		return exitUsage
	}
	_, _ = fmt.Fprintf(e.stderr, "ostiary: %v\n", err)
	return exitFailed
}

// settings reads the configuration of this call.
func (e *env) settings() (config.Config, error) {
	return config.Load(config.Source{File: e.file, Env: e.environ, Flags: e.flags})
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(e *env) error {
	return e.show(map[string]string{"version": version()}, func(w io.Writer) { _, _ = fmt.Fprintln(w, "ostiary", version()) })
}

// version is that of the module, or the revision that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "development " + s.Value[:12]
		}
	}
	return "development"
}
