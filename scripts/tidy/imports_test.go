package tidy

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// allowed says which of this module's directories those under a directory may import; the longest
// matching row counts, and every directory may import what is below its own row. Imports go one
// way: cmd → adapters → projections → {domain, eventstore}.
var allowed = []struct {
	dir     string
	imports []string
	why     string
}{
	{"domain", nil, "the domain knows nothing but itself"},
	{"eventstore", nil, "the log knows no case, and nothing that is built on it"},
	{"schemas", nil, "contracts are files; whoever needs them embeds them from here"},
	{"projections", []string{"domain", "eventstore"}, "read models are made of events, and know no adapter"},
	{"projections/engine", []string{"eventstore"}, "the engine runs any projection over any log, and knows no case"},
	{"adapters", []string{"adapters/commands", "projections", "domain", "eventstore", "schemas"}, "adapters never import each other, commands excepted"},
	{"adapters/commands", []string{"domain", "eventstore", "projections"}, "commands authorise and decide; they know no transport"},
	{"cmd", []string{"adapters", "projections", "domain", "eventstore", "schemas"}, "the command puts it all together"},
	{"scripts", nil, "scripts look at the module from outside"},
}

func TestImportsGoOneWay(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.isTest() || s.inTestPackage() {
			continue // a test may join what the product keeps apart
		}
		row := -1
		for i, candidate := range allowed {
			if under(s.dir(), candidate.dir) && (row < 0 || len(candidate.dir) > len(allowed[row].dir)) {
				row = i
			}
		}
		if row < 0 {
			t.Errorf("%s: no row of the import table covers %s: the layout is fixed at its top level", s.path, s.dir())
			continue
		}
		for _, imported := range s.imports() {
			dir, ours := strings.CutPrefix(imported, module+"/")
			if ours && !mayImport(s.dir(), dir, allowed[row].dir, allowed[row].imports) {
				t.Errorf("%s imports %s: %s", s.path, imported, allowed[row].why)
			}
		}
	}
}

func mayImport(from, to, row string, list []string) bool {
	if strings.HasSuffix(path.Base(to), "test") {
		return false // helpers of tests stay out of the product
	}
	if under(to, list...) {
		return true
	}
	if row == "adapters" {
		return adapter(from) == adapter(to)
	}
	return under(to, row)
}

// adapter returns the adapter that a directory belongs to: adapters/cms for adapters/cms/schema.
func adapter(dir string) string {
	parts := strings.Split(dir, "/")
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// TestImportTableCatches proves that the table forbids what it should: a rule that cannot fail is none.
func TestImportTableCatches(t *testing.T) {
	t.Parallel()
	cases := []struct {
		from, to, row string
		imports       []string
		want          bool
	}{
		{"domain/casefile", "domain/feed", "domain", nil, true},
		{"domain/casefile", "eventstore", "domain", nil, false},
		{"eventstore/sqlitelog", "eventstore/sqldb", "eventstore", nil, true},
		{"eventstore", "domain", "eventstore", nil, false},
		{"adapters/cms", "adapters/commands", "adapters", allowed[5].imports, true},
		{"adapters/cms", "adapters/httpapi", "adapters", allowed[5].imports, false},
		{"adapters/httpapi/wire", "adapters/httpapi", "adapters", allowed[5].imports, true},
		{"cmd/casesync", "adapters/keyring/keyringtest", "cmd", []string{"adapters"}, false},
	}
	for _, c := range cases {
		if got := mayImport(c.from, c.to, c.row, c.imports); got != c.want {
			t.Errorf("%s imports %s: got allowed %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

// TestOnlyWireNamesBackEnds keeps the choice of databases in one file, so that a new log is three
// methods, a ten-line test and one case there.
func TestOnlyWireNamesBackEnds(t *testing.T) {
	t.Parallel()
	backEnds := []string{"eventstore/sqlitelog", "eventstore/pglog", "eventstore/kurrentlog"}
	for _, s := range sources(t) {
		if s.isTest() || s.inTestPackage() || s.path == "cmd/casesync/wire.go" {
			continue
		}
		for _, imported := range s.imports() {
			dir := strings.TrimPrefix(imported, module+"/")
			if slices.Contains(backEnds, dir) && s.dir() != dir {
				t.Errorf("%s imports %s: only cmd/casesync/wire.go names back ends", s.path, imported)
			}
		}
	}
}

// TestNoCatchAllFolders: a folder is named for what is in it.
func TestNoCatchAllFolders(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for part := range strings.SplitSeq(s.dir(), "/") {
			switch part {
			case "internal", "pkg", "common", "util", "utils", "helpers", "models", "service", "services":
				t.Errorf("%s: a folder named %q says nothing of what is in it", s.path, part)
			}
		}
	}
}
