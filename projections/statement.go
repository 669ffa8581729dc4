package projections

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"casesync/projections/engine"
)

// statement collects the parameters of a query while its text is put together. Text is made of
// this package's literals alone; whatever comes from outside is a parameter.
type statement struct{ args []any }

// arg adds a parameter (string, int64 or bool) and returns its name in the text.
func (s *statement) arg(value any) string {
	s.args = append(s.args, value)
	return "$" + strconv.Itoa(len(s.args))
}

// in is true where column has one of values: nothing has one of none.
func (s *statement) in(column string, values []string) string {
	switch len(values) {
	case 0:
		return "1 = 0"
	case 1:
		return column + " = " + s.arg(values[0])
	}
	names := make([]string, len(values))
	for i, value := range values {
		names[i] = s.arg(value)
	}
	return column + " IN (" + strings.Join(names, ", ") + ")"
}

// businesses is true where column has an FRN of scope's.
func (s *statement) businesses(scope Scope, column string) string {
	if scope.every {
		return "1 = 1"
	}
	return s.in(column, scope.frns)
}

// visible is true for a case, named c in the text, that scope sees (requirements 45 and 46).
func (s *statement) visible(scope Scope) string {
	conditions := []string{"c.converted = TRUE"}
	if !scope.suppressed {
		conditions = append(conditions, "c.suppressed = FALSE")
	}
	return strings.Join(append(conditions, s.businesses(scope, "c.frn")), " AND ")
}

// cells is what of a table of sums belongs to scope: one row's key for all businesses, or the FRNs.
func (s *statement) cells(scope Scope) string {
	if scope.every {
		return s.in("frn", []string{everyBusiness})
	}
	return s.in("frn", scope.frns)
}

// list names the columns of a table, each with prefix before it.
func list(columns []engine.Column, prefix string) string {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = prefix + column.Name
	}
	return strings.Join(names, ", ")
}

// collect runs a query and returns what read makes of each row, or an error that begins with what.
func collect[R any](ctx context.Context, view engine.View, what, query string, s *statement, read func(scan func(...any) error) (R, error)) (all []R, err error) {
	cursor, err := view.Query(ctx, query, s.args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer func() { err = errors.Join(err, cursor.Close()) }()
	for cursor.Next() {
		row, err := read(cursor.Scan)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		all = append(all, row)
	}
	if err := cursor.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}

// rowsOf runs a query whose columns are a table's, and returns the rows.
func rowsOf[R comparable](ctx context.Context, view engine.View, table *engine.Table[R], query string, s *statement) ([]R, error) {
	return collect(ctx, view, "read "+table.Name, query, s, func(scan func(...any) error) (row R, err error) {
		err = scan(table.Fields(&row)...)
		return row, err
	})
}

// number runs a query that gives one number, 0 if it gives no row.
func number(ctx context.Context, view engine.View, what, query string, s *statement) (int64, error) {
	all, err := collect(ctx, view, what, query, s, func(scan func(...any) error) (n int64, err error) {
		err = scan(&n)
		return n, err
	})
	if err != nil || len(all) == 0 {
		return 0, err
	}
	return all[0], nil
}
