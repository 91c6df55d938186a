package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// shell runs commands on one data directory.
type shell struct {
	t    *testing.T
	data string
	in   string
	args []string // after every command
}

func newShell(t *testing.T) *shell {
	t.Helper()
	s := &shell{t: t, data: filepath.Join(t.TempDir(), "data")}
	s.args = []string{"--data", s.data, "--password-memory", "64", "--password-time", "1", "--password-allow-weak", "--listen", "127.0.0.1:0"}
	return s
}

// run is one command; it answers what was printed and the exit code.
func (s *shell) run(args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	e := &env{ctx: s.t.Context(), in: strings.NewReader(s.in), stdout: &out, stderr: &errs}
	code = e.run(append(args, s.args...))
	return out.String(), errs.String(), code
}

// ok is a command that must succeed.
func (s *shell) ok(args ...string) string {
	s.t.Helper()
	out, errs, code := s.run(args...)
	if code != exitOK {
		s.t.Fatalf("ostiary %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// fails is a command that must fail; it answers what it complained about.
func (s *shell) fails(want int, args ...string) string {
	s.t.Helper()
	out, errs, code := s.run(args...)
	if code != want {
		s.t.Fatalf("ostiary %s: exit %d, want %d\n%s%s", strings.Join(args, " "), code, want, out, errs)
	}
	return errs
}

// object is a command with --json whose answer is an object.
func (s *shell) object(args ...string) map[string]any {
	s.t.Helper()
	out := s.ok(append(args, "--json")...)
	var v map[string]any
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		s.t.Fatalf("ostiary %s: %v in %s", strings.Join(args, " "), err, out)
	}
	return v
}

// list is a command with --json whose answer is a list.
func (s *shell) list(args ...string) []map[string]any {
	s.t.Helper()
	out := s.ok(append(args, "--json")...)
	var v []map[string]any
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		s.t.Fatalf("ostiary %s: %v in %s", strings.Join(args, " "), err, out)
	}
	return v
}

// serve runs a server on the shell's data directory until stop.
func (s *shell) serve() (stop func()) {
	s.t.Helper()
	srv, err := server.New(s.t.Context(), config.Config{Data: s.data, Listen: "127.0.0.1:0",
		Password: config.Password{Memory: 64, Time: 1, AllowWeak: true}}, server.Options{Version: "test"})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := srv.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	running := true
	stop = func() {
		if running {
			running = false
			if err := srv.Shutdown(context.Background()); err != nil {
				s.t.Error(err)
			}
		}
	}
	s.t.Cleanup(stop)
	return stop
}

// Fields of an app's users are declared with flags, and its shared secret is printed where it has one.
func TestSettingsOfAnApp(t *testing.T) {
	s := newShell(t)
	app := s.object("apps", "update", "default", "--attribute", "branch=string:user:20,seats=integer:admin", "--attribute", "company=none")
	rules, _ := app["attributes"].(map[string]any)
	branch, _ := rules["branch"].(map[string]any)
	if branch["type"] != "string" || branch["writer"] != "user" || branch["max_length"] != 20.0 || rules["seats"] == nil || rules["company"] != nil {
		t.Errorf("%v", rules)
	}
	for _, flag := range []string{"branch", "branch=", "branch=string", "branch=string:user:long", "branch=string:user:1:2", "branch=list:user"} {
		s.fails(exitFailed, "apps", "update", "default", "--attribute", flag)
	}
	if said := s.fails(exitFailed, "keys", "shared"); !strings.Contains(said, "jwks.json") {
		t.Errorf("%s", said)
	}
	s.ok("apps", "update", "default", "--signing-algorithm", "HS256")
	if shared := s.object("keys", "shared", "--app", "default"); shared["algorithm"] != "HS256" || len(shared["secret"].(string)) != 43 {
		t.Errorf("%v", shared)
	}
}

// A command that comes while the directory is taken and no server answers yet waits for what comes next.
func TestCommandWaitsForAServerThatStarts(t *testing.T) {
	s := newShell(t)
	s.ok("users", "list")
	starting, err := server.New(t.Context(), config.Config{Data: s.data, Listen: "127.0.0.1:0",
		Password: config.Password{Memory: 64, Time: 1, AllowWeak: true}}, server.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	run := func(pause func() bool) int {
		e := &env{ctx: t.Context(), stdout: io.Discard, stderr: io.Discard, pause: pause}
		return e.run(append([]string{"users", "list"}, s.args...))
	}
	paused := 0
	if code := run(func() bool { paused++; return paused < 3 }); code != exitFailed || paused != 3 {
		t.Errorf("exit %d after %d pauses", code, paused)
	}
	if code := run(func() bool {
		if err := starting.Start(t.Context()); err != nil {
			t.Error(err)
		}
		return true
	}); code != exitOK {
		t.Errorf("exit %d when the server has started", code)
	}
	serve := func(pause func() bool) int {
		e := &env{ctx: t.Context(), stdout: io.Discard, stderr: io.Discard, pause: pause}
		return e.run(append([]string{"serve"}, s.args...))
	}
	if code := serve(func() bool { t.Error("it waits for a server that runs"); return false }); code != exitFailed {
		t.Errorf("exit %d beside a server", code)
	}
	if err := starting.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// Every command does the same with a server and without one.
func TestCommands(t *testing.T) {
	for _, served := range []bool{false, true} {
		t.Run(fmt.Sprintf("served=%v", served), func(t *testing.T) {
			s := newShell(t)
			if served {
				s.serve()
			}
			apps(s)
			users(s)
			teams(s)
			waysIn(s)
			house(s)
		})
	}
}

func apps(s *shell) {
	s.t.Helper()
	app := s.object("apps", "create", "Shop")
	id, _ := app["id"].(string)
	if id == "" || app["name"] != "Shop" {
		s.t.Fatalf("%v", app)
	}
	if got := s.object("apps", "show", id); got["id"] != id {
		s.t.Errorf("%v", got)
	}
	if got := s.list("apps", "list"); len(got) != 2 || got[0]["id"] != "default" {
		s.t.Errorf("%v", got)
	}
	if text := s.ok("apps", "list"); !strings.Contains(text, "NAME") || !strings.Contains(text, "Shop") {
		s.t.Errorf("%s", text)
	}
	key := s.object("apps", "keys", "create", id, "--name", "web")
	if key["app"] != id || key["id"] == "" || len(fmt.Sprint(key["key"])) < 20 {
		s.t.Errorf("%v", key)
	}
	if got := s.list("apps", "keys", "list", id); len(got) != 1 || got[0]["name"] != "web" {
		s.t.Errorf("%v", got)
	}
	s.ok("apps", "keys", "revoke", fmt.Sprint(key["id"]), "--app", id)
	if got := s.list("apps", "keys", "list", id); len(got) != 0 {
		s.t.Errorf("%v", got)
	}
	for verb, status := range map[string]string{"disable": "disabled", "enable": "active"} {
		if got := s.object("apps", verb, id); got["status"] != status {
			s.t.Errorf("%s: %v", verb, got)
		}
	}
	if errs := s.fails(exitFailed, "apps", "disable", "default"); !strings.Contains(errs, "cannot be disabled") {
		s.t.Errorf("%s", errs)
	}
	if errs := s.fails(exitFailed, "apps", "show", "nothing"); !strings.Contains(errs, "not-found") {
		s.t.Errorf("%s", errs)
	}
}

func users(s *shell) {
	s.t.Helper()
	s.in = "amber ladders under quiet rain\n"
	user := s.object("users", "create", "ada@example.test", "--verified", "--role", "admin", "--password-file", "-")
	for _, member := range []string{"id", "number", "email", "status"} {
		if user[member] == nil || user[member] == "" {
			s.t.Errorf("no %s in %v", member, user)
		}
	}
	for _, name := range []string{fmt.Sprint(user["id"]), fmt.Sprint(user["number"]), "ada@example.test"} {
		if got := s.object("users", "show", name); got["email"] != "ada@example.test" || got["status"] != "active" {
			s.t.Errorf("%s: %v", name, got)
		}
	}
	s.ok("users", "create", "--email", "bob@example.test")
	if got := s.object("users", "disable", "bob@example.test"); got["status"] != "disabled" {
		s.t.Errorf("%v", got)
	}
	if got := s.object("users", "enable", "bob@example.test"); got["status"] != "active" {
		s.t.Errorf("%v", got)
	}
	if got := s.object("users", "sign-out", "bob@example.test"); got["ended"] != 0.0 {
		s.t.Errorf("%v", got)
	}
	if errs := s.fails(exitFailed, "users", "disable", "ada@example.test"); !strings.Contains(errs, "last administrator") {
		s.t.Errorf("%s", errs)
	}
	if got := s.list("users", "list"); len(got) != 2 {
		s.t.Errorf("%v", got)
	}
	if got := s.list("users", "list", "--role", "admin"); len(got) != 1 {
		s.t.Errorf("%v", got)
	}
	if text := s.ok("users", "list"); !strings.Contains(text, "ada@example.test") || !strings.Contains(text, "NUMBER") {
		s.t.Errorf("%s", text)
	}
	s.fails(exitFailed, "users", "create", "not an address")
	s.fails(exitFailed, "users", "list", "--app", "nothing")
}

func teams(s *shell) {
	s.t.Helper()
	made := s.object("clients", "create", "Web", "--redirect", "https://a.example/cb", "--origin", "https://a.example", "--access-ttl", "1h")
	id := fmt.Sprint(made["id"])
	if got := s.object("clients", "update", id, "--origin", "https://b.example", "--name", "Site"); got["name"] != "Site" || fmt.Sprint(got["allowed_origins"]) != "[https://b.example]" ||
		fmt.Sprint(got["redirect_uris"]) != "[https://a.example/cb]" {
		s.t.Errorf("%v", got)
	}
	if got := s.object("clients", "show", id); got["access_ttl"] != "1h" {
		s.t.Errorf("%v", got)
	}
	s.ok("clients", "delete", id)
	if got := s.list("clients", "list"); len(got) != 1 || got[0]["default"] != true {
		s.t.Errorf("%v", got)
	}
	s.fails(exitFailed, "clients", "create", "Web", "--redirect", "javascript:alert(1)")
	oauthCommands(s)

	secret := filepath.Join(s.t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("a-client-secret\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if got := s.object("providers", "create", "google", "--client-id", "1.apps.example", "--secret-file", secret, "--domain", "example.com"); got["name"] != "google" ||
		got["has_secret"] != true || fmt.Sprint(got["domains"]) != "[example.com]" {
		s.t.Errorf("%v", got)
	}
	if got := s.object("providers", "update", "google", "--title", "Our Google", "--disable"); got["title"] != "Our Google" || got["status"] != "disabled" || got["client_id"] != "1.apps.example" {
		s.t.Errorf("%v", got)
	}
	if text := s.ok("providers", "list"); !strings.Contains(text, "google") || strings.Contains(text, "a-client-secret") {
		s.t.Errorf("%s", text)
	}
	s.fails(exitFailed, "providers", "create", "google", "--client-id", "2")
	s.ok("providers", "delete", "google")
	s.fails(exitFailed, "providers", "show", "google")

	account := fmt.Sprint(s.object("accounts", "create", "Acme", "--owner", "ada@example.test")["id"])
	if got := s.object("accounts", "update", account, "--status", "trial", "--paid-until", "2030-01-01T00:00:00Z"); got["status"] != "trial" || got["paid_until"] == nil {
		s.t.Errorf("%v", got)
	}
	if got := s.object("accounts", "update", account, "--paid-until", "none"); got["paid_until"] != nil {
		s.t.Errorf("%v", got)
	}
	if got := s.object("accounts", "show", account); got["name"] != "Acme" {
		s.t.Errorf("%v", got)
	}
	s.ok("members", "create", account, "bob@example.test", "--role", "viewer")
	if got := s.object("members", "update", account, "bob@example.test", "--role", "member"); got["role"] != "member" {
		s.t.Errorf("%v", got)
	}
	if got := s.list("members", "list", account); len(got) != 2 {
		s.t.Errorf("%v", got)
	}
	if got := s.list("accounts", "list", "--user", "bob@example.test"); len(got) != 1 {
		s.t.Errorf("%v", got)
	}
	s.ok("members", "revoke", account, "bob@example.test")
	if errs := s.fails(exitFailed, "members", "revoke", account, "ada@example.test"); !strings.Contains(errs, "last owner") {
		s.t.Errorf("%s", errs)
	}
	s.fails(exitFailed, "credits", "show", "bob@example.test")
	s.ok("credits", "create", "bob@example.test", "12.5")
	s.ok("credits", "revoke", "bob@example.test", "2")
	if got := s.object("credits", "show", "bob@example.test"); got["balance"] != 10.5 || got["granted_balance"] != 10.5 {
		s.t.Errorf("%v", got)
	}
}

func waysIn(s *shell) {
	s.t.Helper()
	if got := s.object("apps", "update", "default", "--registration", "invite-code", "--accounts-on-sign-up", "no"); got["registration"] != "invite-code" {
		s.t.Errorf("%v", got)
	}
	s.ok("apps", "update", "default", "--registration", "open")
	s.fails(exitFailed, "apps", "update", "default", "--registration", "ajar")
	code := s.object("invite-codes", "create", "--uses", "5", "--expires-in", "30d", "--credit", "2")
	if len(fmt.Sprint(code["code"])) != 14 || code["uses"] != 5.0 || code["credit"] != 2.0 {
		s.t.Errorf("%v", code)
	}
	s.ok("invite-codes", "create", "SPRING-2026")
	s.ok("invite-codes", "revoke", fmt.Sprint(code["id"]))
	if got := s.list("invite-codes", "list"); len(got) != 1 || got[0]["code"] != "SPRING-2026" {
		s.t.Errorf("%v", got)
	}
	invite := s.object("invites", "create", "jane@example.test", "--role", "moderator")
	if got := s.list("invites", "list"); len(got) != 1 || got[0]["email"] != "jane@example.test" || got[0]["role"] != "moderator" {
		s.t.Errorf("%v", got)
	}
	s.ok("invites", "revoke", fmt.Sprint(invite["id"]))
	if got := s.list("invites", "list"); len(got) != 0 {
		s.t.Errorf("%v", got)
	}
	if got := s.list("waitlists", "list", "--feature", "sign-up"); len(got) != 0 {
		s.t.Errorf("%v", got)
	}
	s.fails(exitFailed, "waitlists", "approve", "nothing")
	s.fails(exitFailed, "waitlists", "deny", "nothing")
}

func house(s *shell) {
	s.t.Helper()
	s.ok("keys", "rotate")
	s.ok("keys", "rotate", "--emergency")
	if got := s.object("audit", "verify"); got["intact"] != true {
		s.t.Errorf("%v", got)
	}
	if errs := s.fails(exitFailed, "setup", "link"); !strings.Contains(errs, "conflict") || !strings.Contains(errs, "--role admin") {
		s.t.Errorf("there is an administrator: %s", errs)
	}
	if got := s.list("contract", "list"); len(got) == 0 || got[0]["name"] == "" {
		s.t.Errorf("%v", got)
	}
	file := filepath.Join(s.t.TempDir(), "backup.db")
	if got := s.object("backup", file); got["path"] != file {
		s.t.Errorf("%v", got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		s.t.Errorf("%v %v", info, err)
	}
	s.fails(exitFailed, "backup", file)
}

func TestBackupAndRestore_AV06(t *testing.T) {
	s := newShell(t)
	stop := s.serve()
	s.ok("users", "create", "ada@example.test")
	file := filepath.Join(t.TempDir(), "backup.db")
	s.ok("backup", file)
	s.ok("users", "create", "bob@example.test")
	if errs := s.fails(exitFailed, "restore", file); !strings.Contains(errs, "stop it first") {
		t.Errorf("%s", errs)
	}
	stop()
	restored := s.object("restore", file)
	if kept, _ := restored["kept"].(string); kept == "" {
		t.Errorf("%v", restored)
	}
	if got := s.list("users", "list"); len(got) != 1 || got[0]["email"] != "ada@example.test" {
		t.Errorf("%v", got)
	}
	if got := s.object("audit", "verify"); got["intact"] != true {
		t.Errorf("%v", got)
	}
	s.fails(exitFailed, "restore")
	s.ok("restore", "--database-restored")
}

func TestSetupLink(t *testing.T) {
	s := newShell(t)
	link := s.object("setup", "link")
	if !strings.Contains(fmt.Sprint(link["url"]), "/setup?token=") {
		t.Errorf("%v", link)
	}
}

func TestRotateMaster(t *testing.T) {
	s := newShell(t)
	stop := s.serve()
	s.ok("users", "create", "ada@example.test")
	if errs := s.fails(exitFailed, "keys", "rotate", "--master"); !strings.Contains(errs, "stop it first") {
		t.Errorf("%s", errs)
	}
	stop()
	before, err := os.ReadFile(filepath.Join(s.data, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	s.ok("keys", "rotate", "--master")
	after, err := os.ReadFile(filepath.Join(s.data, "master.key"))
	if err != nil || bytes.Equal(before, after) {
		t.Errorf("the key file is the same: %v", err)
	}
	if got := s.list("users", "list"); len(got) != 1 {
		t.Errorf("%v", got)
	}
	s.fails(exitUsage, "keys", "rotate", "--master", "--emergency")
}

func TestDoctor_SC03(t *testing.T) {
	s := newShell(t)
	out, _, code := s.run("doctor")
	if code != exitFailed || !strings.Contains(out, "UNSAFE  public_url") || !strings.Contains(out, "-> set public_url") ||
		!strings.Contains(out, "sign-up.session") || !strings.Contains(out, "there is none yet") {
		t.Errorf("%d\n%s", code, out)
	}
	s.serve()
	out, _, code = s.run("doctor", "--json")
	var list []server.Finding
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != exitFailed {
		t.Fatalf("%d %v %s", code, err, out)
	}
	found := map[string]server.Finding{}
	for _, f := range list {
		found[f.Subject] = f
		if f.Level != server.Fine && f.Remedy == "" {
			t.Errorf("no remedy: %+v", f)
		}
	}
	if found["database"].Text != "answers" || found["administrators"].Level != server.Notice {
		t.Errorf("%+v", found)
	}
}

func TestWrongSettings(t *testing.T) {
	s := newShell(t)
	errs := s.fails(exitUsage, "apps", "list", "--max-in-flight", "many", "--log-level", "loud")
	if !strings.Contains(errs, "2 problems") || !strings.Contains(errs, "--max-in-flight") || !strings.Contains(errs, "--log-level") {
		t.Errorf("%s", errs)
	}
	s.fails(exitUsage, "apps", "list", "--no-such-flag")
	s.fails(exitUsage, "apples")
	file := filepath.Join(t.TempDir(), "ostiary.yaml")
	if err := os.WriteFile(file, []byte("lissten: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if errs := s.fails(exitUsage, "apps", "list", "--config", file); !strings.Contains(errs, "did you mean listen?") {
		t.Errorf("%s", errs)
	}
}

func TestVersionAndHelp(t *testing.T) {
	s := newShell(t)
	if got := s.object("version"); got["version"] == "" {
		t.Errorf("%v", got)
	}
	out := s.ok("--help")
	for _, want := range []string{"serve", "doctor", "--data", "--tls-cert", "--metrics-listen", "--master-key-file", "--public-url"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in the help:\n%s", want, out)
		}
	}
	if strings.Contains(out, "--retention-jobs") {
		t.Error("the help lists every setting")
	}
}

// No command shows a secret that it was not asked for, and none has a flag for one.
func TestSecretsHaveNoFlag_LG02(t *testing.T) {
	flags := newSettingFlags()
	for _, s := range flags.settings {
		if s.Secret || strings.HasSuffix(s.Flag, "password") {
			t.Errorf("--%s", s.Flag)
		}
	}
}

func TestContractCheck(t *testing.T) {
	s := newShell(t)
	file := filepath.Join(t.TempDir(), "bad.yaml")
	text := "openapi: 3.1.0\ninfo: {title: x, version: '1'}\nx-contract: {name: x}\npaths:\n  /a:\n    post:\n      x-operation: no-such\n      responses: {}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, code := s.run("contract", "check", file)
	if code != exitFailed || !strings.Contains(out, "bad.yaml:7") {
		t.Errorf("%d %s", code, out)
	}
	s.ok("contract", "check", "ostiary")
	s.fails(exitFailed, "contract", "check", "nothing")
}

func TestContractListTellsWhatIsWeaker(t *testing.T) {
	s := newShell(t)
	weaker := map[string]string{}
	for _, c := range s.list("contract", "list") {
		weaker[fmt.Sprint(c["name"])] = fmt.Sprint(c["weaker"], c["policy"])
	}
	for name, want := range map[string]string{
		"ostiary":   "[] map[check-email:conceal sign-in.unverified:refuse sign-up.existing:conceal sign-up.session:after-verification]",
		"cloudheed": "[sign-up.session sign-up.existing sign-in.unverified] map[check-email:conceal sign-in.unverified:allow sign-up.existing:reveal sign-up.session:immediate]",
		"wolfpal":   "[sign-up.existing] map[check-email:conceal sign-in.unverified:refuse sign-up.existing:reveal sign-up.session:after-verification]",
	} {
		if weaker[name] != want {
			t.Errorf("%s: %s, want %s", name, weaker[name], want)
		}
	}
	out, _, _ := s.run("contract", "list")
	if !strings.Contains(out, "sign-up.session=immediate sign-up.existing=reveal sign-in.unverified=allow") || !strings.Contains(out, " / /api ") {
		t.Errorf("%s", out)
	}
}

func TestContractTest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "small.yaml")
	text := "openapi: 3.1.0\ninfo: {title: x, version: '1'}\nx-contract: {name: small}\npaths:\n  /methods:\n    get:\n      x-operation: login-methods\n" +
		"      responses:\n        '200': {description: d, content: {application/json: {schema: {type: object}, examples: {ok: {value: {}}}}}}\n        default: {description: d, x-when: ['*']}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newShell(t)
	if out := s.ok("contract", "test", file); !strings.Contains(out, "1 examples, 1 as they are shown") {
		t.Errorf("%s", out)
	}
	if out := s.ok("contract", "test", file, "--database", storetest.PostgresServer(t)); !strings.Contains(out, "1 examples, 1 as they are shown") {
		t.Errorf("%s", out)
	}
}
