package tidy

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	// created finds the tables that SQL makes.
	created = regexp.MustCompile(`(?i)\bCREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)`)
	// named finds tables where SQL names them. In read models they stand in braces.
	named = regexp.MustCompile(`(?:\b(?:FROM|JOIN|INTO|UPDATE|TABLE|EXISTS)\s+|\{(?:[a-z]+\.)?)([a-z_]+)\b`)
)

// TestTablesBelongToOnePackage: whoever wants to know what touches a table reads one package. Within
// it a table that SQL makes stands in the migrations and in one file or a pair of files beside them.
func TestTablesBelongToOnePackage(t *testing.T) {
	t.Parallel()
	owners := tableOwners(t)
	if len(owners) < 5 {
		t.Fatalf("got the tables %v, want those of log, key ring, state and read models", owners)
	}
	for _, s := range sources(t) {
		if s.isTest() || s.inTestPackage() {
			continue
		}
		for _, text := range literals(s) {
			for _, match := range named.FindAllStringSubmatch(text, -1) {
				if dirs, known := owners[match[1]]; known && !slices.Contains(dirs, s.dir()) {
					t.Errorf("%s names table %s, which belongs to %v", s.path, match[1], dirs)
				}
			}
		}
	}
}

// tableOwners returns the package that each table belongs to: the directory of what makes it, or,
// for a read model's, of the Spec that describes it.
func tableOwners(t *testing.T) map[string][]string {
	t.Helper()
	owners := map[string][]string{}
	note := func(table, dir string) {
		if !slices.Contains(owners[table], dir) {
			owners[table] = append(owners[table], dir)
		}
	}
	err := walk(func(name string, text []byte) error {
		if dir, migrations := strings.CutSuffix(path.Dir(name), "/migrations"); migrations || strings.HasSuffix(name, ".sql") {
			for _, match := range created.FindAllStringSubmatch(string(text), -1) {
				note(match[1], dir)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walk the module: %v", err)
	}
	for _, s := range sources(t) {
		if s.isTest() || s.inTestPackage() {
			continue
		}
		for _, table := range specNames(s) {
			note(table, s.dir())
		}
	}
	for table, dirs := range owners {
		// The logs are one component on several databases.
		logs := slices.DeleteFunc(slices.Clone(dirs), func(dir string) bool { return path.Dir(dir) != "eventstore" })
		if len(dirs) > 1 && len(logs) < len(dirs) {
			t.Errorf("table %s is made in %v, want one place", table, dirs)
		}
	}
	return owners
}

// specNames returns the names in the file's literals of engine.Spec.
func specNames(s source) []string {
	var names []string
	ast.Inspect(s.file, func(node ast.Node) bool {
		literal, ok := node.(*ast.CompositeLit)
		if !ok || !isSpec(literal.Type) {
			return true
		}
		for _, element := range literal.Elts {
			pair, ok := element.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Name" {
				if value, ok := pair.Value.(*ast.BasicLit); ok {
					names = append(names, strings.Trim(value.Value, `"`))
				}
			}
		}
		return true
	})
	return names
}

func isSpec(expression ast.Expr) bool {
	switch e := expression.(type) {
	case *ast.Ident:
		return e.Name == "Spec"
	case *ast.SelectorExpr:
		return e.Sel.Name == "Spec"
	default:
		return false
	}
}

// literals returns the file's string literals.
func literals(s source) []string {
	var list []string
	ast.Inspect(s.file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				list = append(list, text)
			}
		}
		return true
	})
	return list
}

var storedName = regexp.MustCompile(`^[a-z]+\.[a-z-]+\.v[0-9]+$`)

// TestEveryEventHasAnExample: what was ever stored must be read for ever, so each stored name of
// the domain has an example, which schemas' own test decodes.
func TestEveryEventHasAnExample(t *testing.T) {
	t.Parallel()
	var examples []string
	err := walk(func(name string, _ []byte) error {
		if file, ok := strings.CutPrefix(name, "schemas/events/"); ok {
			examples = append(examples, strings.TrimSuffix(file, ".json"))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walk the module: %v", err)
	}
	names := 0
	for _, s := range sources(t) {
		if s.isTest() || s.inTestPackage() || !under(s.dir(), "domain") {
			continue
		}
		for _, name := range literals(s) {
			if !storedName.MatchString(name) {
				continue
			}
			if names++; !slices.Contains(examples, name) {
				t.Errorf("%s: there is no schemas/events/%s.json", s.path, name)
			}
		}
	}
	if names < 20 {
		t.Errorf("got %d stored names, want all of the domain's", names)
	}
}
