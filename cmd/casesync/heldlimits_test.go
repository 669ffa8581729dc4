package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"casesync/adapters/demo"
)

// stageEvent is an event of one of two cases, as a line of a file.
func stageEvent(reference string, sequence int) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"%[1]s-%[2]d","source":"%[3]s","type":"cms.case.stage-changed.v1","subject":"%[1]s",`+
		`"time":"2026-03-02T09:00:00Z","sequence":"%[2]d","datacontenttype":"application/json","data":{"stage":"investigation"}}`, reference, sequence, demo.Source)
}

// holding is an installation with a limit of one held event, one case over it and one within.
func holding(t *testing.T) *world {
	t.Helper()
	w := sqliteWorld(t)
	w.storage = append(w.storage, "--held-events-max", "1")
	// One after the other: they are listed by age, and one import takes cases side by side.
	w.must("import", file(t, []string{stageEvent("C-1", 2), stageEvent("C-1", 4)}))
	w.must("import", file(t, []string{stageEvent("C-2", 2)}))
	return w
}

func TestHeldOverLimitIsShown(t *testing.T) {
	t.Parallel()
	w := holding(t)
	a, _ := w.serve()
	w.caughtUp()
	items, _ := a.object("operator", "/api/v1/held")["items"].([]any)
	for i, want := range []bool{true, false} {
		if len(items) != 2 || items[i].(map[string]any)["overLimit"] != want {
			t.Fatalf("held: got %v, want C-1 over the limit and C-2 within", items)
		}
	}
	if status, _, body := a.get("operator", "/readyz"); status != http.StatusOK || !strings.Contains(body, `{"name":"feeds: over the limits of held facts","ready":true,"value":1,"help":"casesync held list`) {
		t.Errorf("ready: got %d %s, want it ready, and to say that one case is over", status, body)
	}
	if _, _, body := a.get("operator", "/metrics"); !strings.Contains(body, "\ncasesync_held_streams_over_limit 1\n") {
		t.Errorf("metrics: got %s, want one stream over the limit", body)
	}
	lines := strings.Split(w.must("held", "list"), "\n")
	if !strings.HasSuffix(lines[1], "over") || !strings.HasSuffix(lines[2], "within") {
		t.Errorf("list: got %q, want C-1 over the limit and C-2 within", lines)
	}
}

func TestHeldOverLimitIsReportedOnceAnHour(t *testing.T) {
	t.Parallel()
	w := holding(t)
	w.project()
	now := time.Now()
	var logged bytes.Buffer
	p := &program{
		settings: &manual{}, resolver: newResolver(os.Getenv), getenv: func(string) string { return "" },
		stdout: &logged, stderr: &logged, now: func() time.Time { return now },
	}
	if _, err := p.parse(append([]string{"held", "list"}, w.storage...)); err != nil {
		t.Fatal(err)
	}
	if err := p.settings.complete(); err != nil {
		t.Fatal(err)
	}
	p.logger = slog.New(slog.NewTextHandler(&logged, nil))
	sys := p.system()
	defer sys.close()
	if _, err := sys.store(t.Context()); err != nil {
		t.Fatal(err)
	}
	report := &heldReport{system: sys, named: map[string]time.Time{}}
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, "streams_over_limit=1 streams=[casefile-C-1]"},
		{time.Minute, ""},
		{time.Hour, "streams_over_limit=1 streams=[casefile-C-1]"},
		{25 * time.Hour, "streams_over_limit=2 streams=\"[casefile-C-1 casefile-C-2]\""}, // by age
	} {
		now = now.Add(step.after)
		logged.Reset()
		if err := report.report(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := logged.String(); (step.want == "") != (got == "") || !strings.Contains(got, step.want) {
			t.Errorf("after %s: got %q, want %q", step.after, got, step.want)
		}
	}
}

func TestFeedLimitsAreChecked(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--event-kib-max=0", "--event-kib-max=1025", "--held-events-max=0", "--held-age-max=0s"} {
		output, code := sqliteWorld(t).run("config", flag)
		if name, _, _ := strings.Cut(flag, "="); code != exitUsage || !strings.Contains(output, name) {
			t.Errorf("%s: got exit code %d, %s, want it refused by name", flag, code, output)
		}
	}
}

func TestEventSizeIsASetting(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	line := strings.Replace(stageEvent("C-1", 1), "investigation", strings.Repeat("x", 1500), 1)
	if output, code := w.run("import", file(t, []string{line}), "--event-kib-max", "1"); code != exitFailed || !strings.Contains(output, "1 rejected") {
		t.Errorf("got exit code %d, %s, want the event rejected", code, output)
	}
	if letters := w.must("dead-letters", "list"); !strings.Contains(letters, "event-too-large") {
		t.Errorf("dead letters: got %s, want event-too-large", letters)
	}
}
