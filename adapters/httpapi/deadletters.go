package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"casesync/adapters/commands"
)

// DeadLetter is a message that was rejected.
type DeadLetter struct {
	ID             string     `json:"id" format:"uuid"`
	Status         string     `json:"status" enum:"open,retried,discarded"`
	Source         string     `json:"source,omitempty"`
	EventID        string     `json:"eventId,omitempty" doc:"The id of the CloudEvent"`
	Type           string     `json:"type,omitempty"`
	Subject        string     `json:"subject,omitempty"`
	Sequence       int64      `json:"sequence,omitempty"`
	Stream         string     `json:"stream,omitempty"`
	Code           string     `json:"code" doc:"Why it was rejected, the last time"`
	Reason         string     `json:"reason"`
	Via            string     `json:"via" example:"http"`
	Times          int64      `json:"times" doc:"How often it was received"`
	ReceivedAt     time.Time  `json:"receivedAt"`
	LastReceivedAt time.Time  `json:"lastReceivedAt"`
	ResolvedBy     string     `json:"resolvedBy,omitempty"`
	ResolvedAt     *time.Time `json:"resolvedAt,omitempty"`
	Resolution     string     `json:"resolution,omitempty" doc:"The reason that was given"`
}

func deadLetterOf(letter commands.DeadLetter) DeadLetter {
	return DeadLetter{
		ID: letter.ID.String(), Status: string(letter.Status), Source: letter.Source, EventID: letter.EventID,
		Type: letter.Type, Subject: letter.Subject, Sequence: letter.Sequence, Stream: string(letter.Stream),
		Code: letter.Code, Reason: letter.Reason, Via: letter.Via, Times: letter.Times,
		ReceivedAt: letter.ReceivedAt, LastReceivedAt: letter.LastReceivedAt,
		ResolvedBy: letter.Resolution.Actor, ResolvedAt: instant(letter.Resolution.At), Resolution: letter.Resolution.Reason,
	}
}

// DeadLetterPage is a page of dead letters.
type DeadLetterPage struct {
	Items []DeadLetter `json:"items" nullable:"false" doc:"The oldest first"`
	Next  *string      `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

// WholeDeadLetter is a dead letter with its original.
type WholeDeadLetter struct {
	DeadLetter
	Original         string `json:"original,omitempty" doc:"The message as it came; absent once it was erased"`
	OriginalEncoding string `json:"originalEncoding,omitempty" enum:"utf-8,base64"`
}

// deadLetterQuery is what the parameters of the list say.
type deadLetterQuery struct {
	pageQuery
	filter commands.DeadLetterFilter
	status string
}

var deadLetterStatuses = []string{
	string(commands.DeadLetterOpen), string(commands.DeadLetterRetried), string(commands.DeadLetterDiscarded),
}

var deadLetterParameters = []parameter[deadLetterQuery]{
	{name: "status", doc: "What became of it; all without it", schema: oneOf(deadLetterStatuses...),
		set: choose(func(q *deadLetterQuery) *string { return &q.status }, deadLetterStatuses...)},
	{name: "source", doc: "The CloudEvents source", set: setText(func(q *deadLetterQuery) *string { return &q.filter.Source })},
	{name: "subject", doc: "The CloudEvents subject", set: setText(func(q *deadLetterQuery) *string { return &q.filter.Subject })},
	{name: "code", doc: "Why it was rejected", set: setText(func(q *deadLetterQuery) *string { return &q.filter.Code })},
	{name: "limit", doc: "Letters per page", schema: simplePageParameters[0].schema,
		set: setNumber(func(q *deadLetterQuery) *int { return &q.limit }, 1, simplePageItemsMax)},
	{name: "cursor", doc: "The next of the page before", set: setText(func(q *deadLetterQuery) *string { return &q.cursor })},
}

func setText[T any](field func(*T) *string) func(*T, []string) error {
	return func(into *T, values []string) error { *field(into) = values[0]; return nil }
}

func (s *Server) listDeadLetters(ctx context.Context, in *request) (*output[DeadLetterPage], error) {
	query := deadLetterQuery{pageQuery: pageQuery{limit: pageItemsMax}}
	if refusal := parseParameters(in.http.URL.RawQuery, deadLetterParameters, &query); refusal != nil {
		return nil, refusal
	}
	query.filter.Status = commands.DeadLetterStatus(query.status)
	var after uuid.UUID
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(query.pageQuery, list, &after); refusal != nil {
		return nil, refusal
	}
	letters, err := s.config.Letters.List(ctx, query.filter, after, query.limit+1)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	body := DeadLetterPage{Items: []DeadLetter{}}
	letters, body.Next, err = cut(s, letters, query.pageQuery, list, func(last commands.DeadLetter) any { return last.ID })
	for _, letter := range letters {
		body.Items = append(body.Items, deadLetterOf(letter))
	}
	return &output[DeadLetterPage]{CacheControl: noStore, Body: body}, err
}

func (s *Server) showDeadLetter(ctx context.Context, in *request) (*output[WholeDeadLetter], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	id, err := uuid.Parse(pathValue(in.http, "id"))
	if err != nil {
		return nil, notFound()
	}
	letter, err := s.config.Letters.Show(ctx, id)
	if err != nil {
		return nil, s.commandProblem(ctx, err)
	}
	body := WholeDeadLetter{DeadLetter: deadLetterOf(letter)}
	switch {
	case letter.Original == nil:
	case utf8.Valid(letter.Original):
		body.Original, body.OriginalEncoding = string(letter.Original), "utf-8"
	default:
		body.Original, body.OriginalEncoding = base64.StdEncoding.EncodeToString(letter.Original), "base64"
	}
	return &output[WholeDeadLetter]{CacheControl: noStore, Body: body}, nil
}

// Decision is an operator's command with its reason.
type Decision struct {
	_ struct{} `additionalProperties:"false"`

	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, for those who read the log later. No personal data, please"`
}

