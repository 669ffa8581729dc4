package mail

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"casesync/domain/address"
	"casesync/domain/calendar"
)

// strangers ask for mails of these kinds: anybody may make an access request, or ask the helpdesk, from any number
// of network addresses, and name somebody else's address in it.
var strangers = []Kind{RequestReceived, RequestLapsed, TicketReceived}

// allowed reports whether a mail may go to an address today: of those that strangers ask for, a bounded
// number may. It is the same for a mail that is tried again.
func (m *Mails) allowed(ctx context.Context, entry Entry, to string) (bool, error) {
	if m.config.RecipientDigest == nil || !slices.Contains(strangers, entry.Kind) {
		return true, nil
	}
	email, err := address.ParseEmail(to)
	if err != nil {
		return true, nil //nolint:nilerr // what is no address gets no mail, as compose finds out
	}
	return m.queue.allow(ctx, m.config.RecipientDigest(email.Canonical()), calendar.DayOf(m.config.Now()), entry.ID, m.config.RequestsPerDayMax)
}

// allow gives a mail one of a recipient's places of a day, if it has none yet. A crash after it leaves the
// place taken by the mail, which finds it there when it is tried again.
func (q queue) allow(ctx context.Context, recipient string, day calendar.Day, mail uuid.UUID, placesMax int) (bool, error) {
	var place int64
	err := q.db.QueryRowContext(ctx, `SELECT place FROM mail_allowances WHERE mail = $1`, mail.String()).Scan(&place)
	if !errors.Is(err, sql.ErrNoRows) {
		return err == nil, wrapped(err)
	}
	for place := range placesMax {
		// Of two senders that want a place one gets it, and the other the next.
		n, err := q.exec(ctx, `INSERT INTO mail_allowances (recipient, day, place, mail) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			recipient, int64(day), place, mail.String())
		if err != nil || n == 1 {
			return err == nil, wrapped(err)
		}
	}
	return false, nil
}

// forgetAllowances removes the places of days before day.
func (q queue) forgetAllowances(ctx context.Context, day calendar.Day) error {
	_, err := q.exec(ctx, `DELETE FROM mail_allowances WHERE day < $1`, int64(day))
	return wrapped(err)
}

func wrapped(err error) error {
	if err != nil {
		return fmt.Errorf("count mails to an address: %w", err)
	}
	return nil
}
