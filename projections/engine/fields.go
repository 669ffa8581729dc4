package engine

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// joinFields makes one text of key fields, which are pointers.
func joinFields(fields []any) string {
	if len(fields) == 1 {
		if text, ok := fields[0].(*string); ok {
			return *text
		}
	}
	return string(appendFields(nil, fields))
}

// appendFields appends to joined the text that joinFields makes.
func appendFields(joined []byte, fields []any) []byte {
	for i, field := range fields {
		if i > 0 {
			joined = append(joined, 0)
		}
		switch field := field.(type) {
		case *string:
			joined = append(joined, *field...)
		case *int64:
			joined = strconv.AppendInt(joined, *field, 10)
		case *bool:
			joined = strconv.AppendBool(joined, *field)
		default:
			panic(fmt.Sprintf("a key holds a %T; only string, int64 and bool are columns", field))
		}
	}
	return joined
}

// joinKey makes the same text of key values. Texts in keys hold no NUL.
func joinKey(key []any) string {
	if len(key) == 1 {
		if text, ok := key[0].(string); ok {
			return text
		}
	}
	var joined []byte
	for i, value := range key {
		if i > 0 {
			joined = append(joined, 0)
		}
		switch value := value.(type) {
		case string:
			joined = append(joined, value...)
		case int64:
			joined = strconv.AppendInt(joined, value, 10)
		case bool:
			joined = strconv.AppendBool(joined, value)
		default:
			panic(fmt.Sprintf("a key holds a %T; only string, int64 and bool are columns", value))
		}
	}
	return string(joined)
}

func values(fields []any) []any {
	list := make([]any, len(fields))
	for i, field := range fields {
		list[i] = value(field)
	}
	return list
}

func value(field any) any {
	switch field := field.(type) {
	case *string:
		return *field
	case *int64:
		return *field
	case *bool:
		return *field
	}
	panic(fmt.Sprintf("a row holds a %T; only string, int64 and bool are columns", field))
}

func compareFields(a, b []any) int {
	for i := range a {
		c := 0
		switch a := a[i].(type) {
		case *string:
			c = strings.Compare(*a, *b[i].(*string))
		case *int64:
			c = cmp.Compare(*a, *b[i].(*int64))
		case *bool:
			if *a != *b[i].(*bool) {
				c = 1
				if !*a {
					c = -1
				}
			}
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// differing has a bit for each field in which two rows differ, the first in the lowest.
func differing(a, b []any) (fields uint64) {
	for i := range a {
		if value(a[i]) != value(b[i]) {
			fields |= 1 << i
		}
	}
	return fields
}

// addFields adds sign times from to to.
func addFields(to, from []any, sign int64) {
	for i := range to {
		*to[i].(*int64) += sign * *from[i].(*int64)
	}
}

func allZero(fields []any) bool {
	for _, field := range fields {
		if *field.(*int64) != 0 {
			return false
		}
	}
	return true
}
