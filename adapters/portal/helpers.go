package portal

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// helpers are what templates may call.
var helpers = template.FuncMap{
	"duration":     duration,
	"inc":          func(i int) int { return i + 1 },
	"join":         func(list []string) string { return strings.Join(list, ", ") },
	"place":        newPlace,
	"field":        newField,
	"organisation": organisation,
	"fact":         func(name, value string) fact { return fact{Name: name, Value: value} },
	"signed":       signed,
}

// place is an entry of the navigation.
type place struct {
	Path, Text string
	Here       bool
}

func newPlace(page view, path, text string) place { return place{path, text, page.Path == path} }

// fact is a line of the guide.
type fact struct{ Name, Value string }

func signed(requests bool) string {
	if requests {
		return "Signed, by RSA with SHA-256"
	}
	return "Not signed"
}

// organisation is what a browser may fill the name of a business in with: the first is that of who asks.
func organisation(i int) string {
	if i == 0 {
		return "organization"
	}
	return "off"
}

// duration says a length of time as people do: "1 minute", "10 hours", "7 days".
func duration(d time.Duration) string {
	for _, unit := range []struct {
		name string
		is   time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		if n := int64(d / unit.is); n > 0 && d%unit.is == 0 {
			if n == 1 {
				return "1 " + unit.name
			}
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return d.String()
}

// field is an input of a form, with its label, what is wrong with it, and what was typed.
type field struct {
	ID, Name, Label, Hint     string
	Value                     string
	Type, Mode, Complete, Fit string // type, inputmode, autocomplete, and a class for the width
	Rows                      int    // of a field of several lines
	Fault                     string
}

// newField makes a field: the page, id, name, label and value, and then pairs of what else there is to it.
func newField(page view, id, name, label, value string, more ...any) (field, error) {
	f := field{ID: id, Name: name, Label: label, Value: value, Type: "text", Fault: page.Faults.On(id)}
	for i := 0; i+1 < len(more); i += 2 {
		switch more[i] {
		case "hint":
			f.Hint = fmt.Sprint(more[i+1])
		case "type":
			f.Type = fmt.Sprint(more[i+1])
		case "mode":
			f.Mode = fmt.Sprint(more[i+1])
		case "complete":
			f.Complete = fmt.Sprint(more[i+1])
		case "fit":
			f.Fit = fmt.Sprint(more[i+1])
		case "rows":
			f.Rows, _ = more[i+1].(int)
		default:
			return field{}, fmt.Errorf("field %s: what is %v?", id, more[i])
		}
	}
	return f, nil
}
