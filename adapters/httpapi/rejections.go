package httpapi

// A rejection is a code that a message, a line of a file or a decision of an operator is refused with,
// as a result or in the errors of a conflict. The request as a whole was understood.
type rejection struct{ Code, Help string }

// rejections are documented at /docs. They are decided on elsewhere; a test finds what is missing here.
var rejections = []rejection{
	{"dead-lettered", "The message broker gave the message up, as the reason says: mend what that names, then retry the dead letter."},
	{"event-too-large", "The event is longer than is taken: send large texts as documents."},
	{"forbidden", "Of one case among many: your roles at its business do not allow this."},
	{"foreign-source", "Another case management system speaks for the case: let it hand the case over."},
	{"in-doubt", "Of one case among many: it is not known what became of it. Send the same again under the same Idempotency-Key; what was done is not done twice."},
	{"invalid-data", "The data is not what the type's schema says: correct what the reason names, and send it under the same sequence and another id."},
	{"invalid-envelope", "It is no CloudEvent, or one without the attributes that are needed: correct what the reason names."},
	{"invalid-json", "It is not JSON, or JSON that two readers could read differently: correct what the reason names."},
	{"newer-version-needed", "The case has an event that only a newer version knows: upgrade the installation, then retry the dead letter."},
	{"nothing-held", "Nothing waits behind the sequences that were to be given up."},
	{"nothing-to-do", "Of one case among many: all was so already."},
	{"repeated", "The case stands in the list more than once: the first counts."},
	{"sequence-conflict", "Other content came under this sequence before: send it under the next one, or a snapshot."},
	{"sequence-held", "What was to be given up has come, and waits for its turn."},
	{"sequence-out-of-range", "The sequence is higher than any that is taken, or the range holds none: start over with a snapshot."},
	{"sequence-passed", "What was to be given up has come, and was recorded."},
	{"sequence-skipped", "An operator gave this sequence up: ask for its dead letter to be retried."},
	{"source-mismatch", "The token may not speak for this source: use the one of that source."},
	{"subject-mismatch", "The subject and the data name two different things: correct one of them."},
	{"truncated-line", "The last line of the file ends in the middle: write the file anew and import it again."},
	{"unknown-type", "This version does not know the type; the event has its place in the sequence: upgrade, then retry the dead letter, or correct the type."},
}
