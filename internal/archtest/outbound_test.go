package archtest

import (
	"go/ast"
	"slices"
	"testing"
)

// unguarded are the names of net/http that call somewhere without the guards of package outbound.
var unguarded = []string{"DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm", "Client", "Transport"}

// mayCallByItself lists who makes clients of its own: outbound itself, and what talks to this server alone (the commands
// through its socket, the Go client that is given one).
var mayCallByItself = []string{"internal/outbound", "internal/server/socket.go", "internal/cli", "client"}

// One client makes the calls that leave the house; a second one would forget the guards (SECURITY SS-01). A pointer type
// or a field is no call: what counts is a literal, a default or one of the package's own functions.
func TestOutboundCallsAreGuarded_SS01(t *testing.T) {
	all := load(t)
	for _, f := range all.product() {
		if slices.Contains(mayCallByItself, f.Package) || slices.Contains(mayCallByItself, f.Path) {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			var made ast.Expr
			switch n := n.(type) {
			case *ast.CompositeLit:
				made = n.Type
			case *ast.CallExpr:
				made = n.Fun
			case *ast.SelectorExpr:
				if n.Sel.Name == "DefaultClient" || n.Sel.Name == "DefaultTransport" {
					made = n
				}
			}
			sel, ok := made.(*ast.SelectorExpr)
			if !ok || !slices.Contains(unguarded, sel.Sel.Name) {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "http" && pkg.Obj == nil {
				t.Errorf("%s: http.%s makes calls without the guards of package outbound", all.Fset.Position(sel.Pos()), sel.Sel.Name)
			}
			return true
		})
	}
}
