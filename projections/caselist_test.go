package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"casesync/domain/casefile"
	"casesync/projections/engine"
)

// fillRandomly records n cases whose rows differ in everything that lists sort and filter by.
func fillRandomly(w *world, random *rand.Rand, n int) {
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	for i := range n {
		ref, began := fmt.Sprintf("%s-%03d", pick("A", "B"), i), at(24*random.IntN(60))
		product := []casefile.Product{hirePurchase, creditCards}[random.IntN(2)]
		converted := convertedTo(pick("100001", "100002", "100003", "1000004"), product, began)
		converted.Details = sealed(casefile.Details{Issue: new(pick("Delay", "Fee", "Advice"))}, "d"+ref)
		converted.Consumer = sealed(casefile.Party{Name: pick("Mara", "Jonas", "Marek") + " " + pick("Quill", "Fell")}, "c"+ref)
		w.on(ref, converted)
		for range random.IntN(8) {
			when := began.Add(at(random.IntN(500)).Sub(start))
			switch random.IntN(8) {
			case 0, 1:
				w.on(ref, stage(pick("file-requested", "view-issued", "on-hold"), when))
			case 2:
				w.on(ref, priorityIs(random.IntN(2) == 0, when))
			case 3, 4:
				w.on(ref, requested(pick("a", "b"), pick("2025-01-20", "2025-02-03", "2025-03-01"), when))
			case 5:
				w.on(ref, closedAs(pick("change", "no-change", "withdrawn"), when))
			case 6:
				w.on(ref, actionClosed(pick("a", "b"), when))
			case 7:
				w.on(ref, []casefile.Event{suppressedAt(when), unsuppressedAt(when), reopenedAt(when)}[random.IntN(3)])
			}
		}
	}
	w.settle()
}

// readAll returns all case rows there are, and the names of their consumers' words.
func readAll(w *world) (rows []caseRow, words map[string]string) {
	words = map[string]string{}
	w.read(CasesName, func(view engine.View) (err error) {
		rows, err = rowsOf(w.t.Context(), view, cases, "SELECT "+list(cases.Columns, "")+" FROM {cases} ORDER BY ref", &statement{})
		if err != nil {
			return err
		}
		found, err := rowsOf(w.t.Context(), view, caseSealed, "SELECT "+list(caseSealed.Columns, "")+" FROM {case_sealed}", &statement{})
		for _, row := range found {
			words[row.Ref] = " " + strings.Join([]string{row.ReferenceWords, row.ConsumerWords, row.RepresentativeWords}, " ") + " "
		}
		return err
	})
	return rows, words
}

// takes is CaseFilter said once more, plainly.
func takes(f *CaseFilter, scope Scope, r *caseRow, words string) bool {
	flag := func(wanted *bool, is bool) bool { return wanted == nil || *wanted == is }
	from := func(bound *Day, is int64) bool { return bound == nil || is >= int64(*bound) }
	to := func(bound *Day, is int64) bool { return bound == nil || is <= int64(*bound) }
	values := map[Field]string{
		FieldBusiness: r.FRN, FieldStage: r.Stage, FieldProduct: r.Product, FieldIssue: r.Issue, FieldOutcome: r.Outcome,
		FieldAllocatedTo: cmp.Or(r.AllocatedTo, AllocatedToNone),
	}
	for field, value := range values {
		if len(f.In[field]) > 0 && !slices.Contains(f.In[field], value) || slices.Contains(f.Not[field], value) {
			return false
		}
	}
	searched := f.Reference != "" || len(f.Words) > 0
	found := f.Reference != "" && strings.HasPrefix(r.Ref, f.Reference) ||
		len(f.Words) > 0 && !slices.ContainsFunc(f.Words, func(word string) bool { return !strings.Contains(words, " "+word+" ") })
	return r.Converted && scope.Sees(r.FRN, r.Suppressed) &&
		(f.Status == "" || r.Open == (f.Status == StatusOpen)) &&
		flag(f.Priority, r.Priority) && flag(f.ActionNeeded, r.Open && r.ActionsOpen > 0) && flag(f.FailedUpload, false) &&
		flag(f.Overdue, r.Open && r.ActionsOpen > 0 && r.DueDay < int64(f.Today)) &&
		from(f.ConvertedFrom, r.ConvertedDay) && to(f.ConvertedTo, r.ConvertedDay) &&
		(f.ClosedFrom == nil && f.ClosedTo == nil || !r.Open) && from(f.ClosedFrom, r.ClosedDay) && to(f.ClosedTo, r.ClosedDay) &&
		(f.DueFrom == nil && f.DueTo == nil || r.ActionsOpen > 0) && from(f.DueFrom, r.DueDay) && to(f.DueTo, r.DueDay) &&
		(!searched || found)
}

