package calendar_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"casesync/domain/calendar"
)

func TestDayOf(t *testing.T) {
	t.Parallel()
	for instant, want := range map[string]string{
		"2025-01-31T23:59:59Z":          "2025-01-31", // winter: London is at UTC
		"2025-02-01T00:00:00Z":          "2025-02-01",
		"2025-03-30T00:59:59Z":          "2025-03-30", // the hour before the clocks go forward
		"2025-03-30T22:59:59Z":          "2025-03-30",
		"2025-03-30T23:00:00Z":          "2025-03-31", // a day of 23 hours
		"2025-06-30T23:00:00Z":          "2025-07-01", // summer: an hour ahead
		"2025-10-25T23:00:00Z":          "2025-10-26", // the day the clocks go back begins
		"2025-10-26T23:59:59Z":          "2025-10-26", // and has 25 hours
		"2025-10-27T00:00:00Z":          "2025-10-27",
		"2025-07-01T08:30:00+09:30":     "2025-07-01",
		"2025-06-30T12:30:00-11:30":     "2025-07-01",
		"1969-01-01T00:00:00Z":          "1969-01-01",
		"2024-02-29T12:00:00.000000Z":   "2024-02-29",
		"2025-12-31T23:59:59.99999999Z": "2025-12-31",
	} {
		at, err := time.Parse(time.RFC3339Nano, instant)
		if err != nil {
			t.Fatal(err)
		}
		if got := calendar.DayOf(at).String(); got != want {
			t.Errorf("day of %s: got %s, want %s", instant, got, want)
		}
	}
	if got := calendar.DayOf(time.Time{}); got != 0 {
		t.Errorf("day of no time: got %d, want 0", got)
	}
}

func TestYears(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		from  string
		years int
		want  string
	}{
		{"2020-02-29", 6, "2026-03-01"},
		{"2020-02-29", 4, "2024-02-29"},
		{"2023-02-28", 3, "2026-02-28"},
		{"2019-12-31", 6, "2025-12-31"},
	} {
		from, err := calendar.Parse(test.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := from.Years(test.years).String(); got != test.want {
			t.Errorf("%s and %d years: got %s, want %s", test.from, test.years, got, test.want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "2025-02-29", "2025-2-1", "yesterday", "1970-01-01", "0001-01-01"} {
		if got, err := calendar.Parse(text); err == nil {
			t.Errorf("parse %q: got %v, want an error", text, got)
		}
	}
	type event struct {
		Day  calendar.Day `json:"day"`
		None calendar.Day `json:"none"`
	}
	data, err := json.Marshal(event{Day: calendar.Date(2025, time.January, 6)})
	if got, want := string(data), `{"day":"2025-01-06","none":""}`; got != want || err != nil {
		t.Errorf("encoded: got %s, %v, want %s", got, err, want)
	}
	var back event
	if err := json.Unmarshal(data, &back); err != nil || back.Day.String() != "2025-01-06" || back.None != 0 {
		t.Errorf("decoded: got %v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"day":"6 January"}`), &back); err == nil {
		t.Error("decoded a day that is none")
	}
}

// TestTextAndBack: every day's text is read back as that day, and the next one is the day after.
func TestTextAndBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		day := calendar.Day(rapid.Int64Range(1, 200_000).Draw(t, "day"))
		got, err := calendar.Parse(day.String())
		if err != nil || got != day {
			t.Fatalf("%d: got %d, %v", day, got, err)
		}
		noon, err := time.Parse(time.DateOnly, day.String())
		if err != nil || calendar.DayOf(noon.Add(36*time.Hour)) != day+1 {
			t.Fatalf("the day after %v: got %v, %v", day, calendar.DayOf(noon.Add(36*time.Hour)), err)
		}
	})
}
