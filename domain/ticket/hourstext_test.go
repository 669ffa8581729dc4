package ticket_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"casesync/domain/calendar"
	"casesync/domain/ticket"
)

// TestHelpdeskHoursText: the words say the hours that are kept.
func TestHelpdeskHoursText(t *testing.T) {
	t.Parallel()
	hours := ticket.HelpdeskHours()
	for days, week := range map[string][]time.Weekday{
		"Monday to Friday":    {time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday},
		"Saturday and Sunday": {time.Saturday, time.Sunday},
	} {
		for _, day := range week {
			opening := hours.Week[day]
			got, want := ticket.HelpdeskHoursText, fmt.Sprintf("%s %02d:00 to %02d:00", days, opening.From, opening.To)
			if !strings.Contains(got, want) {
				t.Errorf("%s: got %q, want it to say %q", day, got, want)
			}
		}
	}
	for day, closed := range map[calendar.Day]bool{calendar.Date(2026, time.December, 25): true, calendar.Date(2026, time.December, 28): false} {
		if got := hours.Closed(day); got != closed {
			t.Errorf("%v: got closed %v, want %v: %s", day, got, closed, ticket.HelpdeskHoursText)
		}
	}
}
