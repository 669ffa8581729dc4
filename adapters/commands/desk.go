package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"casesync/domain"
	"casesync/domain/access"
	"casesync/domain/feed"
	"casesync/eventstore"
)

// CodeSourceMismatch is the code of letters whose sender may not speak for the source they name.
const CodeSourceMismatch = "source-mismatch"

// A Desk is where operators decide what becomes of dead letters. Both decisions change the log
// first and the letter after it. A crash between the two leaves the letter open; the same
// decision again finds its work done in the log, and ends the letter.
type Desk struct {
	// Letters keeps the dead letters.
	Letters DeadLetters
	// Commands records what is given up.
	Commands *Commands
	// Retake takes a letter's message again, for the operator by, for a reason.
	Retake func(ctx context.Context, by access.Principal, letter DeadLetter, reason string) (Verdict, error)
	// Now tells the time. Default time.Now.
	Now func() time.Time
}

// Retry takes the message of an open dead letter again. If it is not rejected this time, the letter
// ends as retried; otherwise it stays open, with the new code and reason. A repeated Retry of a
// letter that was already retried returns ErrDeadLetterResolved.
func (d *Desk) Retry(ctx context.Context, by access.Principal, id uuid.UUID, reason string) (Verdict, error) {
	letter, err := d.open(ctx, by, id, reason)
	if err != nil {
		return Verdict{}, err
	}
	if letter.Original == nil {
		return Verdict{}, ErrDeadLetterErased
	}
	verdict, err := d.Retake(ctx, by, letter, reason)
	if err != nil {
		return Verdict{}, fmt.Errorf("retry dead letter %s: %w", id, err)
	}
	if verdict.Status == Rejected {
		letter.Code, letter.Reason = verdict.Code, verdict.Reason
		return verdict, d.Letters.Keep(ctx, letter)
	}
	return verdict, d.resolve(ctx, by, id, DeadLetterRetried, reason)
}

// Discard gives an open dead letter up. Where it has a place in its case's sequence, that place is
// recorded as skipped, so that what waits behind it is released.
func (d *Desk) Discard(ctx context.Context, by access.Principal, id uuid.UUID, reason string) error {
	letter, err := d.open(ctx, by, id, reason)
	if err != nil {
		return err
	}
	// A sender that may not speak for a source must not make it lose a place, not even by an
	// operator's hand.
	if letter.Stream != "" && letter.Sequence > 0 && letter.Code != CodeSourceMismatch {
		skip := Skip{letter.Stream, letter.Source, letter.Sequence, letter.Sequence, reason, d.now()}
		// The case may have no event yet: what is skipped must not be waited for when they come.
		_, err := d.Commands.skip(ctx, by, skip, eventstore.Any)
		if err != nil && !taken(err) {
			return fmt.Errorf("discard dead letter %s: %w", id, err)
		}
	}
	return d.resolve(ctx, by, id, DeadLetterDiscarded, reason)
}

// taken reports whether there is nothing to skip, because another message has the place.
func taken(err error) bool {
	var refusal *domain.Refusal
	return errors.As(err, &refusal) && (refusal.Code == feed.CodeSequencePassed || refusal.Code == feed.CodeSequenceHeld)
}

// open returns an open letter to a principal who may decide on it, with a reason.
func (d *Desk) open(ctx context.Context, by access.Principal, id uuid.UUID, reason string) (DeadLetter, error) {
	if err := Allow(by, access.OperateFeeds); err != nil {
		return DeadLetter{}, err
	}
	if strings.TrimSpace(reason) == "" {
		return DeadLetter{}, ErrNoReason
	}
	letter, err := d.Letters.Show(ctx, id)
	if err != nil {
		return DeadLetter{}, err
	}
	if letter.Status != DeadLetterOpen {
		return DeadLetter{}, ErrDeadLetterResolved
	}
	return letter, nil
}

func (d *Desk) resolve(ctx context.Context, by access.Principal, id uuid.UUID, status DeadLetterStatus, reason string) error {
	err := d.Letters.Resolve(ctx, id, status, Resolution{Actor: by.ID, Reason: reason, At: d.now()})
	if err != nil {
		return fmt.Errorf("end dead letter %s as %s: %w", id, status, err)
	}
	return nil
}

func (d *Desk) now() time.Time {
	if d.Now != nil {
		return d.Now()
	}
	return time.Now()
}
