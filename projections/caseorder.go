package projections

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"casesync/projections/engine"
)

// sortColumns are the columns that sort keys order by.
var sortColumns = map[string]string{
	SortReference:   "ref",
	SortBusiness:    "frn",
	SortProduct:     "product",
	SortStage:       "stage",
	SortPriority:    "priority",
	SortDueDate:     "due_day",
	SortConvertedAt: "converted_at",
	SortClosedAt:    "closed_at",
	SortUpdatedAt:   "updated_at",
	SortAllocatedTo: "allocated_to",
	SortOutcome:     "outcome",
}

// indexed are the columns that a list is read from an index by, within a business and a status.
var indexed = []string{"ref", "due_day", "converted_at", "closed_at", "updated_at"}

// orderKey is a column of the case row to order by.
type orderKey struct {
	column     int
	descending bool
}

func (k orderKey) name() string { return cases.Columns[k.column].Name }

// orderOf turns the query's sort into one that no two cases share a place in: the reference comes
// last, in the direction of the key before it, so that one index serves both directions.
func orderOf(q *CaseQuery) ([]orderKey, error) {
	sort := q.Sort
	if len(sort) == 0 {
		sort = DefaultSort(q.Status)
	}
	if len(sort) > SortKeysMax {
		return nil, fmt.Errorf("sort by %d keys, at most %d: %w", len(sort), SortKeysMax, ErrUnknownSort)
	}
	var order []orderKey
	for _, key := range append(slices.Clone(sort), SortKey{SortReference, sort[len(sort)-1].Descending}) {
		name, known := sortColumns[key.By]
		if !known {
			return nil, fmt.Errorf("sort by %q: %w", key.By, ErrUnknownSort)
		}
		order = append(order, orderKey{
			column:     slices.IndexFunc(cases.Columns, func(c engine.Column) bool { return c.Name == name }),
			descending: key.Descending,
		})
		if name == "ref" {
			break
		}
	}
	return order, nil
}

// isIndexed reports whether an index holds rows in this order.
func isIndexed(order []orderKey) bool {
	return len(order) <= 2 && slices.Contains(indexed, order[0].name())
}

// orderBy is the ORDER BY clause, for columns with prefix before them.
func orderBy(order []orderKey, prefix string) string {
	terms := make([]string, len(order))
	for i, key := range order {
		terms[i] = prefix + key.name()
		if key.descending {
			terms[i] += " DESC"
		}
	}
	return "ORDER BY " + strings.Join(terms, ", ")
}

// cursorOf is the place of row in order.
func cursorOf(order []orderKey, row *caseRow) *Cursor {
	cursor := &Cursor{Values: []string{}, Ref: row.Ref}
	fields := cases.Fields(row)
	for _, key := range order[:len(order)-1] {
		switch field := fields[key.column].(type) {
		case *string:
			cursor.Values = append(cursor.Values, *field)
		case *int64:
			cursor.Values = append(cursor.Values, strconv.FormatInt(*field, 10))
		case *bool:
			cursor.Values = append(cursor.Values, strconv.FormatBool(*field))
		}
	}
	return cursor
}

// parameters reads the cursor's values as those of order's columns.
func (c *Cursor) parameters(order []orderKey) ([]any, error) {
	if len(c.Values) != len(order)-1 {
		return nil, fmt.Errorf("%d sort values for %d sort keys: %w", len(c.Values), len(order)-1, ErrBadCursor)
	}
	var values []any
	for i, text := range c.Values {
		value, err := parameter(cases.Columns[order[i].column].Type, text)
		if err != nil {
			return nil, fmt.Errorf("value of %s: %w", order[i].name(), ErrBadCursor)
		}
		values = append(values, value)
	}
	return append(values, c.Ref), nil
}

func parameter(kind engine.Type, text string) (any, error) {
	switch kind {
	case engine.BigInt:
		return strconv.ParseInt(text, 10, 64)
	case engine.Boolean:
		return strconv.ParseBool(text)
	}
	return text, nil
}

// after is true for what comes after the cursor. Where all keys go one way it compares rows, which
// an index answers; else it is spelled out, behind a bound on the first key.
func (s *statement) after(order []orderKey, cursor *Cursor) (string, error) {
	values, err := cursor.parameters(order)
	if err != nil {
		return "", err
	}
	columns, names := make([]string, len(order)), make([]string, len(order))
	oneWay := true
	for i, key := range order {
		columns[i], names[i] = "c."+key.name(), s.arg(values[i])
		oneWay = oneWay && key.descending == order[0].descending
	}
	if oneWay {
		return "(" + strings.Join(columns, ", ") + ") " + beyond(order[0]) + " (" + strings.Join(names, ", ") + ")", nil
	}
	text := ""
	for i, key := range slices.Backward(order) {
		term := columns[i] + " " + beyond(key) + " " + names[i]
		if text != "" {
			term = "(" + term + " OR (" + columns[i] + " = " + names[i] + " AND " + text + "))"
		}
		text = term
	}
	return columns[0] + " " + beyond(order[0]) + "= " + names[0] + " AND " + text, nil
}

func beyond(key orderKey) string {
	if key.descending {
		return "<"
	}
	return ">"
}
