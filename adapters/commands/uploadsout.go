package commands

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"casesync/domain/documents"
	"casesync/domain/upload"
	"casesync/eventstore"
)

// CheckUpload stops what its case bars by now, and reports whether the attempt goes out; see outbox.Line.
func (c *Casework) CheckUpload(ctx context.Context, id string, attempt int) (goes bool, err error) {
	if err := c.checkUpload(ctx, systemOutbox, id); err != nil {
		return false, fmt.Errorf("check upload: %w", err)
	}
	err = c.uploads.look(ctx, id, func(s *upload.State, _ eventstore.Revision) { goes = s.Deliverable(attempt) })
	if err != nil {
		return false, fmt.Errorf("check upload: %w", err)
	}
	return goes, nil
}

// NoteUploadSent records that an attempt was published.
func (c *Casework) NoteUploadSent(ctx context.Context, id string, attempt int) error {
	o := c.ofSystem(systemOutbox)
	if _, err := c.uploads.do(ctx, o, id, upload.NoteSent{Attempt: attempt, At: o.at}); err != nil {
		return fmt.Errorf("note upload as sent: %w", err)
	}
	return nil
}

// StopUploads stops those of a case's uploads that the case bars by now; see package reactions. Uploads that have no
// place are going nowhere. A crash leaves some of them stopped: told again, the rest is.
func (c *Casework) StopUploads(ctx context.Context, ref string) error {
	err := c.eachUpload(ctx, ref, (*documents.State).Taken, func(ctx context.Context, id string) error {
		return c.checkUpload(ctx, systemReactions, id)
	})
	if err != nil {
		return fmt.Errorf("stop uploads: %w", err)
	}
	return nil
}

// EraseUploads follows the erasure of a case's data, and returns the ids of all uploads there ever were, whose
// bytes and keys are to be destroyed. It does nothing, and returns none, where the source has told of the case again
// since: that is data again, and may have files.
func (c *Casework) EraseUploads(ctx context.Context, ref string) (ids []string, err error) {
	standing, err := c.standing(ctx, ref)
	if err != nil || !standing.Erased {
		return nil, err
	}
	ever := func(s *documents.State) []string {
		ids = s.Uploads()
		return ids
	}
	err = c.eachUpload(ctx, ref, ever, func(ctx context.Context, id string) error {
		o := c.ofSystem(systemReactions)
		if _, err := c.uploads.do(ctx, o, id, upload.Erase{At: o.at}); err != nil {
			return err
		}
		_, err := c.settle(ctx, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("erase uploads: %w", err)
	}
	return ids, nil
}

// checkUpload stops an upload that its case bars by now.
func (c *Casework) checkUpload(ctx context.Context, part, id string) error {
	now, err := c.uploadNow(ctx, id)
	if err != nil {
		return err
	}
	standing, err := c.standing(ctx, now.Case)
	if err != nil {
		return err
	}
	o := c.ofSystem(part)
	_, err = c.uploads.do(ctx, o, id, upload.Check{Standing: standing, At: o.at})
	return err
}

// eachUpload does something with those of a case's uploads that pick names, several at a time, but for what has a
// place and was never begun.
func (c *Casework) eachUpload(ctx context.Context, ref string, pick func(*documents.State) []string, do func(context.Context, string) error) error {
	var ids []string
	err := c.shelves.look(ctx, ref, func(s *documents.State, _ eventstore.Revision) { ids = pick(s) })
	if err != nil {
		return err
	}
	group, all := errgroup.WithContext(ctx)
	group.SetLimit(looksMax)
	for _, id := range ids {
		group.Go(func() error {
			if err := do(all, id); !errors.Is(err, ErrUnknown) {
				return err
			}
			return nil
		})
	}
	return group.Wait()
}
