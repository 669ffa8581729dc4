package projections

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"casesync/domain/calendar"
	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/domain/private"
	"casesync/domain/upload"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
	"casesync/projections/projtest"
)

// TestAllocationIsShownAndCounted: lists, dashboard and the queries for whoever's account ends follow
// each allocation, and a returned case is flagged until somebody has it again.
func TestAllocationIsShownAndCounted(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		for i, ref := range []string{"C1", "C2", "C3", "C4", "C5"} {
			w.on(ref, convertedTo(ours, hirePurchase, at(i)))
		}
		w.on("C1", &casefile.Allocated{To: "ada"})
		w.on("C2", &casefile.Allocated{To: "ada"}, &casefile.Allocated{To: "bob", From: "ada"})
		w.on("C3", &casefile.Allocated{To: "ada"}, &casefile.AllocationReturned{From: "ada", Cause: casefile.HolderDisabled})
		w.on("C4", &casefile.Allocated{To: "ada"}, closedAs("change", at(9)))
		w.on("C5", &casefile.Allocated{To: "ada"}, suppressedAt(at(9)))
		w.settle()
		scope := BusinessScope("ada", ours)
		w.read(CasesName, func(view engine.View) error {
			d, err := ReadDashboard(t.Context(), view, scope, DayOf(at(0)))
			if err != nil || d.AllocatedToMe != 1 || d.Unallocated != 1 {
				t.Errorf("dashboard: got %d mine, %d of nobody, %v, want 1 and 1", d.AllocatedToMe, d.Unallocated, err)
			}
			for want, filter := range map[string]CaseFilter{
				"C1 C4":    {In: map[Field][]string{FieldAllocatedTo: {AllocatedToMe}}},
				"C3":       {Returned: new(true)},
				"C1 C2 C4": {Returned: new(false)},
			} {
				page, err := ListCases(t.Context(), view, scope, CaseQuery{CaseFilter: filter, Sort: []SortKey{{By: SortReference}}, Limit: 10})
				var refs []string
				for _, item := range page.Items {
					refs = append(refs, item.Ref)
					if item.AllocationReturned != (item.Ref == "C3") {
						t.Errorf("%s: got returned %v", item.Ref, item.AllocationReturned)
					}
				}
				if got := strings.Join(refs, " "); err != nil || got != want {
					t.Errorf("%+v: got %s, %v, want %s", filter, got, err, want)
				}
				if total, exact, err := CountCases(t.Context(), view, scope, filter); err != nil || !exact || total != int64(len(refs)) {
					t.Errorf("%+v: counted %d, %v, %v, want %d", filter, total, exact, err, len(refs))
				}
			}
			of := func(scope Scope, person, frn, after string, limit int) func() ([]string, error) {
				return func() ([]string, error) { return CasesAllocatedTo(t.Context(), view, scope, person, frn, after, limit) }
			}
			system := SystemScope("test")
			wantRefs(t, "of ada", "C1 C4 C5", of(system, "ada", "", "", 10))
			wantRefs(t, "of ada, the second", "C4", of(system, "ada", "", "C1", 1))
			wantRefs(t, "of ada, at her business", "C1 C4 C5", of(system, "ada", ours, "", 10))
			wantRefs(t, "of ada, at another", "", of(system, "ada", theirs, "", 10))
			wantRefs(t, "of ada, for her business", "", of(scope, "ada", "", "", 10))
			wantRefs(t, "of nobody", "", of(system, "", "", "", 10))
			if who, err := Allocatees(t.Context(), view, system); err != nil || !slices.Equal(who, []Allocatee{{ours, "ada"}, {ours, "bob"}}) {
				t.Errorf("allocatees: got %v, %v, want ada and bob", who, err)
			}
			if who, err := Allocatees(t.Context(), view, scope); err != nil || len(who) > 0 {
				t.Errorf("allocatees, for a business: got %v, %v, want none", who, err)
			}
			return nil
		})
	})
}

func wantRefs(t *testing.T, what, want string, list func() ([]string, error)) {
	t.Helper()
	got, err := list()
	if err != nil || strings.Join(got, " ") != want {
		t.Errorf("%s: got %v, %v, want %s", what, got, err, want)
	}
}

