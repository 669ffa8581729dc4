package projections

import (
	"slices"

	"casesync/domain/calendar"
	"casesync/domain/casefile"
)

// fileRequested is the stage that starts the clocks of a proactive offer (requirement 62).
const fileRequested = "file-requested"

// answered are the stages at which the ombudsman service has said what it thinks of the complaint: what a
// business offers then is no proactive offer any more.
var answered = []string{"view-issued", "ombudsman-referral", "provisional-decision", "final-decision"}

// stageChanged moves the case, in any direction. A file that is asked for again starts the clocks anew. A
// snapshot does not say when the file was asked for, and starts none: a deadline that is too late is worse
// than one that is not shown.
func (f *caseFold) stageChanged(e *casefile.StageChanged) {
	f.row.Stage = e.Stage
	if e.Stage == fileRequested {
		f.row.FileRequestedDay = int64(DayOf(e.Origin.Time))
	}
}

// offerClocks returns by when the business has to tell of a proactive offer and to make it; NoDay where it
// was not asked for its file, or it is too late for one: the case is closed, or past the investigation. A
// stage that nobody knows, and a case on hold, stop no clock: the days are those of the calendar.
func (r *caseRow) offerClocks() (tellBy, makeBy Day) {
	if !r.Open || Day(r.FileRequestedDay) == NoDay || slices.Contains(answered, r.Stage) {
		return NoDay, NoDay
	}
	tell, offer := casefile.OfferClocks(calendar.Day(r.FileRequestedDay))
	return Day(tell), Day(offer)
}
