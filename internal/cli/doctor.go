package cli

import (
	"context"
	"encoding/json"
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
	return append(ready(e.ctx, web), append(challenges(e.ctx, web), administrators(e.ctx, web))...)
}

// ready reads what the server says about its own state.
func ready(ctx context.Context, web *http.Client) []server.Finding {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.OperatorURL+"/readyz", nil)
	if err != nil {
		return []server.Finding{{Level: server.Unsafe, Subject: "database", Text: err.Error(), Remedy: "see the server's log"}}
	}
	response, err := web.Do(request)
	if err != nil {
		return []server.Finding{{Level: server.Unsafe, Subject: "database", Text: err.Error(), Remedy: "see the server's log"}}
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return []server.Finding{{Level: server.Unsafe, Subject: "database", Text: "does not answer", Remedy: "make the database reachable; the server's log says why it is not"}}
	}
	out := []server.Finding{{Level: server.Fine, Subject: "database", Text: "answers"}}
	var state struct {
		Challenges string `json:"challenges"`
	}
	if err := json.NewDecoder(response.Body).Decode(&state); err == nil && state.Challenges != "" {
		out = append(out, server.Finding{Level: server.Unsafe, Subject: "challenges", Text: "a challenge service does not answer: strangers are refused",
			Remedy: "the server's log says which and why; `ostiary apps update APP --challenge none` asks nobody meanwhile"})
	}
	return out
}

// challenges tells what each app asks of strangers.
func challenges(ctx context.Context, web *http.Client) []server.Finding {
	apps, err := listApps(ctx, &client.Client{BaseURL: server.OperatorURL, HTTP: web})
	if err != nil {
		return []server.Finding{{Level: server.Unsafe, Subject: "challenges", Text: err.Error(), Remedy: "see the server's log"}}
	}
	var out []server.Finding
	for _, a := range apps {
		f := server.Finding{Level: server.Fine, Subject: "challenge (app " + a.ID + ")", Text: a.Challenge.Kind}
		switch {
		case a.Challenge.Kind == "none" || a.Challenge.Kind == "":
			f.Text = "none: robots are held off by limits alone"
		case a.Challenge.Kind == "allow-list":
			f.Level, f.Text = server.Notice, "allow-list: whoever reads the page knows the site key"
			f.Remedy = "use turnstile, hcaptcha or recaptcha against robots that are made for this app"
		case len(a.Challenge.Hostnames) == 0:
			f.Level, f.Text = server.Notice, a.Challenge.Kind+": a response from any page that the service lets use the widget counts"
			f.Remedy = "name the hosts of your pages with --challenge-hostname"
		}
		out = append(out, f)
	}
	return out
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
