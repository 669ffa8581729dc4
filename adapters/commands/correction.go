package commands

import (
	"context"
	"fmt"
	"strconv"

	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/eventstore"
)

// Correction says that a snapshot mends what was found to differ from it.
type Correction struct {
	// Reason is why, for those who read the log; it is sealed with the case, as every reason.
	Reason string
	// Revision is that of the case's stream as it was compared, -1 for a case that is not known: where
	// anything was recorded since, the comparison says nothing any more.
	Revision eventstore.Revision
}

// CorrectCase records a snapshot of the case with a reference because what is known of the case differs from
// it: the source wins (requirement 9). It needs the permission to publish events; by stands in the log as
// who did it. An error that Is eventstore.ErrWrongExpectedRevision says that the case has changed since it
// was compared.
//
// The command's id is that of the message at the revision that it corrects: the same correction again finds
// its own event there, and changes nothing. A crash before the append leaves nothing, one after it a case
// that the next comparison finds in order.
func (c *Commands) CorrectCase(ctx context.Context, by access.Principal, reference string, origin feed.Origin, fact *casefile.SnapshotTaken, correction Correction) (Verdict, error) {
	if err := Allow(by, access.PublishEvents); err != nil {
		return Verdict{}, err
	}
	if correction.Reason == "" {
		return Verdict{}, ErrNoReason
	}
	revision := strconv.FormatInt(int64(correction.Revision), 10)
	request := eventstore.Request{
		Stream: CaseStream(reference), CommandID: messageID(origin, "\ncorrection\n"+origin.Digest+"\n"+revision),
		CorrelationID: origin.ID, CausationID: origin.ID, Actor: by.ID, Reason: correction.Reason,
		OccurredAt: origin.Time, Expected: eventstore.ExpectedRevision(correction.Revision),
	}
	decided, err := verdict(c.cases.handle(ctx, request, func(alone bool) casefile.Command {
		return casefile.Record{Fact: fact, Correction: true, Alone: alone}
	}))
	if err != nil {
		return Verdict{}, fmt.Errorf("correct case: %w", err)
	}
	return decided, nil
}
