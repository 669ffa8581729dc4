package projections

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

// TestLargeListsAreCountedUpToABound: a total is exact where statistics have it or it is low, and
// else a lower bound; a search that finds more than it gathers still finds all.
func TestLargeListsAreCountedUpToABound(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, Cases())
		bulk(t, w, 30_000)
		w.read(CasesName, func(view engine.View) error {
			scope := AuditorScope("a")
			many := CaseFilter{In: map[Field][]string{FieldStage: {"converted"}}}
			if total, exact, err := CountCases(t.Context(), view, scope, many); total != TotalExactMax || exact || err != nil {
				t.Errorf("got %d, %v, %v, want %d as a lower bound", total, exact, err, TotalExactMax)
			}
			many.In[FieldBusiness] = []string{"100003"}
			if total, exact, err := CountCases(t.Context(), view, scope, many); total != 3000 || !exact || err != nil {
				t.Errorf("got %d, %v, %v, want exactly 3000", total, exact, err)
			}
			search := CaseFilter{Reference: "C", Words: []string{"#nobody"}}
			page, err := ListCases(t.Context(), view, scope, CaseQuery{CaseFilter: search, Sort: []SortKey{{By: SortReference, Descending: true}}, Limit: 3})
			if err != nil || len(page.Items) != 3 || page.Items[0].Ref != "C029999" || page.Next == nil {
				t.Errorf("got %+v, %v, want the last references", page.Items, err)
			}
			facets, complete, err := CaseFacets(t.Context(), view, scope, CaseFilter{}, []Field{FieldBusiness})
			if err != nil || !complete || len(facets[FieldBusiness]) != 10 || facets[FieldBusiness][9].Count != 3000 {
				t.Errorf("got %+v, %v, %v, want ten businesses of 3000", facets, complete, err)
			}
			return nil
		})
	})
}

// TestExportsMeetEachCaseOnce in both kinds of order, and stop showing a case that is suppressed
// while they run (requirement 48).
func TestExportsMeetEachCaseOnce(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, Cases())
		bulk(t, w, 12_500)
		var generation int64
		w.read(CasesName, func(view engine.View) error {
			generation = view.Generation
			return nil
		})
		seen := map[string]int{}
		for _, sort := range []SortKey{{By: SortReference}, {By: SortStage}} {
			chunks := 0
			err := ExportCases(t.Context(), w.store, AuditorScope("a"), CaseQuery{Sort: []SortKey{sort}}, func(rows []CaseRow) error {
				for _, row := range rows {
					seen[row.Ref]++
				}
				chunks++
				return nil
			})
			if err != nil || chunks < 2 || len(seen) != 12_500 {
				t.Fatalf("by %s: got %d cases in %d chunks, %v, want 12500 in several", sort.By, len(seen), chunks, err)
			}
		}
		for ref, times := range seen {
			if times != 2 {
				t.Fatalf("got %s %d times in two exports", ref, times)
			}
		}
		var exported []string
		err := ExportCases(t.Context(), w.store, BusinessScope("u", "100001", "100002"), CaseQuery{Sort: []SortKey{{By: SortReference}}}, func(rows []CaseRow) error {
			for _, row := range rows {
				exported = append(exported, row.Ref)
			}
			return w.store.Update(t.Context(), func(tx engine.Tx) error {
				_, err := tx.Exec(t.Context(), fmt.Sprintf("UPDATE cases_%d SET suppressed = TRUE WHERE ref = 'C012001'", generation))
				return err
			})
		})
		if err != nil || len(exported) != 2499 || slices.Contains(exported, "C012001") {
			t.Errorf("got %d cases, %v, want 2499 without the one suppressed meanwhile", len(exported), err)
		}
		stop := errors.New("enough")
		if err := ExportCases(t.Context(), w.store, AuditorScope("a"), CaseQuery{}, func([]CaseRow) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("got %v, want what the reader said", err)
		}
	})
}
