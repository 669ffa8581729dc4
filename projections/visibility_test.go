package projections

import (
	"context"
	"slices"
	"testing"

	"casesync/domain/business"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

const ours, theirs = "123456", "7654321"

// fillForVisibility records four cases that each could be seen in every query: one of ours, one of
// ours that is suppressed, one of another business, and one that was transferred away from us.
func fillForVisibility(w *world) {
	for ref, frn := range map[string]string{"mine": ours, "hidden": ours, "other": theirs, "moved": ours} {
		w.on(ref, convertedTo(frn, hirePurchase, at(0)), requested("a", "2025-02-03", at(1)), published("d", false, at(2)),
			published("secret", true, at(2)), transferredTo("999999", at(3)), transferredTo(frn, at(4)))
	}
	w.on("hidden", suppressedAt(at(5)))
	w.on("moved", transferredTo(theirs, at(5)))
	for _, frn := range []string{ours, theirs} {
		w.log.record(eventstore.StreamName("business-"+frn), &business.Updated{Origin: from(at(0)), FRN: frn, Name: "Firm " + frn})
	}
	origin := feed.Origin{Source: "/cms", ID: "held", Sequence: 9, Time: at(9), Contradicts: []string{"case-closed"}}
	w.on("mine", &casefile.FactHeld{Origin: origin, Type: "casefile.stage-changed.v1", Fact: &casefile.StageChanged{Origin: origin, Stage: "x"}})
	w.settle()
}

// ask is one query, and what of the cases, businesses or feeds its answer lets one see.
type ask struct {
	model string
	see   func(ctx context.Context, view engine.View, scope Scope) ([]string, error)
}

var allRefs = []string{"mine", "hidden", "other", "moved"}

// perCase asks a query about every case, and names those that it says anything of.
func perCase(query func(ctx context.Context, view engine.View, scope Scope, ref string) (int, error)) ask {
	return ask{CasesName, func(ctx context.Context, view engine.View, scope Scope) (seen []string, err error) {
		for _, ref := range allRefs {
			n, err := query(ctx, view, scope, ref)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				seen = append(seen, ref)
			}
		}
		return seen, nil
	}}
}

func listed(ctx context.Context, view engine.View, scope Scope, f CaseFilter) (refs []string, err error) {
	page, err := ListCases(ctx, view, scope, CaseQuery{CaseFilter: f, Limit: 100})
	for _, row := range page.Items {
		refs = append(refs, row.Ref)
	}
	return refs, err
}

var caseQueries = map[string]ask{
	"ListCases": {CasesName, func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
		return listed(ctx, view, scope, CaseFilter{})
	}},
	"ListCases by words": {CasesName, func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
		return listed(ctx, view, scope, CaseFilter{Words: []string{"#mara", "#qui"}})
	}},
	"ListCases by reference": {CasesName, func(ctx context.Context, view engine.View, scope Scope) (seen []string, err error) {
		for _, ref := range allRefs {
			found, err := listed(ctx, view, scope, CaseFilter{Reference: ref})
			if err != nil {
				return nil, err
			}
			seen = append(seen, found...)
		}
		return seen, nil
	}},
	"ListCases of a business": {CasesName, func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
		return listed(ctx, view, scope, CaseFilter{In: map[Field][]string{FieldBusiness: {ours, theirs}}})
	}},
	"FindCase": perCase(func(ctx context.Context, view engine.View, scope Scope, ref string) (int, error) {
		_, found, err := FindCase(ctx, view, scope, ref)
		if !found {
			return 0, err
		}
		return 1, err
	}),
	"Timeline": perCase(func(ctx context.Context, view engine.View, scope Scope, ref string) (int, error) {
		rows, err := Timeline(ctx, view, scope, ref, 0, 100)
		return len(rows), err
	}),
	"Actions": perCase(func(ctx context.Context, view engine.View, scope Scope, ref string) (int, error) {
		rows, err := Actions(ctx, view, scope, ref)
		return len(rows), err
	}),
	"Documents": perCase(func(ctx context.Context, view engine.View, scope Scope, ref string) (int, error) {
		rows, err := Documents(ctx, view, scope, ref)
		return len(rows), err
	}),
	"FindDocument": perCase(func(ctx context.Context, view engine.View, scope Scope, ref string) (int, error) {
		_, found, err := FindDocument(ctx, view, scope, ref, "d")
		if !found {
			return 0, err
		}
		return 1, err
	}),
	"EarlierBusinesses": perCase(func(ctx context.Context, view engine.View, scope Scope, ref string) (int, error) {
		rows, err := EarlierBusinesses(ctx, view, scope, ref)
		return len(rows), err
	}),
	"VisibleChanges": {CasesName, func(ctx context.Context, view engine.View, scope Scope) (refs []string, err error) {
		changes, err := VisibleChanges(ctx, view, scope, allRefs)
		for _, change := range changes {
			refs = append(refs, change.Ref)
		}
		return refs, err
	}},
}

