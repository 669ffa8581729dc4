package engine

import (
	"context"
	"fmt"
	"strings"
)

// diff reports in what the rows of two generations differ, wanted being what the rows should be.
func (p Projection) diff(ctx context.Context, snapshot Snapshot, stored, wanted int64, report func(...Difference)) error {
	for _, table := range p.tables() {
		spec := table.Describe()
		cursor, err := snapshot.Query(ctx, diffQuery(spec, p.table(table, stored), p.table(table, wanted)))
		if err != nil {
			return fmt.Errorf("compare tables %s: %w", spec.Name, err)
		}
		if err := diffRows(cursor, spec, report); err != nil {
			return fmt.Errorf("compare tables %s: %w", spec.Name, err)
		}
	}
	return nil
}

// diffQuery yields, of each key whose rows differ: whether either row is missing, the key, and the
// two values of each other column that is compared.
func diffQuery(spec Spec, stored, wanted string) string {
	var columns, on, where []string
	for _, column := range spec.Columns[:spec.Key] {
		columns = append(columns, fmt.Sprintf("COALESCE(a.%[1]s, b.%[1]s)", column.Name))
		on = append(on, fmt.Sprintf("a.%[1]s = b.%[1]s", column.Name))
	}
	first := spec.Columns[0].Name
	where = append(where, "a."+first+" IS NULL", "b."+first+" IS NULL")
	for _, column := range compared(spec) {
		none := map[Type]string{Text: "''", BigInt: "0", Boolean: "FALSE"}[column.Type]
		columns = append(columns, fmt.Sprintf("COALESCE(a.%[1]s, %[2]s), COALESCE(b.%[1]s, %[2]s)", column.Name, none))
		where = append(where, fmt.Sprintf("a.%[1]s <> b.%[1]s", column.Name))
	}
	return fmt.Sprintf("SELECT a.%[1]s IS NULL, b.%[1]s IS NULL, %[2]s FROM %[3]s a FULL JOIN %[4]s b ON %[5]s WHERE %[6]s",
		first, strings.Join(columns, ", "), stored, wanted, strings.Join(on, " AND "), strings.Join(where, " OR "))
}

// compared are the columns after the key that are compared.
func compared(spec Spec) []Column {
	var columns []Column
	for _, column := range spec.Columns[spec.Key:] {
		if !spec.uncompared(column.Name) {
			columns = append(columns, column)
		}
	}
	return columns
}

func diffRows(cursor Cursor, spec Spec, report func(...Difference)) error {
	defer cursor.Close()
	var missing, extra bool
	dest := []any{&missing, &extra}
	for _, column := range spec.Columns[:spec.Key] {
		dest = append(dest, column.Type.pointer())
	}
	for _, column := range compared(spec) {
		dest = append(dest, column.Type.pointer(), column.Type.pointer())
	}
	for cursor.Next() {
		if err := cursor.Scan(dest...); err != nil {
			return err
		}
		fields := values(dest[2:])
		key := strings.TrimSuffix(fmt.Sprintln(fields[:spec.Key]...), "\n")
		switch {
		case missing:
			report(Difference{Table: spec.Name, Key: key, Stored: rowMissing})
		case extra:
			report(Difference{Table: spec.Name, Key: key, Stored: rowExtra})
		default:
			var list []Difference
			for i, column := range compared(spec) {
				if a, b := fields[spec.Key+2*i], fields[spec.Key+2*i+1]; a != b {
					list = append(list, spec.difference(key, column.Name, a, b))
				}
			}
			report(list...)
		}
	}
	return cursor.Err()
}

// pointer returns a pointer to a new value of the type.
func (t Type) pointer() any {
	switch t {
	case BigInt:
		return new(int64)
	case Boolean:
		return new(bool)
	}
	return new(string)
}
