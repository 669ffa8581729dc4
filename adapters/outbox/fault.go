package outbox

import (
	"errors"
	"time"
)

// Blame says what is at fault where something is not published.
type Blame int

// The blames.
const (
	// Unavailable: nothing is taken now, whatever it is.
	Unavailable Blame = iota
	// Temporary: it may be this message or all; it may pass.
	Temporary
	// Refused: this message is not taken, however often it is sent.
	Refused
)

// Fault is an error of a publisher, or in making a message, that says what is at fault. Errors that are none are taken for
// Unavailable.
type Fault struct { //nolint:errname // a fault has a blame and a code, whoever returns it
	Blame Blame
	// Code is a stable word in kebab case, without anything personal: it is stored and shown.
	Code string
	// RetryAfter is how long the other side asks to be left alone; 0 where it asks for nothing.
	RetryAfter time.Duration
	// Final is whether a Temporary one is not to be tried again at once, such as after a time-out.
	Final bool
	Err   error
}

// Error implements error.
func (f *Fault) Error() string {
	if f.Err == nil {
		return f.Code
	}
	return f.Code + ": " + f.Err.Error()
}

// Unwrap returns what happened.
func (f *Fault) Unwrap() error { return f.Err }

// faultOf returns the fault that err is.
func faultOf(err error) *Fault {
	if fault, is := errors.AsType[*Fault](err); is {
		return fault
	}
	return &Fault{Blame: Unavailable, Code: "unavailable", Err: err}
}
