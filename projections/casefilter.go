package projections

import (
	"fmt"
	"slices"
)

// fieldColumns are the columns that fields filter and count, but for the business, which the
// scope takes.
var fieldColumns = map[Field]string{
	FieldBusiness:    "c.frn",
	FieldStage:       "c.stage",
	FieldProduct:     "c.product",
	FieldIssue:       "c.issue",
	FieldOutcome:     "c.outcome",
	FieldAllocatedTo: "c.allocated_to",
}

// check refuses what no case could answer.
func (f *CaseFilter) check() error {
	if f.Status != "" && f.Status != StatusOpen && f.Status != StatusClosed {
		return fmt.Errorf("status %q: %w", f.Status, ErrUnknownFilter)
	}
	for _, values := range []map[Field][]string{f.In, f.Not} {
		for field := range values {
			if fieldColumns[field] == "" {
				return fmt.Errorf("filter by %q: %w", field, ErrUnknownFilter)
			}
		}
	}
	return nil
}

// within narrows scope to the businesses that the filter takes.
func (f *CaseFilter) within(scope Scope) Scope {
	if wanted, limited := f.In[FieldBusiness]; limited && len(wanted) > 0 {
		scope = scope.Within(wanted...)
	}
	if not := f.Not[FieldBusiness]; len(not) > 0 && !scope.every {
		scope.frns = slices.DeleteFunc(slices.Clone(scope.frns), func(frn string) bool { return slices.Contains(not, frn) })
	}
	return scope
}

// conditions are what a case, named c in the text, must meet; the status and the search are not
// among them.
func (s *statement) conditions(scope Scope, f *CaseFilter) []string {
	all := s.values(scope, f)
	for _, flag := range []struct {
		wanted *bool
		text   string
	}{
		{f.Priority, "c.priority = TRUE"},
		{f.ActionNeeded, "c.open = TRUE AND c.actions_open > 0"},
		{f.FailedUpload, "c.failed_uploads > 0"},
		{f.Returned, "c.allocation_returned = TRUE"},
	} {
		all = appendFlag(all, flag.wanted, flag.text)
	}
	if f.Overdue != nil {
		all = appendFlag(all, f.Overdue, "c.open = TRUE AND c.due_day < "+s.arg(int64(f.Today)))
	}
	for _, bound := range []struct {
		day  *Day
		text string
	}{
		{f.ConvertedFrom, "c.converted_day >= "}, {f.ConvertedTo, "c.converted_day <= "},
		{f.ClosedFrom, "c.open = FALSE AND c.closed_day >= "}, {f.ClosedTo, "c.open = FALSE AND c.closed_day <= "},
		{f.DueFrom, "c.actions_open > 0 AND c.due_day >= "}, {f.DueTo, "c.actions_open > 0 AND c.due_day <= "},
	} {
		if bound.day != nil {
			all = append(all, bound.text+s.arg(int64(*bound.day)))
		}
	}
	return all
}

func appendFlag(all []string, wanted *bool, text string) []string {
	switch {
	case wanted == nil:
		return all
	case *wanted:
		return append(all, text)
	}
	return append(all, "NOT ("+text+")")
}

// values are the conditions of the fields that take several values, in the fields' order.
func (s *statement) values(scope Scope, f *CaseFilter) (all []string) {
	for _, field := range []Field{FieldStage, FieldProduct, FieldIssue, FieldOutcome, FieldAllocatedTo} {
		if values := f.In[field]; len(values) > 0 {
			all = append(all, s.in(fieldColumns[field], stored(scope, field, values)))
		}
	}
	for _, field := range []Field{FieldBusiness, FieldStage, FieldProduct, FieldIssue, FieldOutcome, FieldAllocatedTo} {
		if values := stored(scope, field, f.Not[field]); len(values) > 0 {
			all = append(all, "NOT ("+s.in(fieldColumns[field], values)+")")
		}
	}
	return all
}

// stored turns the values that a filter takes into those of the column. "me" is nobody for who
// has no user's id, and then matches nothing.
func stored(scope Scope, field Field, values []string) []string {
	if field != FieldAllocatedTo {
		return values
	}
	var list []string
	for _, value := range values {
		switch {
		case value == AllocatedToNone:
			list = append(list, "")
		case value == AllocatedToMe && scope.user != "":
			list = append(list, scope.user)
		case value != AllocatedToMe && value != "":
			list = append(list, value)
		}
	}
	return list
}