func TestScopesSeeTheirCasesAlone(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		fillForVisibility(w)
		for _, c := range []struct {
			name  string
			scope Scope
			want  []string
		}{
			{"a zero scope", Scope{}, nil},
			{"an operator", OperatorScope("op"), nil},
			{"a business without cases", BusinessScope("u", "111111"), nil},
			{"a business", BusinessScope("u", ours), []string{"mine"}},
			{"another business", BusinessScope("u", theirs), []string{"moved", "other"}},
			{"two businesses", BusinessScope("u", ours, theirs), []string{"mine", "moved", "other"}},
			{"an auditor", AuditorScope("a"), []string{"hidden", "mine", "moved", "other"}},
		} {
			for name, query := range caseQueries {
				w.read(query.model, func(view engine.View) error {
					got, err := query.see(w.t.Context(), view, c.scope)
					slices.Sort(got)
					if !slices.Equal(got, c.want) {
						t.Errorf("%s: %s sees %v, want %v", name, c.name, got, c.want)
					}
					return err
				})
			}
			var exported []string
			err := ExportCases(t.Context(), w.store, c.scope, CaseQuery{}, func(rows []CaseRow) error {
				for _, row := range rows {
					exported = append(exported, row.Ref)
				}
				return nil
			})
			if slices.Sort(exported); err != nil || !slices.Equal(exported, c.want) {
				t.Errorf("ExportCases: %s sees %v, %v, want %v", c.name, exported, err, c.want)
			}
		}
	})
}

func TestScopesCountTheirCasesAlone(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		fillForVisibility(w)
		for _, c := range []struct {
			name                   string
			scope                  Scope
			listed, facets, volume int64
		}{
			{"a zero scope", Scope{}, 0, 0, 0},
			{"an operator", OperatorScope("op"), 0, 0, 0},
			{"a business", BusinessScope("u", ours), 1, 1, 2},
			{"another business", BusinessScope("u", theirs), 2, 2, 2},
			{"an auditor", AuditorScope("a"), 4, 3, 4},
		} {
			w.read(CasesName, func(view engine.View) error {
				ctx := t.Context()
				for _, filter := range []CaseFilter{{Status: StatusOpen}, {Status: StatusOpen, In: map[Field][]string{FieldStage: {"converted"}}}} {
					if total, exact, err := CountCases(ctx, view, c.scope, filter); err != nil || !exact || total != c.listed {
						t.Errorf("CountCases: %s gets %d, %v, %v, want %d", c.name, total, exact, err, c.listed)
					}
				}
				facets, _, err := CaseFacets(ctx, view, c.scope, CaseFilter{}, []Field{FieldStage, FieldBusiness})
				if err != nil {
					return err
				}
				for field, counts := range facets {
					sum := int64(0)
					for _, count := range counts {
						sum += count.Count
					}
					if sum != c.facets {
						t.Errorf("CaseFacets: %s gets %d by %s, want %d", c.name, sum, field, c.facets)
					}
				}
				dashboard, err := ReadDashboard(ctx, view, c.scope, DayOf(at(0)))
				if err != nil {
					return err
				}
				unsuppressed := c.facets
				if dashboard.Total != c.volume || dashboard.Listed != unsuppressed || dashboard.ActionNeeded != unsuppressed {
					t.Errorf("ReadDashboard: %s gets %+v, want %d in all and %d listed", c.name, dashboard, c.volume, unsuppressed)
				}
				rates, err := ReadUpholdRates(ctx, view, c.scope, UpholdQuery{From: DayOf(at(0)), To: DayOf(at(0))})
				if err != nil || len(rates) != 1 || rates[0].NewCases != c.volume {
					t.Errorf("ReadUpholdRates: %s gets %+v, %v, want %d new cases", c.name, rates, err, c.volume)
				}
				now := recordedAt(1000)
				asAt, err := ReadUpholdRates(ctx, view, c.scope, UpholdQuery{From: DayOf(at(0)), To: DayOf(at(0)), AsAt: &now})
				if err != nil || asAt[0].NewCases != c.volume {
					t.Errorf("ReadUpholdRates as at: %s gets %+v, %v, want %d new cases", c.name, asAt, err, c.volume)
				}
				mark, err := Mark(ctx, view, c.scope)
				if (mark > 0) != (c.volume > 0) {
					t.Errorf("Mark: %s gets %d, want one only where there is something to see", c.name, mark)
				}
				return err
			})
		}
	})
}