// Done says what became of a command.
type Done struct {
	Status   string `json:"status" doc:"accepted, duplicate (it was so already), held or rejected"`
	Code     string `json:"code,omitempty" doc:"Why it was rejected"`
	Reason   string `json:"reason,omitempty"`
	Position string `json:"position,omitempty" doc:"Ask with it as Casesync-Min-Position to see the effect"`
}

func doneOf(verdict commands.Verdict) *output[Done] {
	done := Done{Status: string(verdict.Status), Code: verdict.Code, Reason: verdict.Reason}
	if !verdict.Position.IsZero() {
		done.Position = verdict.Position.String()
	}
	return &output[Done]{CacheControl: noStore, Position: done.Position, Body: done}
}

func (s *Server) retryDeadLetter(ctx context.Context, in *command[Decision]) (*output[Done], error) {
	id, err := uuid.Parse(pathValue(in.http, "id"))
	if err != nil {
		return nil, notFound()
	}
	verdict, err := s.config.Desk.Retry(ctx, callerOf(ctx).principal, id, in.Body.Reason)
	if err != nil {
		return nil, s.commandProblem(ctx, err)
	}
	return doneOf(verdict), nil
}

func (s *Server) discardDeadLetter(ctx context.Context, in *command[Decision]) (*output[Done], error) {
	id, err := uuid.Parse(pathValue(in.http, "id"))
	if err != nil {
		return nil, notFound()
	}
	if err := s.config.Desk.Discard(ctx, callerOf(ctx).principal, id, in.Body.Reason); err != nil {
		return nil, s.commandProblem(ctx, err)
	}
	return doneOf(commands.Verdict{Status: commands.Accepted}), nil
}

// commandProblem tells what went wrong with an operator's command.
func (s *Server) commandProblem(ctx context.Context, err error) *Problem {
	switch {
	case errors.Is(err, commands.ErrNoDeadLetter):
		return notFound()
	case errors.Is(err, commands.ErrNoStream):
		return notFound()
	case errors.Is(err, commands.ErrDeadLetterResolved), errors.Is(err, commands.ErrDeadLetterErased):
		return problem(CodeConflict, "%s", sentence(err.Error()))
	case errors.Is(err, commands.ErrNoReason):
		return problem(CodeInvalidBody, "%s", sentence(err.Error()))
	case errors.Is(err, commands.ErrForbidden):
		return problem(CodeForbidden, "Your roles do not allow this.")
	}
	if refusal := refusalOf(err); refusal != nil {
		p := problem(CodeConflict, "%s", sentence(refusal.Reason))
		p.Errors = []Fault{{Location: "body", Message: refusal.Code}}
		return p
	}
	return s.problemOf(ctx, err)
}
