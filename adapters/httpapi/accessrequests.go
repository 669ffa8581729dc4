package httpapi

import (
	"context"

	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/domain/onboarding"
	"casesync/projections"
	"casesync/projections/engine"
)

// RequestSummary is an access request in the list of operators.
type RequestSummary struct {
	ID               string             `json:"id"`
	Status           onboarding.Status  `json:"status" enum:"submitted,waiting,complete,configured,invited,active,withdrawn,declined,lapsed"`
	Businesses       []BusinessProgress `json:"businesses" nullable:"false"`
	Contact          *RequestPerson     `json:"contact,omitempty" doc:"Absent once the people were erased"`
	IdentityProvider string             `json:"identityProvider,omitempty"`
	Method           account.Method     `json:"method,omitempty" enum:"local,oidc,saml"`
	Connection       string             `json:"connection,omitempty" doc:"The identity provider's settings, once it is configured"`
	Missing          []MissingItem      `json:"missing" nullable:"false" doc:"What is to be supplied before it is complete"`
	Question         string             `json:"question,omitempty" doc:"What was asked last beside that"`
	SubmittedOn      *calendar.Day      `json:"submittedOn,omitempty" format:"date"`
	ChangedOn        *calendar.Day      `json:"changedOn,omitempty" format:"date"`
	DueOn            *calendar.Day      `json:"dueOn,omitempty" format:"date" doc:"When it lapses or, once it is over, when the people it names are erased"`
}

// BusinessProgress is how far one business of an access request is.
type BusinessProgress struct {
	FRN            string   `json:"frn"`
	Name           string   `json:"name,omitempty"`
	Domains        []string `json:"emailDomains" nullable:"false"`
	Administrators int64    `json:"administrators" doc:"How many are named"`
	Invited        bool     `json:"invited" doc:"They were invited"`
	Active         bool     `json:"active" doc:"One of them accepted"`
}

// RequestPage is a page of access requests.
type RequestPage struct {
	AsOf  AsOf             `json:"asOf"`
	Items []RequestSummary `json:"items" nullable:"false" doc:"What was left alone longest comes first"`
	Next  *string          `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

// accessRequestQuery is what the parameters of the list say.
type accessRequestQuery struct {
	pageQuery
	status string
}

var requestStatuses = []string{
	string(onboarding.Submitted), string(onboarding.Waiting), string(onboarding.Complete), string(onboarding.Configured),
	string(onboarding.Invited), string(onboarding.Active), string(onboarding.Withdrawn), string(onboarding.Declined), string(onboarding.Lapsed),
}

var accessRequestParameters = []parameter[accessRequestQuery]{
	{name: "status", doc: "Where it stands; all without it", schema: oneOf(requestStatuses...),
		set: choose(func(q *accessRequestQuery) *string { return &q.status }, requestStatuses...)},
	{name: "limit", doc: "Requests per page", schema: simplePageParameters[0].schema,
		set: setNumber(func(q *accessRequestQuery) *int { return &q.limit }, 1, simplePageItemsMax)},
	{name: "cursor", doc: "The next of the page before", set: setText(func(q *accessRequestQuery) *string { return &q.cursor })},
}

func (s *Server) listRequests(_ context.Context, in *request) (*output[RequestPage], error) {
	query := accessRequestQuery{pageQuery: pageQuery{limit: pageItemsMax}}
	if refusal := parseParameters(in.http.URL.RawQuery, accessRequestParameters, &query); refusal != nil {
		return nil, refusal
	}
	var after projections.Due
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(query.pageQuery, list, &after); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[RequestPage]{
		projection: projections.PeopleName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (RequestPage, error), error) {
			rows, err := projections.ListAccessRequests(ctx, view, scopeOf(ctx), onboarding.Status(query.status), after, query.limit+1)
			if err != nil {
				return nil, err
			}
			body := RequestPage{AsOf: asOf(view)}
			rows, body.Next, err = cut(s, rows, query.pageQuery, list, func(last projections.AccessRequestRow) any {
				return projections.Due{Day: last.ChangedOn, ID: last.ID}
			})
			return func(ctx context.Context) (RequestPage, error) {
				if err != nil {
					return body, err
				}
				body.Items = make([]RequestSummary, len(rows))
				var o opening
				for i, row := range rows {
					body.Items[i] = requestSummaryOf(row)
					addRequest(&o, &body.Items[i], row)
				}
				return body, o.open(ctx, s)
			}, nil
		},
	})
}

func addRequest(o *opening, summary *RequestSummary, row projections.AccessRequestRow) {
	opened(o, row.SealedPeople, projections.OpenedPeople, func(people onboarding.People) {
		summary.Contact = &RequestPerson{Name: people.Contact.Name, Email: people.Contact.Email}
	})
	opened(o, row.SealedQuestion, projections.OpenedQuestion, func(question string) { summary.Question = question })
}

func requestSummaryOf(row projections.AccessRequestRow) RequestSummary {
	summary := RequestSummary{
		ID: row.ID, Status: row.Status, Businesses: []BusinessProgress{}, IdentityProvider: row.IdentityProvider,
		Method: row.Method, Connection: row.Connection, Missing: missingOf(row.Lacks),
		SubmittedOn: dayOf(row.SubmittedOn), ChangedOn: dayOf(row.ChangedOn), DueOn: dayOf(row.DueOn),
	}
	for _, b := range row.Businesses {
		summary.Businesses = append(summary.Businesses, BusinessProgress{
			FRN: b.FRN, Name: b.Name, Domains: unicodeOf(b.Domains), Administrators: b.Administrators, Invited: b.Invited, Active: b.Active,
		})
	}
	return summary
}

func missingOf(lacks []onboarding.Item) []MissingItem {
	missing := make([]MissingItem, 0, len(lacks))
	for _, item := range lacks {
		missing = append(missing, MissingItem{What: item.What, Business: item.FRN, Text: item.String()})
	}
	return missing
}

// unicodeOf shows domains as people read them.
func unicodeOf(domains []address.Domain) []string {
	shown := make([]string, len(domains))
	for i, domain := range domains {
		shown[i] = domain.Unicode()
	}
	return shown
}
