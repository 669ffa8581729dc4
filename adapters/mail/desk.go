package mail

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
)

// Errors that callers act on.
var (
	// ErrNoMail: there is no such mail.
	ErrNoMail = errors.New("no such mail")
	// ErrSettled: the mail cannot be retried or discarded in the status that it has.
	ErrSettled = errors.New("the mail is neither dead nor too late")
	// ErrBusy: a mail to the person is being sent just now. Purge again, a little later.
	ErrBusy = errors.New("a mail is being sent just now")
)

// Filter chooses mails; what is empty chooses all.
type Filter struct {
	Status Status
	Kind   Kind
	About  string
	// After is the id of the last entry of the page before.
	After uuid.UUID
	// Limit is how many entries to return at most; 100 by default, 1,000 at most.
	Limit int
}

// List returns what is known of mails, by id. It needs the permission to manage accounts.
func (m *Mails) List(ctx context.Context, by access.Principal, filter Filter) ([]Entry, error) {
	if err := commands.Allow(by, access.ManageAccounts); err != nil {
		return nil, err
	}
	limit := 100
	if filter.Limit > 0 {
		limit = min(filter.Limit, 1000)
	}
	entries, err := m.queue.list(ctx, `id > $1 AND ($2 = '' OR status = $2) AND ($3 = '' OR kind = $3) AND ($4 = '' OR about = $4)
		ORDER BY id LIMIT $5`, filter.After.String(), string(filter.Status), string(filter.Kind), filter.About, limit)
	if err != nil {
		return nil, fmt.Errorf("list mails: %w", err)
	}
	return entries, m.openReasons(ctx, entries)
}

// Headers is what is shown of a mail to operators: nothing that is personal.
type Headers struct {
	Entry
	// Subject is "" where the letter cannot be written without its event.
	Subject string
}

// Show returns one mail, with its subject. It needs the permission to manage accounts.
func (m *Mails) Show(ctx context.Context, by access.Principal, id uuid.UUID) (Headers, error) {
	if err := commands.Allow(by, access.ManageAccounts); err != nil {
		return Headers{}, err
	}
	entry, err := m.get(ctx, id)
	if err != nil {
		return Headers{}, err
	}
	entries := []Entry{entry}
	if err := m.openReasons(ctx, entries); err != nil {
		return Headers{}, err
	}
	letter, err := Write(entry.Kind, Facts{Service: m.config.Service, FRN: entry.frn()})
	if err != nil {
		return Headers{}, fmt.Errorf("show mail %s: %w", id, err)
	}
	return Headers{entries[0], letter.Subject}, nil
}

// Retry queues a mail again that is dead or was too late, as if it had never been tried. It needs the
// permission to manage accounts, and a reason.
func (m *Mails) Retry(ctx context.Context, by access.Principal, id uuid.UUID, reason string) error {
	if err := m.resolve(ctx, by, id, reason, Queued); err != nil {
		return fmt.Errorf("retry mail %s: %w", id, err)
	}
	m.wake()
	return nil
}

// Discard gives up a mail that is dead or was too late. It needs the permission to manage accounts,
// and a reason.
func (m *Mails) Discard(ctx context.Context, by access.Principal, id uuid.UUID, reason string) error {
	if err := m.resolve(ctx, by, id, reason, Discarded); err != nil {
		return fmt.Errorf("discard mail %s: %w", id, err)
	}
	return nil
}

func (m *Mails) resolve(ctx context.Context, by access.Principal, id uuid.UUID, reason string, to Status) error {
	if err := commands.Allow(by, access.ManageAccounts); err != nil {
		return err
	}
	if strings.TrimSpace(reason) == "" {
		return commands.ErrNoReason
	}
	entry, err := m.get(ctx, id)
	if err != nil {
		return err
	}
	text, err := json.Marshal(reason)
	if err != nil {
		return err
	}
	// Under the key of the event's stream: it goes when what it may be about goes.
	sealed, err := m.config.Codec.SealBytes(ctx, string(entry.Stream), place(id), text)
	if err != nil {
		return err
	}
	now := m.config.Now()
	entry.Status, entry.ResolvedBy, entry.DueAt = to, by.ID, now
	entry.EndedAt = time.Time{}
	if to == Discarded {
		entry.EndedAt = now
	}
	err = m.queue.resolve(ctx, entry, strings.TrimPrefix(sealed, place(id)+"|"), Dead, TooLate)
	if errors.Is(err, errLost) {
		return ErrSettled
	}
	return err
}

// place is where the sealed reason of a mail stands; what is moved to another row does not open there.
func place(id uuid.UUID) string { return "mail|" + id.String() + "|reason" }

func (m *Mails) get(ctx context.Context, id uuid.UUID) (Entry, error) {
	entry, err := m.queue.get(ctx, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Entry{}, ErrNoMail
	case err != nil:
		return Entry{}, fmt.Errorf("look for mail %s: %w", id, err)
	}
	return entry, nil
}

// openReasons opens the reasons of entries; one whose key was destroyed is "".
func (m *Mails) openReasons(ctx context.Context, entries []Entry) error {
	envelopes := make([]string, len(entries))
	for i, e := range entries {
		if e.Reason != "" {
			envelopes[i] = place(e.ID) + "|" + e.Reason
		}
	}
	opened, err := m.config.Codec.OpenEnvelopes(ctx, envelopes...)
	if err != nil {
		return fmt.Errorf("open reasons of mails: %w", err)
	}
	for i := range entries {
		if entries[i].Reason = ""; opened[i] == nil {
			continue
		}
		if err := json.Unmarshal(opened[i], &entries[i].Reason); err != nil {
			return fmt.Errorf("read reason of mail %s: %w", entries[i].ID, err)
		}
	}
	return nil
}

// Health is what was measured of the queue.
type Health struct {
	Queued int64
	// OldestQueued is since when the oldest waits, zero where none does.
	OldestQueued time.Time
	// Dead are those that wait for an operator.
	Dead int64
}

// Health measures the queue.
func (m *Mails) Health(ctx context.Context) (Health, error) {
	queued, oldest, dead, err := m.queue.measure(ctx)
	if err != nil {
		return Health{}, fmt.Errorf("measure mails: %w", err)
	}
	return Health{queued, oldest, dead}, nil
}

// PurgePerson removes all that is kept of mails to a person, or to the people of an access request,
// by its id: the rows, and what the transport keeps. It is for after the event that records the
// erasure: what would be composed later finds the person erased. ErrBusy means that a mail is on its
// way; until PurgePerson returns nil it has to be repeated, also after a crash.
func (m *Mails) PurgePerson(ctx context.Context, id string) error {
	left, err := m.queue.purge(ctx, id, m.config.Now())
	switch {
	case err != nil:
		return err
	case left > 0:
		return ErrBusy
	}
	if keeper, ok := m.config.Transport.(Keeper); ok {
		if err := keeper.Purge(ctx, id); err != nil {
			return fmt.Errorf("purge mails: %w", err)
		}
	}
	return nil
}
