package engine

import (
	"fmt"
	"strings"
)

// Difference is a place where a read model is not what it should be.
type Difference struct {
	Table string
	// Key is the row's primary key, its columns separated by spaces.
	Key string
	// Column is "" where the whole row is missing or should not be there.
	Column string
	// Stored is what the table holds and Want what it should hold. Of what is private they say only
	// that it differs.
	Stored, Want string
}

func (d Difference) String() string {
	if d.Column == "" {
		return fmt.Sprintf("%s, key %s: %s", d.Table, d.Key, d.Stored)
	}
	return fmt.Sprintf("%s, key %s, column %s: stored %s, want %s", d.Table, d.Key, d.Column, d.Stored, d.Want)
}

const (
	rowMissing = "the row is missing"
	rowExtra   = "the row should not be there"
	withheld   = "(private)"
)

func (s *set[R]) compare(cursor Cursor, want func(owner string) bool, report func(...Difference)) error {
	for cursor.Next() {
		var row R
		fields := s.table.Fields(&row)
		if err := cursor.Scan(fields...); err != nil {
			return fmt.Errorf("read row of %s: %w", s.table.Name, err)
		}
		if s.table.Kind == Keyed && !want(joinFields(fields[:1])) {
			continue
		}
		e := s.entries[joinFields(fields[:s.table.Key])]
		if e == nil || !s.present(e) {
			report(Difference{Table: s.table.Name, Key: s.keyText(fields), Stored: rowExtra})
			continue
		}
		e.seen = true
		if row != e.row {
			report(s.differences(fields, s.table.Fields(&e.row))...)
		}
	}
	if err := cursor.Err(); err != nil {
		return fmt.Errorf("read rows of %s: %w", s.table.Name, err)
	}
	for _, e := range s.entries {
		if s.present(e) && !e.seen {
			report(Difference{Table: s.table.Name, Key: s.keyText(s.table.Fields(&e.row)), Stored: rowMissing})
		}
	}
	return nil
}

// present reports whether e is a row: sums that came to nothing are none.
func (s *set[R]) present(e *entry[R]) bool {
	return !e.deleted && (s.table.Kind == Keyed || !allZero(s.table.Fields(&e.row)[s.table.Key:]))
}

func (s *set[R]) differences(stored, want []any) (list []Difference) {
	for i, column := range s.table.Columns {
		if a, b := value(stored[i]), value(want[i]); a != b && !s.table.uncompared(column.Name) {
			list = append(list, s.table.difference(s.keyText(stored), column.Name, a, b))
		}
	}
	return list
}

// difference describes a column that differs, without its values where those are private.
func (s Spec) difference(key, column string, stored, want any) Difference {
	d := Difference{Table: s.Name, Key: key, Column: column, Stored: withheld, Want: withheld}
	if !s.private(column, stored, want) {
		d.Stored, d.Want = fmt.Sprintf("%#v", stored), fmt.Sprintf("%#v", want)
	}
	return d
}

func (s *set[R]) keyText(fields []any) string {
	return strings.TrimSuffix(fmt.Sprintln(values(fields[:s.table.Key])...), "\n")
}
