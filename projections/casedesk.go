package projections

import (
	"fmt"
	"slices"
	"strings"

	"casesync/domain/calendar"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/retention"
)

// foldDesk takes what people and the clock did about the case. It is no fact of the source: when the
// case was updated last does not change by it.
func (f *caseFold) foldDesk() error {
	switch e := f.e.Event.(type) {
	case *casefile.Allocated:
		f.row.AllocatedTo = e.To
		f.row.AllocationReturned = false
		return f.done(entry{kind: "allocated", data: allocationData{To: e.To, From: e.From, By: f.person()}})
	case *casefile.AllocationReturned:
		f.row.AllocatedTo, f.row.AllocationReturned = "", true
		return f.done(entry{kind: "allocation-returned", data: allocationData{From: e.From, Cause: e.Cause}})
	case *casefile.LegalHoldPlaced:
		f.row.OnHold = true
		return f.done(entry{kind: "legal-hold-placed", internal: true})
	case *casefile.LegalHoldLifted:
		f.row.OnHold = false
		return f.done(entry{kind: "legal-hold-lifted", internal: true})
	case *casefile.DataErased:
		f.eraseData()
		return f.done(entry{kind: "data-erased", data: erasureData{Day: e.Day.String()}})
	case *casefile.PartyErased:
		f.eraseParty(e.Party)
		return f.done(entry{kind: "party-erased", data: erasureData{Party: e.Party}})
	}
	return fmt.Errorf("no fold for a %T", f.e.Event)
}

// done writes to the timeline what was done here, and when.
func (f *caseFold) done(shown entry) error {
	return f.note(feed.Origin{Time: f.e.Meta.OccurredAt}, shown)
}

// person is the user id of whoever did it; "" for a machine or a part of the system.
func (f *caseFold) person() string {
	id, _ := strings.CutPrefix(f.e.Meta.Actor, "user:")
	if id == f.e.Meta.Actor {
		return ""
	}
	return id
}

// basicEntries are the kinds of entries that stay in the timeline of a case whose data is erased: what
// they show came in clear, and is of the decision and basic data, or of the keeping of the case itself.
var basicEntries = []string{
	"converted", "stage-changed", "recategorised", "transferred", "handed-over", "closed", "reopened", "snapshot",
	"suppressed", "unsuppressed", "suppression-executed", "suppression-reversed", "legal-hold-placed", "legal-hold-lifted", "data-erased", "party-erased",
}

// eraseData leaves nothing but business, product, outcome, stages, dates and the decision's reference
// (requirement 64). It leaves what a fold gives to whom the sealed values never opened, so that after
// the keys are destroyed a rebuild comes to the same rows. No figure changes: what is closed counts by
// what stays alone.
func (f *caseFold) eraseData() {
	row := f.row
	row.Issue, row.Priority, row.PriorityReason, row.SmallBusiness, row.HasRepresentative = "", false, "", false, false
	row.AllocatedTo, row.AllocationReturned, row.OnHold, row.DataErased = "", false, false, true
	caseSealed.Delete(f.rows, row.Ref)
	for _, action := range actions.All(f.rows, row.Ref) {
		actions.Delete(f.rows, row.Ref, action.ActionID)
	}
	f.settleActions()
	for _, document := range documents.All(f.rows, row.Ref) {
		documents.Delete(f.rows, row.Ref, document.DocumentID)
	}
	f.eraseSent()
	for _, told := range timeline.All(f.rows, row.Ref) {
		if told.Sealed = ""; !slices.Contains(basicEntries, told.Kind) {
			timeline.Delete(f.rows, row.Ref, told.N)
		}
	}
}

// eraseParty leaves no trace of a person in the case's rows.
func (f *caseFold) eraseParty(party string) {
	row := f.sealed()
	switch party {
	case casefile.Consumer:
		row.Consumer, row.ConsumerWords = "", ""
	case casefile.Representative:
		row.Representative, row.RepresentativeWords = "", ""
		f.row.HasRepresentative = false
	}
}

// erasesOn is the day from which the case's data is due for erasure, as its decider has it.
func (r *caseRow) erasesOn() Day {
	clock := retention.Case{Held: r.OnHold}
	if !r.Open {
		clock.ClosedOn, clock.Outcome = calendar.DayOf(instant(r.ClosedAt)), r.Outcome
	}
	if day, due := retention.Standard().CaseErasesOn(clock); due && !r.DataErased {
		return Day(day)
	}
	return NoDay
}
