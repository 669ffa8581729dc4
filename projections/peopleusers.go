package projections

import (
	"context"
	"strings"
	"time"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/domain/membership"
	"casesync/domain/retention"
	"casesync/projections/engine"
)

// UserRow is a person's account. Of who was erased it has the pseudonym, the status and the days.
type UserRow struct {
	Person string // user id
	// Status is account.Missing where the person has a part in a business and no account is recorded.
	Status account.Status
	// Causes are why the account is disabled; that of one erased is kept.
	Causes []account.Cause
	// Method is how the person signs in, by the settings Connection of an identity provider, or "".
	Method     account.Method
	Connection string
	// Domain is that of the e-mail address.
	Domain address.Domain
	// Linked is whether a subject of the identity provider is bound to the account.
	Linked bool
	// Factor is the second factor, "" for none; Questions whether there are security questions.
	Factor    account.FactorKind
	Questions bool
	// Warned is whether a warning of the inactivity rule is out.
	Warned bool
	// Days are zero where there is none. DisabledOn is that of inactivity. DisablesOn and ErasesOn are
	// when the rule acts, if the person stays away; both zero after the erasure.
	CreatedOn, ActivatedOn, LastActiveOn, DisabledOn, ErasedOn calendar.Day
	DisablesOn, ErasesOn                                       calendar.Day
	// SealedPerson is an envelope, read by OpenedPerson; "" where there is nothing to open.
	SealedPerson string
	// Memberships are those within the scope, by FRN.
	Memberships []MembershipRow
	// Acceptances are the terms accepted last for businesses within the scope, by FRN; FindUser gives
	// them.
	Acceptances []AcceptanceRow
}

// MembershipRow is what a person is at a business.
type MembershipRow struct {
	FRN, Person string
	Roles       []access.Role
	// Holds are why the member is disabled; none while active.
	Holds []membership.Hold
	Since time.Time
}

// AcceptanceRow is the version of the terms of use that a person accepted last for a business.
type AcceptanceRow struct {
	FRN, Version string
	AcceptedAt   time.Time
}

// ListUsers returns at most limit (up to PageRowsMax) people after user id after, by user id: names
// are sealed, and nothing can be in their order. They are the members of the business frn; where frn
// is "", of all businesses of scope, and all accounts for operators and auditors. The scope of
// anybody else is made of the businesses that let him read users, and shows nothing of others. View
// is of PeopleName.
func ListUsers(ctx context.Context, view engine.View, scope Scope, frn, after string, limit int) ([]UserRow, error) {
	s := &statement{}
	column, from := "person", "{members} WHERE "+s.peopleOf(scope, frn, "stream")
	if frn == "" && scope.feeds {
		column, from, after = "stream", "{accounts} WHERE 1 = 1", accountStreams+after
	}
	persons, err := textsOf(ctx, view, "list users", "SELECT DISTINCT "+column+" FROM "+from+
		" AND "+column+" > "+s.arg(after)+" ORDER BY "+column+s.limit(limit), s)
	if err != nil {
		return nil, err
	}
	for i := range persons {
		persons[i] = strings.TrimPrefix(persons[i], accountStreams)
	}
	return users(ctx, view, scope, frn, persons)
}

// FindUser returns the person with his memberships and acceptances within scope; false if scope does
// not see him: he is neither a member nor invited at one of its businesses. Operators and auditors
// see everybody. View is of PeopleName.
func FindUser(ctx context.Context, view engine.View, scope Scope, person string) (UserRow, bool, error) {
	seen, err := seesPerson(ctx, view, scope, person)
	if err != nil || !seen {
		return UserRow{}, false, err
	}
	found, err := users(ctx, view, scope, "", []string{person})
	if err != nil {
		return UserRow{}, false, err
	}
	user := found[0]
	s := &statement{}
	rows, err := rowsOf(ctx, view, acceptances, "SELECT "+list(acceptances.Columns, "")+" FROM {acceptances} WHERE stream = "+
		s.arg(accountStreams+person)+" ORDER BY frn", s)
	for _, r := range rows {
		if scope.feeds || scope.Sees(r.FRN, false) {
			user.Acceptances = append(user.Acceptances, AcceptanceRow{r.FRN, r.Version, instant(r.AcceptedAt)})
		}
	}
	return user, err == nil, err
}

