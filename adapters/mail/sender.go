package mail

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"casesync/adapters/commands"
	"casesync/domain/calendar"
)

// The pauses between tries: the first, which doubles, up to the longest.
const (
	firstPause   = time.Minute
	longestPause = time.Hour
)

// forgetEvery is how often old rows are removed.
const forgetEvery = time.Hour

// Run sends what is due until ctx ends. Several processes may run it at once. A queue that cannot be
// reached is logged and tried again.
func (m *Mails) Run(ctx context.Context) {
	var forgotten time.Time
	for {
		_, err := m.SendDue(ctx)
		if now := m.config.Now(); err == nil && now.Sub(forgotten) >= forgetEvery {
			err, forgotten = errors.Join(m.queue.forget(ctx, now.Add(-m.config.KeepFor)), m.queue.forgetAllowances(ctx, calendar.DayOf(now))), now
		}
		if err != nil && ctx.Err() == nil {
			m.config.Logger.ErrorContext(ctx, "mails cannot be sent", slog.Any("error", err))
		}
		timer := time.NewTimer(m.config.PollEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-m.woken:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// SendDue sends what is due now, and returns how many mails it tried. A mail that fails is no error:
// that is in its row.
func (m *Mails) SendDue(ctx context.Context) (tried int, err error) {
	for {
		now := m.config.Now()
		taken, err := m.queue.take(ctx, now, now.Add(m.config.lease()), m.config.SendersMax)
		if err != nil {
			return tried, err
		}
		if len(taken) == 0 {
			return tried, ctx.Err()
		}
		tried += len(taken)
		var senders errgroup.Group
		for _, entry := range taken {
			senders.Go(func() error { return m.send(ctx, entry) })
		}
		if err := senders.Wait(); err != nil {
			return tried, err
		}
	}
}

// send sends one taken mail, and records what became of it.
func (m *Mails) send(ctx context.Context, entry Entry) error {
	err := m.try(ctx, &entry)
	// A crash here leaves a mail that was delivered in a row that is taken: it is delivered again
	// after the lease, with the same Message-ID.
	if errors.Is(err, errLost) {
		return nil
	}
	m.judge(ctx, &entry, err)
	// What became of it is recorded also where the process is ending.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endingMax)
	defer cancel()
	err = m.queue.finish(ending, entry)
	switch {
	case errors.Is(err, errLost):
		return m.withdraw(ending, entry)
	case err != nil:
		return err
	}
	return m.tell(ending, entry)
}

// withdraw purges anew what is kept about somebody whose rows were purged while this sender stood
// still for longer than its lease: it may have kept a message after that.
func (m *Mails) withdraw(ctx context.Context, entry Entry) error {
	keeper, keeps := m.config.Transport.(Keeper)
	if !keeps {
		return nil
	}
	if _, err := m.queue.get(ctx, entry.ID); !errors.Is(err, sql.ErrNoRows) {
		return err // nil: another sender has the row
	}
	return keeper.Purge(ctx, entry.About)
}

// endingMax is how long recording what became of a mail may take when the process ends.
const endingMax = 10 * time.Second

// try composes a mail and gives it to the transport.
func (m *Mails) try(ctx context.Context, entry *Entry) error {
	if entry.Attempts > m.config.AttemptsMax {
		// The tries before ended neither way: the process that made them ended. Not once more.
		return &Fault{Code: "interrupted", Permanent: true}
	}
	bounded, cancel := context.WithTimeout(ctx, m.config.SendTimeout)
	defer cancel()
	message, err := m.compose(bounded, entry)
	if err != nil {
		return err
	}
	return m.config.Transport.Send(bounded, message)
}

// judge sets what becomes of an entry after a try that ended with err.
func (m *Mails) judge(ctx context.Context, entry *Entry, err error) {
	now := m.config.Now()
	entry.Status, entry.EndedAt, entry.Fault = Sent, now, ""
	if err == nil {
		return
	}
	if why, ok := errors.AsType[droppedError](err); ok {
		entry.Status, entry.Fault = Dropped, string(why)
		return
	}
	fault, ok := errors.AsType[*Fault](err)
	switch {
	case ctx.Err() != nil && (!ok || !fault.Permanent):
		// The process ends, and that is why. Another one may go on at once.
		entry.Status, entry.EndedAt, entry.DueAt, entry.Fault = Queued, time.Time{}, now, "interrupted"
		return
	case !ok:
		// The log, a database or a disk: what these say names no person.
		m.config.Logger.WarnContext(ctx, "mail cannot be made", slog.String("mail", entry.ID.String()), slog.Any("error", err))
		fault = &Fault{Code: "internal"}
	}
	entry.Fault = fault.Code
	if fault.Permanent || entry.Attempts >= m.config.AttemptsMax {
		entry.Status = Dead
		m.config.Logger.ErrorContext(ctx, "mail is dead: retry or discard it",
			slog.String("mail", entry.ID.String()), slog.String("kind", string(entry.Kind)), slog.String("fault", fault.Code))
		return
	}
	entry.Status, entry.EndedAt, entry.DueAt = Queued, time.Time{}, now.Add(pause(entry.Attempts))
	m.config.Logger.WarnContext(ctx, "mail was not sent, and is tried again",
		slog.String("mail", entry.ID.String()), slog.String("fault", fault.Code), slog.Time("due", entry.DueAt))
}

// pause returns how long to wait after so many tries.
func pause(attempts int) time.Duration {
	if attempts > 6 { // 64 minutes, and more
		return longestPause
	}
	return min(firstPause<<(attempts-1), longestPause)
}

// tell records a mail that was sent, or is dead, for Security Operations.
func (m *Mails) tell(ctx context.Context, entry Entry) error {
	if m.config.Activity == nil || entry.Status != Sent && entry.Status != Dead {
		return nil
	}
	// A crash before it leaves a mail that the log of activities does not know. The row does.
	err := m.config.Activity.Record(ctx, commands.Activity{
		At: entry.EndedAt, Kind: commands.MailSent, Actor: actor, Operation: "mail." + string(entry.Kind),
		Subject: string(entry.Stream), Failed: entry.Status == Dead, Code: entry.Fault,
	})
	if err != nil {
		return fmt.Errorf("record mail: %w", err)
	}
	return nil
}

// actor is who sends mail, in records.
const actor = "system:mail"
