package projections

import (
	"fmt"
	"strings"
	"time"

	"casesync/domain/feed"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/projections/engine"
)

// notificationRow is what a person sent about a case. Its words and the source's are envelopes.
type notificationRow struct {
	Ref, ID, FRN, Person string
	Type, Status, Code   string
	Bulk, Answer         string
	Asks                 bool // operators, for a suppression: none has answered
	SentAt, UpdatedAt    int64
	Content, Reason      string
}

var notifications = &engine.Table[notificationRow]{
	Spec: engine.Spec{
		Name: "case_notifications", Key: 2, AppendOnly: true, Wide: true,
		Columns: join(texts("ref", "id", "frn", "person", "type", "status", "code", "bulk", "answer"), flags("asks"),
			numbers("sent_at", "updated_at"), texts("content", "reason")),
		// Newest first: a business's, those of a type or with a status, a person's, those sent at once; and all
		// businesses', too. The last one is of what operators have to answer.
		Indexes: []string{
			"id", "frn, sent_at, id", "frn, status, sent_at, id", "frn, type, sent_at, id", "person, sent_at, id",
			"sent_at, id", "status, sent_at, id", "type, sent_at, id",
			"bulk, sent_at, id WHERE bulk <> ''", "sent_at, id WHERE asks = TRUE",
		},
		Aside: []string{"content", "reason"},
	},
	Fields: func(r *notificationRow) []any {
		return []any{&r.Ref, &r.ID, &r.FRN, &r.Person, &r.Type, &r.Status, &r.Code, &r.Bulk, &r.Answer, &r.Asks,
			&r.SentAt, &r.UpdatedAt, &r.Content, &r.Reason}
	},
}

// foldNotification takes what happened to a notification; what foldUpload says holds here.
func (f *caseFold) foldNotification(event notification.Event) error {
	if notification.CaseOf(event) == "" {
		return fmt.Errorf("a %T names no case", event)
	}
	if f.row.DataErased {
		return nil
	}
	id := strings.TrimPrefix(string(f.e.Stream), notificationStreams)
	row := notifications.Get(f.rows, f.row.Ref, id)
	if e, sent := event.(*notification.Sent); sent {
		row = notifications.Put(f.rows, notificationRow{
			Ref: f.row.Ref, ID: id, FRN: e.FRN, Person: e.Person, Type: string(e.Type), Status: string(notification.StatusSent),
			Bulk: e.Bulk, Asks: e.Type == notification.SuppressCase, SentAt: micros(e.At), UpdatedAt: micros(e.At),
			Content: e.Content.Envelope(),
		})
		if e.FRN == f.row.FRN {
			f.row.Notifications++
		}
	}
	if row == nil {
		row = &notificationRow{ID: id}
	}
	f.elsewhere = row.FRN != f.row.FRN
	row.take(event)
	return f.showNotification(row, event)
}

// take moves the row on as notification.Evolve moves the state.
func (r *notificationRow) take(event notification.Event) {
	switch e := event.(type) {
	case *notification.Withdrawn:
		r.become(notification.StatusWithdrawn, string(e.Cause), e.At)
	case *notification.Delivered:
		r.become(notification.StatusDelivered, "", e.At)
	case *notification.SuppressionAnswered:
		r.Answer, r.Asks, r.UpdatedAt = string(e.Answer), false, micros(e.At)
	case *notification.Acknowledged:
		r.become(notification.StatusAcknowledged, "", e.Origin.Time)
		r.Reason = e.Reason.Envelope()
	case *notification.Rejected:
		r.become(notification.StatusRejected, e.Code, e.Origin.Time)
		r.Reason = e.Reason.Envelope()
	}
}

func (r *notificationRow) become(status notification.Status, code string, at time.Time) {
	r.Status, r.Code, r.Reason, r.UpdatedAt = string(status), code, "", micros(at)
}

// showNotification writes to the timeline what became of a notification. That a suppression was executed is
// told by the case's own event, to auditors.
func (f *caseFold) showNotification(row *notificationRow, event notification.Event) error {
	shown := entry{about: row.ID, frn: row.FRN, sealed: row.Reason}
	data := notificationData{Type: notification.TypeID(row.Type), Code: row.Code}
	origin, _ := notification.OriginOf(event)
	if origin.Time.IsZero() {
		origin = feed.Origin{Time: instant(row.UpdatedAt)}
	}
	switch e := event.(type) {
	case *notification.Sent:
		shown.kind, shown.sealed, data.Person, data.Bulk = "notification-sent", row.Content, row.Person, row.Bulk
	case *notification.Delivered:
		shown.kind = "notification-delivered"
	case *notification.Acknowledged:
		shown.kind = "notification-acknowledged"
	case *notification.Rejected:
		shown.kind = "notification-rejected"
	case *notification.Withdrawn:
		shown.kind, shown.internal = "notification-withdrawn", e.Cause == outgoing.CaseSuppressed
	case *notification.SuppressionAnswered:
		if e.Answer != notification.Declined {
			return nil
		}
		shown.kind, shown.sealed, data.Code = "suppression-declined", "", ""
	default:
		return nil
	}
	shown.data = data
	return f.showSent(origin, shown)
}
