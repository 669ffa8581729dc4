package projections

import (
	"fmt"
	"time"
	_ "time/tzdata" // days are London's wherever this runs
)

// Day is a calendar day: days since 1970-01-01. Instants belong to the day of the Europe/London
// calendar, whatever the zone they are given in.
type Day int64

// NoDay stands for a missing day; it sorts after all others.
const NoDay Day = 1 << 40

var london = mustLoad("Europe/London")

func mustLoad(name string) *time.Location {
	location, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // cannot be: time/tzdata is linked in
	}
	return location
}

// DayOf returns the London calendar day of t.
func DayOf(t time.Time) Day {
	year, month, day := t.In(london).Date()
	return date(year, month, day)
}

func date(year int, month time.Month, day int) Day {
	return Day(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// ParseDay reads a full-date, "2006-01-02".
func ParseDay(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, fmt.Errorf("parse day %q: not a date as 2006-01-02", text)
	}
	return Day(t.Unix() / 86400), nil
}

// String returns the full-date, "2006-01-02", or "" for NoDay.
func (d Day) String() string {
	if d == NoDay {
		return ""
	}
	return d.date().Format(time.DateOnly)
}

func (d Day) date() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// month counts months since January of year 0.
func (d Day) month() int64 {
	year, month, _ := d.date().Date()
	return int64(year)*12 + int64(month) - 1
}

// firstOf returns the first day of a month that Day.month counted.
func firstOf(month int64) Day { return date(int(month/12), time.Month(month%12)+1, 1) }
