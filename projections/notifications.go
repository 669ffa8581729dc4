package projections

import (
	"context"
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
	query, s := filter.query(scope, after, limit)
	return notificationRows(ctx, view, scope, query, s)
}

func (f *NotificationFilter) query(scope Scope, after NotificationCursor, limit int) (string, *statement) {
	s := &statement{}
	q := sentList{
		table: "{case_notifications}", columns: notifications.Columns, at: "sent_at",
		ref: f.Ref, few: f.Bulk != "" || f.Person != "",
		choice: "t.status", values: stringsOf(f.Status), after: after.SentAt, afterID: after.ID, limit: limit,
		conditions: s.only(condition{"t.bulk", f.Bulk}, condition{"t.person", f.Person}),
	}
	if f.Bulk != "" {
		q.conditions = append(q.conditions, "t.bulk <> ''") // as the index has it
	}
	switch types := stringsOf(f.Type); {
	case len(types) > 0 && len(q.values) == 0:
		q.choice, q.values = "t.type", types
	case len(types) > 0:
		q.conditions = append(q.conditions, s.in("t.type", types))
	}
	return s.sentPage(scope, q), s
}

// NotificationByID returns the notification id; false if there is none that scope sees. View is of CasesName.
func NotificationByID(ctx context.Context, view engine.View, scope Scope, id string) (Notification, bool, error) {
	s := &statement{}
	rows, err := notificationRows(ctx, view, scope, "SELECT "+list(notifications.Columns, "t.")+
		" FROM {case_notifications} t WHERE t.id = "+s.arg(id)+" AND "+s.sent(scope), s)
	if err != nil || len(rows) == 0 {
		return Notification{}, false, err
	}
	return rows[0], true, nil
}

func notificationRows(ctx context.Context, view engine.View, scope Scope, query string, s *statement) ([]Notification, error) {
	rows, err := rowsOf(ctx, view, notifications, query, s)
	shown := make([]Notification, len(rows))
	for i := range rows {
		r := &rows[i]
		shown[i] = Notification{
			ID: r.ID, Ref: r.Ref, FRN: r.FRN, Person: r.Person, Type: notification.TypeID(r.Type),
			Status: notification.Status(r.Status), Bulk: r.Bulk, Answer: r.Answer, Code: shownCode(scope, r.Code),
			SentAt: instant(r.SentAt), UpdatedAt: instant(r.UpdatedAt), Content: r.Content, Reason: r.Reason,
		}
	}
	return shown, err
}

// NotificationsInLine returns the ids of the notifications about case ref (at most PageRowsMax) that did not go
// out yet, oldest first, suppressed or not. A scope that is no operator's or auditor's sees none. View is of CasesName.
func NotificationsInLine(ctx context.Context, view engine.View, scope Scope, ref string) ([]string, error) {
	query, s := notificationsInLine(scope, ref)
	return collect(ctx, view, "find notifications in line", query, s, func(scan func(...any) error) (id string, err error) {
		err = scan(&id)
		return id, err
	})
}

func notificationsInLine(scope Scope, ref string) (string, *statement) {
	s := &statement{}
	return "SELECT t.id FROM " + s.ofCase("{case_notifications}", notifications.Columns, ref) + " t WHERE " + watched(scope) +
		" AND t.status = " + s.arg(string(notification.StatusSent)) + " ORDER BY t.sent_at, t.id" + s.limit(PageRowsMax), s
}
