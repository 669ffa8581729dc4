package projections

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"casesync/domain/notification"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

// bulk writes many plain case rows straight into the live tables: plans need rows, not history.
func bulk(tb testing.TB, w *world, n int) {
	tb.Helper()
	w.settle()
	var generation int64
	w.read(CasesName, func(view engine.View) error {
		generation = view.Generation
		return nil
	})
	var rows, envelopes [][]any
	for i := range n {
		row := caseRow{
			Ref: fmt.Sprintf("C%06d", i), FRN: fmt.Sprintf("%06d", 100_000+i%10), Converted: true, Open: i%4 > 0,
			Stage: "converted", ConvertedAt: int64(i), UpdatedAt: int64(i * 7 % n), DueDay: int64(i % 300), ClosedAt: int64(i * 3 % n),
			ErasesDay: int64(NoDay), FileRequestedDay: int64(NoDay),
		}
		if i%4 == 0 {
			row.ErasesDay = int64(20_000 + i%2_000)
		}
		if i%5 == 0 {
			row.AllocatedTo = fmt.Sprintf("user-%d", i%700)
		}
		rows = append(rows, valuesOf(cases.Fields(&row)))
		envelopes = append(envelopes, valuesOf(caseSealed.Fields(&sealedRow{Ref: row.Ref, Consumer: strings.Repeat("x", 300)})))
	}
	err := w.store.Update(tb.Context(), func(tx engine.Tx) error {
		write := func(spec engine.Spec, rows [][]any) error {
			table := fmt.Sprintf("%s_%d", spec.Name, generation)
			return tx.Write(tb.Context(), engine.Changes{Table: table, Columns: spec.Columns, Key: spec.Key, Insert: rows})
		}
		if err := errors.Join(write(cases.Spec, rows), write(caseSealed.Spec, envelopes)); err != nil {
			return err
		}
		_, err := tx.Exec(tb.Context(), "ANALYZE")
		return err
	})
	if err != nil {
		tb.Fatalf("write rows: %v", err)
	}
}

func valuesOf(fields []any) []any {
	values := make([]any, len(fields))
	for i, field := range fields {
		values[i] = reflect.ValueOf(field).Elem().Interface()
	}
	return values
}

// plan returns the database's plan of a query, a line for each step.
func plan(ctx context.Context, view engine.View, explain, query string, s *statement) (string, error) {
	lines, err := collect(ctx, view, "explain", explain+" "+query, s, func(scan func(...any) error) (line string, err error) {
		if strings.HasPrefix(explain, "EXPLAIN QUERY PLAN") {
			var id, parent, unused int64
			err = scan(&id, &parent, &unused, &line)
			return line, err
		}
		err = scan(&line)
		return line, err
	})
	return strings.Join(lines, "\n"), err
}

// TestListsAreReadFromIndexes: for the orders that lists are promised to be quick in, no plan reads
// a whole table, and none sorts more than the rows of its page.
func TestListsAreReadFromIndexes(t *testing.T) {
	t.Parallel()
	for name, db := range map[string]struct {
		address func(testing.TB) string
		explain string
		bad     func(plan string) bool
	}{
		"sqlite": {sqldbtest.SQLite, "EXPLAIN QUERY PLAN", func(plan string) bool {
			// What is read of the cases comes in order; only what is merged of pages is sorted.
			return strings.Contains(plan, "SCAN c") || sortedCases.MatchString(plan)
		}},
		"postgres": {sqldbtest.Postgres, "EXPLAIN", func(plan string) bool {
			return strings.Contains(plan, "Seq Scan on cases") || sortedScan.MatchString(plan)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, db.address(t), Cases())
			bulk(t, w, 30_000)
			for _, q := range quickQueries() {
				w.read(CasesName, func(view engine.View) error {
					text, s, _, err := listQuery(t.Context(), view, q.scope, &q.CaseQuery)
					if err != nil {
						return err
					}
					got, err := plan(t.Context(), view, db.explain, text, s)
					if err == nil && db.bad(got) {
						t.Errorf("%+v of %+v is read by\n%s", q.Sort, q.scope, got)
					}
					return err
				})
			}
			for what, query := range keepingQueries() {
				w.read(CasesName, func(view engine.View) error {
					text, s := query()
					got, err := plan(t.Context(), view, db.explain, text, s)
					if err == nil && !keepingIndex.MatchString(got) {
						t.Errorf("%s are read by\n%s", what, got)
					}
					return err
				})
			}
		})
	}
}