// randomFilter is a filter with any part of what filters can say.
func randomFilter(random *rand.Rand) CaseFilter {
	f := CaseFilter{Today: DayOf(at(24 * 40)), In: map[Field][]string{}, Not: map[Field][]string{}}
	f.Status = []string{"", StatusOpen, StatusOpen, StatusClosed}[random.IntN(4)]
	values := map[Field][]string{
		FieldBusiness: {"100001", "100002", "999999"}, FieldStage: {"converted", "on-hold", "view-issued"},
		FieldProduct: {"Credit cards"}, FieldIssue: {"Delay", "Fee"}, FieldOutcome: {"change", ""},
		FieldAllocatedTo: {AllocatedToMe, AllocatedToNone, "someone"},
	}
	for _, field := range []Field{FieldBusiness, FieldStage, FieldProduct, FieldIssue, FieldOutcome, FieldAllocatedTo} {
		if list := values[field]; random.IntN(6) == 0 {
			f.In[field] = list[:1+random.IntN(len(list))]
		} else if random.IntN(6) == 0 {
			f.Not[field] = list[:1+random.IntN(len(list))]
		}
	}
	for _, flag := range []**bool{&f.Priority, &f.ActionNeeded, &f.Overdue, &f.FailedUpload} {
		if random.IntN(8) == 0 {
			*flag = new(random.IntN(3) > 0)
		}
	}
	for _, bound := range []**Day{&f.ConvertedFrom, &f.ConvertedTo, &f.ClosedFrom, &f.ClosedTo, &f.DueFrom, &f.DueTo} {
		if random.IntN(12) == 0 {
			*bound = new(DayOf(at(24 * random.IntN(70))))
		}
	}
	if random.IntN(4) == 0 {
		f.Words = [][]string{{"#mar"}, {"#mara", "#fell"}, {"#nobody"}}[random.IntN(3)]
	}
	if random.IntN(4) == 0 {
		f.Reference = []string{"A-0", "B", "C"}[random.IntN(3)]
	}
	return f
}

func randomSort(random *rand.Rand) (sort []SortKey) {
	keys := []string{SortReference, SortBusiness, SortProduct, SortStage, SortPriority, SortDueDate, SortConvertedAt,
		SortClosedAt, SortUpdatedAt, SortAllocatedTo, SortOutcome}
	for range random.IntN(SortKeysMax + 1) {
		sort = append(sort, SortKey{keys[random.IntN(len(keys))], random.IntN(2) == 0})
	}
	return sort
}

