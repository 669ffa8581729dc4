package telemetry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
)

var now = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

func healthy() Health {
	return Health{
		MeasuredAt: now, LogHead: 42, LogRecordedAt: now.Add(-time.Second), HeldFacts: 2, OldestHeldAt: now.Add(-time.Minute), HeldOverLimit: 4, DeadLetters: 1,
		Projections: []ProjectionHealth{{Name: "cases", Checkpoint: 40, OldestUnprocessedAt: now.Add(-3 * time.Second), HeartbeatAt: now.Add(-time.Second), ParkedKeys: 1}},
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	limits := Limits{LagMax: time.Minute, HeartbeatMax: 30 * time.Second}
	cases := map[string]struct {
		change func(*ProjectionHealth)
		want   string
	}{
		"healthy":          {func(*ProjectionHealth) {}, ""},
		"caught up":        {func(p *ProjectionHealth) { p.OldestUnprocessedAt = time.Time{} }, ""},
		"behind":           {func(p *ProjectionHealth) { p.OldestUnprocessedAt = now.Add(-2 * time.Minute) }, "projection cases is 2m0s behind the log"},
		"silent":           {func(p *ProjectionHealth) { p.HeartbeatAt = now.Add(-time.Hour) }, "projection cases has been silent for 1h0m0s: see that a serve --roles project is running"},
		"never run":        {func(p *ProjectionHealth) { p.HeartbeatAt = time.Time{} }, "projection cases has no runner: start one with serve --roles project"},
		"stopped":          {func(p *ProjectionHealth) { p.Stopped = "another log" }, "projection cases stands still: another log"},
		"parked is no end": {func(p *ProjectionHealth) { p.ParkedKeys = 1000 }, ""},
	}
	for name, c := range cases {
		h := healthy()
		c.change(&h.Projections[0])
		if got := strings.Join(h.Problems(limits), "; "); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := NewMetrics("v1", func(context.Context) (Health, error) { return healthy(), nil })
	for range 3 {
		m.Ingested("accepted")
	}
	router := chi.NewRouter()
	router.Get("/cases/{ref}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, path := range []string{"/cases/secret-reference", "/nowhere"} {
		m.Middleware(router).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}
	text := scrape(t, m)
	for _, want := range []string{
		`casesync_ingest_events_total{status="accepted"} 3`,
		`casesync_log_head_position 42`,
		`casesync_held_oldest_age_seconds 60`,
		`casesync_held_streams_over_limit 4`,
		`casesync_projection_oldest_unprocessed_age_seconds{projection="cases"} 3`,
		`casesync_projection_parked_keys{projection="cases"} 1`,
		`casesync_projection_stopped{projection="cases"} 0`,
		`casesync_build_info{service_version="v1"} 1`,
		`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="418",http_route="/cases/{ref}"} 1`,
		`http_route="other"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if strings.Contains(text, "secret-reference") {
		t.Error("metrics name a case reference, want the route's pattern alone")
	}
}

func TestMetricsSayThatNothingCouldBeMeasured(t *testing.T) {
	t.Parallel()
	text := scrape(t, NewMetrics("v1", func(context.Context) (Health, error) { return Health{}, errors.New("database is down") }))
	if !strings.Contains(text, "casesync_health_measured 0") || strings.Contains(text, "casesync_log_head_position") {
		t.Errorf("got %s, want casesync_health_measured 0 and no other measure", text)
	}
}

func TestLogger(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger, err := NewLogger(&out, "json", "warn")
	if err != nil {
		t.Fatalf("new logger: %v", err)
	}
	logger.Info("left out")
	logger.Warn("kept", "position", 7)
	if got := out.String(); strings.Contains(got, "left out") || !strings.Contains(got, `"msg":"kept","position":7`) {
		t.Errorf("got %s, want the warning alone, as JSON", got)
	}
	for _, bad := range [][2]string{{"xml", "info"}, {"text", "loud"}} {
		if _, err := NewLogger(io.Discard, bad[0], bad[1]); err == nil {
			t.Errorf("format %s, level %s: got no error, want one", bad[0], bad[1])
		}
	}
}

func TestTracingIsOffWithoutAnEndpoint(t *testing.T) {
	t.Parallel()
	stop, err := StartTracing(t.Context(), func(string) string { return "" }, "v1")
	if err != nil {
		t.Fatalf("start tracing: %v", err)
	}
	if err := stop(t.Context()); err != nil {
		t.Errorf("stop tracing: %v", err)
	}
}