// bulkSent writes many uploads and notifications straight into the live tables, three to a case of bulk, as if
// they were of hundreds of businesses.
func bulkSent(tb testing.TB, w *world, cases int) {
	tb.Helper()
	var generation int64
	w.read(CasesName, func(view engine.View) error {
		generation = view.Generation
		return nil
	})
	statuses := []string{"accepted", "accepted", "accepted", "accepted", "sent", "rejected", "quarantined"}
	var files, notes, entries [][]any
	for i := range 3 * cases {
		ref, frn := fmt.Sprintf("C%06d", i%cases), fmt.Sprintf("%06d", 100_000+i%500)
		person, id := fmt.Sprintf("user-%d", i%700), fmt.Sprintf("%08x", i*2654435761%(1<<32))
		file := uploadRow{Ref: ref, ID: id, FRN: frn, Person: person, Status: statuses[i%7], Bytes: 100, BeganAt: int64(i), Name: strings.Repeat("x", 200)}
		note := notificationRow{Ref: ref, ID: id, FRN: frn, Person: person, Status: statuses[i%5], Type: fmt.Sprint("type-", i%14), SentAt: int64(i)}
		if i%3 == 0 {
			note.Bulk = fmt.Sprint("bulk-", i/300)
		}
		note.Asks = i%1000 == 0
		entry := timelineRow{Ref: ref, N: int64(i/cases + 1), FRN: frn, Kind: "upload-received", About: id, Data: "{}"}
		files, notes = append(files, valuesOf(uploads.Fields(&file))), append(notes, valuesOf(notifications.Fields(&note)))
		entries = append(entries, valuesOf(timeline.Fields(&entry)))
	}
	err := w.store.Update(tb.Context(), func(tx engine.Tx) error {
		for spec, rows := range map[*engine.Spec][][]any{&uploads.Spec: files, &notifications.Spec: notes, &timeline.Spec: entries} {
			table := fmt.Sprintf("%s_%d", spec.Name, generation)
			if err := tx.Write(tb.Context(), engine.Changes{Table: table, Columns: spec.Columns, Key: spec.Key, Insert: rows}); err != nil {
				return err
			}
		}
		_, err := tx.Exec(tb.Context(), "ANALYZE")
		return err
	})
	if err != nil {
		tb.Fatalf("write rows: %v", err)
	}
}

// TestWhatWasSentIsReadFromIndexes: no query about uploads, notifications, suppressions or changes reads a whole
// table, and the lists sort no more than the rows of their pages.
func TestWhatWasSentIsReadFromIndexes(t *testing.T) {
	t.Parallel()
	for name, db := range map[string]struct {
		address func(testing.TB) string
		explain string
		by      string // how it says what it reads by; PostgreSQL knows better, from what it counted
		bad     *regexp.Regexp
	}{
		"sqlite": {sqldbtest.SQLite, "EXPLAIN QUERY PLAN", `(?:SEARCH|SCAN) (?:t|c|case_\w+) USING[^\n]*%s`,
			regexp.MustCompile(`SCAN (?:t|c)(?:\n|$)|SEARCH t[^\n]*_i[0-9][^\n]*\n[^\n]*USE TEMP B-TREE`)},
		"postgres": {sqldbtest.Postgres, "EXPLAIN", `%.0s`, regexp.MustCompile(`Seq Scan on (?:cases|case_[unt])|Sort Key[^\n]*\n[^\n]*Scan using case_\w+_i`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, db.address(t), Cases())
			bulk(t, w, 6_000)
			bulkSent(t, w, 6_000)
			for what, query := range sentPlans() {
				w.read(CasesName, func(view engine.View) error {
					text, s := query.text()
					got, err := plan(t.Context(), view, db.explain, text, s)
					if strings.Contains(got, "CO-ROUTINE t\n") { // the rows of one case
						got = strings.Replace(got, "SCAN t\n", "", 1)
					}
					if err == nil && (db.bad.MatchString(got) || !regexp.MustCompile(fmt.Sprintf(db.by, query.by)).MatchString(got)) {
						t.Errorf("%s: not by %s, but by\n%s", what, query.by, got)
					}
					return err
				})
			}
		})
	}
}

// sentPlan is a query, and the column or the index that it is to be read by.
type sentPlan struct {
	by   string
	text func() (string, *statement)
}

