package tidy

import (
	"go/ast"
	"slices"
	"testing"
)

// impure are the packages that do I/O, read a clock or make chance. What is below them is too.
var impure = []string{
	"bufio", "crypto/rand", "database/sql", "io/ioutil", "log", "math/rand", "net", "os", "syscall",
	"testing", "github.com/jackc/pgx", "modernc.org/sqlite", "zombiezen.com/go/sqlite",
}

// pureAllTheSame are packages below those that do no more than read text.
var pureAllTheSame = []string{"net/url"}

// impureCalls are functions that read a clock or make chance in packages that are otherwise pure.
var impureCalls = map[string][]string{
	"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
	"uuid": {"New", "NewString", "NewRandom", "NewUUID", "NewV6", "NewV7"},
}

// pure reports whether a file belongs to what must be pure: all of the domain, and the folds,
// which stand with their queries in projections itself.
func pure(s source) bool {
	return !s.isTest() && !s.inTestPackage() && (under(s.dir(), "domain") || s.dir() == "projections")
}

// TestDomainAndFoldsArePure: the same events must give the same rows tomorrow, and anywhere.
func TestDomainAndFoldsArePure(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, s := range sources(t) {
		if !pure(s) {
			continue
		}
		checked++
		for _, imported := range s.imports() {
			if under(imported, impure...) && !slices.Contains(pureAllTheSame, imported) {
				t.Errorf("%s imports %s: the domain and the folds do no I/O, read no clock and make no chance", s.path, imported)
			}
		}
		for _, call := range forbiddenCalls(s) {
			t.Errorf("%s: time, ids and randomness come in as arguments", call)
		}
	}
	if checked < 5 {
		t.Errorf("got %d pure files, want all of domain and projections", checked)
	}
}

func forbiddenCalls(s source) []string {
	var found []string
	ast.Inspect(s.file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Obj == nil && slices.Contains(impureCalls[pkg.Name], selector.Sel.Name) {
			found = append(found, s.set.Position(node.Pos()).String()+": "+pkg.Name+"."+selector.Sel.Name)
		}
		return true
	})
	return found
}

// TestDomainKnowsNoContext: a decider can neither wait nor be cancelled.
func TestDomainKnowsNoContext(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if pure(s) && under(s.dir(), "domain") && slices.Contains(s.imports(), "context") {
			t.Errorf("%s imports context: nothing in the domain waits", s.path)
		}
	}
}