func TestScopesSeeBusinessesAndFeeds(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		fillForVisibility(w)
		for _, c := range []struct {
			name       string
			scope      Scope
			businesses int
			feeds      bool
		}{
			{"a zero scope", Scope{}, 0, false},
			{"a business", BusinessScope("u", ours), 1, false},
			{"an operator", OperatorScope("op"), 2, true},
			{"an auditor", AuditorScope("a"), 2, true},
		} {
			w.read(BusinessesName, func(view engine.View) error {
				rows, err := ListBusinesses(t.Context(), view, c.scope, "", 10)
				_, found, findErr := FindBusiness(t.Context(), view, c.scope, theirs)
				if len(rows) != c.businesses || found != (c.businesses == 2) || findErr != nil {
					t.Errorf("%s sees businesses %+v, and %v, want %d", c.name, rows, found, c.businesses)
				}
				return err
			})
			w.read(FeedsName, func(view engine.View) error {
				ctx := t.Context()
				held, err1 := ListHeld(ctx, view, c.scope, FeedCursor{}, 10)
				found, err2 := FindFeeds(ctx, view, c.scope, "casefile-mine")
				facts, err3 := ListHeldFacts(ctx, view, c.scope, "casefile-mine", "/cms", 0, 10)
				against, err4 := ListContradictions(ctx, view, c.scope, ContradictionCursor{}, 10)
				count, err5 := CountHeld(ctx, view, c.scope, HeldLimits{}, start)
				for _, err := range []error{err1, err2, err3, err4, err5} {
					if err != nil {
						return err
					}
				}
				for i, n := range []int{len(held), len(found), len(facts), len(against), int(count.Facts)} {
					if (n == 1) != c.feeds || n > 1 {
						t.Errorf("feed query %d: %s sees %d, want any: %v", i, c.name, n, c.feeds)
					}
				}
				return nil
			})
		}
	})
}

// TestConfidentialDocumentsAreNeverShown: not in lists, nor by their id, nor in the timeline, and
// not their earlier versions either (requirement 71).
func TestConfidentialDocumentsAreNeverShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t), Cases())
	w.on("C1", convertedTo(ours, hirePurchase, at(0)), published("d", false, at(1)), published("e", false, at(2)), published("d", true, at(3)))
	w.settle()
	for _, scope := range []Scope{BusinessScope("u", ours), AuditorScope("a")} {
		w.read(CasesName, func(view engine.View) error {
			rows, err := Documents(t.Context(), view, scope, "C1")
			if len(rows) != 1 || rows[0].DocumentID != "e" {
				t.Errorf("got %+v, want e alone", rows)
			}
			if _, found, _ := FindDocument(t.Context(), view, scope, "C1", "d"); found {
				t.Error("got d by its id, want nothing")
			}
			timeline, _ := Timeline(t.Context(), view, scope, "C1", 0, 100)
			if len(timeline) != 2 || timeline[1].About != "e" {
				t.Errorf("got timeline %+v, want the conversion and e", timeline)
			}
			return err
		})
	}
}

// TestSuppressionIsNotTold: a business that sees the case again does not learn that it was hidden.
func TestSuppressionIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t), Cases())
	w.on("C1", convertedTo(ours, hirePurchase, at(0)), suppressedAt(at(1)), unsuppressedAt(at(2)),
		&casefile.HandedOver{Origin: from(at(3)), ToSource: "/new"})
	w.settle()
	for scope, want := range map[string]int{"business": 1, "auditor": 4} {
		w.read(CasesName, func(view engine.View) error {
			rows, err := Timeline(t.Context(), view, map[string]Scope{"business": BusinessScope("u", ours), "auditor": AuditorScope("a")}[scope], "C1", 0, 100)
			if len(rows) != want {
				t.Errorf("got %+v for the %s, want %d rows", rows, scope, want)
			}
			return err
		})
	}
}
