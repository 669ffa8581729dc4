// Package retention says what a clock makes due: which account is to be warned, disabled or erased,
// which helpdesk ticket, access request and case data have had their time (requirements 33, 41, 42 and 64).
//
// Its functions are pure: they are given what is known and the day that it is, in the Europe/London
// calendar, and decide the same whenever they are asked again. A day counts as reached from its
// first moment to the next day's. Nothing is ever due early; what a scheduler that stood still has
// missed is due when it runs again, one step at a time, so that a person who was disabled late has
// the whole time until erasure all the same.
package retention

import "casesync/domain/calendar"

// Rules are the limits, in days unless the name says otherwise.
type Rules struct {
	// WarnAfterDays without activity the person is warned; DisableAfterDays without activity the
	// account is disabled; EraseAfterDays more its personal data is erased.
	WarnAfterDays, DisableAfterDays, EraseAfterDays int
	// TicketAfterDays from its resolution a helpdesk ticket is erased.
	TicketAfterDays int
	// CaseAfterYears from its closing a case's data is erased but for the decision and basic data
	// (business, product, outcome); UninvestigatedAfterYears where it closed without full
	// investigation.
	CaseAfterYears, UninvestigatedAfterYears int
	// LapseAfterDays without a change an access request that is not done lapses; RequestAfterDays
	// from when it was over the people it names are erased from it.
	LapseAfterDays, RequestAfterDays int
}

// Standard returns the rules of the Financial Ombudsman Service.
func Standard() Rules {
	return Rules{
		WarnAfterDays: 53, DisableAfterDays: 60, EraseAfterDays: 30,
		TicketAfterDays: 120,
		CaseAfterYears:  6, UninvestigatedAfterYears: 3,
		LapseAfterDays: 90, RequestAfterDays: 30,
	}
}

// Account is what the rules need to know of an account.
type Account struct {
	// LastActive is the last day with an authenticated request; before the first one, and after the
	// account was enabled again, the day of that.
	LastActive calendar.Day
	// Warned is whether a warning was recorded since LastActive.
	Warned bool
	// DisabledOn is the day on which the account was disabled for inactivity; none if it is not.
	DisabledOn calendar.Day
}

// Step is what is due.
type Step string

// The steps of an account, in their order; an access request lapses, and then is erased.
const (
	Nothing Step = ""
	Warn    Step = "warn"
	Disable Step = "disable"
	Lapse   Step = "lapse"
	Erase   Step = "erase"
)

// Account returns the one step that is due today. A warning that was not given in time is not
// given any more: the 60 days are a promise, the warning a courtesy.
func (r Rules) Account(a Account, today calendar.Day) Step {
	switch {
	case a.DisabledOn != 0 && today >= r.ErasesOn(a):
		return Erase
	case a.DisabledOn != 0:
		return Nothing
	case today >= r.DisablesOn(a):
		return Disable
	case today >= r.WarnsOn(a) && !a.Warned:
		return Warn
	}
	return Nothing
}

// WarnsOn returns the first day on which the warning is due.
func (r Rules) WarnsOn(a Account) calendar.Day { return a.LastActive + calendar.Day(r.WarnAfterDays) }

// DisablesOn returns the first day on which the account is disabled for inactivity.
func (r Rules) DisablesOn(a Account) calendar.Day {
	return a.LastActive + calendar.Day(r.DisableAfterDays)
}

// ErasesOn returns the first day on which the account's personal data is erased, or would be if it
// were disabled on the day it is due to be.
func (r Rules) ErasesOn(a Account) calendar.Day {
	disabled := a.DisabledOn
	if disabled == 0 {
		disabled = r.DisablesOn(a)
	}
	return disabled + calendar.Day(r.EraseAfterDays)
}

// TicketErases reports whether a helpdesk ticket is to be erased today; an unresolved one, with no
// day of resolution, never is.
func (r Rules) TicketErases(resolved, today calendar.Day) bool {
	return resolved != 0 && today >= resolved+calendar.Day(r.TicketAfterDays)
}

// Request is what the rules need to know of an access request.
type Request struct {
	// ChangedOn is the day of the last change.
	ChangedOn calendar.Day
	// Over is whether that change ended it: it is active, withdrawn, declined or lapsed.
	Over bool
}

// Request returns the step that is due today for an access request. The accounts that came of it
// have the people's data on their own; what the request holds besides is not needed for long.
func (r Rules) Request(q Request, today calendar.Day) Step {
	switch {
	case q.Over && today >= q.ChangedOn+calendar.Day(r.RequestAfterDays):
		return Erase
	case !q.Over && today >= q.ChangedOn+calendar.Day(r.LapseAfterDays):
		return Lapse
	}
	return Nothing
}

// Case is what the rules need to know of a case.
type Case struct {
	// ClosedOn is the day of its closing; none while it is open or reopened.
	ClosedOn calendar.Day
	// Outcome is what it closed with, in the words of the case management system.
	Outcome string
	// Held is whether a legal hold is on it.
	Held bool
}

// uninvestigated are the outcomes without full investigation: those that close a case without its
// merits being looked at. A proactive settlement is none of them: it resolves the complaint, and
// what was offered and paid may matter as long as a decision would. Nor is an outcome that is not
// known here: what is kept too long can still be erased.
var uninvestigated = map[string]bool{
	"dismissed": true, "out-of-jurisdiction": true, "withdrawn": true, "abandoned": true,
}

// CaseErasesOn returns the first day on which the data of a case is erased, and false where none is
// set: it is open, or a legal hold is on it.
func (r Rules) CaseErasesOn(c Case) (calendar.Day, bool) {
	switch {
	case c.ClosedOn == 0 || c.Held:
		return 0, false
	case uninvestigated[c.Outcome]:
		return c.ClosedOn.Years(r.UninvestigatedAfterYears), true
	}
	return c.ClosedOn.Years(r.CaseAfterYears), true
}

// CaseErases reports whether the data of a case is to be erased today.
func (r Rules) CaseErases(c Case, today calendar.Day) bool {
	on, set := r.CaseErasesOn(c)
	return set && today >= on
}
