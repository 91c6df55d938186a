package archtest

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var sqlText = regexp.MustCompile(`(?s)\b(SELECT\b.*\bFROM|INSERT INTO|UPDATE\b.*\bSET|DELETE FROM|CREATE TABLE|DROP TABLE)\b`)

func looksLikeSQL(text string) bool { return sqlText.MatchString(text) }

// stringsIn lists the string literals of a file.
func stringsIn(f file) []string {
	var out []string
	ast.Inspect(f.AST, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				out = append(out, text)
			}
		}
		return true
	})
	return out
}

// owners names for each table the packages whose code may call a store method that writes it. A table that no
// package but the store itself writes (its own bookkeeping) is owned by internal/store.
var owners = map[string][]string{
	"meta":            {"internal/store", "internal/server", "internal/audit", "internal/signer"},
	"apps":            {"internal/app", "internal/user"}, // user takes the next number of the app
	"clients":         {"internal/app"},
	"app_keys":        {"internal/app"},
	"app_logos":       {"internal/app"},
	"users":           {"internal/user"},
	"emails":          {"internal/user"},
	"passwords":       {"internal/user"},
	"totps":           {"internal/factor"},
	"backup_codes":    {"internal/factor"},
	"passkeys":        {"internal/factor"},
	"passkey_handles": {"internal/factor"},
	"sessions":        {"internal/session"},
	"proofs":          {"internal/proof"},
	"api_keys":        {"internal/apikey"},
	"events":          {"internal/audit"},
	"jobs":            {"internal/queue"},
	"budgets":         {"internal/limit"},
	"leases":          {"internal/store", "internal/audit", "internal/signer", "internal/queue", "internal/server"},
	"signing_keys":    {"internal/signer"},
	"inbox_messages":  {"internal/mail"},

	"accounts":         {"internal/account"},
	"memberships":      {"internal/account"},
	"credits":          {"internal/account"},
	"invites":          {"internal/invite"},
	"invite_codes":     {"internal/invite"},
	"waitlist_entries": {"internal/waitlist"},

	"providers":  {"internal/federation"},
	"identities": {"internal/federation"},

	"client_secrets":        {"internal/app"},
	"resources":             {"internal/app"},
	"consents":              {"internal/grant"},
	"authorization_codes":   {"internal/grant"},
	"device_authorizations": {"internal/grant"},
	"registration_tokens":   {"internal/grant"},
	"spent_ids":             {"internal/grant"},
}

var writes = regexp.MustCompile(`(?s)\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+([a-z_]+)\b`)

// writers maps each method of *store.Tx that writes to the tables it writes, read from the statements in it.
func writers(t *testing.T, all tree) map[string][]string {
	t.Helper()
	constants := map[string]string{}
	for _, f := range all.product() {
		if f.Package == "internal/store" {
			collectConstants(f, constants)
		}
	}
	out := map[string][]string{}
	for _, f := range all.product() {
		if f.Package != "internal/store" {
			continue
		}
		for _, decl := range f.AST.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || !fn.Name.IsExported() {
				continue
			}
			for _, m := range writes.FindAllStringSubmatch(textOf(fn, constants), -1) {
				if _, known := owners[m[1]]; !known {
					if m[1] != "set" { // ON CONFLICT ... DO UPDATE SET
						t.Errorf("%s: table %s has no owner in archtest", f.Path, m[1])
					}
					continue
				}
				if !slices.Contains(out[fn.Name.Name], m[1]) {
					out[fn.Name.Name] = append(out[fn.Name.Name], m[1])
				}
			}
		}
	}
	if len(out) < 20 {
		t.Fatalf("only %d writing methods found in the store: the search is broken", len(out))
	}
	return out
}

func collectConstants(f file, into map[string]string) {
	for _, decl := range f.AST.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			value := spec.(*ast.ValueSpec)
			for i, name := range value.Names {
				if i < len(value.Values) {
					into[name.Name] = textOf(value.Values[i], into)
				}
			}
		}
	}
}

// textOf joins the string literals and string constants below a node.
func textOf(n ast.Node, constants map[string]string) string {
	var b strings.Builder
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				b.WriteString(text + " ")
			}
		case *ast.Ident:
			b.WriteString(constants[n.Name] + " ")
		}
		return true
	})
	return strings.ReplaceAll(b.String(), "DO UPDATE SET", "DO CHANGE")
}

// Only the owner of a noun writes its rows; anybody may read (DESIGN section 2).
func TestOnlyTheOwnerWrites(t *testing.T) {
	all := load(t)
	methods := writers(t, all)
	for _, f := range all.product() {
		if f.Package == "internal/store" || !importsStore(f) {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			receiver, ok := sel.X.(*ast.Ident)
			if !ok || receiver.Name != "tx" {
				return true
			}
			for _, table := range methods[sel.Sel.Name] {
				if !slices.Contains(owners[table], f.Package) {
					t.Errorf("%s: %s calls tx.%s, which writes %s, owned by %v",
						all.Fset.Position(sel.Pos()), f.Package, sel.Sel.Name, table, owners[table])
				}
			}
			return true
		})
	}
}

func importsStore(f file) bool { return slices.Contains(f.imports(), "internal/store") }

// The owner rule reads `tx.Method` calls, so every transaction variable must be called tx.
func TestTransactionsAreCalledTx(t *testing.T) {
	for _, f := range load(t).product() {
		if f.Package == "internal/store" {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok || !isStoreTx(field.Type) {
				return true
			}
			for _, name := range field.Names {
				if name.Name != "tx" && name.Name != "_" {
					t.Errorf("%s: a *store.Tx called %s; call it tx", f.Path, name.Name)
				}
			}
			return true
		})
	}
}

func isStoreTx(e ast.Expr) bool {
	star, ok := e.(*ast.StarExpr)
	if !ok {
		return false
	}
	sel, ok := star.X.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && pkg.Name == "store" && sel.Sel.Name == "Tx"
}

// TN-01: a statement on rows of an app names the app, so that no id of another app can reach them. The
// exceptions are lookups by an unguessable hash (the row then tells the app) and housekeeping over all apps.
func TestStatementsNameTheApp_TN01(t *testing.T) {
	scoped := regexp.MustCompile(`(?s)\b(?:FROM|UPDATE|INTO|JOIN)\s+(clients|app_keys|app_logos|users|emails|passwords|totps|backup_codes|passkeys|passkey_handles|sessions|proofs|api_keys|accounts|memberships|credits|invites|invite_codes|waitlist_entries|providers|identities)\b`)
	global := regexp.MustCompile(`(?s)\b(hash|cookie_hash|previous_hash) = \$|expires_at|ended_at|used_at|last_seen_at|last_used_at`)
	constants := map[string]string{}
	all := load(t)
	for _, f := range all.product() {
		if f.Package == "internal/store" {
			collectConstants(f, constants)
		}
	}
	checked := 0
	for _, f := range all.product() {
		if f.Package != "internal/store" {
			continue
		}
		for _, decl := range f.AST.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			text := textOf(fn, constants)
			if !scoped.MatchString(text) {
				continue
			}
			checked++
			if !strings.Contains(text, "app_id") && !global.MatchString(text) {
				t.Errorf("%s: %s reaches rows of an app without naming the app", f.Path, fn.Name.Name)
			}
		}
	}
	if checked < 20 {
		t.Fatalf("only %d statements checked: the search is broken", checked)
	}
}