// TestDueCases: what is due is what the decider would erase, on its very day.
func TestDueCases(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		histories := map[string][]casefile.Event{
			"C1": {closedAs("change", at(20))},
			"C2": {closedAs("withdrawn", at(20))},
			"C3": {closedAs("withdrawn", at(20)), &casefile.LegalHoldPlaced{}},
			"C4": {closedAs("withdrawn", at(20)), reopenedAt(at(21))},
			"C5": {closedAs("withdrawn", at(20)), suppressedAt(at(21))},
			"C6": {closedAs("withdrawn", at(20)), &casefile.DataErased{Day: 30_000}},
			"C7": {closedAs("withdrawn", at(20)), &casefile.DataErased{Day: 30_000}, stage("on-hold", at(22))},
			"C8": {},
		}
		states := map[string]*casefile.State{}
		for ref, history := range histories {
			history = append([]casefile.Event{convertedTo(ours, hirePurchase, at(0))}, history...)
			states[ref] = casefile.Initial()
			for _, event := range history {
				w.on(ref, event)
				states[ref] = casefile.Evolve(states[ref], event)
			}
		}
		w.on("C9", closedAs("dismissed", at(20))) // never converted
		states["C9"] = casefile.Evolve(casefile.Initial(), closedAs("dismissed", at(20)))
		w.settle()
		w.read(CasesName, func(view engine.View) error {
			three, six := day(t, "2028-01-02"), day(t, "2031-01-02")
			for _, today := range []Day{three - 1, three, six - 1, six} {
				var want []string
				for ref, state := range states {
					if events, err := casefile.Decide(state, casefile.Tick{Today: calendar.Day(today)}); err == nil && len(events) > 0 {
						want = append(want, ref)
					}
				}
				slices.Sort(want)
				got, err := DueCases(t.Context(), view, SystemScope("test"), calendar.Day(today), Due{}, 10)
				var refs []string
				for _, due := range got {
					refs = append(refs, due.ID)
				}
				slices.Sort(refs)
				if err != nil || !slices.Equal(refs, want) {
					t.Errorf("on %v: got %v, %v, want %v", today, got, err, want)
				}
			}
			due, late := calendar.Day(day(t, "2028-01-02")), calendar.Day(day(t, "2031-01-02"))
			for _, page := range []struct {
				scope Scope
				after Due
				want  []Due
			}{
				{SystemScope("test"), Due{due, "C5"}, []Due{{due, "C7"}, {due, "C9"}}},
				{SystemScope("test"), Due{due, "C9"}, []Due{{late, "C1"}}},
				{BusinessScope("u", ours), Due{}, nil},
			} {
				if got, err := DueCases(t.Context(), view, page.scope, late, page.after, 2); err != nil || !slices.Equal(got, page.want) {
					t.Errorf("after %v: got %v, %v, want %v", page.after, got, err, page.want)
				}
			}
			if got, err := DueCases(t.Context(), view, SystemScope("test"), calendar.Day(NoDay), Due{}, 10); err != nil || len(got) != 5 {
				t.Errorf("at the end of days: got %v, %v, want none of what is never due", got, err)
			}
			return nil
		})
	})
}

func TestWhatIsDoneStandsInTheTimeline(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.on("C1", convertedTo(ours, hirePurchase, at(0)), &casefile.Allocated{To: "bob", From: "ada"},
			&casefile.AllocationReturned{From: "bob", Cause: casefile.HolderErased}, &casefile.LegalHoldPlaced{}, &casefile.LegalHoldLifted{},
			&casefile.PartyErased{Party: casefile.Consumer})
		w.settle()
		w.read(CasesName, func(view engine.View) error {
			for scope, want := range map[string]string{
				"business": `converted; allocated {"to":"bob","from":"ada"}; allocation-returned {"from":"bob","cause":"erased"}; party-erased {"party":"consumer"}`,
				"auditor": `converted; allocated {"to":"bob","from":"ada"}; allocation-returned {"from":"bob","cause":"erased"}; ` +
					`legal-hold-placed {}; legal-hold-lifted {}; party-erased {"party":"consumer"}`,
			} {
				rows, err := Timeline(t.Context(), view, map[string]Scope{"business": BusinessScope("u", ours), "auditor": AuditorScope("a")}[scope], "C1", 0, 100)
				var got []string
				for _, row := range rows {
					text := row.Kind
					if row.Kind != "converted" {
						text += " " + string(row.Data)
					}
					got = append(got, text)
				}
				if err != nil || strings.Join(got, "; ") != want {
					t.Errorf("%s: got %s, %v\nwant %s", scope, strings.Join(got, "; "), err, want)
				}
			}
			row, found, err := FindCase(t.Context(), view, BusinessScope("u", ours), "C1")
			if err != nil || !found || row.UpdatedAt != at(0) || row.Revision != 5 {
				t.Errorf("got %+v, %v, %v, want it updated when the source last spoke, at revision 5", row, found, err)
			}
			return nil
		})
	})
}

