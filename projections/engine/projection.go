package engine

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"casesync/eventstore"
)

// columnsMax bounds the columns of a table: which of them changed is a bit of a uint64 each.
const columnsMax = 64

var validName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// validate finds mistakes in a projection's description before they reach a database.
func (p Projection) validate() error {
	var mistakes []error
	if !validName.MatchString(p.Name) {
		mistakes = append(mistakes, fmt.Errorf("the name %q is not in lower case letters, digits and _", p.Name))
	}
	if p.Version < 1 {
		mistakes = append(mistakes, errors.New("the version is not 1 or more"))
	}
	if p.Key == nil || p.Fold == nil {
		mistakes = append(mistakes, errors.New("the function Key or Fold is missing"))
	}
	if slices.Contains(p.Prefixes, "") {
		mistakes = append(mistakes, errors.New("the prefix \"\" leaves out no stream"))
	}
	names := map[string]bool{}
	for _, table := range p.Tables {
		spec := table.Describe()
		if names[spec.Name] || strings.HasPrefix(spec.Name, "engine_") || spec.Name == parkedTable.Name {
			mistakes = append(mistakes, fmt.Errorf("the table name %s is taken", spec.Name))
		}
		names[spec.Name] = true
		mistakes = append(mistakes, spec.validate())
	}
	if err := errors.Join(mistakes...); err != nil {
		return fmt.Errorf("projection %s: %w", p.Name, err)
	}
	return nil
}

func (s Spec) validate() error {
	if !validName.MatchString(s.Name) {
		return fmt.Errorf("the table name %q is not in lower case letters, digits and _", s.Name)
	}
	if s.Key < 1 || s.Key > len(s.Columns) {
		return fmt.Errorf("table %s: the key has %d of %d columns", s.Name, s.Key, len(s.Columns))
	}
	if s.Kind == Keyed && s.Columns[0].Type != Text {
		return fmt.Errorf("table %s: the first column of a Keyed table is the projection's key and must be TEXT", s.Name)
	}
	if len(s.Columns) > columnsMax {
		return fmt.Errorf("table %s has %d columns, at most %d", s.Name, len(s.Columns), columnsMax)
	}
	for i, column := range s.Columns {
		if !validName.MatchString(column.Name) {
			return fmt.Errorf("table %s: the column name %q is not in lower case letters, digits and _", s.Name, column.Name)
		}
		if s.Kind == Summed && i >= s.Key && column.Type != BigInt {
			return fmt.Errorf("table %s: column %s of a Summed table must be BIGINT", s.Name, column.Name)
		}
	}
	for _, name := range slices.Concat(s.Aside, s.Private) {
		if !slices.ContainsFunc(s.Columns, func(c Column) bool { return c.Name == name }) {
			return fmt.Errorf("table %s: there is no column %s", s.Name, name)
		}
	}
	return nil
}

// tables are the projection's own and the one of its parked keys.
func (p Projection) tables() []AnyTable { return append(slices.Clone(p.Tables), parkedTable) }

// stored is the name of table without its generation: the parked keys of each projection are a
// table of their own.
func (p Projection) stored(table AnyTable) string {
	if name := table.Describe().Name; name != parkedTable.Name {
		return name
	}
	return p.Name + "_" + parkedTable.Name
}

func (p Projection) table(table AnyTable, generation int64) string {
	return generationTable(p.stored(table), generation)
}

// createTables makes the tables of a generation, without their indexes: those are made when it is
// loaded.
func (p Projection) createTables(ctx context.Context, tx Tx, generation int64) error {
	for _, table := range p.tables() {
		if err := tx.CreateTable(ctx, p.table(table, generation), table.Describe()); err != nil {
			return err
		}
	}
	return nil
}

// indexes are the statements that make the indexes of a generation, and tell the database what is in
// its tables.
func (p Projection) indexes(generation int64) (statements []string) {
	for _, table := range p.tables() {
		name := p.table(table, generation)
		for i, index := range table.Describe().Indexes {
			columns, condition, partial := strings.Cut(index, " WHERE ")
			text := fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s_i%d ON %s (%s)", name, i+1, name, columns)
			if partial {
				text += " WHERE " + condition
			}
			statements = append(statements, text)
		}
		statements = append(statements, "ANALYZE "+name)
	}
	return statements
}

// soleStream returns the one stream that holds a key's events, where the projection promises one.
func (p Projection) soleStream(key string) (stream eventstore.StreamName, ok bool) {
	if p.Streams == nil {
		return "", false
	}
	streams := p.Streams(key)
	if len(streams) != 1 {
		return "", false
	}
	return streams[0], true
}

// maybeOf leaves out the events of streams of which it is known that they belong to a key that is not wanted.
func (p Projection) maybeOf(recorded []eventstore.Recorded, wanted func(key string) bool) []eventstore.Recorded {
	if p.StreamKey == nil {
		return recorded
	}
	var kept []eventstore.Recorded
	for _, e := range recorded {
		if key, ok := p.StreamKey(e.Stream); !ok || wanted(key) {
			kept = append(kept, e)
		}
	}
	return kept
}

// reads reports whether Key may want events of stream.
func (p Projection) reads(stream eventstore.StreamName) bool {
	return p.Prefixes == nil || slices.ContainsFunc(p.Prefixes, func(prefix string) bool {
		return strings.HasPrefix(string(stream), prefix)
	})
}
