package projections

import (
	"context"
	"strings"

	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/projections/engine"
)

// SystemScope sees what operators see; part names the part of the system that asks, "scheduler". It
// is for questions that no person asks.
func SystemScope(part string) Scope { return OperatorScope("system:" + part) }

// MembershipsOf returns the FRNs of the businesses within scope at which the person is a member or
// has an invitation that was neither accepted nor revoked, sorted. View is of PeopleName.
func MembershipsOf(ctx context.Context, view engine.View, scope Scope, person string) ([]string, error) {
	found, err := MembershipsOfEach(ctx, view, scope, []string{person})
	return found[person], err
}

// MembershipsOfEach returns what MembershipsOf does for each of several persons; who has none is not
// in it. It is asked at every request of a person, and costs two look-ups in indexes for each. View is of
// PeopleName.
func MembershipsOfEach(ctx context.Context, view engine.View, scope Scope, persons []string) (map[string][]string, error) {
	type membership struct{ person, stream string }
	query, s := membershipsQuery(scope, persons)
	rows, err := collect(ctx, view, "find memberships", query, s, func(scan func(...any) error) (m membership, err error) {
		err = scan(&m.person, &m.stream)
		return m, err
	})
	found := make(map[string][]string, len(persons))
	for _, row := range rows {
		found[row.person] = append(found[row.person], strings.TrimPrefix(row.stream, accessStreams))
	}
	return found, err
}

func membershipsQuery(scope Scope, persons []string) (string, *statement) {
	s := &statement{}
	ofThem := s.in("person", persons) + " AND " + s.peopleOf(scope, "", "stream")
	return "SELECT person, stream FROM {members} WHERE " + ofThem +
		" UNION SELECT person, stream FROM {invitations} WHERE status = 'pending' AND " + ofThem + " ORDER BY person, stream", s
}

// BusinessesUnder returns the FRNs of the businesses within scope that have an e-mail domain, sorted.
// It goes over all businesses. View is of PeopleName.
func BusinessesUnder(ctx context.Context, view engine.View, scope Scope, domain address.Domain) ([]string, error) {
	s := &statement{}
	streams, err := textsOf(ctx, view, "find businesses under a domain",
		"SELECT stream FROM {business_access} WHERE ' ' || domains || ' ' LIKE "+s.arg("% "+string(domain)+" %")+
			" AND "+s.peopleOf(scope, "", "stream")+" ORDER BY stream", s)
	for i := range streams {
		streams[i] = strings.TrimPrefix(streams[i], accessStreams)
	}
	return streams, err
}

// BusinessesWith returns the FRNs of the businesses within scope whose people sign in by a connection,
// sorted. It goes over all businesses. View is of PeopleName.
func BusinessesWith(ctx context.Context, view engine.View, scope Scope, connection string) ([]string, error) {
	s := &statement{}
	streams, err := textsOf(ctx, view, "find businesses with a connection",
		"SELECT stream FROM {business_access} WHERE connection = "+s.arg(connection)+" AND "+s.peopleOf(scope, "", "stream")+" ORDER BY stream", s)
	for i := range streams {
		streams[i] = strings.TrimPrefix(streams[i], accessStreams)
	}
	return streams, err
}

// Due is something for which a step of package retention is due from Day on: an account by its user
// id, or an access request by its id. It is a cursor too.
type Due struct {
	Day calendar.Day
	ID  string
}

// DueAccounts returns at most limit (up to PageRowsMax) accounts for which the inactivity rule has a
// step due today, after after, those longest due first. Whether it is taken is the decider's to say: the
// account may have moved on. A scope that is no operator's or auditor's sees none. View is of PeopleName.
func DueAccounts(ctx context.Context, view engine.View, scope Scope, today calendar.Day, after Due, limit int) ([]Due, error) {
	return due(ctx, view, scope, "accounts", accountStreams, today, after, limit)
}

// DueRequests is DueAccounts for access requests: to lapse, or to lose the people they name.
func DueRequests(ctx context.Context, view engine.View, scope Scope, today calendar.Day, after Due, limit int) ([]Due, error) {
	return due(ctx, view, scope, "access_requests", onboardingStreams, today, after, limit)
}

func due(ctx context.Context, view engine.View, scope Scope, table, kind string, today calendar.Day, after Due, limit int) ([]Due, error) {
	query, s := dueQuery(scope, table, kind, today, after, limit)
	return collect(ctx, view, "find what is due", query, s, func(scan func(...any) error) (Due, error) {
		var day int64
		var stream string
		err := scan(&day, &stream)
		return Due{calendar.Day(day), strings.TrimPrefix(stream, kind)}, err
	})
}

func dueQuery(scope Scope, table, kind string, today calendar.Day, after Due, limit int) (string, *statement) {
	s := &statement{}
	return "SELECT due_day, stream FROM {" + table + "} WHERE " + watched(scope) + " AND due_day > 0 AND due_day <= " + s.arg(int64(today)) +
		" AND (due_day, stream) > (" + s.arg(int64(after.Day)) + ", " + s.arg(kind+after.ID) + ") ORDER BY due_day, stream" + s.limit(limit), s
}

// InactiveMember is a member, or somebody with a pending invitation, whose account may not be used.
type InactiveMember struct {
	FRN, Person string
	Status      account.Status // of the account: Disabled or Gone
}

// InactiveMemberCursor is a place in a list of such members.
type InactiveMemberCursor struct{ FRN, Person string }

// MembersInactive returns at most limit (up to PageRowsMax) members after after, by business and
// person, whose account is disabled while nothing holds them at the business, or whose account is
// erased: what a sweep finds to suspend or to remove. It goes over all members. A scope sees its
// businesses'. View is of PeopleName.
func MembersInactive(ctx context.Context, view engine.View, scope Scope, after InactiveMemberCursor, limit int) ([]InactiveMember, error) {
	s := &statement{}
	query := "SELECT m.stream, m.person, a.status FROM {members} m JOIN {accounts} a ON a.stream = '" + accountStreams + "' || m.person" +
		" WHERE " + s.peopleOf(scope, "", "m.stream") + " AND (a.status = 'erased' OR a.status = 'disabled' AND m.holds = '')" +
		" AND (m.stream, m.person) > (" + s.arg(accessStreams+after.FRN) + ", " + s.arg(after.Person) + ")" +
		" ORDER BY m.stream, m.person" + s.limit(limit)
	return collect(ctx, view, "find inactive members", query, s, func(scan func(...any) error) (InactiveMember, error) {
		var stream, person, status string
		err := scan(&stream, &person, &status)
		return InactiveMember{strings.TrimPrefix(stream, accessStreams), person, account.Status(status)}, err
	})
}
