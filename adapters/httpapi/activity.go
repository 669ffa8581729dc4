package httpapi

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"casesync/adapters/commands"
)

// ActivityReader reads the activity log.
type ActivityReader interface {
	// ListActivities returns at most limit entries that filter takes, the newest first, from before
	// the entry numbered before; 0 begins with the newest of all.
	ListActivities(ctx context.Context, filter ActivityFilter, before int64, limit int) ([]ActivityEntry, error)
}

// ActivityFilter narrows what is read of the activity log; an empty field does not.
type ActivityFilter struct {
	// Since and Until bound the time: Since included, Until not.
	Since, Until time.Time
	Actor        string
	Kind         commands.ActivityKind
	Subject      string
	// Failed leaves only what was refused or failed.
	Failed bool
}

// ActivityEntry is an activity under its number, which orders the log.
type ActivityEntry struct {
	Number int64
	commands.Activity
}

// ActivityPage is a page of the activity log.
type ActivityPage struct {
	Items []ActivityItem `json:"items" nullable:"false" doc:"The newest first"`
	Next  *string        `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

// ActivityItem is something that somebody did or tried.
type ActivityItem struct {
	Number    int64                 `json:"number" doc:"Orders the log"`
	At        time.Time             `json:"at"`
	Kind      commands.ActivityKind `json:"kind" example:"data-read"`
	Actor     string                `json:"actor,omitempty" doc:"The principal's id; absent for nobody known" example:"user:3f0c9a52-6f0e-4b6c-9a51-0c6f3b1f8f10"`
	Account   string                `json:"account,omitempty" doc:"The keyed digest of the address typed at a sign-in"`
	Address   string                `json:"address,omitempty" doc:"The network address"`
	Operation string                `json:"operation,omitempty" example:"GET /api/v1/cases/{ref}"`
	Subject   string                `json:"subject,omitempty" example:"casefile-1234"`
	FRNs      []string              `json:"businesses,omitempty" doc:"FRNs of the businesses concerned, as far as they are known"`
	Failed    bool                  `json:"failed"`
	Code      string                `json:"code,omitempty" doc:"Why it failed or was refused"`
	Detail    map[string]string     `json:"detail,omitempty"`
}

// activityQuery is what the parameters say.
type activityQuery struct {
	pageQuery
	filter ActivityFilter
	kind   string
	failed *bool
}

var activityKinds = []string{
	string(commands.SignedIn), string(commands.SignInRefused), string(commands.SignedOut), string(commands.SessionsEnded),
	string(commands.CredentialSet), string(commands.AccessRefused), string(commands.DataRead), string(commands.DataExported),
	string(commands.FileDownloaded), string(commands.CommandGiven), string(commands.ActivityRead), string(commands.PersonErased),
	string(commands.MailSent), string(commands.TooManyRequests),
}

var instantSchema = &huma.Schema{Type: huma.TypeString, Format: "date-time"}

var activityParameters = []parameter[activityQuery]{
	{name: "since", doc: "The first moment", schema: instantSchema, set: setInstant(func(q *activityQuery) *time.Time { return &q.filter.Since })},
	{name: "until", doc: "The moment after the last", schema: instantSchema, set: setInstant(func(q *activityQuery) *time.Time { return &q.filter.Until })},
	{name: "actor", doc: "The principal's id, such as user:… or token:…", set: setText(func(q *activityQuery) *string { return &q.filter.Actor })},
	{name: "kind", doc: "What was done", schema: oneOf(activityKinds...), set: choose(func(q *activityQuery) *string { return &q.kind }, activityKinds...)},
	{name: "subject", doc: "What it was about, such as casefile-1234", set: setText(func(q *activityQuery) *string { return &q.filter.Subject })},
	{name: "failed", doc: "true: only what failed or was refused", schema: &huma.Schema{Type: huma.TypeBoolean}, set: setFlag(func(q *activityQuery) **bool { return &q.failed })},
	{name: "limit", doc: "Entries per page", schema: simplePageParameters[0].schema, set: setNumber(func(q *activityQuery) *int { return &q.limit }, 1, simplePageItemsMax)},
	{name: "cursor", doc: "The next of the page before", set: setText(func(q *activityQuery) *string { return &q.cursor })},
}

// setInstant returns a setter of a moment.
func setInstant[T any](field func(*T) *time.Time) func(*T, []string) error {
	return func(into *T, given []string) error {
		at, err := time.Parse(time.RFC3339, given[0])
		if err != nil {
			return faultf("%q is not a moment such as 2026-03-31T09:00:00Z; escape a + as %%2B", clip(given[0]))
		}
		*field(into) = at
		return nil
	}
}

func (s *Server) listActivities(ctx context.Context, in *request) (*output[ActivityPage], error) {
	query := activityQuery{pageQuery: pageQuery{limit: pageItemsMax}}
	if refusal := parseParameters(in.http.URL.RawQuery, activityParameters, &query); refusal != nil {
		return nil, refusal
	}
	query.filter.Kind, query.filter.Failed = commands.ActivityKind(query.kind), query.failed != nil && *query.failed
	var before int64
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(query.pageQuery, list, &before); refusal != nil {
		return nil, refusal
	}
	entries, err := s.config.Activities.ListActivities(ctx, query.filter, before, query.limit+1)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	body := ActivityPage{Items: []ActivityItem{}}
	entries, body.Next, err = cut(s, entries, query.pageQuery, list, func(last ActivityEntry) any { return last.Number })
	for _, entry := range entries {
		body.Items = append(body.Items, ActivityItem{
			Number: entry.Number, At: entry.At.UTC(), Kind: entry.Kind, Actor: entry.Actor, Account: entry.Account, Address: entry.Address,
			Operation: entry.Operation, Subject: entry.Subject, FRNs: entry.FRNs, Failed: entry.Failed, Code: entry.Code, Detail: entry.Detail,
		})
	}
	return &output[ActivityPage]{CacheControl: noStore, Body: body}, err
}
