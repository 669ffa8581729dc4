// Package feed decides in which order the facts of a source are taken: what is new, what came
// before, what must wait for a gap to close. Case files and businesses both keep a Tracker of
// what they have seen.
package feed

import "time"

// Origin says where a fact came from: which message of which source, and what that message was.
// It is stored in clear with every fact.
type Origin struct {
	// Source is the CloudEvents source of the case management system, a URI reference.
	Source string `json:"source"`
	// ID is the CloudEvents id, unique within Source.
	ID string `json:"id"`
	// Sequence counts 1, 2, 3 … within (Source, subject); 0 where the source gives none.
	Sequence int64 `json:"sequence,omitzero"`
	// Time is when it happened at the source.
	Time time.Time `json:"time"`
	// Digest is a keyed hash of the message's type and data. Two messages of one sequence with
	// the same digest say the same thing.
	Digest string `json:"digest,omitzero"`
	// Contradicts names, in kebab case, what the fact contradicts of what was known before it:
	// the source wins, and the contradiction is kept.
	Contradicts []string `json:"contradicts,omitempty"`
}
