package tidy

import (
	"go/ast"
	"strings"
	"testing"
)

const (
	functionLinesMax = 70
	fileLinesMax     = 500
)

// TestSizes: what fits on a screen gets read.
func TestSizes(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if lines := strings.Count(s.text, "\n"); lines > fileLinesMax {
			t.Errorf("%s has %d lines, want at most %d: does the design want another shape?", s.path, lines, fileLinesMax)
		}
		for _, declaration := range s.file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Body == nil {
				continue
			}
			if lines := s.length(function); lines > functionLinesMax {
				t.Errorf("%s:%d: %s has %d lines, want at most %d", s.path, s.line(function), function.Name.Name, lines, functionLinesMax)
			}
		}
	}
}

// length counts a function's lines. In tests the tables are not counted, which are long and simple.
func (s source) length(function *ast.FuncDecl) int {
	lines := s.span(function)
	if !s.isTest() && !s.inTestPackage() {
		return lines
	}
	ast.Inspect(function.Body, func(node ast.Node) bool {
		table, ok := node.(*ast.CompositeLit)
		if ok {
			lines -= s.span(table) - 1
		}
		return !ok
	})
	return lines
}

func (s source) span(node ast.Node) int {
	return s.set.Position(node.End()).Line - s.set.Position(node.Pos()).Line + 1
}

// TestPackagesAreDocumented: every package says what it promises.
func TestPackagesAreDocumented(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		name := s.file.Name.Name
		text := s.file.Doc.Text()
		starts := strings.HasPrefix(text, "Package "+name+" ") || name == "main" && strings.HasPrefix(text, "Command ")
		documented[s.dir()] = documented[s.dir()] || starts && len(text) > 60
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: want a package comment that says what the package promises", dir)
		}
	}
}
