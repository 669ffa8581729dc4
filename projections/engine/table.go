package engine

import (
	"slices"
	"strings"
)

// Type is a column's type: one of three that all databases have in common.
type Type string

// The column types. Times are BigInt: microseconds UTC since 1970; days are BigInt too: days
// since 1970-01-01.
const (
	Text    Type = "TEXT"
	BigInt  Type = "BIGINT"
	Boolean Type = "BOOLEAN"
)

// Column is a column of a read model's table. None is ever NULL.
type Column struct {
	Name string
	Type Type
}

// Kind says how rows of a table change.
type Kind int

const (
	// Keyed rows are loaded before a batch is folded, by their first column, the projection's key.
	Keyed Kind = iota
	// Summed rows are never loaded: what a fold puts is added to the columns after the key, which are
	// BigInts. A row whose sums all come to 0 is deleted. They may belong to any number of keys.
	Summed
)

// Spec describes a table.
type Spec struct {
	Name    string // without the generation
	Columns []Column
	// Key is how many of the first columns are the primary key.
	Key  int
	Kind Kind
	// AppendOnly promises, of a Keyed table, that folds do nothing but Put rows of new keys: what is
	// there is then not loaded for each batch, and neither Get nor All is of use, but in the fold of an
	// event for which Projection.Whole names the table.
	AppendOnly bool
	// Wide promises that rows take more than a few hundred bytes: SQLite then keeps them beside the
	// tree of their keys instead of in it.
	Wide bool
	// Indexes are further indexes, each a list of columns and optional conditions:
	// "frn, converted_at, ref" or "frn, ref WHERE open".
	Indexes []string
	// Aside names columns that depend on when and in what company an event was recorded; they are
	// left out where read models of two logs are compared.
	Aside []string
	// Private columns are never shown where a difference is reported; a sealed value is not, in any
	// column.
	Private []string

	// local columns depend on when this process did something, and are never compared.
	local []string
}

func (s Spec) uncompared(column string) bool { return slices.Contains(s.local, column) }

// private reports whether values of column must not be shown.
func (s Spec) private(column string, values ...any) bool {
	if slices.Contains(s.Private, column) {
		return true
	}
	for _, value := range values {
		if text, ok := value.(string); ok && strings.Contains(text, envelopeMark) {
			return true
		}
	}
	return false
}

// envelopeMark stands in every envelope of a sealed value, between its origin and its sealed text.
const envelopeMark = "|v1."

// AnyTable is a *Table of any row type.
type AnyTable interface {
	Describe() Spec
	newSet() anySet
}

// Table is a table whose rows are of type R, a struct of strings, int64s and bools.
type Table[R comparable] struct {
	Spec
	// Fields returns pointers to the fields of a row, in the order of the columns.
	Fields func(*R) []any
}

// Describe returns the table's description.
func (t *Table[R]) Describe() Spec { return t.Spec }
