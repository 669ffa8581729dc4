package eventstore

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// privateValue is a field that must be stored sealed; *private.Value[T] is one. The codec knows
// it by its methods alone, so that it needs to know no domain.
type privateValue interface {
	// Plain returns the JSON of the open value, and false if it is not open.
	Plain() (data []byte, open bool, err error)
	// Sealed returns the sealed text and the origin that it is bound to, "" if there is none.
	Sealed() (sealed, origin string)
	SetSealed(sealed, origin string)
	SetPlain(data []byte) error
	// Subject names the person whose key seals the value instead of the stream's own party.
	Subject() string
}

// field is a field of a struct type that has something to do with private values: it is one, or
// it may lead to some.
type field struct {
	index int
	// name is the field's part of the origin, its name in JSON; "" for an embedded struct.
	name string
	// words are the seal tag's, for a private value; nil for a field that leads on.
	words []string
}

// nestingMax bounds how deep events lead to other events; JSON of a cycle would not end either.
const nestingMax = 16

var (
	errNesting       = errors.New("events are nested too deep")
	privateValueType = reflect.TypeFor[privateValue]()
	fieldsByType     sync.Map // reflect.Type → []field; types are few and known, so it has no bound
)

// walk calls visit for every private value in the struct v and in what its fields lead to:
// structs, pointers to structs, and interfaces that hold such pointers. Path is the way there in
// JSON names ("fact.consumer").
func walk(v reflect.Value, visit func(value privateValue, path string, words []string)) error {
	return walkBelow(v, "", nestingMax, visit)
}

func walkBelow(v reflect.Value, prefix string, depth int, visit func(privateValue, string, []string)) error {
	if depth == 0 {
		return errNesting
	}
	for _, f := range fieldsOf(v.Type()) {
		path := joinPath(prefix, f.name)
		if f.words != nil {
			visit(v.Field(f.index).Addr().Interface().(privateValue), path, f.words)
			continue
		}
		if below, ok := follow(v.Field(f.index)); ok {
			if err := walkBelow(below, path, depth-1, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// detach makes every struct that walk would reach from the struct v, which must be settable, a
// copy of its own, so that its private values can be changed without changing the original's.
func detach(v reflect.Value, depth int) error {
	if depth == 0 {
		return errNesting
	}
	for _, f := range fieldsOf(v.Type()) {
		if f.words != nil {
			continue
		}
		below, ok := follow(v.Field(f.index))
		if !ok {
			continue
		}
		if v.Field(f.index).Kind() != reflect.Struct {
			duplicate := reflect.New(below.Type())
			duplicate.Elem().Set(below)
			v.Field(f.index).Set(duplicate)
			below = duplicate.Elem()
		}
		if err := detach(below, depth-1); err != nil {
			return err
		}
	}
	return nil
}

// follow returns the struct that a field leads to, and false if there is none.
func follow(v reflect.Value) (reflect.Value, bool) {
	if v.Kind() == reflect.Interface {
		if v = v.Elem(); v.Kind() == reflect.Struct && leads(v.Type(), nil) {
			panic(fmt.Sprintf("eventstore: an event holds a %v in an interface; hold a pointer to it, so that it can be sealed", v.Type()))
		}
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return v, v.Kind() == reflect.Struct
}

// fieldsOf returns the fields of a struct type that are private values or may lead to some. A
// type that cannot be sealed as it should is a mistake in the program, found at its first use.
func fieldsOf(t reflect.Type) []field {
	if known, ok := fieldsByType.Load(t); ok {
		return known.([]field)
	}
	var fields []field
	for i := range t.NumField() {
		structField := t.Field(i)
		name, stored := jsonName(structField)
		words := sealWords(t, structField)
		if stored && (words != nil || leads(structField.Type, nil)) {
			fields = append(fields, field{index: i, name: name, words: words})
		}
	}
	fieldsByType.Store(t, fields)
	return fields
}

// sealWords returns the words of a private value's seal tag, and nil for any other field.
func sealWords(t reflect.Type, f reflect.StructField) []string {
	tag := f.Tag.Get("seal")
	switch private := reflect.PointerTo(f.Type).Implements(privateValueType); {
	case private && tag == "":
		panic(fmt.Sprintf("eventstore: field %s of %v is a private value without a seal tag that says whose keys seal it", f.Name, t))
	case !private && tag != "":
		panic(fmt.Sprintf("eventstore: field %s of %v has a seal tag, but is no private value and would be stored in clear", f.Name, t))
	case !private:
		return nil
	}
	return strings.Split(tag, ",")
}

// leads reports whether a value of type t may lead to private values; seen breaks cycles of types.
func leads(t reflect.Type, seen []reflect.Type) bool {
	if slices.Contains(seen, t) {
		return false
	}
	seen = append(seen, t)
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer:
		return leads(t.Elem(), seen)
	case reflect.Struct:
		for field := range t.Fields() {
			if _, stored := jsonName(field); stored && (isPrivate(field.Type) || leads(field.Type, seen)) {
				return true
			}
		}
	case reflect.Slice, reflect.Array, reflect.Map:
		// An interface in a list may still hold one: then storing it fails, as the value is not sealed.
		if elem := t.Elem(); isPrivate(elem) || elem.Kind() != reflect.Interface && leads(elem, seen) {
			panic(fmt.Sprintf("eventstore: private values in a %v cannot be sealed one by one; make the whole list one private value", t))
		}
	}
	return false
}

func isPrivate(t reflect.Type) bool { return reflect.PointerTo(t).Implements(privateValueType) }

// jsonName returns the name under which encoding/json stores a field, and false if it does not.
func jsonName(f reflect.StructField) (name string, stored bool) {
	tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case tag == "-" || !f.IsExported():
		return "", false
	case tag != "":
		return tag, true
	case f.Anonymous && f.Type.Kind() == reflect.Struct:
		return "", true
	}
	return f.Name, true
}

func joinPath(prefix, name string) string {
	if prefix == "" || name == "" {
		return prefix + name
	}
	return prefix + "." + name
}
