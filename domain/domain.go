// Package domain holds what the business decides: deciders, their events and the rules they
// share. It is pure: no clock, no randomness, no I/O, and no import of this module's other
// parts. Time and ids arrive in commands.
package domain

// Refusal is a decider's answer to a command that the rules do not allow. It is an answer, not a
// fault: nothing was recorded, and repeating the same command gives the same refusal.
type Refusal struct { //nolint:errname // an answer and not a fault, in the words of the deciders
	// Code is stable and machine-readable, in kebab case: "sequence-conflict".
	Code string
	// Reason is one sentence for a person, without personal data, that says what to do.
	Reason string
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Reason }
