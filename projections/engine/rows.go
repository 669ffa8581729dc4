package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Rows is the working set of a batch: the rows that its keys own, as loaded and as changed since.
type Rows struct {
	sets map[string]anySet // by table name
}

// anySet is a *set of any row type.
type anySet interface {
	// load takes a row that the database holds.
	load(cursor Cursor) error
	// changes returns what differs from what was loaded.
	changes() (insert, upsert, add, remove [][]any)
	// rows returns all rows there are now, for comparison and bulk writing.
	rows() [][]any
}

// NewRows returns an empty working set for tables.
func NewRows(tables ...AnyTable) *Rows {
	rows := &Rows{sets: make(map[string]anySet, len(tables))}
	for _, table := range tables {
		rows.sets[table.Describe().Name] = table.newSet()
	}
	return rows
}

type entry[R comparable] struct {
	row, loaded R
	stored      bool // loaded is what the database holds
	deleted     bool
}

type set[R comparable] struct {
	table   *Table[R]
	entries map[string]*entry[R]
	owned   map[string][]*entry[R] // by first column, in no order
}

func (t *Table[R]) newSet() anySet {
	return &set[R]{table: t, entries: map[string]*entry[R]{}, owned: map[string][]*entry[R]{}}
}

func (t *Table[R]) of(rows *Rows) *set[R] { return rows.sets[t.Name].(*set[R]) }

// Get returns the row with the given key to be read and changed in place, or nil. It must not be
// used on a Summed table.
func (t *Table[R]) Get(rows *Rows, key ...any) *R {
	e := t.of(rows).entries[joinKey(key)]
	if e == nil || e.deleted {
		return nil
	}
	return &e.row
}

// All returns the rows that belong to owner, ordered by their key.
func (t *Table[R]) All(rows *Rows, owner string) []*R {
	var all []*R
	for _, e := range t.of(rows).owned[owner] {
		if !e.deleted {
			all = append(all, &e.row)
		}
	}
	slices.SortFunc(all, func(a, b *R) int { return compareFields(t.Fields(a)[:t.Key], t.Fields(b)[:t.Key]) })
	return all
}

// Put adds row, or replaces the row that has its key; the result can be changed in place. In a
// Summed table it adds row's numbers to those of its key.
func (t *Table[R]) Put(rows *Rows, row R) *R {
	s := t.of(rows)
	fields := t.Fields(&row)
	e := s.entry(fields)
	if t.Kind == Summed && !e.deleted {
		addFields(t.Fields(&e.row)[t.Key:], fields[t.Key:])
		return &e.row
	}
	e.row, e.deleted = row, false
	return &e.row
}

// Delete removes the row with the given key, if there is one.
func (t *Table[R]) Delete(rows *Rows, key ...any) {
	if e := t.of(rows).entries[joinKey(key)]; e != nil {
		e.deleted = true
	}
}

func (s *set[R]) entry(fields []any) *entry[R] {
	key := joinFields(fields[:s.table.Key])
	e := s.entries[key]
	if e == nil {
		e = &entry[R]{deleted: true}
		s.entries[key] = e
		owner := joinFields(fields[:1])
		s.owned[owner] = append(s.owned[owner], e)
	}
	return e
}

func (s *set[R]) load(cursor Cursor) error {
	var row R
	fields := s.table.Fields(&row)
	if err := cursor.Scan(fields...); err != nil {
		return fmt.Errorf("load row of %s: %w", s.table.Name, err)
	}
	e := s.entry(fields)
	e.row, e.loaded, e.stored, e.deleted = row, row, true, false
	return nil
}

func (s *set[R]) changes() (insert, upsert, add, remove [][]any) {
	for _, e := range s.entries {
		switch fields := s.table.Fields(&e.row); {
		case s.table.Kind == Summed:
			if !allZero(fields[s.table.Key:]) {
				add = append(add, values(fields))
			}
		case e.deleted && e.stored:
			remove = append(remove, values(fields[:s.table.Key]))
		case e.deleted:
		case !e.stored:
			insert = append(insert, values(fields))
		case e.row != e.loaded:
			upsert = append(upsert, values(fields))
		}
	}
	return insert, upsert, add, remove
}

func (s *set[R]) rows() [][]any {
	all := make([][]any, 0, len(s.entries))
	for _, e := range s.entries {
		if fields := s.table.Fields(&e.row); !e.deleted && !(s.table.Kind == Summed && allZero(fields[s.table.Key:])) {
			all = append(all, values(fields))
		}
	}
	return all
}

// joinFields makes one text of key fields, which are pointers.
func joinFields(fields []any) string {
	if len(fields) == 1 {
		if text, ok := fields[0].(*string); ok {
			return *text
		}
	}
	return joinKey(values(fields))
}

// joinKey makes one text of key values. Texts in keys hold no NUL.
func joinKey(key []any) string {
	if len(key) == 1 {
		if text, ok := key[0].(string); ok {
			return text
		}
	}
	var joined strings.Builder
	for i, value := range key {
		if i > 0 {
			joined.WriteByte(0)
		}
		switch value := value.(type) {
		case string:
			joined.WriteString(value)
		case int64:
			joined.WriteString(strconv.FormatInt(value, 10))
		case bool:
			joined.WriteString(strconv.FormatBool(value))
		default:
			panic(fmt.Sprintf("a key holds a %T; only string, int64 and bool are columns", value))
		}
	}
	return joined.String()
}

func values(fields []any) []any {
	list := make([]any, len(fields))
	for i, field := range fields {
		switch field := field.(type) {
		case *string:
			list[i] = *field
		case *int64:
			list[i] = *field
		case *bool:
			list[i] = *field
		default:
			panic(fmt.Sprintf("a row holds a %T; only string, int64 and bool are columns", field))
		}
	}
	return list
}

func compareFields(a, b []any) int {
	for i := range a {
		switch a := a[i].(type) {
		case *string:
			if c := strings.Compare(*a, *b[i].(*string)); c != 0 {
				return c
			}
		case *int64:
			if other := *b[i].(*int64); *a != other {
				if *a < other {
					return -1
				}
				return 1
			}
		}
	}
	return 0
}

func addFields(to, from []any) {
	for i := range to {
		*to[i].(*int64) += *from[i].(*int64)
	}
}

func allZero(fields []any) bool {
	for _, field := range fields {
		if *field.(*int64) != 0 {
			return false
		}
	}
	return true
}
