package casefile

import "casesync/domain/calendar"

// The clocks that a request for the business file starts, in calendar days (requirement 62).
const (
	offerTellDays = 14 // by when the business says that a proactive offer is coming
	offerMakeDays = 21 // by when it makes the offer
)

// OfferClocks returns by which days a business that was asked for its file on the day requested has to say
// that a proactive offer is coming, and to make it: the last days on which that is in time.
func OfferClocks(requested calendar.Day) (tellBy, makeBy calendar.Day) {
	return requested + offerTellDays, requested + offerMakeDays
}
