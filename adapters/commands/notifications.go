package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"casesync/domain"
	"casesync/domain/access"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/eventstore"
)

// Notify sends a notification about a case, and returns its id. The same command again, under the same id, is the
// same notification, and has the same answer as long as the case is not hidden from who asks.
func (c *Casework) Notify(ctx context.Context, ask Ask, ref string, kind notification.TypeID, fields map[string]string) (id string, done Done, err error) {
	id, done, err = c.notify(ctx, ask, ref, notification.Send{Type: kind, Fields: fields})
	if err != nil {
		return "", Done{}, fmt.Errorf("send notification: %w", err)
	}
	return id, done, nil
}

// NotifyMany sends the same notification about up to CasesMax cases, each decided by itself (requirement 55),
// and returns a result for each of refs, in their order. A type or a form that no case could be notified of is
// refused as a whole, before anything is sent.
//
// A crash in it leaves some sent; the same command again, under the same ask.ID, is the same notifications where
// they were sent, and sends the rest. Revisions (If-Match) are of one notification, and mean nothing here.
func (c *Casework) NotifyMany(ctx context.Context, ask Ask, refs []string, kind notification.TypeID, fields map[string]string) ([]Result, Done, error) {
	if ask.By.Person() == "" || !ask.By.Somewhere(access.Notify) {
		return nil, Done{}, refusedTo(ask.By, "notification.send", "")
	}
	send := notification.Send{Type: kind, Fields: fields}
	if err := wellFormed(send); err != nil {
		return nil, Done{}, err
	}
	ask.ID, ask.Expected = idOr(ask.ID), nil
	if len(refs) > 1 {
		send.Bulk = uuid.NewSHA1(ask.ID, []byte("bulk")).String()
	}
	results, done, err := manyCases(ctx, refs, func(ctx context.Context, ref string) (string, Done, error) {
		id, done, err := c.notify(ctx, ask, ref, send)
		return id, done, c.answeredInBulk(ctx, err)
	})
	for i := range results {
		if results[i].Status == ResultDone {
			results[i].Bulk = send.Bulk
		}
	}
	return results, done, err
}

// wellFormed returns the refusal of a type that there is not, or of a form that is not filled in as it asks: what is
// decided about a case that bars nothing.
func wellFormed(send notification.Send) error {
	const whose = "any"
	send.Case, send.FRN, send.Person, send.At = whose, whose, whose, time.Unix(0, 0)
	send.Standing = outgoing.Case{FRN: whose, Converted: true, Open: true}
	_, err := notification.Decide(notification.Initial(), send)
	return err
}

// answeredInBulk is the error of one case among many, whose business does not matter to who asks about all of them:
// one at which he may not send is as unknown as any other. What nobody expects is told to the logger.
func (c *Casework) answeredInBulk(ctx context.Context, err error) error {
	_, refused := errors.AsType[*domain.Refusal](err)
	switch {
	case err == nil, refused, errors.Is(err, ErrUnknown):
		return err
	case errors.Is(err, ErrForbidden):
		return ErrUnknown
	}
	c.config.Logger.ErrorContext(ctx, "notification in doubt", "error", err)
	return err
}

// notify sends a notification about one case, under an id that is derived from the order's and the case.
func (c *Casework) notify(ctx context.Context, ask Ask, ref string, send notification.Send) (id string, done Done, err error) {
	o, standing, err := c.about(ctx, ask, ref, "notification.send")
	if err != nil {
		return "", Done{}, err
	}
	o.reason = "" // it would be sealed under a key of its own, which does not go with the case's
	send.Case, send.Standing, send.FRN, send.Person, send.At = ref, standing, standing.FRN, ask.By.Person(), o.at
	id = uuid.NewSHA1(o.id, []byte("notification\n"+ref)).String()
	done, err = c.notifications.done(ctx, o, id, send)
	return id, done, err
}

// CheckNotification withdraws what its case bars by now, and reports whether it goes out; see outbox.Line. A
// notification is published once: whatever the attempt, it is the first.
func (c *Casework) CheckNotification(ctx context.Context, id string, _ int) (goes bool, err error) {
	if err := c.checkNotification(ctx, systemOutbox, id); err != nil {
		return false, fmt.Errorf("check notification: %w", err)
	}
	err = c.notifications.look(ctx, id, func(s *notification.State, _ eventstore.Revision) { goes = s.Deliverable() })
	if err != nil {
		return false, fmt.Errorf("check notification: %w", err)
	}
	return goes, nil
}

// NoteNotificationDelivered records that a notification was published.
func (c *Casework) NoteNotificationDelivered(ctx context.Context, id string, _ int) error {
	o := c.ofSystem(systemOutbox)
	if _, err := c.notifications.do(ctx, o, id, notification.NoteDelivered{At: o.at}); err != nil {
		return fmt.Errorf("note notification as delivered: %w", err)
	}
	return nil
}

// StopNotification withdraws a notification that its case bars by now; see package reactions.
func (c *Casework) StopNotification(ctx context.Context, id string) error {
	if err := c.checkNotification(ctx, systemReactions, id); err != nil {
		return fmt.Errorf("stop notification: %w", err)
	}
	return nil
}

func (c *Casework) checkNotification(ctx context.Context, part, id string) error {
	ref := ""
	err := c.notifications.look(ctx, id, func(s *notification.State, _ eventstore.Revision) { ref = s.Case() })
	if err != nil {
		return err
	}
	standing, err := c.standing(ctx, ref)
	if err != nil {
		return err
	}
	o := c.ofSystem(part)
	_, err = c.notifications.do(ctx, o, id, notification.Check{Standing: standing, At: o.at})
	return err
}
