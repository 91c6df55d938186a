package crashtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// command is the ostiary command as a process of its own.
func command(t *testing.T, s settings, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append(args, "--data", s.data, "--config", s.file(t))...)
	cmd.Env = append(withoutSettings(os.Environ()), childVariable+"=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// twice are the ways in which an import that was broken off and begun again could bring somebody in twice or in part.
func twice() map[string]string {
	return map[string]string{
		"a number of two users": `SELECT count(*) - count(DISTINCT number) FROM users`,
		"a user without an address": `SELECT count(*) FROM users u WHERE 1 <> (
			SELECT count(*) FROM emails e WHERE e.user_id = u.id AND e.is_primary)`,
		"a user without a password": `SELECT count(*) FROM users u WHERE 1 <> (
			SELECT count(*) FROM passwords p WHERE p.user_id = u.id)`,
		"a user with another number of factors than one": `SELECT count(*) FROM users u WHERE u.totp <> TRUE OR 1 <> (
			SELECT count(*) FROM totps t WHERE t.user_id = u.id AND t.confirmed_at > 0)`,
		"a user with another number of codes than two": `SELECT count(*) FROM users u WHERE 2 <> (
			SELECT count(*) FROM backup_codes b WHERE b.user_id = u.id)`,
		"a user with another number of memberships than one": `SELECT count(*) FROM users u WHERE 1 <> (
			SELECT count(*) FROM memberships m WHERE m.user_id = u.id)`,
		"a user with another number of events than one": `SELECT count(*) FROM users u WHERE 1 <> (
			SELECT count(*) FROM events e WHERE e.user_id = u.id AND e.action = 'user.imported')`,
	}
}

// An import that is killed at any moment and run again brings everybody in once, with all that they have.
func TestCrashOfAnImport(t *testing.T) {
	const users = 1500
	engines(t, func(t *testing.T, s settings) {
		var acme struct{ ID string }
		made, err := command(t, s, "accounts", "create", "Acme", "--json").Output()
		if err != nil || json.Unmarshal(made, &acme) != nil || acme.ID == "" {
			t.Fatalf("%s: %v", made, err)
		}
		var text bytes.Buffer
		for n := range users {
			fmt.Fprintf(&text, `{"external_id": "old-%[1]d", "email": "user%[1]d@crash.test", "password": {"hash": "{SSHA}K0MZxWoMPVRxegoJBeg1/wEGvbpzYWx0MTIzNA=="}, `+
				`"totp": {"secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}, "backup_codes": ["code-%04[1]d-a", "code-%04[1]d-b"], "memberships": [{"account": %[2]q, "role": "member"}]}`+"\n", n, acme.ID)
		}
		file := filepath.Join(t.TempDir(), "users.jsonl")
		if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, after := range []int{1, 250, 251} {
			killedImport(t, s, file, after)
		}
		out, err := command(t, s, "users", "import", file).Output()
		if err != nil || !strings.Contains(string(out), fmt.Sprintf("%d lines: ", users)) || strings.Contains(string(out), " 0 were there") {
			t.Fatalf("%s: %v", out, err)
		}
		db := rows(t, s)
		findNone(t, db, twice())
		var all int
		if err := db.QueryRow("SELECT count(*) FROM users").Scan(&all); err != nil || all != users {
			t.Errorf("%d users, %v", all, err)
		}
	})
}

// killedImport begins an import and kills the process as soon as so many users were reported as created.
func killedImport(t *testing.T, s settings, file string, after int) {
	t.Helper()
	cmd := command(t, s, "users", "import", file, "--json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	created := 0
	for lines := bufio.NewScanner(out); created < after && lines.Scan(); {
		if strings.Contains(lines.Text(), `"outcome":"created"`) {
			created++
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if created < after {
		t.Fatalf("the import ended before it was killed, with %d created", created)
	}
}
