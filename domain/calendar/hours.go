package calendar

import "time"

// Weekday returns the day of the week.
func (d Day) Weekday() time.Weekday { return d.date().Weekday() }

// Date returns the year, month and day of the month.
func (d Day) Date() (year int, month time.Month, day int) { return d.date().Date() }

// At returns the instant at which London's clocks show hour and minute on the day. Of a time between 01:00 and
// 02:00 on the days on which the clocks change, which they skip or show twice, it is within an hour.
func (d Day) At(hour, minute int) time.Time {
	year, month, day := d.Date()
	return time.Date(year, month, day, hour, minute, 0, 0, london)
}

// Opening is a span of a day in hours of London's clocks: open from From, until To.
type Opening struct{ From, To int }

// Hours are opening hours by the week, with days on which it is closed all the same.
type Hours struct {
	// Week are the openings by day of the week; a day without one is closed.
	Week map[time.Weekday]Opening
	// Closed reports whether it is closed on a day, whatever the day of the week.
	Closed func(Day) bool
}

// on returns when it opens and closes on a day, and false where it does not.
func (h Hours) on(d Day) (opens, closes time.Time, ok bool) {
	opening, ok := h.Week[d.Weekday()]
	if !ok || h.Closed != nil && h.Closed(d) {
		return time.Time{}, time.Time{}, false
	}
	return d.At(opening.From, 0), d.At(opening.To, 0), true
}

// Open reports whether it is open at an instant: from the moment at which it opens to the one before it closes.
func (h Hours) Open(at time.Time) bool {
	opens, closes, ok := h.on(DayOf(at))
	return ok && !at.Before(opens) && at.Before(closes)
}

// changesDaysMax is how far Change looks ahead. What is closed for longer has no hours.
const changesDaysMax = 14

// Change returns the next instant at which it opens or closes after at, in UTC; the zero time where it does
// neither for two weeks.
func (h Hours) Change(at time.Time) time.Time {
	today := DayOf(at)
	for day := today; day < today+changesDaysMax; day++ {
		opens, closes, ok := h.on(day)
		switch {
		case ok && opens.After(at):
			return opens.UTC()
		case ok && closes.After(at):
			return closes.UTC()
		}
	}
	return time.Time{}
}
