package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/notification"
	"casesync/projections"
	"casesync/projections/engine"
)

// notificationsBytesMax fits 500 references and the longest forms, whose texts have 4,000 characters of up
// to four bytes.
const notificationsBytesMax = 256 << 10

// NewNotifications are a notification about one case or many (requirement 55).
type NewNotifications struct {
	_ struct{} `additionalProperties:"false"`

	Type   notification.TypeID `json:"type" minLength:"1" maxLength:"64" doc:"One of GET /api/v1/notification-types" example:"general-update"`
	Fields map[string]string   `json:"fields,omitempty" doc:"What its form asks, by the names of the fields; empty ones are left out"`
	Cases  []string            `json:"cases" minItems:"1" maxItems:"500" nullable:"false" doc:"References"`
}

// NotificationResults is the answer to notifications that were sent.
type NotificationResults struct {
	Outcome
	Results []CaseResult `json:"results" nullable:"false" doc:"One for each case, in the order in which they were sent"`
	Bulk    string       `json:"bulk,omitempty" doc:"What all of them have that were sent at once; absent where one case was named"`
}

// sendNotifications sends the same about all cases named. A form that is not well formed is refused as a
// whole: it would be refused for each.
func (s *Server) sendNotifications(ctx context.Context, ask commands.Ask, in *command[NewNotifications]) (*acted[NotificationResults], error) {
	if err := noCondition(in.http); err != nil {
		return nil, err
	}
	if refusal := s.config.Allowances.notifications(ask, len(in.Body.Cases)); refusal != nil {
		return nil, refusal
	}
	results, done, err := s.config.Casework.NotifyMany(ctx, ask, in.Body.Cases, in.Body.Type, in.Body.Fields)
	if err != nil {
		return nil, err
	}
	body := NotificationResults{Outcome: outcomeOf(done), Results: resultsOf(results, resultSent)}
	for _, result := range results {
		body.Bulk = cmp.Or(body.Bulk, result.Bulk)
	}
	return told(done, body), nil
}

// NotificationTypes is the catalogue of what can be sent.
type NotificationTypes struct {
	Version int                `json:"version" doc:"Counts up with every change"`
	Items   []NotificationType `json:"items" nullable:"false" doc:"In the order in which they are offered"`
}

// NotificationType is a type of notification with its form.
type NotificationType struct {
	ID       notification.TypeID `json:"id" example:"general-update"`
	Label    string              `json:"label"`
	Hint     string              `json:"hint" doc:"When to choose it"`
	OnClosed bool                `json:"onClosed" doc:"Whether it may be sent about a closed case"`
	Fields   []NotificationField `json:"fields" nullable:"false" doc:"In the order of the form"`
}

// NotificationField is a field of a form. All values are texts.
type NotificationField struct {
	Name          string               `json:"name"`
	Label         string               `json:"label"`
	Kind          notification.Kind    `json:"kind" enum:"text,line,date,amount,choice" doc:"text: several lines; line: one; date: 2026-01-31; amount: pounds, 1250.00"`
	Required      bool                 `json:"required"`
	CharactersMax int                  `json:"charactersMax,omitempty" doc:"The most Unicode characters"`
	Choices       []NotificationChoice `json:"choices,omitempty" nullable:"false"`
}

// NotificationChoice is a value of a field that offers some.
type NotificationChoice struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

func (s *Server) listNotificationTypes(_ context.Context, in *request) (*present[NotificationTypes], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	catalogue := notification.Types()
	body := NotificationTypes{Version: catalogue.Version}
	for _, kind := range catalogue.Types {
		shown := NotificationType{ID: kind.ID, Label: kind.Label, Hint: kind.Hint, OnClosed: kind.OnClosed, Fields: []NotificationField{}}
		for _, field := range kind.Fields {
			f := NotificationField{Name: field.Name, Label: field.Label, Kind: field.Kind, Required: field.Required, CharactersMax: field.CharactersMax}
			for _, choice := range field.Choices {
				f.Choices = append(f.Choices, NotificationChoice(choice))
			}
			shown.Fields = append(shown.Fields, f)
		}
		body.Items = append(body.Items, shown)
	}
	return &present[NotificationTypes]{CacheControl: noStore, Body: body}, nil
}

// Notification is what somebody sent about a case.
type Notification struct {
	ID        string              `json:"id" format:"uuid"`
	Case      string              `json:"case"`
	Business  string              `json:"business" doc:"FRN of the business that sent it"`
	Type      notification.TypeID `json:"type"`
	Label     string              `json:"label" doc:"What people call the type"`
	Status    notification.Status `json:"status" enum:"sent,delivered,acknowledged,rejected,withdrawn" doc:"withdrawn: the case barred it from going out; the code says why"`
	Bulk      string              `json:"bulk,omitempty" doc:"What all have that were sent at once"`
	SentBy    string              `json:"sentBy" doc:"User id"`
	SentAt    time.Time           `json:"sentAt"`
	UpdatedAt time.Time           `json:"updatedAt"`
	Fields    map[string]string   `json:"fields,omitempty" doc:"What was filled in; absent once it was erased"`
	Answer    string              `json:"answer,omitempty" enum:"executed,declined" doc:"What an operator did about a request for suppression"`
	Code      string              `json:"code,omitempty" doc:"Why it is rejected or withdrawn"`
	Reason    string              `json:"reason,omitempty" doc:"What the case management system said"`
}

