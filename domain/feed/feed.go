// Package feed decides in which order the facts of a source are taken: what is new, what came
// before, what must wait for a gap to close. Each decider that hears sources has an Intake, and a Tracker of
// what they have seen.
//
// It promises that of each source the facts of a subject take effect in the order of their
// sequences, each once, in whatever order and however often they are delivered; that no fact is
// dropped but one that a later snapshot stands for; and that whatever cannot be taken is refused,
// so that somebody sees it.
//
//   - A fact whose turn it is is recorded, and with it, in the same append, the held ones that
//     follow, up to ReleaseMax; those left stay held, and are released next. One that comes early,
//     or behind facts to be released, is held. One without a sequence is recorded as it comes.
//   - A sequence that was passed or is held changes nothing where the content is the same, by its
//     digest, and is refused where it is another.
//   - A snapshot passes everything up to its sequence: what is missing there is waited for no
//     more, what is held there is let go. An older snapshot than what was passed is obsolete; one
//     taken at the sequence of the last fact is recorded beside it, once; a correction, as often as what
//     is known was found to differ.
//   - A message of an unknown type takes its place. A retry then records late what it was.
//   - An operator may give sequences up, at the front of what is waited for or ahead of it. What
//     comes under them afterwards is refused until it is retried.
//
// That the same message, by source and id, is decided once is the command loop's promise.
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
