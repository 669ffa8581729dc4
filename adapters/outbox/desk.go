package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
)

// ErrNotParked is returned for a message that is not parked, or was skipped already.
var ErrNotParked = errors.New("no such parked message")

// Filter chooses parked messages; what is empty chooses all.
type Filter struct {
	Status ParkedStatus
	Key    string
	// After is the event id of the last one of the page before.
	After uuid.UUID
	// Limit is how many to return at most; 100 by default, 1,000 at most.
	Limit int
}

// List returns what is known of parked messages, by event id. It needs the permission to read feeds.
func (o *Outbox) List(ctx context.Context, by access.Principal, filter Filter) ([]Parked, error) {
	if err := commands.Allow(by, access.ReadFeeds); err != nil {
		return nil, err
	}
	limit := 100
	if filter.Limit > 0 {
		limit = min(filter.Limit, 1_000)
	}
	list, err := o.parked.list(ctx, `outbox = $1 AND event_id > $2 AND ($3 = '' OR status = $3) AND ($4 = '' OR case_key = $4)
		ORDER BY event_id LIMIT $5`, o.config.Name, filter.After.String(), string(filter.Status), filter.Key, limit)
	if err != nil {
		return nil, err
	}
	return list, o.openReasons(ctx, list)
}

// Retry has a parked message tried again at once, and if it is published then what is parked behind it. It needs the permission to operate feeds,
// and a reason.
func (o *Outbox) Retry(ctx context.Context, by access.Principal, eventID uuid.UUID, reason string) error {
	return o.resolve(ctx, by, eventID, reason, Waiting)
}

// Skip gives a parked message up: it is never published, and what is parked behind it goes on. It needs the permission to
// operate feeds, and a reason, which is kept with it. Where it is being published at this moment it goes out all the same.
func (o *Outbox) Skip(ctx context.Context, by access.Principal, eventID uuid.UUID, reason string) error {
	return o.resolve(ctx, by, eventID, reason, Skipped)
}

func (o *Outbox) resolve(ctx context.Context, by access.Principal, eventID uuid.UUID, reason string, to ParkedStatus) error {
	if err := commands.Allow(by, access.OperateFeeds); err != nil {
		return err
	}
	if strings.TrimSpace(reason) == "" {
		return commands.ErrNoReason
	}
	row, err := o.parked.get(ctx, eventID)
	if errors.Is(err, errGone) {
		return ErrNotParked
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(reason)
	if err != nil {
		return err
	}
	// Under the key of the case, where it is one: the reason goes when the data of the case goes.
	sealed, err := o.config.Codec.SealBytes(ctx, subjectOf(row), place(eventID), text)
	if err != nil {
		return fmt.Errorf("seal reason: %w", err)
	}
	row.Status, row.ResolvedBy, row.ResolvedAt = to, by.ID, o.config.Now()
	row.DueAt = row.ResolvedAt
	err = o.parked.resolve(ctx, row, strings.TrimPrefix(sealed, place(eventID)+"|"))
	if errors.Is(err, errGone) {
		return ErrNotParked
	}
	if err != nil {
		return fmt.Errorf("resolve parked message %s: %w", eventID, err)
	}
	o.wake()
	return nil
}

// subjectOf returns whose key the reason of a decision is sealed under.
func subjectOf(row Parked) string {
	if row.Key == string(row.Stream) {
		return row.Key
	}
	return casePrefix + row.Key
}

// place is where the sealed reason of a row stands; what is moved to another row does not open there.
func place(id uuid.UUID) string { return "outbox|" + id.String() + "|reason" }

// openReasons opens the reasons of rows; one whose key was destroyed is "".
func (o *Outbox) openReasons(ctx context.Context, rows []Parked) error {
	envelopes := make([]string, len(rows))
	for i, row := range rows {
		if row.Reason != "" {
			envelopes[i] = place(row.EventID) + "|" + row.Reason
		}
	}
	opened, err := o.config.Codec.OpenEnvelopes(ctx, envelopes...)
	if err != nil {
		return fmt.Errorf("open reasons of parked messages: %w", err)
	}
	for i := range rows {
		if rows[i].Reason = ""; opened[i] == nil {
			continue
		}
		if err := json.Unmarshal(opened[i], &rows[i].Reason); err != nil {
			return fmt.Errorf("read reason of parked message %s: %w", rows[i].EventID, err)
		}
	}
	return nil
}
