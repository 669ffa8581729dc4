package casefile_test

import (
	"testing"
	"time"

	"casesync/domain/calendar"
	"casesync/domain/casefile"
)

// TestOfferClocks counts calendar days, whatever the clocks of Europe/London do between.
func TestOfferClocks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ requested, tellBy, makeBy calendar.Day }{
		{calendar.Date(2025, time.January, 6), calendar.Date(2025, time.January, 20), calendar.Date(2025, time.January, 27)},
		{calendar.Date(2024, time.February, 20), calendar.Date(2024, time.March, 5), calendar.Date(2024, time.March, 12)},
		{calendar.Date(2025, time.March, 20), calendar.Date(2025, time.April, 3), calendar.Date(2025, time.April, 10)},
		{calendar.Date(2025, time.December, 20), calendar.Date(2026, time.January, 3), calendar.Date(2026, time.January, 10)},
	} {
		if tellBy, makeBy := casefile.OfferClocks(test.requested); tellBy != test.tellBy || makeBy != test.makeBy {
			t.Errorf("requested on %v: got %v and %v, want %v and %v", test.requested, tellBy, makeBy, test.tellBy, test.makeBy)
		}
	}
}
