package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "casesync"

// A source is one Go file of the module.
type source struct {
	path string // from the module's root, with slashes: "domain/feed/feed.go"
	text string
	file *ast.File
	set  *token.FileSet
}

func (s source) dir() string  { return path.Dir(s.path) }
func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// inTestPackage reports whether the file belongs to a package that only tests use, such as
// storetest: by convention its name ends in "test".
func (s source) inTestPackage() bool { return strings.HasSuffix(path.Base(s.dir()), "test") }

func (s source) line(node ast.Node) int { return s.set.Position(node.Pos()).Line }

// imports returns what the file imports.
func (s source) imports() []string {
	var list []string
	for _, spec := range s.file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic("the parser let a bad import path through: " + spec.Path.Value)
		}
		list = append(list, name)
	}
	return list
}

// under reports whether dir is one of the given directories or below one.
func under(dir string, roots ...string) bool {
	for _, root := range roots {
		if dir == root || strings.HasPrefix(dir, root+"/") {
			return true
		}
	}
	return false
}

var moduleSources = sync.OnceValues(readSources)

// sources returns all Go files of the module.
func sources(t *testing.T) []source {
	t.Helper()
	list, err := moduleSources()
	if err != nil {
		t.Fatalf("read the module's sources: %v", err)
	}
	if len(list) < 20 {
		t.Fatalf("got %d Go files, want the whole module's", len(list))
	}
	return list
}

func readSources() ([]source, error) {
	var list []source
	err := walk(func(name string, text []byte) error {
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text, parser.ParseComments)
		if err != nil {
			return err
		}
		list = append(list, source{path: name, text: string(text), file: file, set: set})
		return nil
	})
	return list, err
}

// walk calls visit with every file of the module that is kept, leaving out what git ignores.
func walk(visit func(name string, text []byte) error) error {
	root := filepath.Join("..", "..")
	ignored := []string{".git", ".tools", ".cache", "bin", "data", "node_modules"}
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		if entry.IsDir() {
			if under(relative, ignored...) {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(relative, ".test") || strings.HasSuffix(relative, ".out") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return visit(relative, text)
	})
}