// sentPlans are the queries whose cost must not depend on how much was sent: first pages and such far behind.
func sentPlans() map[string]sentPlan {
	plans := map[string]sentPlan{}
	for who, c := range map[string]struct {
		scope       Scope
		all, status string // by what all is read, and what has a status
	}{
		"a business": {BusinessScope("u", "100003"), "frn ?=", "frn ?="}, "businesses": {BusinessScope("u", "100003", "100004", "100005"), "frn ?=", "frn ?="},
		"an auditor": {AuditorScope("a"), "_i", "status ?="}, "an auditor of one": {AuditorScope("a").Within("100003"), "frn ?=", "frn ?="},
	} {
		for page, far := range map[string]time.Time{"": {}, ", further": time.UnixMicro(9_000)} {
			id := strings.Repeat("7", len(page))
			add := func(what, by string, text func() (string, *statement)) {
				plans[what+" of "+who+page] = sentPlan{by, text}
			}
			for _, u := range []struct {
				what, by string
				filter   UploadFilter
			}{
				{"uploads", c.all, UploadFilter{}}, {"failed uploads", c.status, UploadFilter{FailedOnly: true}},
				{"uploads of a person", "person ?=", UploadFilter{Person: "user-35"}},
				{"uploads of a person that failed", "person ?=", UploadFilter{Person: "user-35", FailedOnly: true}},
				{"uploads of a case", "ref ?=", UploadFilter{Ref: "C000003"}}, {"failed uploads of a case", "ref ?=", UploadFilter{Ref: "C000003", FailedOnly: true}},
			} {
				add(u.what, u.by, func() (string, *statement) {
					text, s, _ := u.filter.query(c.scope, UploadCursor{far, id}, 50)
					return text, s
				})
			}
			sent, kind := []notification.Status{"sent", "rejected"}, []notification.TypeID{"type-3"}
			for _, n := range []struct {
				what, by string
				filter   NotificationFilter
			}{
				{"notifications", c.all, NotificationFilter{}}, {"notifications with a status", c.status, NotificationFilter{Status: sent}},
				{"notifications of a type", "type ?=", NotificationFilter{Type: kind}}, {"notifications of a person", "person ?=", NotificationFilter{Person: "user-35"}},
				{"notifications sent at once", "bulk ?=", NotificationFilter{Bulk: "bulk-7"}},
				{"notifications of a case", "ref ?=", NotificationFilter{Ref: "C000003", Status: sent, Type: kind}},
			} {
				add(n.what, n.by, func() (string, *statement) { return n.filter.query(c.scope, NotificationCursor{far, id}, 50) })
			}
		}
		plans["changes for "+who] = sentPlan{"ref ?=", func() (string, *statement) {
			return caseChanges(c.scope, map[string]int64{"C000003": 1, "C000013": 2, "C000023": 0})
		}}
	}
	system := SystemScope("test")
	plans["in line"] = sentPlan{"ref ?=", func() (string, *statement) { return notificationsInLine(system, "C000003") }}
	plans["sent on a day"] = sentPlan{"frn ?=", func() (string, *statement) { return sentOn("100003", time.UnixMicro(100), time.UnixMicro(400)) }}
	plans["requests"] = sentPlan{"_i10", func() (string, *statement) { return suppressionRequests(system, NotificationCursor{}, 50) }}
	plans["requests, further"] = sentPlan{"_i10", func() (string, *statement) {
		return suppressionRequests(system, NotificationCursor{time.UnixMicro(9_000), "7"}, 50)
	}}
	plans["suppressed cases"] = sentPlan{"_i10", func() (string, *statement) { return suppressedCases(system, "C001000", 50) }}
	return plans
}

// sortedCases is a step of SQLite that sorts right after it read cases.
var sortedCases = regexp.MustCompile(`SEARCH c[^\n]*\n[^\n]*USE TEMP B-TREE`)

// sortedScan is a step of PostgreSQL that sorts what it reads of cases.
var sortedScan = regexp.MustCompile(`Sort Key[^\n]*\n[^\n]*Scan[^\n]* on cases`)

type scopedQuery struct {
	scope Scope
	CaseQuery
}

// quickQueries are those whose cost must not depend on the number of cases: a first page and one
// far behind, for one business, and for a few.
func quickQueries() (queries []scopedQuery) {
	add := func(scope Scope, status string, sort SortKey, after string) {
		q := CaseQuery{CaseFilter: CaseFilter{Status: status}, Sort: []SortKey{sort}, Limit: 50}
		queries = append(queries, scopedQuery{scope, q})
		q.After = &Cursor{Values: []string{after}, Ref: "C015000"}
		if sort.By == SortReference {
			q.After.Values = nil
		}
		queries = append(queries, scopedQuery{scope, q})
	}
	for _, scope := range []Scope{BusinessScope("u", "100003"), BusinessScope("u", "100003", "100004", "100005")} {
		for by, after := range map[string]string{SortReference: "", SortDueDate: "150", SortConvertedAt: "15000", SortUpdatedAt: "15000"} {
			add(scope, StatusOpen, SortKey{By: by}, after)
			add(scope, StatusOpen, SortKey{By: by, Descending: true}, after)
		}
		add(scope, StatusClosed, SortKey{By: SortClosedAt, Descending: true}, "15000")
		add(scope, "", SortKey{By: SortDueDate}, "150")
	}
	add(AuditorScope("a"), StatusOpen, SortKey{By: SortDueDate}, "150")
	add(AuditorScope("a"), StatusClosed, SortKey{By: SortClosedAt, Descending: true}, "15000")
	return queries
}

// keepingQueries are those by which the clock, and the end of an account, find the few cases that they
// concern: however many there are, no others are read.
func keepingQueries() map[string]func() (string, *statement) {
	system := SystemScope("test")
	return map[string]func() (string, *statement){
		"due cases":           func() (string, *statement) { return dueCases(system, 20_001, Due{}, 100) },
		"due cases, further":  func() (string, *statement) { return dueCases(system, 20_001, Due{20_001, "C015000"}, 100) },
		"a person's cases":    func() (string, *statement) { return casesAllocatedTo(system, "user-35", "", "", 100) },
		"a person's, further": func() (string, *statement) { return casesAllocatedTo(system, "user-35", "100003", "C015000", 100) },
	}
}

// keepingIndex is a step that reads one of the two indexes made for them.
var keepingIndex = regexp.MustCompile(`cases_1_i[89]`)
