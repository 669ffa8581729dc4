// Package calendar counts days as people in the United Kingdom do. An instant belongs to the day of
// the Europe/London calendar, whatever the zone it is given in, so that a deadline of so many days
// falls on the same day for everybody, and no change of the clocks moves it.
package calendar

import (
	"fmt"
	"time"
	_ "time/tzdata" // days are London's wherever this runs
)

// Day is a calendar day, as days since 1970-01-01. The zero Day stands for no day. Days are
// compared with the operators of integers; d+7 is a week after d. As text, and so in JSON, a Day is
// a full-date of RFC 3339: "2025-01-31".
type Day int64

var london = mustLoad("Europe/London")

func mustLoad(name string) *time.Location {
	location, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // cannot be: time/tzdata is linked in
	}
	return location
}

// DayOf returns the London day of an instant, and no day for the zero instant.
func DayOf(t time.Time) Day {
	if t.IsZero() {
		return 0
	}
	year, month, day := t.In(london).Date()
	return Date(year, month, day)
}

// Date returns the day of a date.
func Date(year int, month time.Month, day int) Day {
	return Day(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Parse reads a full-date, "2025-01-31".
func Parse(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Unix() <= 0 {
		return 0, fmt.Errorf("parse day %.20q: not a date as 2025-01-31, after 1970-01-01", text)
	}
	return Day(t.Unix() / 86400), nil
}

// Years returns the same date n years later; of a 29 February, 1 March in a year that has none.
func (d Day) Years(n int) Day {
	year, month, day := d.date().Date()
	return Date(year+n, month, day)
}

// String returns the full-date, "" for no day.
func (d Day) String() string {
	if d == 0 {
		return ""
	}
	return d.date().Format(time.DateOnly)
}

func (d Day) date() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// MarshalText gives the full-date.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a full-date, or "" for no day.
func (d *Day) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*d = 0
		return nil
	}
	*d, err = Parse(string(text))
	return err
}
