package upload

import "casesync/domain"

// vocabulary lists the events of an upload by stored name; see casefile's for the rules.
var vocabulary = domain.NewVocabulary(
	entry[Begun]("upload.begun.v1"),
	entry[Received]("upload.received.v1"),
	entry[DuplicateFound]("upload.duplicate-found.v1"),
	entry[ScanBegun]("upload.scan-begun.v1"),
	entry[Cleared]("upload.cleared.v1"),
	entry[Refused]("upload.refused.v1"),
	entry[Quarantined]("upload.quarantined.v1"),
	entry[Queued]("upload.queued.v1"),
	entry[Stopped]("upload.stopped.v1"),
	entry[Sent]("upload.sent.v1"),
	entry[Retried]("upload.retried.v1"),
	entry[Abandoned]("upload.abandoned.v1"),
	entry[Erased]("upload.erased.v1"),
	entry[Accepted]("upload.accepted.v1"),
	entry[Rejected]("upload.rejected.v1"),
	entry[FactHeld]("upload.fact-held.v1"),
	entry[FactUnrecognised]("upload.fact-unrecognised.v1"),
	entry[SequenceSkipped]("upload.sequence-skipped.v1"),
)

func entry[T any, P interface {
	*T
	Event
}](name string) domain.Entry[Event] {
	return domain.Entry[Event]{Name: name, New: func() Event { return P(new(T)) }}
}

// Events returns the stored names of all events of an upload.
func Events() []string { return vocabulary.Names() }

// Name returns the stored name of event, and false for what is no event of an upload.
func Name(event any) (string, bool) { return vocabulary.Name(event) }

// New returns a new empty event for a stored name, and false for an unknown one.
func New(name string) (Event, bool) { return vocabulary.New(name) }
