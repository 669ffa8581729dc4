package projections

import (
	"context"
	"errors"
	"time"

	"casesync/domain/notification"
	"casesync/projections/engine"
)

// Notification is what a person sent about a case. Times are UTC.
type Notification struct {
	ID, Ref string
	// FRN is the business that sent it, Person the user id of who did.
	FRN, Person string
	Type        notification.TypeID
	Status      notification.Status
	// Bulk is what all notifications have that were sent at once, "" for one that was sent alone.
	Bulk string
	// Answer is what an operator did about a request for suppression (a notification.Answer), "" for nothing yet.
	Answer string
	// Code says why it is withdrawn or rejected: an outgoing.Cause or the source's own code, "" else.
	Code              string
	SentAt, UpdatedAt time.Time
	// Content and Reason are envelopes, "" where there is nothing: of a notification.Content, and of what the
	// source said in words, a JSON string.
	Content, Reason string
}

// NotificationFilter says which notifications are asked for; its zero value takes all that the scope sees.
type NotificationFilter struct {
	Ref, Bulk, Person string
	// Type and Status take those with one of the types and one of the statuses.
	Type   []notification.TypeID
	Status []notification.Status
}

// NotificationCursor is the place of a notification in a list: the last one's SentAt and ID. The zero value is
// the beginning. Times have whole microseconds.
type NotificationCursor struct {
	SentAt time.Time `json:"t,omitzero"`
	ID     string    `json:"id,omitzero"`
}

// Notifications returns at most limit (up to PageRowsMax) notifications after after, newest first. A business
// sees those that it sent itself about the cases that it sees now. View is of CasesName.
func Notifications(ctx context.Context, view engine.View, scope Scope, filter NotificationFilter, after NotificationCursor, limit int) ([]Notification, error) {
	return nil, errors.ErrUnsupported
}

// NotificationByID returns the notification id; false if there is none that scope sees. View is of CasesName.
func NotificationByID(ctx context.Context, view engine.View, scope Scope, id string) (Notification, bool, error) {
	return Notification{}, false, errors.ErrUnsupported
}

// NotificationsInLine returns the ids of the notifications about case ref (at most PageRowsMax) that did not go
// out yet, oldest first, suppressed or not. A scope that is no operator's or auditor's sees none. View is of CasesName.
func NotificationsInLine(ctx context.Context, view engine.View, scope Scope, ref string) ([]string, error) {
	return nil, errors.ErrUnsupported
}
