package retention_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"casesync/domain/calendar"
	"casesync/domain/retention"
)

var rules = retention.Standard()

func day(t *testing.T, text string) calendar.Day {
	t.Helper()
	parsed, err := calendar.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestEveryDayOfAnAccount walks the days after the last activity, from days in every season: leap
// days, the ends of years, and both changes of the clocks within the 90 days.
func TestEveryDayOfAnAccount(t *testing.T) {
	t.Parallel()
	for _, last := range []string{"2025-01-06", "2024-02-29", "2023-12-31", "2025-02-10", "2025-03-30", "2025-10-26", "2025-09-01"} {
		active := day(t, last)
		for _, warned := range []bool{false, true} {
			for n := -1; n <= 200; n++ {
				want := retention.Nothing
				switch {
				case n >= 60:
					want = retention.Disable
				case n >= 53 && !warned:
					want = retention.Warn
				}
				account := retention.Account{LastActive: active, Warned: warned}
				if got := rules.Account(account, active+calendar.Day(n)); got != want {
					t.Errorf("last active %s, warned %v, day %d: got %q, want %q", last, warned, n, got, want)
				}
			}
		}
		for n := range 200 { // disabled in time, and ten days late: thirty days are left to come back
			for _, disabled := range []int{60, 70} {
				want := retention.Nothing
				if n >= disabled+30 {
					want = retention.Erase
				}
				account := retention.Account{LastActive: active, Warned: true, DisabledOn: active + calendar.Day(disabled)}
				if got := rules.Account(account, active+calendar.Day(n)); n >= disabled && got != want {
					t.Errorf("last active %s, disabled on day %d, day %d: got %q, want %q", last, disabled, n, got, want)
				}
			}
		}
	}
}

// TestInstantsOfTheLastDays names the moments at which the steps begin, in UTC: the clocks changed
// between the activity and some of them.
func TestInstantsOfTheLastDays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ active, before, from string }{
		{"2025-01-06T23:59:59Z", "2025-03-06T23:59:59Z", "2025-03-07T00:00:00Z"}, // winter to winter
		{"2025-02-10T12:00:00Z", "2025-04-10T22:59:59Z", "2025-04-10T23:00:00Z"}, // winter to summer: 11 April, London
		{"2025-06-01T00:00:00Z", "2025-07-30T22:59:59Z", "2025-07-30T23:00:00Z"}, // summer to summer
		{"2025-06-01T23:30:00Z", "2025-07-31T22:59:59Z", "2025-07-31T23:00:00Z"}, // active on 2 June, London
		{"2025-09-01T12:00:00Z", "2025-10-30T23:59:59Z", "2025-10-31T00:00:00Z"}, // summer to winter
		{"2025-08-27T22:59:59Z", "2025-10-25T22:59:59Z", "2025-10-25T23:00:00Z"}, // the day the clocks go back
		{"2025-01-29T12:00:00Z", "2025-03-29T23:59:59Z", "2025-03-30T00:00:00Z"}, // the day the clocks go forward
	} {
		account := retention.Account{LastActive: calendar.DayOf(instant(t, test.active)), Warned: true}
		if got := rules.Account(account, calendar.DayOf(instant(t, test.before))); got != retention.Nothing {
			t.Errorf("active %s, at %s: got %q, want nothing", test.active, test.before, got)
		}
		if got := rules.Account(account, calendar.DayOf(instant(t, test.from))); got != retention.Disable {
			t.Errorf("active %s, at %s: got %q, want disable", test.active, test.from, got)
		}
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestWhateverTheScheduler: run on whichever days, it takes the steps in their order, none before
// its day, each on the first day that it runs from then on.
func TestWhateverTheScheduler(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		account := retention.Account{LastActive: calendar.Day(rapid.Int64Range(19_000, 22_000).Draw(t, "last active"))}
		today, steps := account.LastActive, []retention.Step(nil)
		for today < account.LastActive+400 {
			today += calendar.Day(rapid.IntRange(1, 45).Draw(t, "days between runs"))
			step := rules.Account(account, today)
			switch step {
			case retention.Warn:
				account.Warned = true
			case retention.Disable:
				account.DisabledOn = today
			case retention.Erase:
				if today < account.LastActive+90 || today < account.DisabledOn+30 {
					t.Fatalf("erased on %v, last active %v, disabled %v", today, account.LastActive, account.DisabledOn)
				}
				if got := fmt.Sprint(append(steps, step)); got != "[warn disable erase]" && got != "[disable erase]" {
					t.Fatalf("steps: got %s", got)
				}
				return
			default:
				continue
			}
			steps = append(steps, step)
			if again := rules.Account(account, today); again != retention.Nothing {
				t.Fatalf("after %s on %v: got %q due as well", step, today, again)
			}
		}
		t.Fatalf("never erased: %+v, steps %v", account, steps)
	})
}

func TestTicketErases(t *testing.T) {
	t.Parallel()
	resolved := day(t, "2025-01-06")
	for after, want := range map[int]bool{-1: false, 0: false, 119: false, 120: true, 121: true, 5000: true} {
		if got := rules.TicketErases(resolved, resolved+calendar.Day(after)); got != want {
			t.Errorf("%d days after: got %v, want %v", after, got, want)
		}
	}
	if rules.TicketErases(0, resolved) {
		t.Error("an unresolved ticket: got erased, want kept")
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	changed := day(t, "2025-01-06")
	for after := range 200 {
		open, over := retention.Nothing, retention.Nothing
		if after >= 90 {
			open = retention.Lapse
		}
		if after >= 30 {
			over = retention.Erase
		}
		today := changed + calendar.Day(after)
		if got := rules.Request(retention.Request{ChangedOn: changed}, today); got != open {
			t.Errorf("open, day %d: got %q, want %q", after, got, open)
		}
		if got := rules.Request(retention.Request{ChangedOn: changed, Over: true}, today); got != over {
			t.Errorf("over, day %d: got %q, want %q", after, got, over)
		}
	}
}

func TestCaseErases(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		closed, outcome, from string
	}{
		{"2019-03-31", "change", "2025-03-31"},
		{"2019-03-31", "no-change", "2025-03-31"},
		{"2019-03-31", "proactively-settled", "2025-03-31"},
		{"2019-03-31", "mediated", "2025-03-31"}, // an outcome of a later day
		{"2022-10-26", "dismissed", "2025-10-26"},
		{"2022-10-26", "out-of-jurisdiction", "2025-10-26"},
		{"2022-10-26", "withdrawn", "2025-10-26"},
		{"2022-10-26", "abandoned", "2025-10-26"},
		{"2020-02-29", "change", "2026-03-01"},
		{"2020-02-29", "withdrawn", "2023-03-01"},
	} {
		c := retention.Case{ClosedOn: day(t, test.closed), Outcome: test.outcome}
		from := day(t, test.from)
		if on, set := rules.CaseErasesOn(c); on != from || !set {
			t.Errorf("%s on %s: got %v, %v, want %v", test.outcome, test.closed, on, set, from)
		}
		held, open := c, c
		held.Held, open.ClosedOn = true, 0
		for today := from - 2; today <= from+2; today++ {
			if got, want := rules.CaseErases(c, today), today >= from; got != want {
				t.Errorf("%s on %s, today %v: got %v, want %v", test.outcome, test.closed, today, got, want)
			}
			if rules.CaseErases(held, today) || rules.CaseErases(open, today) {
				t.Errorf("%s on %s, today %v: got erased under a legal hold, or while open", test.outcome, test.closed, today)
			}
		}
	}
}