// seesPerson reports whether the person is one whom scope sees.
func seesPerson(ctx context.Context, view engine.View, scope Scope, person string) (bool, error) {
	s := &statement{}
	query := "SELECT 1 FROM {members} WHERE person = " + s.arg(person) + " AND " + s.peopleOf(scope, "", "stream") +
		" UNION ALL SELECT 1 FROM {invitations} WHERE status = 'pending' AND person = " + s.arg(person) +
		" AND " + s.peopleOf(scope, "", "stream")
	if scope.feeds {
		query += " UNION ALL SELECT 1 FROM {accounts} WHERE stream = " + s.arg(accountStreams+person)
	}
	n, err := number(ctx, view, "find user", query+" LIMIT 1", s)
	return n == 1, err
}

// users returns the accounts of persons in their order, with their memberships at frn, or within
// scope where that is "".
func users(ctx context.Context, view engine.View, scope Scope, frn string, persons []string) ([]UserRow, error) {
	if len(persons) == 0 {
		return nil, nil
	}
	streams := make([]string, len(persons))
	all := make([]UserRow, len(persons))
	places := make(map[string]int, len(persons))
	for i, person := range persons {
		streams[i], places[person] = accountStreams+person, i
		all[i] = UserRow{Person: person, Status: account.Missing}
	}
	s := &statement{}
	known, err := rowsOf(ctx, view, accounts, "SELECT "+list(accounts.Columns, "")+" FROM {accounts} WHERE "+s.in("stream", streams), s)
	if err != nil {
		return nil, err
	}
	for i := range known {
		user := known[i].public()
		all[places[user.Person]] = user
	}
	s = &statement{}
	rows, err := rowsOf(ctx, view, members, "SELECT "+list(members.Columns, "")+" FROM {members} WHERE "+
		s.in("person", persons)+" AND "+s.peopleOf(scope, frn, "stream")+" ORDER BY person, stream", s)
	for _, r := range rows {
		user := &all[places[r.Person]]
		user.Memberships = append(user.Memberships, r.public())
	}
	return all, err
}

// peopleOf is true where column names the stream of a business whose people scope sees: of the
// business frn, or any of scope's where that is "".
func (s *statement) peopleOf(scope Scope, frn, column string) string {
	switch {
	case scope.feeds && frn == "":
		return "1 = 1"
	case scope.feeds:
		return s.in(column, []string{accessStreams + frn})
	case frn != "":
		scope = scope.Within(frn)
	}
	streams := scope.FRNs()
	for i := range streams {
		streams[i] = accessStreams + streams[i]
	}
	return s.in(column, streams)
}

// textsOf runs a query that gives one text in each row.
func textsOf(ctx context.Context, view engine.View, what, query string, s *statement) ([]string, error) {
	return collect(ctx, view, what, query, s, func(scan func(...any) error) (text string, err error) {
		err = scan(&text)
		return text, err
	})
}

func (r *accountRow) public() UserRow {
	row := UserRow{
		Person: strings.TrimPrefix(r.Stream, accountStreams), Status: account.Status(r.Status), Causes: r.causes(),
		Method: account.Method(r.Method), Connection: r.Connection, Domain: address.Domain(r.Domain),
		Linked: r.Linked, Factor: account.FactorKind(r.Factor), Questions: r.Questions, Warned: r.Warned,
		CreatedOn: calendar.Day(r.CreatedDay), ActivatedOn: calendar.Day(r.ActivatedDay), LastActiveOn: calendar.Day(r.LastActiveDay),
		DisabledOn: calendar.Day(r.DisabledDay), ErasedOn: calendar.Day(r.ErasedDay), SealedPerson: r.Sealed,
	}
	if !r.erased() {
		rules := retention.Standard()
		row.DisablesOn, row.ErasesOn = rules.DisablesOn(r.clock()), rules.ErasesOn(r.clock())
	}
	return row
}

func (r *accountRow) causes() (causes []account.Cause) {
	if r.ByOperator {
		causes = append(causes, account.ByOperator)
	}
	if r.DisabledDay != 0 {
		causes = append(causes, account.Inactivity)
	}
	return causes
}

func (r *memberRow) public() MembershipRow {
	return MembershipRow{
		FRN: strings.TrimPrefix(r.Stream, accessStreams), Person: r.Person,
		Roles: unspaced[access.Role](r.Roles), Holds: unspaced[membership.Hold](r.Holds), Since: instant(r.Since),
	}
}

// OpenedPerson reads what UserRow.SealedPerson holds; of nil, the content of an envelope whose key
// was destroyed, it returns the zero value.
func OpenedPerson(plain []byte) (account.Person, error) {
	var person account.Person
	err := read(plain, &person)
	return person, err
}
