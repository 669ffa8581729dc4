package ticket_test

import (
	"testing"
	"time"

	"casesync/domain/ticket"
)

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestHelpdeskHours over a year: winter and summer, the days on which the clocks change, bank holidays, Christmas.
func TestHelpdeskHours(t *testing.T) {
	t.Parallel()
	hours := ticket.HelpdeskHours()
	for _, test := range []struct {
		at   string
		open bool
		next string // change, in UTC
	}{
		// Winter: London is at UTC. 2025-01-06 is a Monday.
		{"2025-01-06T07:59:59Z", false, "2025-01-06T08:00:00Z"},
		{"2025-01-06T08:00:00Z", true, "2025-01-06T22:00:00Z"},
		{"2025-01-06T21:59:59Z", true, "2025-01-06T22:00:00Z"},
		{"2025-01-06T22:00:00Z", false, "2025-01-07T08:00:00Z"},
		{"2025-01-10T22:00:00Z", false, "2025-01-11T12:00:00Z"}, // Friday's end, to Saturday
		{"2025-01-11T11:59:59Z", false, "2025-01-11T12:00:00Z"},
		{"2025-01-11T12:00:00Z", true, "2025-01-11T16:00:00Z"},
		{"2025-01-12T16:00:00Z", false, "2025-01-13T08:00:00Z"}, // Sunday's end, to Monday
		// Summer: an hour ahead. 2025-07-07 is a Monday.
		{"2025-07-07T06:59:59Z", false, "2025-07-07T07:00:00Z"},
		{"2025-07-07T07:00:00Z", true, "2025-07-07T21:00:00Z"},
		{"2025-07-07T21:00:00Z", false, "2025-07-08T07:00:00Z"},
		{"2025-07-07T09:00:00+02:00", true, "2025-07-07T21:00:00Z"}, // the same instant, seen from elsewhere
		{"2025-07-12T11:00:00Z", true, "2025-07-12T15:00:00Z"},      // Saturday
		// The clocks go forward on Sunday 2025-03-30, and back on Sunday 2025-10-26.
		{"2025-03-28T21:59:59Z", true, "2025-03-28T22:00:00Z"},
		{"2025-03-29T16:00:00Z", false, "2025-03-30T11:00:00Z"},
		{"2025-03-30T10:59:59Z", false, "2025-03-30T11:00:00Z"},
		{"2025-03-30T11:00:00Z", true, "2025-03-30T15:00:00Z"},
		{"2025-03-30T15:00:00Z", false, "2025-03-31T07:00:00Z"},
		{"2025-10-25T15:00:00Z", false, "2025-10-26T12:00:00Z"},
		{"2025-10-26T11:59:59Z", false, "2025-10-26T12:00:00Z"},
		{"2025-10-26T12:00:00Z", true, "2025-10-26T16:00:00Z"},
		{"2025-10-27T07:59:59Z", false, "2025-10-27T08:00:00Z"},
		// Bank holidays are days as all others: Easter Monday, Boxing Day, New Year's Day.
		{"2025-04-21T07:00:00Z", true, "2025-04-21T21:00:00Z"},
		{"2025-12-26T08:00:00Z", true, "2025-12-26T22:00:00Z"},
		{"2026-01-01T12:00:00Z", true, "2026-01-01T22:00:00Z"},
		// Christmas Day is not: 2025 on a Thursday, 2027 on a Saturday.
		{"2025-12-24T22:00:00Z", false, "2025-12-26T08:00:00Z"},
		{"2025-12-25T12:00:00Z", false, "2025-12-26T08:00:00Z"},
		{"2027-12-25T13:00:00Z", false, "2027-12-26T12:00:00Z"},
		// At midnight in summer it is the next day in London, and not yet in UTC.
		{"2025-07-11T23:30:00Z", false, "2025-07-12T11:00:00Z"},
	} {
		at := instant(t, test.at)
		if got := hours.Open(at); got != test.open {
			t.Errorf("open at %s: got %v, want %v", test.at, got, test.open)
		}
		if got := hours.Change(at).Format(time.RFC3339); got != test.next {
			t.Errorf("next change after %s: got %s, want %s", test.at, got, test.next)
		}
	}
}
