package projections

import (
	"slices"

	"casesync/domain/calendar"
	"casesync/domain/onboarding"
	"casesync/domain/retention"
	"casesync/projections/engine"
)

// accessRequestRow is a request of businesses for access. Days are 0 where there is none.
type accessRequestRow struct {
	Stream, Status                       string
	Method, IdentityProvider, Connection string
	Lacks                                string // "email-domains:123456 issuer"
	SubmittedDay, ChangedDay, DueDay     int64
	PeopleErased                         bool
	Sealed, Question                     string // envelopes of the people, and of what was asked last
}

var accessRequests = &engine.Table[accessRequestRow]{
	Spec: engine.Spec{
		Name: "access_requests", Key: 1, Wide: true,
		Columns: join(texts("stream", "status", "method", "identity_provider", "connection", "lacks"),
			numbers("submitted_day", "changed_day", "due_day"), flags("people_erased"), texts("sealed", "question")),
		Indexes: []string{"status, changed_day, stream", "changed_day, stream", "due_day, stream WHERE due_day > 0"},
	},
	Fields: func(r *accessRequestRow) []any {
		return []any{&r.Stream, &r.Status, &r.Method, &r.IdentityProvider, &r.Connection, &r.Lacks,
			&r.SubmittedDay, &r.ChangedDay, &r.DueDay, &r.PeopleErased, &r.Sealed, &r.Question}
	},
}

// requestBusinessRow is one of the businesses that a request is for.
type requestBusinessRow struct {
	Stream          string
	N               int64 // its place in the request, from 0
	FRN, Name       string
	Domains         string
	Administrators  int64
	Invited, Active bool
}

var requestBusinesses = &engine.Table[requestBusinessRow]{
	Spec: engine.Spec{
		Name: "access_request_businesses", Key: 2,
		Columns: join(texts("stream"), numbers("n"), texts("frn", "name", "domains"), numbers("administrators"), flags("invited", "active")),
	},
	Fields: func(r *requestBusinessRow) []any {
		return []any{&r.Stream, &r.N, &r.FRN, &r.Name, &r.Domains, &r.Administrators, &r.Invited, &r.Active}
	},
}

// foldRequest takes an event into its access request. Nothing that comes after the erasure is kept of
// the people it names.
func foldRequest(rows *engine.Rows, e engine.Event) {
	row := accessRequests.Get(rows, string(e.Stream))
	if row == nil {
		row = accessRequests.Put(rows, accessRequestRow{Stream: string(e.Stream)})
	}
	if row.PeopleErased {
		return
	}
	switch event := e.Event.(type) {
	case *onboarding.RequestSubmitted:
		row.SubmittedDay = int64(event.Day)
		row.asks(rows, event.Request)
		row.to(onboarding.Submitted, event.Day)
	case *onboarding.RequestAmended:
		row.asks(rows, event.Request)
		row.to(onboarding.Submitted, event.Day)
	case *onboarding.DataAsked:
		row.Question = event.Question.Envelope()
		row.to(onboarding.Waiting, event.Day)
	case *onboarding.RequestCompleted:
		row.to(onboarding.Complete, event.Day)
	case *onboarding.BusinessesConfigured:
		row.Connection = event.Connection
		row.to(onboarding.Configured, event.Day)
	case *onboarding.AdministratorsInvited:
		row.step(rows, event.FRN, event.Day, onboarding.Invited, func(b *requestBusinessRow) *bool { return &b.Invited })
	case *onboarding.BusinessActivated:
		row.step(rows, event.FRN, event.Day, onboarding.Active, func(b *requestBusinessRow) *bool { return &b.Active })
	default:
		row.end(e.Event)
	}
	row.DueDay = int64(row.due())
}

// end takes the events that end a request, and the one by which the people it names are erased.
func (r *accessRequestRow) end(event any) {
	switch event := event.(type) {
	case *onboarding.RequestWithdrawn:
		r.to(onboarding.Withdrawn, event.Day)
	case *onboarding.RequestDeclined:
		r.to(onboarding.Declined, event.Day)
	case *onboarding.RequestLapsed:
		r.to(onboarding.Lapsed, event.Day)
	case *onboarding.PeopleErased:
		r.Sealed, r.Question, r.PeopleErased = "", "", true
		r.ChangedDay = int64(event.Day)
	}
}

func (r *accessRequestRow) to(status onboarding.Status, day calendar.Day) {
	r.Status, r.ChangedDay = string(status), int64(day)
}

// asks takes what the request asks for, all of it.
func (r *accessRequestRow) asks(rows *engine.Rows, request onboarding.Request) {
	r.Sealed, r.Question = request.People.Envelope(), ""
	r.Method, r.IdentityProvider = string(request.Authentication.Method), request.IdentityProvider
	r.Lacks = lacksText(request)
	for _, b := range requestBusinesses.All(rows, r.Stream) {
		requestBusinesses.Delete(rows, r.Stream, b.N)
	}
	for n, b := range request.Businesses {
		requestBusinesses.Put(rows, requestBusinessRow{
			Stream: r.Stream, N: int64(n), FRN: b.FRN, Name: b.Name,
			Domains: spaced(b.Domains), Administrators: int64(b.Administrators),
		})
	}
}

// lacksText is what the request lacks by the rules of its decider.
func lacksText(request onboarding.Request) string {
	var texts []string
	for _, item := range onboarding.Evolve(onboarding.Initial(), &onboarding.RequestSubmitted{Request: request}).Lacks() {
		text := string(item.What)
		if item.FRN != "" {
			text += ":" + item.FRN
		}
		texts = append(texts, text)
	}
	return spaced(texts)
}

// step takes one business a step further; the request is there when all of its businesses are.
func (r *accessRequestRow) step(rows *engine.Rows, frn string, day calendar.Day, status onboarding.Status, done func(*requestBusinessRow) *bool) {
	r.ChangedDay = int64(day)
	all := true
	for _, b := range requestBusinesses.All(rows, r.Stream) {
		if b.FRN == frn {
			*done(b) = true
		}
		all = all && *done(b)
	}
	if all {
		r.Status = string(status)
	}
}

// requestOver are the statuses from which nothing leads on.
var requestOver = []onboarding.Status{onboarding.Active, onboarding.Withdrawn, onboarding.Declined, onboarding.Lapsed}

// due is the first day on which the request's decider, asked by the clock, has something to say; 0
// for none.
func (r *accessRequestRow) due() calendar.Day {
	rules, changed := retention.Standard(), calendar.Day(r.ChangedDay)
	switch {
	case !slices.Contains(requestOver, onboarding.Status(r.Status)):
		return changed + calendar.Day(rules.LapseAfterDays)
	case !r.PeopleErased:
		return changed + calendar.Day(rules.RequestAfterDays)
	}
	return 0
}
