package cms

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// appendCanonical appends the one form of a decoded JSON value: no space, names sorted, numbers in
// their shortest form. Two texts that say the same thing have the same form. It is for hashing
// alone: strings are quoted as Go does, which is as unambiguous as JSON's way.
func appendCanonical(out []byte, value any) []byte {
	switch v := value.(type) {
	case map[string]any:
		out = append(out, '{')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = strconv.AppendQuote(out, name)
			out = append(appendCanonical(append(out, ':'), v[name]), ',')
		}
		return append(out, '}')
	case []any:
		out = append(out, '[')
		for _, element := range v {
			out = append(appendCanonical(out, element), ',')
		}
		return append(out, ']')
	case string:
		return strconv.AppendQuote(out, v)
	case json.Number:
		return appendNumber(out, v.String())
	case bool:
		return strconv.AppendBool(out, v)
	default:
		return append(out, "null"...)
	}
}

// appendNumber keeps integers exactly, and gives all others (1.0, 1e2, -0) the shortest form of the
// float64 that they stand for.
func appendNumber(out []byte, number string) []byte {
	if !strings.ContainsAny(number, ".eE") && number != "-0" {
		return append(out, number...)
	}
	float, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return append(out, number...)
	}
	if float == 0 {
		float = 0 // minus zero is zero
	}
	return strconv.AppendFloat(out, float, 'f', -1, 64)
}
