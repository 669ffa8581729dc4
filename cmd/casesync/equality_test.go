package main

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/adapters/demo"
)

// A feed with 5 % duplicates, in any order within each case, gives the read models that the
// ordered feed gives, row by row.
func TestDisturbedFeedGivesTheSameReadModels(t *testing.T) {
	t.Parallel()
	lines := feedLines(t, 3000)
	ordered := sqliteWorld(t)
	ordered.must("import", file(t, lines))
	want := ordered.project()
	eachWorld(t, func(t *testing.T, w *world) {
		output := w.must("import", file(t, disturb(t, lines, 11)))
		if strings.Contains(output, " 0 held") || strings.Contains(output, " 0 duplicate") {
			t.Fatalf("the feed was not disturbed: %s", output)
		}
		same(t, w.project(), want)
	})
}

// Both databases give the same read models and the same answers for the same feed, also where two
// processes append at once, to the same cases.
func TestDatabasesAgreeWithTwoWriters(t *testing.T) {
	t.Parallel()
	lines := feedLines(t, 3000)
	var rows [][]string
	var answers []map[string]string
	for _, fresh := range []func(*testing.T) *world{sqliteWorld, postgresWorld} {
		w := fresh(t)
		w.must("import", file(t, lines[:100])) // makes the storage, which is not raced for here
		importAtOnce(t, w, lines)
		a, stop := w.serve()
		w.caughtUp()
		answers = append(answers, a.answers())
		stop()
		rows = append(rows, w.rows())
	}
	same(t, rows[1], rows[0])
	for path, want := range answers[0] {
		if got := answers[1][path]; got != want {
			t.Errorf("%s\n PostgreSQL %s\n SQLite     %s", path, short(got), short(want))
		}
	}
}

// importAtOnce imports every second line in one process and the rest, and some of the others
// again, in another one at the same time.
func importAtOnce(t *testing.T, w *world, lines []string) {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 3))
	var halves [2][]string
	for i, line := range lines {
		halves[i%2] = append(halves[i%2], line)
		if random.IntN(10) == 0 {
			halves[(i+1)%2] = append(halves[(i+1)%2], line)
		}
	}
	var running []*exec.Cmd
	for _, half := range halves {
		cmd := w.process("import", file(t, half))
		var printed strings.Builder
		cmd.Stdout, cmd.Stderr = &printed, &printed
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(printed.String())
			}
		})
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Fatalf("import: %v", err)
		}
	}
}

func short(text string) string { return text[:min(600, len(text))] }

// answers asks a lot of questions and returns what came, without what depends on when events were
// recorded.
func (a *api) answers() map[string]string {
	a.t.Helper()
	first, second := demo.FRN(0), demo.FRN(1)
	questions := []string{
		"/api/v1/me",
		"/api/v1/dashboard", "/api/v1/dashboard?business=" + first, "/api/v1/dashboard?business=" + second + "&business=" + first,
		"/api/v1/businesses",
		"/api/v1/uphold-rates?from=2024-01-01&to=2026-03-31",
		"/api/v1/uphold-rates?from=2025-02-11&to=2026-03-17&groupBy=business&groupBy=quarter",
		"/api/v1/uphold-rates?from=2024-01-01&to=2026-03-31&groupBy=sector&groupBy=group&groupBy=product&thresholds=published",
		"/api/v1/uphold-rates?from=2024-01-01&to=2026-03-31&groupBy=half-year&asAt=2099-01-01T00:00:00Z",
		"/api/v1/uphold-rates?from=2024-01-01&to=2026-03-31&groupBy=year&groupBy=month&asAt=2025-09-01T00:00:00Z&basis=source",
	}
	for _, filter := range []string{
		"status=open", "status=closed", "status=open&priority=true", "status=open&actionNeeded=true", "status=open&overdue=true",
		"status=open&stage=investigation", "status=open&not_stage=investigation", "status=closed&outcome=change&outcome=no-change",
		"status=closed&not_outcome=withdrawn", "status=open&business=" + first, "not_business=" + first, "convertedFrom=2025-06-01&convertedTo=2026-01-31",
		"status=closed&closedFrom=2025-12-01", "dueFrom=2026-01-01&dueTo=2026-12-31", "allocatedTo=none", "q=DEMO-0000",
		"facets=stage&facets=product&facets=outcome&facets=business&facets=issue",
	} {
		questions = append(questions, "/api/v1/cases?"+filter)
	}
	for _, sort := range []string{
		"reference", "-reference", "business,reference", "product", "-stage", "-priority,dueDate", "dueDate,-convertedAt", "-convertedAt", "closedAt",
		"-updatedAt", "allocatedTo", "outcome,-closedAt",
	} {
		questions = append(questions, "/api/v1/cases?limit=100&sort="+url.QueryEscape(sort))
	}
	answers := map[string]string{}
	for _, as := range []string{"auditor", "supervisor", "caseworker"} {
		for _, question := range questions {
			a.ask(answers, as, question)
		}
		a.askPages(answers, as, "/api/v1/cases?limit=10&sort=-priority,dueDate&status=open")
		for _, ref := range a.references() {
			for _, part := range []string{"", "/timeline", "/documents"} {
				a.ask(answers, as, "/api/v1/cases/"+ref+part)
			}
		}
		_, _, csv := a.get(as, "/api/v1/cases/export?format=csv&sort=reference")
		answers[as+" export"] = exported.ReplaceAllString(csv, "exported")
	}
	return answers
}

