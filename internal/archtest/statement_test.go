package archtest

import (
	"go/ast"
	"slices"
	"strconv"
	"testing"
)

// IO-06: the text of a statement is made of constants. What comes from a request is an argument of it, never a part, so
// there is nothing to escape: no column, order or condition is taken from outside.
func TestStatementsAreConstant_IO06(t *testing.T) {
	s := statements{funcs: map[string]*ast.FuncDecl{}, runners: map[string]int{"one": 0, "all": 0, "exec": 0}}
	var all []*ast.FuncDecl
	for _, f := range load(t).product() {
		if f.Package != "internal/store" {
			continue
		}
		for _, decl := range f.AST.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
				s.funcs[fn.Name.Name], all = fn, append(all, fn)
			}
		}
	}
	for known := 0; known != len(s.runners); { // until no further function hands a parameter on
		known, s.checked, s.faults = len(s.runners), 0, nil
		for _, fn := range all {
			if fn.Name.Name != "one" && fn.Name.Name != "all" && fn.Name.Name != "exec" { // what they hand on was judged at their callers
				s.check(fn)
			}
		}
	}
	for _, fault := range s.faults {
		t.Error(fault)
	}
	if s.checked < 150 {
		t.Fatalf("only %d statements checked: the search is broken", s.checked)
	}
}

// statements judges the calls of a package that run SQL.
type statements struct {
	funcs   map[string]*ast.FuncDecl
	runners map[string]int // functions that run a statement, and which of their arguments it is
	checked int
	faults  []string
}

func (s *statements) check(fn *ast.FuncDecl) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if at, runs := s.runners[called(call)]; runs && at < len(call.Args) {
			s.checked++
			s.judge(call.Args[at], fn, nil)
		}
		return true
	})
}

// makers are the functions whose results may stand in a statement: the engine's suffixes, and marks and numbers of
// placeholders.
var makers = []string{"lockSuffix", "claimSuffix", "marks", "Itoa"}

// judge finds what of a text is neither constant nor made by makers. A variable is what is assigned to it; a parameter of an
// unexported function is what its callers give, so that function runs statements too.
func (s *statements) judge(e ast.Expr, fn *ast.FuncDecl, seen []string) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return
	case *ast.ParenExpr:
		s.judge(e.X, fn, seen)
		return
	case *ast.BinaryExpr:
		s.judge(e.X, fn, seen)
		s.judge(e.Y, fn, seen)
		return
	case *ast.SelectorExpr: // a constant of another package
		if pkg, ok := e.X.(*ast.Ident); ok && pkg.Name == "auth" {
			return
		}
	case *ast.CallExpr:
		name := called(e)
		if slices.Contains(makers, name) {
			return
		}
		if name == "string" && len(e.Args) == 1 {
			s.judge(e.Args[0], fn, seen)
			return
		}
		if made := s.funcs[name]; made != nil && made.Type.Results != nil && len(made.Type.Results.List[0].Names) > 0 {
			s.judge(made.Type.Results.List[0].Names[0], made, nil)
			return
		}
	case *ast.Ident:
		if slices.Contains(seen, e.Name) {
			return
		}
		if at := parameter(fn, e.Name); at >= 0 && !fn.Name.IsExported() {
			s.runners[fn.Name.Name] = at
			return
		} else if at < 0 {
			for _, value := range assigned(fn, e.Name) { // none: a constant of the package
				s.judge(value, fn, append(seen, e.Name))
			}
			return
		}
	}
	s.faults = append(s.faults, fn.Name.Name+" puts what is no constant into a statement, at byte "+strconv.Itoa(int(e.Pos()-fn.Pos())))
}

func called(call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		return fun.Sel.Name
	}
	return ""
}

// parameter is the place of a parameter; -1 if there is none of the name.
func parameter(fn *ast.FuncDecl, name string) int {
	at := 0
	for _, p := range fn.Type.Params.List {
		for _, n := range p.Names {
			if n.Name == name {
				return at
			}
			at++
		}
	}
	return -1
}

// assigned lists what a function assigns to a variable. One of several results of a call is that call.
func assigned(fn *ast.FuncDecl, name string) (out []ast.Expr) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if !ok {
			return true
		}
		for i, left := range a.Lhs {
			if id, ok := left.(*ast.Ident); ok && id.Name == name {
				out = append(out, a.Rhs[min(i, len(a.Rhs)-1)])
			}
		}
		return true
	})
	return out
}
