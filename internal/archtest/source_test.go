package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/ostiary-id/ostiary"

// file is one parsed Go file of the repository.
type file struct {
	Path    string // slash-separated, from the root of the repository
	Package string // import path below the module, "internal/store"
	Test    bool
	Lines   int
	AST     *ast.File
}

// tree is every Go file of the module.
type tree struct {
	Fset  *token.FileSet
	Files []file
}

// load parses the repository once a test; it is a few hundred small files.
func load(t *testing.T) tree {
	t.Helper()
	root := filepath.Join("..", "..")
	out := tree{Fset: token.NewFileSet()}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		if d.IsDir() {
			if skipped(rel, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(out.Fset, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		out.Files = append(out.Files, file{
			Path: rel, Package: filepath.ToSlash(filepath.Dir(rel)), Test: testSupport(rel),
			Lines: strings.Count(string(text), "\n"), AST: parsed,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Files) < 100 {
		t.Fatalf("only %d Go files found below %s: the walk is broken", len(out.Files), root)
	}
	return out
}

func skipped(rel, name string) bool {
	return rel != ".." && strings.HasPrefix(name, ".") && len(name) > 2 || name == "node_modules" || name == "testdata" || rel == "tools"
}

// testSupport reports whether a file is no part of the product: a test, or a package that serves tests.
func testSupport(rel string) bool {
	return strings.HasSuffix(rel, "_test.go") || strings.HasPrefix(rel, "bench/") ||
		strings.Contains(rel, "/storetest/") || strings.Contains(rel, "/servertest/") || strings.Contains(rel, "/upstreamtest/") || strings.Contains(rel, "/crashtest/")
}

// imports lists the packages of this module that a file imports, below the module path.
func (f file) imports() []string {
	var out []string
	for _, i := range f.AST.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		if rest, ok := strings.CutPrefix(path, module+"/"); ok {
			out = append(out, rest)
		}
	}
	return out
}

// foreign lists the packages outside this module that a file imports.
func (f file) foreign() []string {
	var out []string
	for _, i := range f.AST.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		if !strings.HasPrefix(path, module+"/") {
			out = append(out, path)
		}
	}
	return out
}

// product is every file that is no test.
func (t tree) product() []file {
	var out []file
	for _, f := range t.Files {
		if !f.Test {
			out = append(out, f)
		}
	}
	return out
}
