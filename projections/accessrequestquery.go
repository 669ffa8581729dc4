package projections

import (
	"context"
	"strings"

	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/domain/onboarding"
	"casesync/projections/engine"
)

// AccessRequestRow is a request of businesses for access.
type AccessRequestRow struct {
	ID     string
	Status onboarding.Status
	// Method is how their people are to sign in, "" where that is not known yet; IdentityProvider the
	// product as people call it; Connection the id of its settings once they are configured.
	Method                       account.Method
	IdentityProvider, Connection string
	// Lacks is what is to be asked for.
	Lacks []onboarding.Item
	// Days are zero where there is none. DueOn is when it lapses or, once it is over, when the people it
	// names are erased.
	SubmittedOn, ChangedOn, DueOn calendar.Day
	PeopleErased                  bool
	Businesses                    []RequestBusinessRow // in the order of the form
	// SealedPeople is an envelope, read by OpenedPeople, and SealedQuestion what an operator asked last
	// besides what lacks, read by OpenedQuestion; each "" where there is nothing to open.
	SealedPeople, SealedQuestion string
}

// RequestBusinessRow is one of the businesses that a request is for.
type RequestBusinessRow struct {
	FRN, Name      string
	Domains        []address.Domain
	Administrators int64
	// Invited is whether its administrators were invited, Active whether one of them accepted.
	Invited, Active bool
}

// ListAccessRequests returns at most limit (up to PageRowsMax) requests with a status, any where that
// is "", after after, which is the last one's ChangedOn and ID: those first that changed longest ago. A
// scope that is no operator's or auditor's sees none. View is of PeopleName.
func ListAccessRequests(ctx context.Context, view engine.View, scope Scope, status onboarding.Status, after Due, limit int) ([]AccessRequestRow, error) {
	s := &statement{}
	where := watched(scope)
	if status != "" {
		where += " AND status = " + s.arg(string(status))
	}
	return accessRequestRows(ctx, view, where+" AND (changed_day, stream) > ("+s.arg(int64(after.Day))+", "+
		s.arg(onboardingStreams+after.ID)+") ORDER BY changed_day, stream"+s.limit(limit), s)
}

// FindAccessRequest returns the request id; false if there is none that scope sees.
func FindAccessRequest(ctx context.Context, view engine.View, scope Scope, id string) (AccessRequestRow, bool, error) {
	s := &statement{}
	rows, err := accessRequestRows(ctx, view, watched(scope)+" AND stream = "+s.arg(onboardingStreams+id), s)
	if err != nil || len(rows) == 0 {
		return AccessRequestRow{}, false, err
	}
	return rows[0], true, nil
}

func accessRequestRows(ctx context.Context, view engine.View, rest string, s *statement) ([]AccessRequestRow, error) {
	rows, err := rowsOf(ctx, view, accessRequests, "SELECT "+list(accessRequests.Columns, "")+" FROM {access_requests} WHERE "+rest, s)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	shown, streams := make([]AccessRequestRow, len(rows)), make([]string, len(rows))
	places := make(map[string]int, len(rows))
	for i := range rows {
		shown[i], streams[i], places[rows[i].Stream] = rows[i].public(), rows[i].Stream, i
	}
	s = &statement{}
	businesses, err := rowsOf(ctx, view, requestBusinesses, "SELECT "+list(requestBusinesses.Columns, "")+
		" FROM {access_request_businesses} WHERE "+s.in("stream", streams)+" ORDER BY stream, n", s)
	for _, b := range businesses {
		row := &shown[places[b.Stream]]
		row.Businesses = append(row.Businesses, RequestBusinessRow{
			FRN: b.FRN, Name: b.Name, Domains: unspaced[address.Domain](b.Domains), Administrators: b.Administrators,
			Invited: b.Invited, Active: b.Active,
		})
	}
	return shown, err
}

func (r *accessRequestRow) public() AccessRequestRow {
	row := AccessRequestRow{
		ID: strings.TrimPrefix(r.Stream, onboardingStreams), Status: onboarding.Status(r.Status),
		Method: account.Method(r.Method), IdentityProvider: r.IdentityProvider, Connection: r.Connection,
		SubmittedOn: calendar.Day(r.SubmittedDay), ChangedOn: calendar.Day(r.ChangedDay), DueOn: calendar.Day(r.DueDay),
		PeopleErased: r.PeopleErased, SealedPeople: r.Sealed, SealedQuestion: r.Question,
	}
	for text := range strings.FieldsSeq(r.Lacks) {
		what, frn, _ := strings.Cut(text, ":")
		row.Lacks = append(row.Lacks, onboarding.Item{What: onboarding.Lack(what), FRN: frn})
	}
	return row
}

// OpenedPeople reads what AccessRequestRow.SealedPeople holds; of nil, the content of an envelope
// whose key was destroyed, it returns the zero value.
func OpenedPeople(plain []byte) (onboarding.People, error) {
	var people onboarding.People
	err := read(plain, &people)
	return people, err
}

// OpenedQuestion reads what AccessRequestRow.SealedQuestion holds, in the same way.
func OpenedQuestion(plain []byte) (string, error) {
	var question string
	err := read(plain, &question)
	return question, err
}
