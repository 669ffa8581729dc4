package reactions

import (
	"context"
	"fmt"
	"strings"

	"casesync/domain/outgoing"
	"casesync/eventstore"
)

// stops are the stored names of events after which a case may bar what is in line about it.
type stops map[string]bool

func (s stops) wants(eventType string) bool { return s[eventType] }

// stopping are those events. After the erasure of a case's data all ends by dataErased.
var stopping = stops{
	"casefile.suppressed.v1":           true,
	"casefile.suppression-executed.v1": true,
	"casefile.transferred.v1":          true,
	"casefile.closed.v1":               true,
	"casefile.snapshot-taken.v1":       true, // it may suppress, close or move the case
}

// stop stops what is in line about the cases of a batch, each looked at once, as the log has it now: a case that
// bars nothing any more stops nothing.
//
// Nothing goes out that is not stopped yet: whatever publishes asks the case immediately before (package
// outgoing). So this may be late; it is what people see of it, and what ends uploads that are still on their way.
//
// The read models are waited for once, to the end of the batch: while a case system loads 40,000 cases a wait for
// each would hold up all that follows. A crash leaves the cases after the last one stopped, until the next start.
func (r *Reactions) stop(ctx context.Context, batch []eventstore.Recorded) error {
	waited, done := false, map[string]bool{}
	for i, recorded := range batch {
		_, ref, _ := strings.Cut(string(recorded.Stream), "-")
		// Nobody can have sent anything about a case that was unknown until this event.
		if recorded.Revision == 0 || done[ref] {
			continue
		}
		if !waited {
			if err := r.caughtUp(ctx, batch[len(batch)-1].Position); err != nil {
				return failedAt(batch, i, err)
			}
			waited = true
		}
		if err := r.stopCase(ctx, ref); err != nil {
			return failedAt(batch, i, err)
		}
		done[ref] = true
	}
	return nil
}

// stopCase stops what is in line about a case, where the case bars it now.
func (r *Reactions) stopCase(ctx context.Context, ref string) error {
	if err := r.config.StopUploads(ctx, ref); err != nil {
		return fmt.Errorf("stop uploads: %w", err)
	}
	ids, err := r.config.NotificationsInLine(ctx, ref)
	if err != nil {
		return fmt.Errorf("find notifications in line: %w", err)
	}
	for _, id := range ids {
		if err := r.config.StopNotification(ctx, id); err != nil {
			return fmt.Errorf("stop notification %s: %w", id, err)
		}
	}
	return nil
}

// uploadOver removes the bytes of an upload that nobody waits for any more: none of the states that lead here is
// ever left again.
func (r *Reactions) uploadOver(ctx context.Context, id string, _ eventstore.Decoded) error {
	if err := r.config.RemoveUpload(ctx, id); err != nil {
		return fmt.Errorf("remove upload: %w", err)
	}
	return nil
}

// uploadRetried has a file scanned again. What became of the upload since is for whoever scans to ask.
func (r *Reactions) uploadRetried(ctx context.Context, id string, event eventstore.Decoded) error {
	ref := outgoing.CaseOf(event.Event.(outgoing.Concern))
	if err := r.config.RescanUpload(ctx, id, ref); err != nil {
		return fmt.Errorf("scan upload again: %w", err)
	}
	return nil
}

// ticketErased removes what is kept of a ticket beside the log, its key last (requirement 33).
func (r *Reactions) ticketErased(ctx context.Context, id string, event eventstore.Decoded) error {
	if err := r.config.PurgeMails(ctx, id); err != nil {
		return fmt.Errorf("purge mails: %w", err)
	}
	// A crash here leaves the key, until the next start.
	return r.destroyKeys(ctx, event, ticketStreams+id)
}