// NotificationPage is a page of notifications.
type NotificationPage struct {
	AsOf  AsOf           `json:"asOf"`
	Items []Notification `json:"items" nullable:"false" doc:"The newest first"`
	Next  *string        `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

// NotificationDetails is one notification.
type NotificationDetails struct {
	AsOf AsOf `json:"asOf"`
	Notification
}

// notificationQuery is what the parameters of the list say.
type notificationQuery struct {
	pageQuery
	filter projections.NotificationFilter
	mine   *bool
}

var notificationStatuses = []string{
	string(notification.StatusSent), string(notification.StatusDelivered), string(notification.StatusAcknowledged),
	string(notification.StatusRejected), string(notification.StatusWithdrawn),
}

var notificationParameters = []parameter[notificationQuery]{
	{name: "case", doc: "Reference", set: setText(func(q *notificationQuery) *string { return &q.filter.Ref })},
	{name: "bulk", doc: "Those that were sent at once, by the bulk of the answer", set: setText(func(q *notificationQuery) *string { return &q.filter.Bulk })},
	{name: "type", doc: "Types", repeated: true, schema: oneOf(notificationTypeIDs()...), set: setTypes},
	{name: "status", doc: "Statuses", repeated: true, schema: oneOf(notificationStatuses...), set: setStatuses},
	{name: "mine", doc: "Whether only those that you sent yourself", schema: oneOf("true", "false"),
		set: setFlag(func(q *notificationQuery) **bool { return &q.mine })},
	{name: "limit", doc: "Notifications per page", schema: simplePageParameters[0].schema,
		set: setNumber(func(q *notificationQuery) *int { return &q.limit }, 1, simplePageItemsMax)},
	{name: "cursor", doc: "The next of the page before", set: setText(func(q *notificationQuery) *string { return &q.cursor })},
}

func notificationTypeIDs() (ids []string) {
	for _, kind := range notification.Types().Types {
		ids = append(ids, string(kind.ID))
	}
	return ids
}

func setTypes(q *notificationQuery, given []string) error {
	for _, id := range given {
		if _, known := notification.Types().Find(notification.TypeID(id)); !known {
			return faultf("%q is no type of notification; GET /api/v1/notification-types lists them", clip(id))
		}
		q.filter.Type = append(q.filter.Type, notification.TypeID(id))
	}
	return nil
}

func setStatuses(q *notificationQuery, given []string) error {
	for _, status := range given {
		if !slices.Contains(notificationStatuses, status) {
			return faultf("%s is not one of %v", strconv.Quote(clip(status)), notificationStatuses)
		}
		q.filter.Status = append(q.filter.Status, notification.Status(status))
	}
	return nil
}

func (s *Server) listNotifications(ctx context.Context, in *request) (*output[NotificationPage], error) {
	query := notificationQuery{pageQuery: pageQuery{limit: pageItemsMax}}
	if refusal := parseParameters(in.http.URL.RawQuery, notificationParameters, &query); refusal != nil {
		return nil, refusal
	}
	if query.mine != nil && *query.mine {
		query.filter.Person = lookerOf(ctx)
	}
	var after projections.NotificationCursor
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(query.pageQuery, list, &after); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[NotificationPage]{
		projection: projections.CasesName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (NotificationPage, error), error) {
			rows, err := projections.Notifications(ctx, view, scopeOf(ctx), query.filter, after, query.limit+1)
			if err != nil {
				return nil, err
			}
			body := NotificationPage{AsOf: asOf(view)}
			rows, body.Next, err = cut(s, rows, query.pageQuery, list, placeOfNotification)
			return func(ctx context.Context) (NotificationPage, error) {
				if err == nil {
					body.Items, err = s.openNotifications(ctx, rows)
				}
				return body, err
			}, nil
		},
	})
}

func placeOfNotification(last projections.Notification) any {
	return projections.NotificationCursor{SentAt: last.SentAt, ID: last.ID}
}

// openNotifications shows rows with what was filled in and answered.
func (s *Server) openNotifications(ctx context.Context, rows []projections.Notification) ([]Notification, error) {
	shown := make([]Notification, len(rows))
	var o opening
	for i, row := range rows {
		shown[i] = Notification{
			ID: row.ID, Case: row.Ref, Business: row.FRN, Type: row.Type, Label: notification.Types().Label(row.Type), Status: row.Status,
			Bulk: row.Bulk, SentBy: row.Person, SentAt: row.SentAt, UpdatedAt: row.UpdatedAt, Answer: row.Answer, Code: row.Code,
		}
		opened(&o, row.Content, readJSON[notification.Content], func(content notification.Content) { shown[i].Fields = content.Fields })
		opened(&o, row.Reason, readJSON[string], func(reason string) { shown[i].Reason = reason })
	}
	return shown, o.open(ctx, s)
}

// readJSON reads what an envelope held.
func readJSON[T any](data []byte) (value T, err error) { return value, json.Unmarshal(data, &value) }

func (s *Server) showNotification(_ context.Context, in *request) (*output[NotificationDetails], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	id, err := uuid.Parse(pathValue(in.http, "id"))
	if err != nil {
		return nil, notFound()
	}
	return answer(s, in, question[NotificationDetails]{
		projection: projections.CasesName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (NotificationDetails, error), error) {
			row, found, err := projections.NotificationByID(ctx, view, scopeOf(ctx), id.String())
			if err == nil && !found {
				err = notFound()
			}
			if err != nil {
				return nil, err
			}
			visitOf(ctx).concerns(row.FRN)
			return func(ctx context.Context) (NotificationDetails, error) {
				shown, err := s.openNotifications(ctx, []projections.Notification{row})
				return NotificationDetails{asOf(view), shown[0]}, err
			}, nil
		},
	})
}
