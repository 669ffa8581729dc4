package httpapi

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"casesync/projections"
)

// The limits of query parameters.
const (
	valueLengthMax     = 200 // characters
	parameterValuesMax = 100 // values of one parameter
)

// A parameter is one query parameter of a route: how it is described, and how it is read. The
// description in the OpenAPI document, the reading and the list in an error message all come from
// the same table, so that they cannot drift apart.
type parameter[T any] struct {
	name   string
	doc    string
	schema *huma.Schema
	// repeated parameters may be given several times (never as a list with commas).
	repeated bool
	// set takes the values given, of which there is at least one; its error says what would do.
	set func(into *T, values []string) error
}

// parseParameters reads a query by a table of parameters, and says of the first thing wrong where
// it is and what there is instead.
func parseParameters[T any](rawQuery string, table []parameter[T], into *T) *Problem {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return problem(CodeBadRequest, "The query of the address is not well-formed: escape what is neither a letter nor a digit.")
	}
	for _, name := range sortedKeys(values) {
		given := values[name]
		i := slices.IndexFunc(table, func(p parameter[T]) bool { return p.name == name })
		if i < 0 {
			return unknownParameter(name, table)
		}
		if err := checkValues(table[i], given); err != nil {
			return invalidParameter(name, err)
		}
		if err := table[i].set(into, given); err != nil {
			return invalidParameter(name, err)
		}
	}
	return nil
}

func checkValues[T any](p parameter[T], given []string) error {
	if !p.repeated && len(given) > 1 {
		return faultf("it is given %d times; give it once", len(given))
	}
	if len(given) > parameterValuesMax {
		return faultf("it has %d values; give at most %d", len(given), parameterValuesMax)
	}
	for _, value := range given {
		if !utf8.ValidString(value) {
			return faultf("a value is not UTF-8 text")
		}
		if strings.ContainsRune(value, 0) {
			return faultf("a value holds a NUL character")
		}
		if p.name != "cursor" && utf8.RuneCountInString(value) > valueLengthMax {
			return faultf("a value is longer than %d characters", valueLengthMax)
		}
	}
	return nil
}

func unknownParameter[T any](name string, table []parameter[T]) *Problem {
	known := make([]string, len(table))
	for i, p := range table {
		known[i] = p.name
	}
	if len(known) == 0 {
		return problem(CodeUnknownParameter, "There is no parameter %q: this address takes none.", clip(name))
	}
	slices.Sort(known)
	return problem(CodeUnknownParameter, "There is no parameter %q. There are: %s.", clip(name), strings.Join(known, ", "))
}

func invalidParameter(name string, err error) *Problem {
	p := problem(CodeInvalidParameter, "The parameter %s cannot be taken: %s.", name, err)
	p.Errors = []Fault{{Location: "query." + name, Message: err.Error()}}
	return p
}

// fault is what is wrong with one value.
type fault string

func (f fault) Error() string { return string(f) }

func faultf(format string, args ...any) error { return fault(problem("", format, args...).Detail) }

// clip shortens what somebody sent, for an error message.
func clip(text string) string {
	text = strings.ToValidUTF8(text, "�")
	if utf8.RuneCountInString(text) <= 60 {
		return text
	}
	return string([]rune(text)[:60]) + "…"
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// openAPI describes a table of parameters.
func openAPI[T any](table []parameter[T]) []*huma.Param {
	params := make([]*huma.Param, len(table))
	for i, p := range table {
		schema := cmp.Or(p.schema, &huma.Schema{Type: huma.TypeString})
		explode := true
		params[i] = &huma.Param{Name: p.name, In: "query", Description: p.doc, Schema: schema}
		if p.repeated {
			params[i].Schema = &huma.Schema{Type: huma.TypeArray, Items: schema}
			params[i].Explode = &explode
		}
	}
	return params
}

func oneOf(values ...string) *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeString}
	for _, value := range values {
		schema.Enum = append(schema.Enum, value)
	}
	return schema
}

// choose returns a setter that takes one of the given values.
func choose[T any](field func(*T) *string, values ...string) func(*T, []string) error {
	return func(into *T, given []string) error {
		if !slices.Contains(values, given[0]) {
			return faultf("%q is not one of %s", clip(given[0]), strings.Join(values, ", "))
		}
		*field(into) = given[0]
		return nil
	}
}

// setFlag returns a setter of true or false.
func setFlag[T any](field func(*T) **bool) func(*T, []string) error {
	return func(into *T, given []string) error {
		if given[0] != "true" && given[0] != "false" {
			return faultf("%q is neither true nor false", clip(given[0]))
		}
		value := given[0] == "true"
		*field(into) = &value
		return nil
	}
}

// setDay returns a setter of a calendar day.
func setDay[T any](field func(*T) **projections.Day) func(*T, []string) error {
	return func(into *T, given []string) error {
		day, err := parseDay(given[0])
		if err != nil {
			return err
		}
		*field(into) = &day
		return nil
	}
}

// The days that are taken: dates outside these are mistakes.
const dayMin, dayMax = "1900-01-01", "2200-12-31"

func parseDay(text string) (projections.Day, error) {
	day, err := projections.ParseDay(text)
	if err != nil {
		return 0, faultf("%q is not a calendar day such as 2025-03-31", clip(text))
	}
	if text < dayMin || text > dayMax {
		return 0, faultf("%q is not between %s and %s", text, dayMin, dayMax)
	}
	return day, nil
}

// setNumber returns a setter of a whole number from low to high.
func setNumber[T any](field func(*T) *int, low, high int) func(*T, []string) error {
	return func(into *T, given []string) error {
		number, err := strconv.Atoi(given[0])
		if err != nil || number < low || number > high {
			return faultf("%q is not a whole number from %d to %d", clip(given[0]), low, high)
		}
		*field(into) = number
		return nil
	}
}
