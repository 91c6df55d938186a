package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

const (
	maxFile      = 600 // lines
	maxFunction  = 80  // lines
	maxInterface = 8   // methods
)

// forbiddenNames say nothing about what a package or file owns.
var forbiddenNames = []string{"util", "utils", "common", "helper", "helpers", "misc"}

func TestSizes(t *testing.T) {
	all := load(t)
	for _, f := range all.Files {
		if f.Lines > maxFile {
			t.Errorf("%s has %d lines; at most %d", f.Path, f.Lines, maxFile)
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if lines := span(all.Fset, n); lines > maxFunction && !f.Test {
					t.Errorf("%s: %s has %d lines; at most %d", f.Path, n.Name.Name, lines, maxFunction)
				}
			case *ast.InterfaceType:
				if count := n.Methods.NumFields(); count > maxInterface {
					t.Errorf("%s: an interface of %d methods; at most %d", all.Fset.Position(n.Pos()), count, maxInterface)
				}
			}
			return true
		})
	}
}

func span(fset *token.FileSet, n ast.Node) int {
	return fset.Position(n.End()).Line - fset.Position(n.Pos()).Line + 1
}

func TestNames(t *testing.T) {
	for _, f := range load(t).Files {
		for _, part := range strings.Split(strings.TrimSuffix(f.Path, ".go"), "/") {
			if slices.Contains(forbiddenNames, part) {
				t.Errorf("%s: %q says nothing about what it owns", f.Path, part)
			}
		}
		if slices.Contains(forbiddenNames, f.AST.Name.Name) {
			t.Errorf("%s: a package called %s", f.Path, f.AST.Name.Name)
		}
	}
}

func TestPackageComments(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range load(t).Files {
		if strings.HasSuffix(f.Path, "_test.go") {
			continue
		}
		documented[f.Package] = documented[f.Package] || f.AST.Doc != nil && len(f.AST.Doc.Text()) > 40
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no comment that says what it owns", pkg)
		}
	}
}

func TestExportedIsDocumented(t *testing.T) {
	all := load(t)
	for _, f := range all.product() {
		for _, decl := range f.AST.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && receiverExported(d) && d.Doc == nil && !wellKnown(d.Name.Name) {
					t.Errorf("%s: %s has no comment", all.Fset.Position(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if s, ok := spec.(*ast.TypeSpec); ok && s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
						t.Errorf("%s: %s has no comment", all.Fset.Position(s.Pos()), s.Name.Name)
					}
				}
			}
		}
	}
}

// wellKnown methods say what they do by the interface of the standard library that they satisfy.
func wellKnown(name string) bool {
	return slices.Contains([]string{"Error", "Unwrap", "String", "GoString", "LogValue", "MarshalJSON", "UnmarshalJSON",
		"MarshalText", "UnmarshalText", "ServeHTTP", "Scan", "Value", "Is", "Write", "WriteHeader", "Flush", "Read",
		"Close", "RoundTrip", "IDKind", "Len", "Less", "Swap", "Enabled", "Handle", "WithAttrs", "WithGroup"}, name)
}

func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

func TestNoInit(t *testing.T) {
	for _, f := range load(t).Files {
		for _, decl := range f.AST.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function", f.Path)
			}
		}
	}
}

// Package-level variables are only errors, compiled patterns, embedded files, test flags and unexported tables
// that nothing assigns.
func TestPackageVariables(t *testing.T) {
	all := load(t)
	assigned := assignedNames(all)
	for _, f := range all.Files {
		for _, decl := range f.AST.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR {
				continue
			}
			for _, spec := range gen.Specs {
				value := spec.(*ast.ValueSpec)
				for _, name := range value.Names {
					if name.Name == "_" || allowedVariable(f, gen, value, name.Name) && !assigned[f.Package+"."+name.Name] {
						continue
					}
					t.Errorf("%s: package-level variable %s", all.Fset.Position(name.Pos()), name.Name)
				}
			}
		}
	}
}

func allowedVariable(f file, gen *ast.GenDecl, value *ast.ValueSpec, name string) bool {
	if embedded(gen.Doc) || embedded(value.Doc) {
		return true
	}
	if f.Test && strings.HasSuffix(f.Path, "_test.go") {
		return true
	}
	if !ast.IsExported(name) {
		return true // an unexported table; that nothing assigns it is checked by the caller
	}
	return strings.HasPrefix(name, "Err")
}

func embedded(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	return slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed") })
}

// assignedNames lists package-level names that some function of the package assigns, or whose elements it assigns.
func assignedNames(all tree) map[string]bool {
	out := map[string]bool{}
	for _, f := range all.Files {
		mark := func(e ast.Expr) {
			if index, ok := e.(*ast.IndexExpr); ok {
				e = index.X
			}
			if id, ok := e.(*ast.Ident); ok && id.Obj != nil && id.Obj.Kind == ast.Var {
				if spec, ok := id.Obj.Decl.(*ast.ValueSpec); ok && isTopLevel(f, spec) {
					out[f.Package+"."+id.Name] = true
				}
			}
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, l := range n.Lhs {
					mark(l)
				}
			case *ast.IncDecStmt:
				mark(n.X)
			}
			return true
		})
	}
	return out
}

func isTopLevel(f file, spec *ast.ValueSpec) bool {
	return slices.ContainsFunc(f.AST.Decls, func(d ast.Decl) bool {
		gen, ok := d.(*ast.GenDecl)
		return ok && slices.ContainsFunc(gen.Specs, func(s ast.Spec) bool { return s == ast.Spec(spec) })
	})
}
