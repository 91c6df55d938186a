package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server"
)

// errUnsafe makes doctor exit non-zero.
var errUnsafe = errors.New("something is unsafe")

type doctorCmd struct{}

// Run says what is unsafe.
func (doctorCmd) Run(e *env) error {
	c, err := e.settings()
	if err != nil {
		return err
	}
	findings := server.Doctor(e.ctx, c, e.options(c, "error"))
	findings = append(findings, e.examine(c)...)
	if err := e.show(findings, func(w io.Writer) { printFindings(w, findings) }); err != nil {
		return err
	}
	if server.AnyUnsafe(findings) {
		return errUnsafe
	}
	return nil
}

func printFindings(w io.Writer, findings []server.Finding) {
	signs := map[server.Level]string{server.Fine: "ok     ", server.Notice: "notice ", server.Unsafe: "UNSAFE "}
	count := 0
	for _, f := range findings {
		_, _ = fmt.Fprintf(w, "%s %s: %s\n", signs[f.Level], f.Subject, printable(f.Text))
		if f.Remedy != "" {
			_, _ = fmt.Fprintf(w, "        -> %s\n", f.Remedy)
		}
		if f.Level == server.Unsafe {
			count++
		}
	}
	if count == 0 {
		_, _ = fmt.Fprintln(w, "\nNothing is unsafe.")
		return
	}
	_, _ = fmt.Fprintf(w, "\n%d unsafe.\n", count)
}

// examine asks the running server, or one assembled on the database of the settings, for its state.
func (e *env) examine(c config.Config) []server.Finding {
	if c.Database == "" {
		if _, err := os.Stat(server.DatabasePath(c)); err != nil {
			return []server.Finding{{Level: server.Notice, Subject: "database", Text: "there is none yet", Remedy: "`ostiary serve` makes it"}}
		}
	}
	web, done, err := e.connect(c)
	if err != nil {
		return []server.Finding{{Level: server.Unsafe, Subject: "database", Text: err.Error(), Remedy: "make the database reachable"}}
	}
	defer func() { _ = done() }() // the findings stand
	return []server.Finding{ready(e.ctx, web), administrators(e.ctx, web)}
}

func ready(ctx context.Context, web *http.Client) server.Finding {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.OperatorURL+"/readyz", nil)
	if err != nil {
		return server.Finding{Level: server.Unsafe, Subject: "database", Text: err.Error(), Remedy: "see the server's log"}
	}
	response, err := web.Do(request)
	if err != nil {
		return server.Finding{Level: server.Unsafe, Subject: "database", Text: err.Error(), Remedy: "see the server's log"}
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return server.Finding{Level: server.Unsafe, Subject: "database", Text: "does not answer", Remedy: "make the database reachable; the server's log says why it is not"}
	}
	return server.Finding{Level: server.Fine, Subject: "database", Text: "answers"}
}

func administrators(ctx context.Context, web *http.Client) server.Finding {
	ask := &client.Client{BaseURL: server.OperatorURL, HTTP: web}
	page, err := ask.ListUsers(ctx, client.UserFilter{Role: "admin", Status: "active"}, client.Paging{Limit: 1})
	switch {
	case err != nil:
		return server.Finding{Level: server.Unsafe, Subject: "administrators", Text: err.Error(), Remedy: "see the server's log"}
	case len(page.Users) == 0:
		return server.Finding{Level: server.Notice, Subject: "administrators", Text: "there is none yet", Remedy: "open the link of `ostiary setup link`"}
	}
	return server.Finding{Level: server.Fine, Subject: "administrators", Text: "exist"}
}
