package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/domain/ticket"
	"casesync/domain/upload"
	"casesync/eventstore"
)

// The types of messages; each has a schema of its data in schemas/portal.
const (
	CaseAllocated        = "portal.case.allocated.v1"
	CaseSuppressed       = "portal.case.suppressed.v1"
	CaseUnsuppressed     = "portal.case.unsuppressed.v1"
	UploadReceived       = "portal.upload.received.v1"
	NotificationSent     = "portal.notification.sent.v1"
	SuppressionRequested = "portal.suppression.requested.v1"
	TicketRaised         = "portal.ticket.raised.v1"
)

// Message is an integration message.
type Message struct {
	// ID is the id of the event, and so the same each time.
	ID, Type, Subject string
	// Session is what the message is kept in order with: the case's reference, else the stream of its event.
	Session string
	// Body is the message as a CloudEvent 1.0 in the JSON format.
	Body []byte
}

// Occasion is an event, and what was recorded before it that its message tells too. Private values are open, but
// for those that are erased.
type Occasion struct {
	eventstore.Decoded

	// Begun and Received are of an upload: as it was begun, and what was last received of it.
	Begun    *upload.Begun
	Received *upload.Received
}

// ErrErased is returned for an event of which nothing is left to be told.
var ErrErased = errors.New("what the message would say was erased")

// errNoBeginning: the stream does not hold what comes before such an event.
var errNoBeginning = errors.New("what the event goes on with is not in its stream")

// The streams of what messages are about begin with what they are of.
const (
	casePrefix         = "casefile-"
	uploadPrefix       = "upload-"
	notificationPrefix = "notification-"
	ticketPrefix       = "ticket-"
)

// rule says what is told of events of a stored name.
type rule struct {
	// line is what the event put in line, nil where it is a fact that goes out in any case. It gives the
	// attempt that is meant too.
	line func(Config, any) (Line, int)
	// sealed is whether the message tells private values.
	sealed bool
	// tell returns the message, but for what all messages share.
	tell func(Occasion) (told, error)
}

// told is what is particular to a message.
type told struct {
	kind, subject, session string
	data                   any
}

// rules are all messages there are, by the stored name of their event. To add one: a line here, its schema and
// example in schemas/portal, and an entry in schemas/portal/asyncapi.yaml.
var rules = map[string]rule{
	"casefile.allocated.v1":            {tell: tellAllocated},
	"casefile.allocation-returned.v1":  {tell: tellReturned},
	"casefile.suppression-executed.v1": {tell: tellSuppressed},
	"casefile.suppression-reversed.v1": {tell: tellUnsuppressed},
	"upload.queued.v1":                 {tell: tellUpload, sealed: true, line: uploadLine},
	"notification.sent.v1":             {tell: tellNotification, sealed: true, line: notificationLine},
	"ticket.opened.v1":                 {tell: tellTicket},
}

// envelope is a CloudEvent.
type envelope struct {
	SpecVersion     string `json:"specversion"`
	ID              string `json:"id"`
	Source          string `json:"source"`
	Type            string `json:"type"`
	Subject         string `json:"subject"`
	Time            string `json:"time"`
	DataContentType string `json:"datacontenttype"`
	Data            any    `json:"data"`
}

// Map returns the message of an event, and false for an event that no other system is told of. It is pure: the
// same occasion gives the same bytes. Its error Is ErrErased where nothing is left to be told.
func Map(source string, occasion Occasion) (Message, bool, error) {
	rule, ruled := rules[occasion.Type]
	if !ruled {
		return Message{}, false, nil
	}
	told, err := rule.tell(occasion)
	if err != nil {
		return Message{}, true, fmt.Errorf("make message of %s: %w", occasion.Type, err)
	}
	m := Message{ID: occasion.ID.String(), Type: told.kind, Subject: told.subject, Session: told.session}
	m.Body, err = json.Marshal(envelope{
		SpecVersion: "1.0", ID: m.ID, Source: source, Type: m.Type, Subject: m.Subject, Time: moment(occasion.Meta.OccurredAt),
		DataContentType: "application/json", Data: told.data,
	})
	if err != nil {
		return Message{}, true, fmt.Errorf("encode message of %s: %w", occasion.Type, err)
	}
	return m, true, nil
}

type allocated struct {
	CaseReference string  `json:"caseReference"`
	AllocatedTo   *string `json:"allocatedTo"`
	AllocatedFrom *string `json:"allocatedFrom"`
	Cause         string  `json:"cause,omitempty"`
	At            string  `json:"at"`
}

func tellAllocated(o Occasion) (told, error) {
	event, is := o.Event.(*casefile.Allocated)
	if !is {
		return told{}, unexpected(o)
	}
	return o.allocated(event.To, event.From, ""), nil
}

func tellReturned(o Occasion) (told, error) {
	event, is := o.Event.(*casefile.AllocationReturned)
	if !is {
		return told{}, unexpected(o)
	}
	return o.allocated("", event.From, string(event.Cause)), nil
}

func (o *Occasion) allocated(to, from, cause string) told {
	ref := o.id(casePrefix)
	return told{CaseAllocated, ref, ref, allocated{ref, optional(to), optional(from), cause, moment(o.Meta.OccurredAt)}}
}

