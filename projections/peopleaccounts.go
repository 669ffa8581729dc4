package projections

import (
	"casesync/domain/account"
	"casesync/domain/calendar"
	"casesync/domain/retention"
	"casesync/projections/engine"
)

// accountRow is one person's account. Days are 0 where there is none.
type accountRow struct {
	Stream                                             string
	Status                                             string
	ByOperator                                         bool // disabled by one
	DisabledDay                                        int64
	Method, Connection, Domain, Factor                 string
	Linked, Questions, Warned                          bool
	CreatedDay, ActivatedDay, LastActiveDay, ErasedDay int64
	DueDay                                             int64 // of the next step of the inactivity rule
	Sealed                                             string
}

var accounts = &engine.Table[accountRow]{
	Spec: engine.Spec{
		Name: "accounts", Key: 1, Wide: true,
		Columns: join(texts("stream", "status"), flags("by_operator"), numbers("disabled_day"),
			texts("method", "connection", "domain", "factor"), flags("linked", "questions", "warned"),
			numbers("created_day", "activated_day", "last_active_day", "erased_day", "due_day"), texts("sealed")),
		Indexes: []string{"due_day, stream WHERE due_day > 0", "status, stream"},
	},
	Fields: func(r *accountRow) []any {
		return []any{&r.Stream, &r.Status, &r.ByOperator, &r.DisabledDay,
			&r.Method, &r.Connection, &r.Domain, &r.Factor, &r.Linked, &r.Questions, &r.Warned,
			&r.CreatedDay, &r.ActivatedDay, &r.LastActiveDay, &r.ErasedDay, &r.DueDay, &r.Sealed}
	},
}

// acceptanceRow is the version of the terms that a person accepted last on behalf of a business.
type acceptanceRow struct {
	Stream, FRN, Version string
	AcceptedAt           int64
}

var acceptances = &engine.Table[acceptanceRow]{
	Spec: engine.Spec{
		Name: "acceptances", Key: 2,
		Columns: join(texts("stream", "frn", "version"), numbers("accepted_at")),
	},
	Fields: func(r *acceptanceRow) []any { return []any{&r.Stream, &r.FRN, &r.Version, &r.AcceptedAt} },
}

// foldAccount takes an event into its account. Nothing that comes after the erasure is kept of the
// person.
func foldAccount(rows *engine.Rows, e engine.Event) {
	row := accounts.Get(rows, string(e.Stream))
	if row == nil {
		row = accounts.Put(rows, accountRow{Stream: string(e.Stream)})
	}
	switch event := e.Event.(type) {
	case *account.Erased:
		eraseAccount(rows, row, calendar.DayOf(e.Meta.OccurredAt))
	case *account.TermsAccepted:
		if !row.erased() {
			acceptances.Put(rows, acceptanceRow{row.Stream, event.FRN, event.Version, micros(event.AcceptedAt)})
		}
	default:
		if !row.erased() {
			row.fold(e.Event)
			row.Status, row.DueDay = string(row.status()), int64(row.due())
		}
	}
}

// eraseAccount leaves the pseudonym, the status and the days (requirement 42).
func eraseAccount(rows *engine.Rows, row *accountRow, day calendar.Day) {
	*row = accountRow{
		Stream: row.Stream, Status: string(account.Gone), DisabledDay: row.DisabledDay, ByOperator: row.ByOperator,
		CreatedDay: row.CreatedDay, ActivatedDay: row.ActivatedDay, LastActiveDay: row.LastActiveDay, ErasedDay: int64(day),
	}
	for _, acceptance := range acceptances.All(rows, row.Stream) {
		acceptances.Delete(rows, row.Stream, acceptance.FRN)
	}
}

func (r *accountRow) fold(event any) {
	switch event := event.(type) {
	case *account.Created:
		r.Sealed, r.Domain = event.Person.Envelope(), string(event.Domain)
		r.Method, r.Connection = string(event.Method), event.Connection
		r.CreatedDay = int64(event.Day)
		r.active(event.Day)
	case *account.Activated:
		r.ActivatedDay = int64(event.Day)
		r.active(event.Day)
	case *account.DetailsChanged:
		r.Sealed, r.Domain = event.Person.Envelope(), string(event.Domain)
	case *account.ActivityRecorded:
		r.active(event.Day)
	case *account.InactivityWarned:
		r.Warned = true
	case *account.DisabledFor:
		if event.Cause == account.ByOperator {
			r.ByOperator = true
			return
		}
		r.DisabledDay = int64(event.Day)
	case *account.Enabled:
		r.ByOperator = false
		r.active(event.Day)
	default:
		r.foldSignIn(event)
	}
}

func (r *accountRow) foldSignIn(event any) {
	switch event := event.(type) {
	case *account.MethodChanged:
		r.Method, r.Connection = string(event.Method), event.Connection
		r.Linked, r.Factor, r.Questions = false, "", false
	case *account.IdentityLinked:
		r.Linked = true
	case *account.FactorEnrolled:
		r.Factor = string(event.Kind)
	case *account.FactorReset:
		r.Factor = ""
	case *account.QuestionsSet:
		r.Questions = true
	case *account.QuestionsReset:
		r.Questions = false
	}
}

// active begins the inactivity rule's count anew.
func (r *accountRow) active(day calendar.Day) {
	r.LastActiveDay, r.Warned, r.DisabledDay = int64(day), false, 0
}

func (r *accountRow) erased() bool { return r.Status == string(account.Gone) }

func (r *accountRow) status() account.Status {
	switch {
	case r.erased():
		return account.Gone
	case r.ByOperator || r.DisabledDay != 0:
		return account.Disabled
	case r.ActivatedDay != 0:
		return account.Active
	}
	return account.Invited
}

func (r *accountRow) clock() retention.Account {
	return retention.Account{LastActive: calendar.Day(r.LastActiveDay), Warned: r.Warned, DisabledOn: calendar.Day(r.DisabledDay)}
}

// due is the first day on which the account's decider, asked by the clock, has something to say.
// Only who could come back by signing in is warned.
func (r *accountRow) due() calendar.Day {
	rules, clock := retention.Standard(), r.clock()
	switch {
	case clock.DisabledOn != 0:
		return rules.ErasesOn(clock)
	case r.status() == account.Active && !clock.Warned:
		return rules.WarnsOn(clock)
	}
	return rules.DisablesOn(clock)
}
