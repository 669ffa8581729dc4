package cms

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

const (
	// complaintsMax is how many fields one reason names.
	complaintsMax = 5
	// echoLengthMax is how many bytes of a value a reason repeats.
	echoLengthMax = 40
)

// echoed are the fields whose values a reason may repeat: none of them is personal. When in doubt
// a field is not here.
var echoed = []string{
	"frn", "dueDate", "convertedAt", "closedAt", "reopenedAt", "publishedAt", "time", "sequence", "specversion",
	"type", "stage", "outcome", "result", "actionId", "documentId", "decisionReference", "mediaType", "sha256",
	"size", "datacontenttype",
}

// personal is what no date, number or code has in it, and names, e-mail addresses and telephone
// numbers have: a space, a capital before a small letter, an at sign.
var personal = regexp.MustCompile(`[\s@]|\p{Lu}\p{Ll}`)

// A complaint is what is wrong with one field.
type complaint struct {
	path string // JSON pointer
	text string
	rank int // of several complaints about one field the lowest is told
}

// sentence tells what is wrong with a message: each field by its path, what is wrong with it, and
// what is expected.
func (v *validator) sentence(root string, invalid *jsonschema.ValidationError) string {
	var all []complaint
	v.collect(root, invalid, &all)
	slices.SortFunc(all, func(a, b complaint) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.rank, b.rank), cmp.Compare(a.text, b.text))
	})
	all = slices.CompactFunc(all, func(a, b complaint) bool { return a.path == b.path })
	texts := make([]string, 0, complaintsMax+1)
	for i, c := range all {
		if i == complaintsMax {
			texts = append(texts, fmt.Sprintf("and %d more fields", len(all)-i))
			break
		}
		texts = append(texts, strings.TrimSuffix(c.path+" "+c.text, "."))
	}
	return strings.Join(texts, "; ") + "."
}

// collect finds the leaves of an error: those that name a field, not a rule above it.
func (v *validator) collect(root string, invalid *jsonschema.ValidationError, all *[]complaint) {
	at := strings.Join(append([]string{root}, invalid.InstanceLocation...), "/")
	switch k := invalid.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			*all = append(*all, complaint{at + "/" + name, "is missing", 0})
		}
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		for _, cause := range invalid.Causes {
			v.collect(root, cause, all)
		}
	default:
		if at == "" {
			at = "The event"
		}
		text, rank := describeFault(k, at)
		if expected := v.expected[invalid.SchemaURL]; expected != "" && rank > rankClear {
			text += ", expected: " + inSentence(expected)
		}
		*all = append(*all, complaint{at, text, rank})
	}
}

// The ranks of complaints: those up to rankClear need no word on what is expected.
const (
	rankClear  = 1
	rankText   = 2
	rankFormat = 3
)

// describeFault says what is wrong with the field at a path.
func describeFault(fault jsonschema.ErrorKind, at string) (text string, rank int) {
	switch k := fault.(type) {
	case *kind.Type:
		return fmt.Sprintf("is %s, expected %s", article(k.Got), article(strings.Join(k.Want, " or "))), rankClear
	case *kind.MaxLength:
		return fmt.Sprintf("has %d characters, at most %d are allowed", k.Got, k.Want), rankClear
	case *kind.MinLength:
		return "is empty", rankFormat
	case *kind.Enum:
		return fmt.Sprintf("is %s, expected one of %s", echo(at, k.Got), list(k.Want)), rankClear
	case *kind.Const:
		return fmt.Sprintf("is %s, expected %q", echo(at, k.Got), k.Want), rankClear
	case *kind.Pattern:
		return "is " + echo(at, k.Got), rankText
	case *kind.Format:
		text = "is " + echo(at, k.Got)
		if slices.Contains([]error{errNotThere, errOutOfRange}, k.Err) {
			text += k.Err.Error()
		}
		return text, rankFormat
	case *kind.Minimum, *kind.Maximum:
		return "is out of range", rankFormat
	case *kind.MaxItems:
		return fmt.Sprintf("has %d elements, at most %d are allowed", k.Got, k.Want), rankClear
	case *kind.MinProperties:
		return "says nothing, expected at least one property that has changed", rankClear
	case *kind.Not:
		return "has data_base64, which is not taken: send JSON in data", rankClear
	default:
		return "is not as its schema wants it", rankText
	}
}

// inSentence returns the first sentence of a description, to stand inside another one.
func inSentence(description string) string {
	first, _, _ := strings.Cut(description, ". ")
	if len(first) > 1 && first[1] >= 'a' {
		first = strings.ToLower(first[:1]) + first[1:]
	}
	return first
}

// echo repeats a value if its field is known not to be personal, and the value does not look as if
// it had come into the wrong field: reasons are kept and shown in clear.
func echo(at string, value any) string {
	text := fmt.Sprint(value)
	if !slices.Contains(echoed, path.Base(at)) || personal.MatchString(text) {
		return "not valid"
	}
	if len(text) > echoLengthMax {
		return "too long to be valid"
	}
	return fmt.Sprintf("%q", text)
}

func list(values []any) string {
	texts := make([]string, 0, len(values))
	for _, value := range values {
		texts = append(texts, fmt.Sprintf("%q", value))
	}
	return strings.Join(texts, ", ")
}

func article(noun string) string {
	if strings.HasPrefix(noun, "null") {
		return noun
	}
	if strings.ContainsAny(noun[:1], "aeiou") {
		return "an " + noun
	}
	return "a " + noun
}
