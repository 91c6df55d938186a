package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/internal/server"
)

type contractCmd struct {
	List  contractListCmd  `cmd:"" help:"List the contracts that these settings serve."`
	Check contractCheckCmd `cmd:"" help:"Find every mistake in a document."`
	Test  contractTestCmd  `cmd:"" help:"Replay the examples of a document on fresh servers, with --database on PostgreSQL."`
}

type contractListCmd struct{}

// mounted is a contract with its policy in words, and what its app asks of strangers.
type mounted struct {
	contract.Info
	Policy    map[string]string `json:"policy"` // the value of each knob by name
	Weaker    []string          `json:"weaker"` // the knobs on which it is weaker than our own API
	Challenge string            `json:"challenge"`
}

// Run lists the mounted contracts, each with the knobs of its policy on which it is weaker than our own API.
func (contractListCmd) Run(e *env) error {
	c, err := e.settings()
	if err != nil {
		return err
	}
	infos, err := server.Contracts(e.ctx, c, e.options(c, "warn"))
	if err != nil {
		return err
	}
	asked := e.challengesByApp(c)
	list := make([]mounted, len(infos))
	var rows [][]string
	for n, i := range infos {
		list[n] = mounted{Info: i, Policy: map[string]string{}, Weaker: []string{}, Challenge: first(asked[string(i.App)], "unknown")}
		for _, k := range auth.Knobs() {
			list[n].Policy[k.Name] = k.Value(i.Policy)
		}
		told := ""
		for _, k := range i.Policy.Weaker() {
			list[n].Weaker = append(list[n].Weaker, k.Name)
			told += k.Name + "=" + k.Weak + " "
		}
		rows = append(rows, []string{i.Name, i.Title, string(i.App), first(i.Host, "any"), bases(i.Bases),
			strconv.Itoa(i.Operations), list[n].Challenge, first(strings.TrimSpace(told), "nothing")})
	}
	return e.show(list, table([]string{"name", "title", "app", "host", "base", "operations", "challenge", "weaker in"}, rows))
}

// bases are the base paths of a mount; that of the root is its slash.
func bases(list []string) string {
	shown := make([]string, len(list))
	for n, base := range list {
		shown[n] = first(base, "/")
	}
	return strings.Join(shown, " ")
}

// challengesByApp asks the server, or the database of the settings, for the challenge of each app; empty while there is
// neither, for the contracts are listed all the same.
func (e *env) challengesByApp(c config.Config) map[string]string {
	out := map[string]string{}
	if c.Database == "" {
		if _, err := os.Stat(server.DatabasePath(c)); err != nil {
			return out
		}
	}
	web, done, err := e.connect(c)
	if err != nil {
		return out
	}
	defer func() { _ = done() }() // what was read stands
	apps, err := listApps(e.ctx, &client.Client{BaseURL: server.OperatorURL, HTTP: web})
	if err != nil {
		return out
	}
	for _, a := range apps {
		out[a.ID] = a.Challenge.Kind
	}
	return out
}

type contractCheckCmd struct {
	File []string `arg:"" help:"A document, or the name of a shipped one."`
}

// Run checks documents.
func (c contractCheckCmd) Run(e *env) error {
	catalogue := operation.New(operation.Deps{})
	found := []contract.Problem{}
	for _, name := range c.File {
		source, err := server.Source(name)
		if err != nil {
			return err
		}
		found = append(found, contract.Check(source, catalogue)...)
	}
	err := e.show(found, func(w io.Writer) {
		for _, p := range found {
			_, _ = fmt.Fprintln(w, p)
		}
		if len(found) == 0 {
			_, _ = fmt.Fprintln(w, "No mistakes.")
		}
	})
	if err == nil && len(found) > 0 {
		return errors.New(strconv.Itoa(len(found)) + " mistakes")
	}
	return err
}

type contractTestCmd struct {
	File string `arg:"" help:"A document, or the name of a shipped one."`
}

// Run replays the examples of a document: on SQLite, or on the PostgreSQL server that stands on the command line. The one
// of the configuration is left alone, because databases are made and dropped beside the named one.
func (c contractTestCmd) Run(e *env) error {
	source, err := server.Source(c.File)
	if err != nil {
		return err
	}
	report, err := server.TestContract(e.ctx, source, e.flags["database"])
	if err != nil {
		return err
	}
	if err := e.show(report, func(w io.Writer) { printReplays(w, report) }); err != nil {
		return err
	}
	if !report.OK() {
		return errors.New("some answers are not what the examples show")
	}
	return nil
}

func printReplays(w io.Writer, report contract.Report) {
	passed, skipped := 0, 0
	for _, r := range report.Replays {
		at := strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.Path, first(r.Example, r.Outcome)))
		switch {
		case len(r.Faults) > 0:
			_, _ = fmt.Fprintf(w, "FAILED   line %d, %s: %s\n", r.Line, at, strings.Join(r.Faults, "; "))
		case r.Skipped != "":
			_, _ = fmt.Fprintf(w, "skipped  line %d, %s: %s\n", r.Line, at, r.Skipped)
			skipped++
		default:
			_, _ = fmt.Fprintf(w, "ok       line %d, %s\n", r.Line, at)
			passed++
		}
	}
	_, _ = fmt.Fprintf(w, "%d examples, %d as they are shown, %d skipped\n", len(report.Replays), passed, skipped)
}
