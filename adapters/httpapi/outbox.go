package httpapi

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/eventstore"
)

// ErrNotParked is returned by an Outbox for a message that is not parked, or was skipped already.
var ErrNotParked = errors.New("no such parked message")

// ParkedMessage is what is known of a message to a case management system that could not be published:
// nothing of what it says.
type ParkedMessage struct {
	// EventID is the id of its event, and of the message.
	EventID uuid.UUID
	// Key is what it is kept in order with: a case's reference, else the stream of its event.
	Key string
	// Type, Stream and Position are the event's.
	Type     string
	Stream   eventstore.StreamName
	Position eventstore.Position
	Status   string // one of parkedStatuses
	// Fault is why it was not published, in a stable word.
	Fault string
	// Attempts is how often it failed. DueAt is when it is tried again.
	Attempts        int
	DueAt, ParkedAt time.Time
	// ResolvedBy, Reason and ResolvedAt are an operator's who retried or skipped it.
	ResolvedBy, Reason string
	ResolvedAt         time.Time
}

// ParkedFilter chooses parked messages; what is empty chooses all.
type ParkedFilter struct{ Status, Key string }

// Outbox is where messages to case management systems wait that could not be published. Its methods
// return commands.ErrForbidden to whom the permissions for feeds do not allow it.
type Outbox interface {
	// List returns at most limit messages after the one with the id after (uuid.Nil: from the first), by
	// event id.
	List(ctx context.Context, by access.Principal, filter ParkedFilter, after uuid.UUID, limit int) ([]ParkedMessage, error)
	// Retry has a message tried again at once. Skip gives one up: what is parked behind it goes on. Both
	// return ErrNotParked, and commands.ErrNoReason without a reason.
	Retry(ctx context.Context, by access.Principal, id uuid.UUID, reason string) error
	Skip(ctx context.Context, by access.Principal, id uuid.UUID, reason string) error
}

// OutboxPage is a page of parked messages.
type OutboxPage struct {
	Items []OutboxMessage `json:"items" nullable:"false" doc:"By event id"`
	Next  *string         `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

// OutboxMessage is a message to a case management system that could not be published.
type OutboxMessage struct {
	ID         string     `json:"id" format:"uuid" doc:"Of the message, and of its event"`
	Key        string     `json:"key" doc:"What it is kept in order with: a case's reference, else the stream of its event"`
	Type       string     `json:"type" doc:"Of its event" example:"notification.sent.v1"`
	Stream     string     `json:"stream"`
	Position   string     `json:"position" doc:"Of its event in the log"`
	Status     string     `json:"status" enum:"waiting,stuck,skipped" doc:"waiting: tried again by itself, once it is the first of its key. stuck: somebody has to retry or skip it. skipped: given up"`
	Fault      string     `json:"fault" doc:"Why it was not published; behind: it waits for one before it" example:"behind"`
	Attempts   int        `json:"attempts" doc:"How often it failed"`
	ParkedAt   time.Time  `json:"parkedAt"`
	DueAt      *time.Time `json:"dueAt,omitempty" doc:"When it is tried again"`
	ResolvedBy string     `json:"resolvedBy,omitempty" doc:"The operator who retried or skipped it last"`
	ResolvedAt *time.Time `json:"resolvedAt,omitempty"`
	Reason     string     `json:"reason,omitempty" doc:"The reason that was given; absent once it was erased"`
}

func outboxMessageOf(m ParkedMessage) OutboxMessage {
	return OutboxMessage{
		ID: m.EventID.String(), Key: m.Key, Type: m.Type, Stream: string(m.Stream), Position: m.Position.String(), Status: m.Status,
		Fault: m.Fault, Attempts: m.Attempts, ParkedAt: m.ParkedAt.UTC(), DueAt: instant(m.DueAt),
		ResolvedBy: m.ResolvedBy, ResolvedAt: instant(m.ResolvedAt), Reason: m.Reason,
	}
}

// outboxQuery is what the parameters of the list say.
type outboxQuery struct {
	pageQuery
	filter ParkedFilter
}

var parkedStatuses = []string{"waiting", "stuck", "skipped"}

var outboxParameters = []parameter[outboxQuery]{
	{name: "status", doc: "Where it stands; all without it", schema: oneOf(parkedStatuses...),
		set: choose(func(q *outboxQuery) *string { return &q.filter.Status }, parkedStatuses...)},
	{name: "key", doc: "What it is kept in order with, such as a case's reference", set: setText(func(q *outboxQuery) *string { return &q.filter.Key })},
	{name: "limit", doc: "Messages per page", schema: simplePageParameters[0].schema,
		set: setNumber(func(q *outboxQuery) *int { return &q.limit }, 1, simplePageItemsMax)},
	{name: "cursor", doc: "The next of the page before", set: setText(func(q *outboxQuery) *string { return &q.cursor })},
}

func (s *Server) listOutbox(ctx context.Context, in *request) (*present[OutboxPage], error) {
	query := outboxQuery{pageQuery: pageQuery{limit: pageItemsMax}}
	if refusal := parseParameters(in.http.URL.RawQuery, outboxParameters, &query); refusal != nil {
		return nil, refusal
	}
	var after uuid.UUID
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(query.pageQuery, list, &after); refusal != nil {
		return nil, refusal
	}
	parked, err := s.config.Outbox.List(ctx, callerOf(ctx).principal, query.filter, after, query.limit+1)
	if err != nil {
		return nil, s.parkedProblem(ctx, err)
	}
	body := OutboxPage{Items: []OutboxMessage{}}
	parked, body.Next, err = cut(s, parked, query.pageQuery, list, func(last ParkedMessage) any { return last.EventID })
	for _, message := range parked {
		body.Items = append(body.Items, outboxMessageOf(message))
	}
	return &present[OutboxPage]{CacheControl: noStore, Body: body}, err
}

// onParked gives an operator's decision on a parked message.
func (s *Server) onParked(decide func(context.Context, access.Principal, uuid.UUID, string) error) func(context.Context, *command[Decision]) (*present[Done], error) {
	return func(ctx context.Context, in *command[Decision]) (*present[Done], error) {
		id, err := uuid.Parse(pathValue(in.http, "id"))
		if err != nil {
			return nil, notFound()
		}
		if err := decide(ctx, callerOf(ctx).principal, id, in.Body.Reason); err != nil {
			return nil, s.parkedProblem(ctx, err)
		}
		return &present[Done]{CacheControl: noStore, Body: Done{Status: string(commands.Accepted)}}, nil
	}
}

func (s *Server) parkedProblem(ctx context.Context, err error) *Problem {
	if errors.Is(err, ErrNotParked) {
		return notFound()
	}
	return s.commandProblem(ctx, err)
}
