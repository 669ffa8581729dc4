package calendar_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"casesync/domain/calendar"
)

func TestAt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		day  calendar.Day
		hour int
		want string
	}{
		{calendar.Date(2025, time.January, 6), 8, "2025-01-06T08:00:00Z"},
		{calendar.Date(2025, time.July, 7), 8, "2025-07-07T07:00:00Z"},
		{calendar.Date(2025, time.March, 29), 22, "2025-03-29T22:00:00Z"},
		{calendar.Date(2025, time.March, 30), 12, "2025-03-30T11:00:00Z"},
		{calendar.Date(2025, time.October, 26), 12, "2025-10-26T12:00:00Z"},
		{calendar.Date(2025, time.June, 30), 24, "2025-06-30T23:00:00Z"},
	} {
		if got := test.day.At(test.hour, 0).UTC().Format(time.RFC3339); got != test.want {
			t.Errorf("%v at %d: got %s, want %s", test.day, test.hour, got, test.want)
		}
	}
	if got := calendar.Date(2025, time.January, 6).Weekday(); got != time.Monday {
		t.Errorf("2025-01-06: got %v, want Monday", got)
	}
	if year, month, day := calendar.Date(2024, time.February, 29).Date(); year != 2024 || month != time.February || day != 29 {
		t.Errorf("date: got %d %v %d", year, month, day)
	}
}

func TestClosedForEver(t *testing.T) {
	t.Parallel()
	at := calendar.Date(2025, time.January, 6).At(12, 0)
	never := calendar.Hours{Week: map[time.Weekday]calendar.Opening{time.Monday: {From: 8, To: 22}}, Closed: func(calendar.Day) bool { return true }}
	for name, hours := range map[string]calendar.Hours{"no hours": {}, "closed on every day": never} {
		if hours.Open(at) || !hours.Change(at).IsZero() {
			t.Errorf("%s: got open %v, next change %v, want neither", name, hours.Open(at), hours.Change(at))
		}
	}
}

// TestNothingChangesBeforeTheNextChange: from any instant to the next change it is open or closed all the
// time, and at the change it is the other; whatever the clocks do between.
func TestNothingChangesBeforeTheNextChange(t *testing.T) {
	t.Parallel()
	hours := calendar.Hours{
		Week:   map[time.Weekday]calendar.Opening{time.Sunday: {From: 0, To: 3}, time.Monday: {From: 8, To: 22}, time.Saturday: {From: 12, To: 24}},
		Closed: func(d calendar.Day) bool { return d%5 == 0 },
	}
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "at"), 0)
		next := hours.Change(at)
		if next.IsZero() {
			return
		}
		between := at.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(at))-1).Draw(t, "later")))
		if hours.Open(between) != hours.Open(at) {
			t.Fatalf("open at %v: %v, at %v: %v, and no change before %v", at, hours.Open(at), between, hours.Open(between), next)
		}
		// Saturday's end and Sunday's beginning are the same instant: there it closes and opens at once.
		if hours.Open(next) == hours.Open(at) && next.In(time.UTC).Weekday() != time.Sunday && next.In(time.UTC).Weekday() != time.Saturday {
			t.Fatalf("open at %v, and at its next change %v: %v", at, next, hours.Open(at))
		}
	})
}
