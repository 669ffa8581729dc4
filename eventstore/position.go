package eventstore

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Position is a place in the one order of all events. It is opaque: it can be compared, and it
// round-trips through its text. The zero Position is before every event. Most logs use Major
// alone, counting 1, 2, 3 …; KurrentDB needs both (commit and prepare).
type Position struct {
	Major, Minor uint64
}

// Compare returns -1, 0 or +1 as p is before, at or after q.
func (p Position) Compare(q Position) int {
	if c := cmp.Compare(p.Major, q.Major); c != 0 {
		return c
	}
	return cmp.Compare(p.Minor, q.Minor)
}

// IsZero reports whether p is before every event.
func (p Position) IsZero() bool { return p == Position{} }

// String returns the text of p, which ParsePosition reads: "42" or "42.7".
func (p Position) String() string {
	if p.Minor == 0 {
		return strconv.FormatUint(p.Major, 10)
	}
	return strconv.FormatUint(p.Major, 10) + "." + strconv.FormatUint(p.Minor, 10)
}

// ParsePosition reads the text of a position. Text that String does not write is an error.
func ParsePosition(text string) (Position, error) {
	major, minor, dotted := strings.Cut(text, ".")
	var p Position
	var err error
	if p.Major, err = strconv.ParseUint(major, 10, 63); err != nil {
		return Position{}, fmt.Errorf("parse position %q: not a position", text)
	}
	if dotted {
		if p.Minor, err = strconv.ParseUint(minor, 10, 63); err != nil {
			return Position{}, fmt.Errorf("parse position %q: not a position", text)
		}
	}
	if p.String() != text {
		return Position{}, fmt.Errorf("parse position %q: not a position", text)
	}
	return p, nil
}
