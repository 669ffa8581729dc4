package casefile

import "casesync/domain"

// vocabulary lists the events of a case file by stored name: one line each. A stored name is
// never changed or used again; a new form of an event is a new name, and an upcaster for the old.
var vocabulary = domain.NewVocabulary(
	entry[Converted]("casefile.converted.v1"),
	entry[StageChanged]("casefile.stage-changed.v1"),
	entry[PriorityChanged]("casefile.priority-changed.v1"),
	entry[ActionRequested]("casefile.action-requested.v1"),
	entry[ActionExtended]("casefile.action-extended.v1"),
	entry[ActionClosed]("casefile.action-closed.v1"),
	entry[DetailsChanged]("casefile.details-changed.v1"),
	entry[Recategorised]("casefile.recategorised.v1"),
	entry[Transferred]("casefile.transferred.v1"),
	entry[HandedOver]("casefile.handed-over.v1"),
	entry[DocumentPublished]("casefile.document-published.v1"),
	entry[Closed]("casefile.closed.v1"),
	entry[Reopened]("casefile.reopened.v1"),
	entry[Suppressed]("casefile.suppressed.v1"),
	entry[Unsuppressed]("casefile.unsuppressed.v1"),
	entry[SnapshotTaken]("casefile.snapshot-taken.v1"),
	entry[FactHeld]("casefile.fact-held.v1"),
	entry[FactUnrecognised]("casefile.fact-unrecognised.v1"),
	entry[SequenceSkipped]("casefile.sequence-skipped.v1"),
	entry[Allocated]("casefile.allocated.v1"),
	entry[AllocationReturned]("casefile.allocation-returned.v1"),
	entry[SuppressionExecuted]("casefile.suppression-executed.v1"),
	entry[SuppressionReversed]("casefile.suppression-reversed.v1"),
	entry[LegalHoldPlaced]("casefile.legal-hold-placed.v1"),
	entry[LegalHoldLifted]("casefile.legal-hold-lifted.v1"),
	entry[DataErased]("casefile.data-erased.v1"),
	entry[PartyErased]("casefile.party-erased.v1"),
)

func entry[T any, P interface {
	*T
	Event
}](name string) domain.Entry[Event] {
	return domain.Entry[Event]{Name: name, New: func() Event { return P(new(T)) }}
}

// Events returns the stored names of all events of a case file.
func Events() []string { return vocabulary.Names() }

// Name returns the stored name of event, and false for what is no event of a case file.
func Name(event any) (string, bool) { return vocabulary.Name(event) }

// New returns a new empty event for a stored name, and false for an unknown one.
func New(name string) (Event, bool) { return vocabulary.New(name) }
