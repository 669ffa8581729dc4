package httpapi

import (
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"casesync/projections"
)

// The limits of case lists.
const (
	pageItemsMin     = 10
	pageItemsMax     = 100
	pageItemsDefault = 50
)

// caseQuery is what the parameters of a case list say.
type caseQuery struct {
	projections.CaseQuery
	search string
	facets []projections.Field
	cursor string
	format string // of an export
}

var (
	frnPattern       = regexp.MustCompile(`^[0-9]{6,7}$`)
	referencePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

// outcomes are all outcomes of a case; closed without merits are the last four.
var outcomes = []string{
	"change", "no-change", "proactively-settled", "dismissed", "out-of-jurisdiction", "withdrawn", "abandoned",
}

// fields are what cases are filtered and counted by, with what may be given for each.
var fields = []struct {
	field  projections.Field
	doc    string
	schema *huma.Schema
	check  func(value string) error
}{
	{projections.FieldBusiness, "FRN of the respondent business", &huma.Schema{Type: huma.TypeString, Pattern: frnPattern.String()}, checkFRN},
	{projections.FieldStage, "stage, such as investigation", nil, nil},
	{projections.FieldProduct, "product, such as Credit cards", nil, nil},
	{projections.FieldIssue, "what the complaint is about", nil, nil},
	{projections.FieldOutcome, "outcome; empty for cases without one", oneOf(append([]string{""}, outcomes...)...), checkOutcome},
	{projections.FieldAllocatedTo, "a user's id, me or none", nil, nil},
}

// facetFields are the names that facets takes.
func facetFields() []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = string(f.field)
	}
	return names
}

// sortKeys are the names that sort takes.
var sortKeys = []string{
	projections.SortReference, projections.SortBusiness, projections.SortProduct, projections.SortStage,
	projections.SortPriority, projections.SortDueDate, projections.SortConvertedAt, projections.SortClosedAt,
	projections.SortUpdatedAt, projections.SortAllocatedTo, projections.SortOutcome,
}

func checkFRN(value string) error {
	if !frnPattern.MatchString(value) {
		return faultf("%q is not an FRN: six or seven digits", clip(value))
	}
	return nil
}

func checkOutcome(value string) error {
	if value != "" && !slices.Contains(outcomes, value) {
		return faultf("%q is not one of %s", clip(value), strings.Join(outcomes, ", "))
	}
	return nil
}

// filterParameters are what lists and exports have in common.
var filterParameters = func() []parameter[caseQuery] {
	table := []parameter[caseQuery]{{
		name: "status", doc: "open or closed cases; both without it", schema: oneOf(projections.StatusOpen, projections.StatusClosed),
		set: choose(func(q *caseQuery) *string { return &q.Status }, projections.StatusOpen, projections.StatusClosed),
	}}
	for _, f := range fields {
		table = append(table,
			parameter[caseQuery]{
				name: string(f.field), doc: "Takes cases with one of these: " + f.doc, schema: f.schema, repeated: true,
				set: setField(f.field, f.check, func(q *caseQuery) *map[projections.Field][]string { return &q.In }),
			},
			parameter[caseQuery]{
				name: "not_" + string(f.field), doc: "Leaves out cases with any of these: " + f.doc, schema: f.schema, repeated: true,
				set: setField(f.field, f.check, func(q *caseQuery) *map[projections.Field][]string { return &q.Not }),
			})
	}
	flag := func(name, doc string, field func(*caseQuery) **bool) {
		table = append(table, parameter[caseQuery]{name: name, doc: doc, schema: &huma.Schema{Type: huma.TypeBoolean}, set: setFlag(field)})
	}
	flag("priority", "Cases to be handled first, or all but those", func(q *caseQuery) **bool { return &q.Priority })
	flag("actionNeeded", "Open cases in which something is asked of the business", func(q *caseQuery) **bool { return &q.ActionNeeded })
	flag("overdue", "Open cases in which something was due before today", func(q *caseQuery) **bool { return &q.Overdue })
	flag("failedUpload", "Cases with an upload that failed", func(q *caseQuery) **bool { return &q.FailedUpload })
	flag("allocationReturned", "Cases that nobody has since whoever had them cannot work on them any more", func(q *caseQuery) **bool { return &q.Returned })
	day := func(name, doc string, field func(*caseQuery) **projections.Day) {
		table = append(table, parameter[caseQuery]{name: name, doc: doc, schema: &huma.Schema{Type: huma.TypeString, Format: "date"}, set: setDay(field)})
	}
	day("convertedFrom", "First day of conversion", func(q *caseQuery) **projections.Day { return &q.ConvertedFrom })
	day("convertedTo", "Last day of conversion", func(q *caseQuery) **projections.Day { return &q.ConvertedTo })
	day("closedFrom", "First day of closing", func(q *caseQuery) **projections.Day { return &q.ClosedFrom })
	day("closedTo", "Last day of closing", func(q *caseQuery) **projections.Day { return &q.ClosedTo })
	day("dueFrom", "First day on which the earliest open action is due", func(q *caseQuery) **projections.Day { return &q.DueFrom })
	day("dueTo", "Last day on which the earliest open action is due", func(q *caseQuery) **projections.Day { return &q.DueTo })
	return append(table,
		parameter[caseQuery]{
			name: "q", doc: "Searches the case reference (its beginning), and words in the names of the parties and the business's own reference: all words given must be there. A word of 3 to 8 letters or digits finds what begins with it, a shorter or longer one whole words alone",
			set: func(q *caseQuery, values []string) error { q.search = strings.TrimSpace(values[0]); return nil },
		},
		parameter[caseQuery]{
			name: "sort", doc: "Up to two of " + strings.Join(sortKeys, ", ") + ", separated by a comma; - before one for descending. The reference breaks ties",
			set: setSort,
		})
}()