// caseSuppressed tells of an operator's decision, and not why: that stays with the case.
type caseSuppressed struct {
	CaseReference string `json:"caseReference"`
	Request       string `json:"request,omitempty"`
	At            string `json:"at"`
}

func tellSuppressed(o Occasion) (told, error) {
	event, is := o.Event.(*casefile.SuppressionExecuted)
	if !is {
		return told{}, unexpected(o)
	}
	ref := o.id(casePrefix)
	return told{CaseSuppressed, ref, ref, caseSuppressed{ref, event.Request, moment(o.Meta.OccurredAt)}}, nil
}

func tellUnsuppressed(o Occasion) (told, error) {
	if _, is := o.Event.(*casefile.SuppressionReversed); !is {
		return told{}, unexpected(o)
	}
	ref := o.id(casePrefix)
	return told{CaseUnsuppressed, ref, ref, caseSuppressed{CaseReference: ref, At: moment(o.Meta.OccurredAt)}}, nil
}

type uploadReceived struct {
	UploadID      string `json:"uploadId"`
	CaseReference string `json:"caseReference"`
	FRN           string `json:"frn"`
	SentBy        string `json:"sentBy"`
	Attempt       int    `json:"attempt"`
	FileName      string `json:"fileName"`
	MediaType     string `json:"mediaType"`
	Size          int64  `json:"size"`
	SHA256        string `json:"sha256"`
	ContentPath   string `json:"contentPath"`
	At            string `json:"at"`
}

func tellUpload(o Occasion) (told, error) {
	event, is := o.Event.(*upload.Queued)
	switch {
	case !is:
		return told{}, unexpected(o)
	case o.Begun == nil || o.Received == nil:
		return told{}, errNoBeginning
	}
	file, named := o.Begun.File.Get()
	content, known := o.Received.Content.Get()
	if !named || !known {
		return told{}, ErrErased
	}
	id := o.id(uploadPrefix)
	return told{UploadReceived, id, o.Begun.Case, uploadReceived{
		UploadID: id, CaseReference: o.Begun.Case, FRN: o.Begun.FRN, SentBy: o.Begun.Person, Attempt: event.Attempt,
		FileName: file.Name, MediaType: content.MediaType, Size: o.Begun.Bytes, SHA256: content.SHA256,
		ContentPath: "/cms/v1/uploads/" + id + "/content", At: moment(event.At),
	}}, nil
}

type notificationSent struct {
	NotificationID string            `json:"notificationId"`
	CaseReference  string            `json:"caseReference"`
	FRN            string            `json:"frn"`
	SentBy         string            `json:"sentBy"`
	Type           string            `json:"notificationType"`
	Fields         map[string]string `json:"fields"`
	BulkID         string            `json:"bulkId,omitempty"`
	At             string            `json:"at"`
}

// tellNotification tells a request for suppression under a type of its own, and not twice: one event has
// one id, by which brokers drop what comes again.
func tellNotification(o Occasion) (told, error) {
	event, is := o.Event.(*notification.Sent)
	if !is {
		return told{}, unexpected(o)
	}
	content, known := event.Content.Get()
	if !known {
		return told{}, ErrErased
	}
	kind := NotificationSent
	if event.Type == notification.SuppressCase {
		kind = SuppressionRequested
	}
	fields := content.Fields
	if fields == nil {
		fields = map[string]string{}
	}
	id := o.id(notificationPrefix)
	return told{kind, id, event.Case, notificationSent{
		NotificationID: id, CaseReference: event.Case, FRN: event.FRN, SentBy: event.Person, Type: string(event.Type),
		Fields: fields, BulkID: event.Bulk, At: moment(event.At),
	}}, nil
}

type ticketRaised struct {
	TicketID string `json:"ticketId"`
	Type     string `json:"ticketType"`
	FRN      string `json:"frn,omitempty"`
	RaisedBy string `json:"raisedBy,omitempty"`
	At       string `json:"at"`
}

// tellTicket tells that there is a question, and not what it says: that is erased 120 days after it is
// answered (requirement 33), which could not be promised of what is elsewhere.
func tellTicket(o Occasion) (told, error) {
	event, is := o.Event.(*ticket.Opened)
	if !is {
		return told{}, unexpected(o)
	}
	id := o.id(ticketPrefix)
	return told{TicketRaised, id, string(o.Stream), ticketRaised{id, string(event.Type), event.FRN, event.Person, moment(event.At)}}, nil
}

func uploadLine(c Config, event any) (Line, int) {
	if queued, is := event.(*upload.Queued); is {
		return c.Uploads, queued.Attempt
	}
	return c.Uploads, 0
}

func notificationLine(c Config, _ any) (Line, int) { return c.Notifications, 1 }

// id returns the id in the name of the stream.
func (o *Occasion) id(prefix string) string { return strings.TrimPrefix(string(o.Stream), prefix) }

func unexpected(o Occasion) error {
	return fmt.Errorf("%T is not what is stored under that name", o.Event)
}

// optional is null for nobody.
func optional(person string) *string {
	if person == "" {
		return nil
	}
	return &person
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
