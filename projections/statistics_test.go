package projections

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"casesync/domain/casefile"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

// step is a random fact of a random case.
type step struct {
	ref   string
	event casefile.Event
}

var facts = []func(t *rapid.T, when time.Time) casefile.Event{
	func(t *rapid.T, when time.Time) casefile.Event {
		return convertedTo(anyFRN(t), rapid.SampledFrom([]casefile.Product{hirePurchase, creditCards}).Draw(t, "product"), when)
	},
	func(t *rapid.T, when time.Time) casefile.Event {
		return convertedTo(anyFRN(t), hirePurchase, when)
	},
	func(t *rapid.T, when time.Time) casefile.Event {
		return closedAs(rapid.SampledFrom([]string{"change", "no-change", "withdrawn"}).Draw(t, "outcome"), when)
	},
	func(t *rapid.T, when time.Time) casefile.Event { return reopenedAt(when) },
	func(t *rapid.T, when time.Time) casefile.Event { return transferredTo(anyFRN(t), when) },
	func(t *rapid.T, when time.Time) casefile.Event {
		return &casefile.Recategorised{Origin: from(when), Product: creditCards}
	},
	func(t *rapid.T, when time.Time) casefile.Event { return suppressedAt(when) },
	func(t *rapid.T, when time.Time) casefile.Event { return unsuppressedAt(when) },
	func(t *rapid.T, when time.Time) casefile.Event {
		return priorityIs(rapid.Bool().Draw(t, "priority"), when)
	},
	func(t *rapid.T, when time.Time) casefile.Event {
		return requested(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "action"), DayOf(when.AddDate(0, 0, 20)).String(), when)
	},
	func(t *rapid.T, when time.Time) casefile.Event { return actionClosed("a", when) },
	func(t *rapid.T, when time.Time) casefile.Event { return stage("view-issued", when) },
	func(t *rapid.T, when time.Time) casefile.Event {
		return &casefile.SnapshotTaken{Origin: from(when), FRN: anyFRN(t), Product: hirePurchase, Stage: "on-hold", ConvertedAt: when,
			Suppressed: rapid.Bool().Draw(t, "suppressed"), Actions: []casefile.SnapshotAction{{ActionID: "s", DueDate: DayOf(when).String()}}}
	},
}

func anyFRN(t *rapid.T) string { return rapid.SampledFrom([]string{ours, theirs}).Draw(t, "frn") }

var histories = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
	when := at(rapid.IntRange(0, 24*200).Draw(t, "hours"))
	return step{
		ref:   rapid.SampledFrom([]string{"C1", "C2", "C3", "C4"}).Draw(t, "case"),
		event: facts[rapid.IntRange(0, len(facts)-1).Draw(t, "fact")](t, when),
	}
}), 1, 40)

// TestStatisticsAreWhatTheRowsCount: after any history, whatever it corrects, moves and hides, the
// figures are those that a recount of the rows gives, for each business and for all; and as at any
// instant they are what they were then.
func TestStatisticsAreWhatTheRowsCount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, sqldbtest.SQLite(t), Cases())
		defer w.close()
		type moment struct {
			known time.Time
			rates []UpholdRow
		}
		var moments []moment
		history := histories.Draw(rt, "history")
		for i, step := range history {
			w.on(step.ref, step.event)
			if i%8 == 7 || i == len(history)-1 {
				w.settle()
				moments = append(moments, moment{recordedAt(i + 1), everyRate(w, nil, "")})
			}
		}
		rows, _ := readAll(w)
		for _, scope := range []Scope{BusinessScope("u", ours), BusinessScope("u", ours, theirs), AuditorScope("a")} {
			w.read(CasesName, func(view engine.View) error {
				today := DayOf(at(24 * 30))
				got, err := ReadDashboard(t.Context(), view, scope, today)
				if want := recount(rows, scope, today); !sameDashboard(got, want) {
					rt.Fatalf("dashboard of %+v: got\n%+v, want\n%+v", scope, got, want)
				}
				return err
			})
		}
		if got, want := moments[len(moments)-1].rates, recountRates(rows); !reflect.DeepEqual(got, want) {
			rt.Fatalf("rates: got\n%+v, want\n%+v", got, want)
		}
		for _, m := range moments {
			if got := everyRate(w, &m.known, BasisRecorded); !reflect.DeepEqual(got, m.rates) {
				rt.Fatalf("rates as at %s: got\n%+v, want as they were\n%+v", m.known, got, m.rates)
			}
		}
		for _, hours := range []int{0, 24 * 50, 24 * 100, 24 * 150} {
			for _, row := range everyRate(w, new(at(hours)), BasisSource) {
				if row.Change < 0 || row.NoChange < 0 || row.Withdrawn < 0 || row.NewCases < 0 {
					rt.Fatalf("rates as at the source's %s: got %+v, want nothing below zero", at(hours), row)
				}
			}
		}
		if got, want := everyRate(w, new(at(24*1000)), BasisSource), recountRates(rows); !reflect.DeepEqual(got, want) {
			rt.Fatalf("rates as at the source's end: got\n%+v, want\n%+v", got, want)
		}
	})
}