// listParameters are those of GET /cases.
var listParameters = append(slices.Clone(filterParameters),
	parameter[caseQuery]{
		name: "limit", doc: "Cases per page", schema: &huma.Schema{Type: huma.TypeInteger, Minimum: float(pageItemsMin), Maximum: float(pageItemsMax), Default: pageItemsDefault},
		set: setNumber(func(q *caseQuery) *int { return &q.Limit }, pageItemsMin, pageItemsMax),
	},
	parameter[caseQuery]{
		name: "cursor", doc: "The next of the page before, with the same filters and sort",
		set: func(q *caseQuery, values []string) error { q.cursor = values[0]; return nil },
	},
	parameter[caseQuery]{
		name: "facets", doc: "Counts the cases by the values of these, each ignoring its own filter: " + strings.Join(facetFields(), ", ") + ", separated by commas or repeated", repeated: true,
		set: setFacets,
	})

// exportParameters are those of GET /cases/export.
var exportParameters = append(slices.Clone(filterParameters), parameter[caseQuery]{
	name: "format", doc: "csv (the default) or xlsx", schema: oneOf("csv", "xlsx"),
	set: choose(func(q *caseQuery) *string { return &q.format }, "csv", "xlsx"),
})

func float(n int) *float64 { f := float64(n); return &f }

func setField(field projections.Field, check func(string) error, of func(*caseQuery) *map[projections.Field][]string) func(*caseQuery, []string) error {
	return func(q *caseQuery, values []string) error {
		for _, value := range values {
			if check != nil {
				if err := check(value); err != nil {
					return err
				}
			}
		}
		m := of(q)
		if *m == nil {
			*m = map[projections.Field][]string{}
		}
		(*m)[field] = values
		return nil
	}
}

func setSort(q *caseQuery, values []string) error {
	keys := strings.Split(values[0], ",")
	if len(keys) > projections.SortKeysMax {
		return faultf("it has %d keys; give at most %d", len(keys), projections.SortKeysMax)
	}
	q.Sort = nil
	for _, key := range keys {
		by, descending := strings.CutPrefix(key, "-")
		if !slices.Contains(sortKeys, by) {
			return faultf("there is no sort key %q; there are: %s", clip(by), strings.Join(sortKeys, ", "))
		}
		if slices.ContainsFunc(q.Sort, func(k projections.SortKey) bool { return k.By == by }) {
			return faultf("the sort key %s is given twice", by)
		}
		q.Sort = append(q.Sort, projections.SortKey{By: by, Descending: descending})
	}
	return nil
}

func setFacets(q *caseQuery, values []string) error {
	for name := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if !slices.Contains(facetFields(), name) {
			return faultf("there is no facet %q; there are: %s", clip(name), strings.Join(facetFields(), ", "))
		}
		if field := projections.Field(name); !slices.Contains(q.facets, field) {
			q.facets = append(q.facets, field)
		}
	}
	return nil
}

// parseCases reads the query of a case list or export. Words turns search text into hashed words.
func parseCases(rawQuery string, table []parameter[caseQuery], today projections.Day, words func(string) []string) (caseQuery, *Problem) {
	q := caseQuery{format: "csv"}
	q.Limit, q.Today = pageItemsDefault, today
	if refusal := parseParameters(rawQuery, table, &q); refusal != nil {
		return caseQuery{}, refusal
	}
	if len(q.Sort) == 0 {
		q.Sort = projections.DefaultSort(q.Status)
	}
	if refusal := checkPeriods(q); refusal != nil {
		return caseQuery{}, refusal
	}
	if q.search != "" {
		if referencePattern.MatchString(q.search) {
			q.Reference = q.search
		}
		q.Words = words(q.search)
		if q.Reference == "" && len(q.Words) == 0 {
			return caseQuery{}, invalidParameter("q", faultf("%q holds no letter or digit to search for", clip(q.search)))
		}
	}
	return q, nil
}

func checkPeriods(q caseQuery) *Problem {
	for _, period := range []struct {
		name     string
		from, to *projections.Day
	}{
		{"converted", q.ConvertedFrom, q.ConvertedTo},
		{"closed", q.ClosedFrom, q.ClosedTo},
		{"due", q.DueFrom, q.DueTo},
	} {
		if period.from != nil && period.to != nil && *period.from > *period.to {
			return invalidParameter(period.name+"To", faultf("%s is before %sFrom, %s", *period.to, period.name, *period.from))
		}
	}
	return nil
}
