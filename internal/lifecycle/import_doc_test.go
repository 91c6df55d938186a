package lifecycle

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
	"github.com/ostiary-id/ostiary/internal/user"
)

// Every example of docs/import.md comes in and is verified.
func TestExamplesOfTheGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/import.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("`(\\{\"(?:hash|format)\": [^`]*\\})` \\|").FindAllStringSubmatch(string(guide), -1)
	if len(examples) < 15 {
		t.Fatalf("only %d examples were found", len(examples))
	}
	h := newHouse(t, storetest.Open(t), storetest.NewClock(), nil)
	for n, example := range examples {
		line := fmt.Sprintf(`{"email": "user%d@example.com", "password": %s}`, n, example[1])
		report, err := h.Import(context.Background(), system(), ImportBatch{Lines: []string{line}})
		if err != nil || report.Created != 1 {
			t.Errorf("%s: %+v, %v", example[1], report, err)
			continue
		}
		password := "correct horse"
		if strings.Contains(example[1], "firebase") {
			password = "user1password"
		}
		var who user.Identity
		h.must(h.db.Read(context.Background(), func(tx *store.Tx) (err error) {
			who, err = user.Load(tx, auth.DefaultApp, report.Lines[0].ID)
			return err
		}))
		if ok, outdated, err := h.Login.VerifyPassword(context.Background(), who.Password, password); !ok || !outdated || err != nil {
			t.Errorf("%s: %v, %v, %v", example[1], ok, outdated, err)
		}
	}
}
