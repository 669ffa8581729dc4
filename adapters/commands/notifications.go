package commands

import (
	"context"
	"errors"

	"casesync/domain/notification"
)

// Notify sends a notification about a case, and returns its id.
func (c *Casework) Notify(ctx context.Context, ask Ask, ref string, kind notification.TypeID, fields map[string]string) (id string, done Done, err error) {
	return "", Done{}, errors.ErrUnsupported
}

// NotifyMany sends the same notification about up to CasesMax cases, each decided by itself (requirement 55),
// and returns a result for each of refs, in their order.
func (c *Casework) NotifyMany(ctx context.Context, ask Ask, refs []string, kind notification.TypeID, fields map[string]string) ([]Result, Done, error) {
	return nil, Done{}, errors.ErrUnsupported
}

// CheckNotification withdraws what its case bars by now, and reports whether it goes out; see outbox.Line.
func (c *Casework) CheckNotification(ctx context.Context, id string, attempt int) (goes bool, err error) {
	return false, errors.ErrUnsupported
}

// NoteNotificationDelivered records that a notification was published.
func (c *Casework) NoteNotificationDelivered(ctx context.Context, id string, attempt int) error {
	return errors.ErrUnsupported
}
