package projections

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

func rates(w *world, scope Scope, q UpholdQuery) (rows []UpholdRow) {
	w.t.Helper()
	w.read(CasesName, func(view engine.View) (err error) {
		rows, err = ReadUpholdRates(w.t.Context(), view, scope, q)
		return err
	})
	return rows
}

// TestDaysAreLondons: a case closed on a summer evening in UTC is closed on London's next day.
func TestDaysAreLondons(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2025-06-30T22:59:59Z":      "2025-06-30",
		"2025-06-30T23:00:00Z":      "2025-07-01",
		"2025-01-31T23:59:59Z":      "2025-01-31",
		"2025-03-30T00:59:59-05:00": "2025-03-30",
	} {
		instant, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := DayOf(instant).String(); got != want {
			t.Errorf("DayOf(%s): got %s, want %s", text, got, want)
		}
	}
	if _, err := ParseDay("2026-02-30"); err == nil {
		t.Error("ParseDay(2026-02-30): got no error")
	}
	for _, text := range []string{"1900-01-01", "1969-12-31", "1970-01-01", "2200-12-31"} {
		if d := day(t, text); d.String() != text || firstOf(d.month()).String()[:7] != text[:7] {
			t.Errorf("got %s in the month from %s, want %s", d, firstOf(d.month()), text)
		}
	}
}

// fillYear records, for each day of 2025, one case that closes that day in London: every third is
// upheld, every tenth withdrawn.
func fillYear(w *world) {
	for i := range 365 {
		when := time.Date(2025, 1, 1+i, 12, 0, 0, 0, london)
		outcome := "no-change"
		if i%10 == 0 {
			outcome = "withdrawn"
		} else if i%3 == 0 {
			outcome = "change"
		}
		w.on(fmt.Sprintf("C%03d", i), convertedTo(ours, hirePurchase, when), closedAs(outcome, when))
	}
	w.settle()
}

// TestPeriodsHaveRaggedEdges: whatever days a period begins and ends on, months and days together
// count each of them once.
func TestPeriodsHaveRaggedEdges(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		fillYear(w)
		first := day(t, "2025-01-01")
		for _, c := range []struct{ from, to string }{
			{"2025-01-01", "2025-12-31"}, {"2025-01-15", "2025-01-20"}, {"2025-01-15", "2025-02-14"}, {"2025-01-31", "2025-03-01"},
			{"2025-02-01", "2025-02-28"}, {"2025-02-02", "2025-04-30"}, {"2025-05-01", "2025-05-01"}, {"2024-12-31", "2026-01-01"},
		} {
			from, to := day(t, c.from), day(t, c.to)
			var want UpholdRow
			for i := range 365 {
				if d := first + Day(i); d < from || d > to {
					continue
				}
				want.NewCases++
				*[]*int64{&want.NoChange, &want.Change, &want.Withdrawn}[map[bool]int{i%3 == 0: 1, i%10 == 0: 2}[true]]++
			}
			want.Keys = map[string]string{}
			want.finish(false)
			for _, scope := range []Scope{BusinessScope("u", ours), AuditorScope("a")} {
				if got := rates(w, scope, UpholdQuery{From: from, To: to}); !reflect.DeepEqual(got, []UpholdRow{want}) {
					t.Errorf("%s to %s: got %+v, want %+v", from, to, got, want)
				}
			}
		}
	})
}

func TestGroupsHaveNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t), Cases())
	fillYear(w)
	for group, want := range map[string][]string{
		GroupBusiness: {ours}, GroupSector: {"Consumer credit"}, GroupGroup: {"Motor finance"}, GroupProduct: {"Hire purchase"},
		GroupQuarter: {"2025-Q1", "2025-Q2", "2025-Q3", "2025-Q4"}, GroupHalfYear: {"2025-H1", "2025-H2"}, GroupYear: {"2025"},
		GroupMonth: {"2025-01", "2025-02", "2025-03", "2025-04", "2025-05", "2025-06", "2025-07", "2025-08", "2025-09", "2025-10", "2025-11", "2025-12"},
	} {
		var got []string
		total := int64(0)
		for _, row := range rates(w, AuditorScope("a"), UpholdQuery{GroupBy: []string{group}, From: day(t, "2025-01-02"), To: day(t, "2025-12-31")}) {
			got = append(got, row.Keys[group])
			total += row.Resolved
		}
		if !slices.Equal(got, want) || total != 364 {
			t.Errorf("by %s: got %v of %d cases, want %v of 364", group, got, total, want)
		}
	}
}