func (a *api) ask(answers map[string]string, as, path string) {
	a.t.Helper()
	status, _, body := a.get(as, path)
	if status >= 500 {
		a.t.Errorf("GET %s as %s: %d %s", path, as, status, body)
	}
	answers[as+" "+path] = timeless(a.t, body)
}

// askPages follows a list through all of its pages.
func (a *api) askPages(answers map[string]string, as, path string) {
	a.t.Helper()
	next := path
	for page := 0; next != "" && page < 500; page++ {
		object := a.object(as, next)
		items, _ := json.Marshal(object["items"])
		answers[as+" "+path+" page "+string(rune('0'+page%10))+strings.Repeat("+", page/10)] = timeless(a.t, string(items))
		cursor, _ := object["next"].(string)
		next = ""
		if cursor != "" {
			next = path + "&cursor=" + url.QueryEscape(cursor)
		}
	}
}

// references returns a few cases, of several businesses, and one that does not exist.
func (a *api) references() (refs []string) {
	a.t.Helper()
	for _, item := range a.object("auditor", "/api/v1/cases?limit=40&sort=reference")["items"].([]any) {
		refs = append(refs, item.(map[string]any)["reference"].(string))
	}
	return append(refs, "NO-SUCH-CASE")
}

// timeless leaves out of JSON what depends on when events were recorded.
func timeless(t *testing.T, body string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		return body
	}
	kept, err := json.Marshal(strip(value))
	if err != nil {
		t.Fatal(err)
	}
	return string(kept)
}

var recording = []string{"asOf", "position", "recordedAt", "revision", "next", "instance", "id"}

func strip(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if slices.Contains(recording, key) {
				delete(value, key)
				continue
			}
			value[key] = strip(inner)
		}
	case []any:
		for i := range value {
			value[i] = strip(value[i])
		}
	}
	return value
}

// exported matches the note of an export that says when, for whom and as of which position it was made.
var exported = regexp.MustCompile(`exported \S+ by \S+ as of position [\d.]+`)

// kill -9 in the middle of an import, again and again, and the import given again: the end is that
// of an import that nobody disturbed.
func TestKilledImportEndsAsAnUndisturbedOne(t *testing.T) {
	t.Parallel()
	lines := feedLines(t, 4000)
	undisturbed := sqliteWorld(t)
	undisturbed.must("import", file(t, lines))
	want := undisturbed.project()
	eachWorld(t, func(t *testing.T, w *world) {
		name := file(t, disturb(t, lines, 5))
		random := rand.New(rand.NewPCG(9, uint64(len(w.storage))))
		killed := 0
		for range 8 {
			cmd := w.process("import", name)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			select {
			case <-ended:
			case <-time.After(time.Duration(100+random.IntN(900)) * time.Millisecond):
				_ = cmd.Process.Kill()
				<-ended
				killed++
			}
		}
		if killed == 0 {
			t.Fatal("no import was killed: the feed is too short for this machine")
		}
		w.must("import", name)
		same(t, w.project(), want)
		w.must("verify")
	})
}