func everyRate(w *world, asAt *time.Time, basis string) (rates []UpholdRow) {
	w.t.Helper()
	w.read(CasesName, func(view engine.View) (err error) {
		rates, err = ReadUpholdRates(w.t.Context(), view, AuditorScope("a"), UpholdQuery{
			GroupBy: []string{GroupBusiness, GroupProduct, GroupMonth}, From: DayOf(at(-24 * 20)), To: DayOf(at(24 * 240)),
			AsAt: asAt, Basis: basis,
		})
		return err
	})
	return rates
}

// recountRates counts uphold rates from the rows themselves.
func recountRates(rows []caseRow) []UpholdRow {
	groups := map[[3]string]*UpholdRow{}
	group := func(r caseRow, on int64) *UpholdRow {
		keys := [3]string{r.FRN, r.Product, Day(on).String()[:7]}
		if groups[keys] == nil {
			groups[keys] = &UpholdRow{Keys: map[string]string{GroupBusiness: keys[0], GroupProduct: keys[1], GroupMonth: keys[2]}}
		}
		return groups[keys]
	}
	for _, r := range rows {
		if !r.Converted {
			continue
		}
		group(r, r.ConvertedDay).NewCases++
		if !r.Open {
			*map[string]*int64{"change": &group(r, r.ClosedDay).Change, "no-change": &group(r, r.ClosedDay).NoChange,
				"withdrawn": &group(r, r.ClosedDay).Withdrawn}[r.Outcome]++
		}
	}
	q := UpholdQuery{GroupBy: []string{GroupBusiness, GroupProduct, GroupMonth}}
	named := map[string]*UpholdRow{}
	for keys, row := range groups {
		named[keys[0]+keys[1]+keys[2]] = row
	}
	return q.rows(named)
}

// recount counts a dashboard from the rows themselves.
func recount(rows []caseRow, scope Scope, today Day) Dashboard {
	var d Dashboard
	stages, products := map[string]int64{}, map[casefile.Product]int64{}
	d.ByAge = []AgeCount{{0, 30, 0}, {31, 90, 0}, {91, 180, 0}, {181, 365, 0}, {366, -1, 0}}
	for _, r := range rows {
		if !r.isOpen() || !scope.every && !slices.Contains(scope.frns, r.FRN) {
			continue
		}
		d.Total++
		stages[r.Stage]++
		products[casefile.Product{Sector: r.Sector, Group: r.Group, Product: r.Product}]++
		age := max(0, int64(today)-r.ConvertedDay)
		for i := range d.ByAge {
			if band := &d.ByAge[i]; age >= band.From && (age <= band.To || band.To < 0) {
				band.Count++
			}
		}
		add(&d.New7Days, age <= 6)
		add(&d.New28Days, age <= 27)
		add(&d.Listed, !r.Suppressed)
		add(&d.Unallocated, !r.Suppressed)
		add(&d.Priority, !r.Suppressed && r.Priority)
		add(&d.ActionNeeded, !r.Suppressed && r.ActionsOpen > 0)
		add(&d.Overdue, !r.Suppressed && r.ActionsOpen > 0 && r.DueDay < int64(today))
		add(&d.DueIn7Days, !r.Suppressed && r.ActionsOpen > 0 && r.DueDay >= int64(today) && r.DueDay <= int64(today)+7)
	}
	for stage, n := range stages {
		d.ByStage = append(d.ByStage, StageCount{stage, n})
	}
	for p, n := range products {
		d.ByProduct = append(d.ByProduct, ProductCount{p.Sector, p.Group, p.Product, n})
	}
	return d
}

func add(n *int64, counts bool) {
	if counts {
		*n++
	}
}

// sameDashboard compares all but the uphold rate, and the orders of stages and products.
func sameDashboard(a, b Dashboard) bool {
	for _, d := range []*Dashboard{&a, &b} {
		d.UpholdRate, d.UpholdFrom, d.UpholdTo = UpholdRow{}, 0, 0
		slices.SortFunc(d.ByStage, func(a, b StageCount) int { return strings.Compare(a.Stage, b.Stage) })
		slices.SortFunc(d.ByProduct, func(a, b ProductCount) int { return strings.Compare(a.Product, b.Product) })
	}
	return reflect.DeepEqual(a, b)
}