// sorted orders rows as the query asks, by the columns' values.
func sorted(t *testing.T, rows []caseRow, q CaseQuery) []caseRow {
	t.Helper()
	order, err := orderOf(&q)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(rows, func(a, b caseRow) int {
		for _, key := range order {
			c := 0
			switch x := cases.Fields(&a)[key.column].(type) {
			case *string:
				c = cmp.Compare(*x, *cases.Fields(&b)[key.column].(*string))
			case *int64:
				c = cmp.Compare(*x, *cases.Fields(&b)[key.column].(*int64))
			case *bool:
				c = strings.Compare(strconv.FormatBool(*x), strconv.FormatBool(*cases.Fields(&b)[key.column].(*bool)))
			}
			if key.descending {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return rows
}

// TestListsAgreeWithAPlainModel asks random queries, page by page, and compares with a filter and a
// sort of all rows in memory; and so the totals and the facets.
func TestListsAgreeWithAPlainModel(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		random := rand.New(rand.NewPCG(7, 11))
		fillRandomly(w, random, 150)
		rows, words := readAll(w)
		scopes := []Scope{
			BusinessScope("me", "100001"), BusinessScope("me", "100001", "100002", "1000004"), AuditorScope("a"), {},
			BusinessScope("me", append(unrelated(2*branchesMax), "100002", "100003")...),
		}
		for range 200 {
			q := CaseQuery{CaseFilter: randomFilter(random), Sort: randomSort(random), Limit: 1 + random.IntN(40)}
			scope := scopes[random.IntN(len(scopes))]
			want := slices.DeleteFunc(slices.Clone(rows), func(r caseRow) bool { return !takes(&q.CaseFilter, scope, &r, words[r.Ref]) })
			want = sorted(t, want, q)
			w.read(CasesName, func(view engine.View) error {
				if got, err := allPages(t.Context(), view, scope, q); err != nil || !slices.Equal(got, refsOf(want)) {
					t.Fatalf("query %+v of %+v: got %v, %v\nwant %v", q, scope, got, err, refsOf(want))
				}
				total, exact, err := CountCases(t.Context(), view, scope, q.CaseFilter)
				if err != nil || !exact || total != int64(len(want)) {
					t.Fatalf("count %+v of %+v: got %d, %v, %v, want %d", q.CaseFilter, scope, total, exact, err, len(want))
				}
				return checkFacet(t, view, scope, q.CaseFilter, rows, words)
			})
		}
	})
}

// unrelated are FRNs of businesses without a case.
func unrelated(n int) (frns []string) {
	for i := range n {
		frns = append(frns, strconv.Itoa(500_000+i))
	}
	return frns
}

func allPages(ctx context.Context, view engine.View, scope Scope, q CaseQuery) (refs []string, err error) {
	for {
		page, err := ListCases(ctx, view, scope, q)
		if err != nil {
			return nil, err
		}
		if len(page.Items) > q.Limit || page.Next != nil && len(page.Items) < q.Limit {
			return nil, fmt.Errorf("page of %d rows, limit %d, next %v", len(page.Items), q.Limit, page.Next)
		}
		for _, row := range page.Items {
			refs = append(refs, row.Ref)
		}
		if page.Next == nil {
			return refs, nil
		}
		q.After = page.Next
	}
}

func refsOf(rows []caseRow) (refs []string) {
	for _, row := range rows {
		refs = append(refs, row.Ref)
	}
	return refs
}

func checkFacet(t *testing.T, view engine.View, scope Scope, f CaseFilter, rows []caseRow, words map[string]string) error {
	t.Helper()
	got, complete, err := CaseFacets(t.Context(), view, scope, f, []Field{FieldStage})
	if err != nil {
		return err
	}
	scope.suppressed = false
	other, want := f.without(FieldStage), map[string]int64{}
	for i := range rows {
		if takes(other, scope, &rows[i], words[rows[i].Ref]) {
			want[rows[i].Stage]++
		}
	}
	if !complete || len(got[FieldStage]) != len(want) {
		t.Errorf("facet of %+v: got %v, want %v", f, got, want)
	}
	for i, count := range got[FieldStage] {
		if count.Count != want[count.Value] || i > 0 && count.Count > got[FieldStage][i-1].Count {
			t.Errorf("facet of %+v: got %v, want %v, the most frequent first", f, got, want)
		}
	}
	return nil
}

func TestQueriesAskedWronglySaySo(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.on("C1", convertedTo(ours, hirePurchase, at(0)))
		w.settle()
		for name, c := range map[string]struct {
			q    CaseQuery
			want error
		}{
			"status":         {CaseQuery{CaseFilter: CaseFilter{Status: "lost"}, Limit: 10}, ErrUnknownFilter},
			"field":          {CaseQuery{CaseFilter: CaseFilter{In: map[Field][]string{"frn; --": {"x"}}}, Limit: 10}, ErrUnknownFilter},
			"limit":          {CaseQuery{}, ErrUnknownFilter},
			"sort":           {CaseQuery{Sort: []SortKey{{By: "ref; DROP TABLE cases"}}, Limit: 10}, ErrUnknownSort},
			"three keys":     {CaseQuery{Sort: make([]SortKey, 3), Limit: 10}, ErrUnknownSort},
			"cursor length":  {CaseQuery{Limit: 10, After: &Cursor{Ref: "C1"}}, ErrBadCursor},
			"cursor numbers": {CaseQuery{Limit: 10, After: &Cursor{Values: []string{"soon"}, Ref: "C1"}}, ErrBadCursor},
		} {
			w.read(CasesName, func(view engine.View) error {
				if _, err := ListCases(t.Context(), view, AuditorScope("a"), c.q); !errors.Is(err, c.want) {
					t.Errorf("%s: got %v, want %v", name, err, c.want)
				}
				return nil
			})
		}
		w.read(CasesName, func(view engine.View) error {
			page, err := ListCases(t.Context(), view, AuditorScope("a"), CaseQuery{Limit: 10, CaseFilter: CaseFilter{
				In: map[Field][]string{FieldStage: {"' OR 1 = 1 --"}}, Reference: "%_'", Words: []string{`"; --`},
			}})
			if len(page.Items) != 0 {
				t.Errorf("got %+v for values that are nobody's, want nothing", page.Items)
			}
			return err
		})
	})
}
