package subject

import (
	"encoding/json"
	"io"
)

// document writes one JSON object, member by member, so that a list of any length needs no memory.
// The first error ends it; what was written until then is no JSON.
type document struct {
	w     io.Writer
	begun bool
	err   error
}

func (d *document) write(text string) {
	if d.err == nil {
		_, d.err = io.WriteString(d.w, text)
	}
}

func (d *document) value(value any) {
	if d.err != nil {
		return
	}
	var text []byte
	if text, d.err = json.Marshal(value); d.err == nil {
		_, d.err = d.w.Write(text)
	}
}

func (d *document) name(name string) {
	separator := ",\n"
	if !d.begun {
		d.begun, separator = true, "{\n"
	}
	d.write(separator)
	d.value(name)
	d.write(": ")
}

// member writes a member, read by read.
func member[T any](d *document, name string, read func() (T, error)) {
	if d.err != nil {
		return
	}
	value, err := read()
	if d.err = err; err == nil {
		d.name(name)
		d.value(value)
	}
}

// listed makes an empty list of none.
func listed[T any](items []T, err error) ([]T, error) {
	if items == nil {
		items = []T{}
	}
	return items, err
}

// list writes a member that is a list; fill calls add with each of its items.
func (d *document) list(name string, fill func(add func(item any) error) error) {
	if d.err != nil {
		return
	}
	d.name(name)
	d.write("[")
	separator := "\n"
	err := fill(func(item any) error {
		d.write(separator)
		separator = ",\n"
		d.value(item)
		return d.err
	})
	if d.err == nil {
		d.err = err
	}
	d.write("]")
}

// end ends the document, and returns the first error.
func (d *document) end() error {
	d.write("\n}\n")
	return d.err
}