func TestPublicationThresholds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		row       UpholdCounts
		published bool
		rate      bool
		newCases  int64
		under     int64
	}{
		{UpholdCounts{Change: 10, NoChange: 19, NewCases: 9}, false, true, 9, 0},
		{UpholdCounts{Change: 10, NoChange: 19, NewCases: 9}, true, false, 0, 10},
		{UpholdCounts{Change: 10, NoChange: 19, Withdrawn: 1, NewCases: 10}, true, true, 10, 0},
		{UpholdCounts{Withdrawn: 40}, true, false, 0, 0},
		{UpholdCounts{}, false, false, 0, 0},
	} {
		got := UpholdRow{UpholdCounts: c.row}
		got.finish(c.published)
		if (got.Rate != nil) != c.rate || got.NewCases != c.newCases || got.NewCasesUnder != c.under {
			t.Errorf("%+v, published %v: got %+v", c.row, c.published, got)
		}
		if got.Rate != nil && *got.Rate != 10.0/29 {
			t.Errorf("got rate %v, want 10/29: withdrawn cases are in neither part", *got.Rate)
		}
	}
}

// TestCorrectionsMoveTheirCase: a case counts once, where and as what it is now.
func TestCorrectionsMoveTheirCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t), Cases())
	w.on("C1", convertedTo(ours, hirePurchase, at(0)), closedAs("change", at(24)))
	w.settle()
	frozen := recordedAt(2)
	w.on("C1", transferredTo(theirs, at(48)), closedAs("no-change", at(24*40)), suppressedAt(at(24*41)))
	w.settle()
	year := UpholdQuery{GroupBy: []string{GroupBusiness, GroupMonth}, From: day(t, "2025-01-01"), To: day(t, "2025-12-31")}
	key := func(frn, month string) map[string]string {
		return map[string]string{GroupBusiness: frn, GroupMonth: month}
	}
	want := []UpholdRow{
		{Keys: key(theirs, "2025-01"), UpholdCounts: UpholdCounts{NewCases: 1}},
		{Keys: key(theirs, "2025-02"), UpholdCounts: UpholdCounts{NoChange: 1}, Resolved: 1, Rate: new(0.0)},
	}
	if got := rates(w, AuditorScope("a"), year); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := rates(w, BusinessScope("u", ours), year); len(got) != 0 {
		t.Errorf("got %+v for the first business, want nothing", got)
	}
	year.AsAt = &frozen
	want = []UpholdRow{{Keys: key(ours, "2025-01"), UpholdCounts: UpholdCounts{Change: 1, NewCases: 1}, Resolved: 1, Rate: new(1.0)}}
	if got := rates(w, AuditorScope("a"), year); !reflect.DeepEqual(got, want) {
		t.Errorf("as at then: got %+v, want %+v", got, want)
	}
	w.on("C1", reopenedAt(at(24*50)))
	w.settle()
	year.AsAt = nil
	if got := rates(w, AuditorScope("a"), year); len(got) != 1 || got[0].Resolved != 0 || got[0].NewCases != 1 {
		t.Errorf("reopened: got %+v, want a new case that is not resolved", got)
	}
}

func TestUpholdQueriesAskedWronglySaySo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		q    UpholdQuery
		want error
	}{
		{UpholdQuery{Definition: "fos-1999"}, ErrUnknownDefinition},
		{UpholdQuery{GroupBy: []string{"consumer"}}, ErrUnknownGroup},
		{UpholdQuery{From: 2, To: 1}, ErrBadPeriod},
		{UpholdQuery{Basis: "memory"}, ErrUnknownBasis},
		{UpholdQuery{Definition: DefinitionFOS2023, Basis: BasisSource, GroupBy: []string{GroupMonth}}, nil},
	} {
		if err := c.q.check(); !errors.Is(err, c.want) {
			t.Errorf("%+v: got %v, want %v", c.q, err, c.want)
		}
	}
}

// TestDashboardShowsTheLastTwelveMonths: whole months, the present one left out.
func TestDashboardShowsTheLastTwelveMonths(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t), Cases())
	fillYear(w)
	w.read(CasesName, func(view engine.View) error {
		d, err := ReadDashboard(t.Context(), view, BusinessScope("u", ours), day(t, "2025-07-15"))
		if d.UpholdFrom.String() != "2024-07-01" || d.UpholdTo.String() != "2025-06-30" || d.UpholdRate.Resolved != 181 || d.UpholdRate.Rate == nil {
			t.Errorf("got %+v from %s to %s, want the 181 days of 2025 before July", d.UpholdRate, d.UpholdFrom, d.UpholdTo)
		}
		return err
	})
}

// TestLongPeriodsTakeWholeMonths: days are read at the edges alone, however long the period.
func TestLongPeriodsTakeWholeMonths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to     string
		months, days int64
	}{
		{"2020-01-01", "2025-12-31", 72, 0}, {"2020-01-02", "2025-12-30", 70, 60}, {"2024-02-01", "2024-02-29", 1, 0}, {"2024-02-02", "2024-03-30", 0, 58},
	} {
		var months, days int64
		for _, p := range (&UpholdQuery{From: day(t, c.from), To: day(t, c.to)}).parts() {
			if p.monthly {
				months += p.to - p.from + 1
			} else {
				days += p.to - p.from + 1
			}
		}
		if months != c.months || days != c.days {
			t.Errorf("%s to %s: got %d months and %d days, want %d and %d", c.from, c.to, months, days, c.months, c.days)
		}
	}
}