// figures are all statistics but the marks of change.
func figures(w *projtest.World) (all []string) {
	for table, rows := range w.Rows(Cases()) {
		if table != dashboardCells.Name && table != upholdCells.Name && table != upholdLedger.Name {
			continue
		}
		for _, row := range rows {
			if !strings.Contains(row, "measure="+measureChanges+" ") {
				all = append(all, table+" "+row)
			}
		}
	}
	slices.Sort(all)
	return all
}

// traces counts rows of a case that hold what was sealed, or can be found by it.
func traces(t *testing.T, w *projtest.World, ref string) (n int64) {
	t.Helper()
	err := engine.Read(t.Context(), w.Store, CasesName, func(view engine.View) error {
		for _, query := range []string{
			"SELECT COUNT(*) FROM {case_sealed} WHERE ref = $1 AND business_reference || handler || consumer || representative ||" +
				" reference_words || consumer_words || representative_words <> ''",
			"SELECT COUNT(*) FROM {search_words} WHERE ref = $1",
			"SELECT COUNT(*) FROM {case_timeline} WHERE ref = $1 AND (sealed <> '' OR frn <> '' OR kind LIKE 'action-%' OR kind = 'priority-changed')",
			"SELECT COUNT(*) FROM {case_uploads} WHERE ref = $1", "SELECT COUNT(*) FROM {case_notifications} WHERE ref = $1",
			"SELECT COUNT(*) FROM {case_actions} WHERE ref = $1", "SELECT COUNT(*) FROM {case_documents} WHERE ref = $1",
			"SELECT COUNT(*) FROM {cases} WHERE ref = $1 AND (issue <> '' OR priority OR priority_reason <> '' OR small_business OR" +
				" has_representative OR allocated_to <> '' OR allocation_returned OR actions_open > 0 OR uploads + failed_uploads + notifications > 0)",
		} {
			s := &statement{}
			s.arg(ref)
			found, err := number(t.Context(), view, "count traces", query, s)
			if err != nil {
				return err
			}
			n += found
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestErasedData: after a case's time has come nothing of it is left but the decision and basic data;
// no figure changes; and once its keys are destroyed a rebuild comes to the same rows. What the source
// says afterwards is there again.
func TestErasedData(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := projtest.New(t, address, hashed, Cases())
		w.Record(wholeLife()...)
		w.Record(projtest.On("casefile-C1", &casefile.Allocated{To: "ada"}))
		w.Project()
		before, other := figures(w), traces(t, w, "C2")
		if traces(t, w, "C1") == 0 || other == 0 {
			t.Fatal("there is nothing to erase")
		}
		w.Record(projtest.On("casefile-C1", &casefile.DataErased{Day: 30_000}))
		w.Project()
		if got := traces(t, w, "C1"); got != 0 {
			t.Errorf("got %d rows with traces of what was erased, want none", got)
		}
		if got := traces(t, w, "C2"); got != other {
			t.Errorf("another case: got %d rows, want %d", got, other)
		}
		if got := figures(w); !slices.Equal(got, before) {
			t.Errorf("figures: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(before, "\n"))
		}
		w.Record(projtest.On("upload-u1", &upload.Erased{About: about("C1"), At: at(40)}), // its bytes follow
			projtest.On("notification-n1", &notification.SuppressionAnswered{About: about("C1"), Answer: notification.Declined, At: at(40)}))
		w.Project()
		if got := traces(t, w, "C1"); got != 0 {
			t.Errorf("what came after the erasure: got %d rows with traces, want none", got)
		}
		erased := fmt.Sprint(w.Rows(Cases()))
		if err := w.Ring.DestroyTree(t.Context(), "casefile-C1"); err != nil {
			t.Fatal(err)
		}
		w.Check()
		if got := fmt.Sprint(w.Rows(Cases())); got != erased {
			t.Errorf("rebuilt without the keys: got\n%s\nwant\n%s", got, erased)
		}
		wantBasicData(t, w)

		again := &casefile.DetailsChanged{
			Origin: from(at(50)), Details: private.Of(casefile.Details{Handler: new("Team 2")}), Consumer: private.Of(casefile.Party{Name: "Mara Quill"}),
		}
		w.Record(projtest.On("casefile-C1", again))
		w.Project()
		w.Check()
		if traces(t, w, "C1") == 0 {
			t.Error("the source spoke of the case again, and nothing of it is there")
		}
		w.Record(projtest.On("casefile-C1", &casefile.DataErased{Day: 30_001}))
		w.Project()
		if got := traces(t, w, "C1"); got != 0 {
			t.Errorf("erased again: got %d rows with traces, want none", got)
		}
	})
}

func wantBasicData(t *testing.T, w *projtest.World) {
	t.Helper()
	err := engine.Read(t.Context(), w.Store, CasesName, func(view engine.View) error {
		row, found, err := FindCase(t.Context(), view, BusinessScope("u", ours), "C1")
		if err != nil || !found || !row.DataErased || row.FRN != ours || row.Product != "Credit cards" || row.Outcome != "no-change" ||
			row.Stage != "on-hold" || row.ConvertedAt != at(0) || row.ClosedAt != at(13) {
			t.Errorf("got %+v, %v, %v, want the decision and basic data", row, found, err)
		}
		rows, err := Timeline(t.Context(), view, AuditorScope("a"), "C1", 0, 100)
		var kinds []string
		for _, row := range rows {
			kinds = append(kinds, row.Kind)
		}
		want := "converted stage-changed suppressed unsuppressed transferred transferred recategorised closed reopened closed stage-changed handed-over " +
			"suppression-executed suppression-reversed data-erased"
		if got := strings.Join(kinds, " "); err != nil || got != want {
			t.Errorf("timeline: got %s, %v\nwant %s", got, err, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestErasedParty: a party goes without a trace, the rest stays; a rebuild without its key is the same.
func TestErasedParty(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := projtest.New(t, address, hashed, Cases())
		w.Record(wholeLife()...)
		gone := &casefile.DetailsChanged{Origin: from(at(20)), Representative: private.Of(casefile.Party{})}
		w.Record(projtest.On("casefile-C2", &casefile.DetailsChanged{Origin: from(at(19)), Representative: private.Of(casefile.Party{Name: "Oak & Ash LLP"})}, gone))
		w.Project()
		before := figures(w)
		for _, erase := range []struct{ ref, party string }{
			{"C1", casefile.Consumer}, {"C1", casefile.Representative}, {"C2", casefile.Representative},
		} {
			w.Record(projtest.On("casefile-"+erase.ref, &casefile.PartyErased{Party: erase.party}))
			w.Project()
			if err := w.Ring.Destroy(t.Context(), "casefile-"+erase.ref+"/"+erase.party); err != nil {
				t.Fatal(err)
			}
			w.Check()
		}
		if got := figures(w); !slices.Equal(got, before) {
			t.Errorf("figures: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(before, "\n"))
		}
		err := engine.Read(t.Context(), w.Store, CasesName, func(view engine.View) error {
			for ref, consumer := range map[string]bool{"C1": false, "C2": true} {
				row, found, err := FindCase(t.Context(), view, AuditorScope("a"), ref)
				if err != nil || !found || (row.SealedConsumer != "") != consumer || row.SealedRepresentative != "" || row.HasRepresentative || row.SealedHandler == "" {
					t.Errorf("%s: got %+v, %v, %v", ref, row, found, err)
				}
			}
			hits, _, err := CountCases(t.Context(), view, AuditorScope("a"), CaseFilter{Words: []string{"#quill"}})
			kept, _, err2 := CountCases(t.Context(), view, AuditorScope("a"), CaseFilter{Words: []string{"#jonas"}})
			if err != nil || err2 != nil || hits != 0 || kept != 1 {
				t.Errorf("found %d by the name that was erased, %d by the other, %v, %v", hits, kept, err, err2)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
