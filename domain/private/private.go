// Package private holds values that must never be stored in clear.
//
// An event that carries personal or confidential data holds it in fields of type Value. A Value
// is made open by [Of], sealed by the codec before it is stored, and read back sealed. Its JSON
// form is the sealed text; encoding a Value that is open and not yet sealed is an error, so that
// nothing personal reaches a disk by oversight.
//
// Which keys seal a field is said by its struct tag:
//
//	Details  private.Value[Details] `json:"details" seal:"case"`          the stream's own key
//	Consumer private.Value[Party]   `json:"consumer" seal:"case,consumer"` the stream's and the party's
//
// A value sealed for several subjects opens only while the keys of all of them exist: destroying
// one of them erases the value everywhere it was copied to.
package private

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrOpen is returned on encoding a value that was never sealed.
var ErrOpen = errors.New("private value is not sealed")

// Value is a value of type T, open or sealed or both. The zero Value is absent.
type Value[T any] struct {
	plain   *T
	sealed  string
	origin  string
	subject string
}

// Of returns an open value.
func Of[T any](v T) Value[T] { return Value[T]{plain: &v} }

// About names the person whose key seals the value instead of the stream's own party, for a
// source that knows a person across cases. The subject is a pseudonym, never a name.
func (v Value[T]) About(subject string) Value[T] { v.subject = subject; return v }

// Subject returns the name given to About, or "".
func (v Value[T]) Subject() string { return v.subject }

// Get returns the value if it is present and open.
func (v Value[T]) Get() (value T, ok bool) {
	if v.plain == nil {
		return value, false
	}
	return *v.plain, true
}

// IsZero reports whether there is no value at all, neither open nor sealed. With `omitzero` an
// absent value leaves no trace in JSON.
func (v Value[T]) IsZero() bool { return v.plain == nil && v.sealed == "" }

// Envelope returns the sealed text together with where it was sealed, so that it can be opened
// wherever it was copied to. It is "" for a value that is not sealed.
func (v Value[T]) Envelope() string {
	if v.sealed == "" {
		return ""
	}
	return v.origin + "|" + v.sealed
}

// Sealed returns the sealed text, and the origin given with it.
func (v *Value[T]) Sealed() (sealed, origin string) { return v.sealed, v.origin }

// Plain returns the JSON of the open value, and false if it is not open.
func (v *Value[T]) Plain() ([]byte, bool, error) {
	if v.plain == nil {
		return nil, false, nil
	}
	data, err := json.Marshal(v.plain)
	return data, true, err
}

// SetSealed records the sealed text and the place (stream, event, field) it is bound to. The
// value stays open if it was.
func (v *Value[T]) SetSealed(sealed, origin string) { v.sealed, v.origin = sealed, origin }

// SetPlain opens the value with the JSON that its sealed text holds.
func (v *Value[T]) SetPlain(data []byte) error {
	var plain T
	if err := json.Unmarshal(data, &plain); err != nil {
		return fmt.Errorf("open private value: %w", err)
	}
	v.plain = &plain
	return nil
}

// String says that there is a private value, never what it is: one that reaches a log line or an
// error message by oversight does not show there.
func (v Value[T]) String() string {
	if v.IsZero() {
		return "[absent]"
	}
	return "[private]"
}

// GoString is String, for the %#v of package fmt.
func (v Value[T]) GoString() string { return v.String() }

// MarshalJSON gives the sealed text. It fails with ErrOpen on a value that is not sealed.
func (v Value[T]) MarshalJSON() ([]byte, error) {
	if v.sealed == "" {
		if v.plain != nil {
			return nil, ErrOpen
		}
		return []byte("null"), nil
	}
	return json.Marshal(v.sealed)
}

// UnmarshalJSON takes sealed text.
func (v *Value[T]) UnmarshalJSON(data []byte) error {
	*v = Value[T]{}
	return json.Unmarshal(data, &v.sealed)
}
