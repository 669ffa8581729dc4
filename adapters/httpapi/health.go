package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"casesync/eventstore/sharedread"
)

// Health takes the independent measures of readiness: head against checkpoint, age of the oldest
// event not processed, heartbeat of the runner, held, parked, dead letters. An error means that a
// measure could not be taken, which is not ready either.
type Health func(ctx context.Context) ([]Finding, error)

// Finding is what one measure found.
type Finding struct {
	Name  string `json:"name" example:"cases: lag"`
	Ready bool   `json:"ready" doc:"False where it keeps the service from being ready"`
	Value any    `json:"value,omitempty" doc:"What was measured"`
	Help  string `json:"help,omitempty" doc:"What to do, where there is something to do"`
}

// Readiness is the answer of /readyz.
type Readiness struct {
	Ready  bool      `json:"ready"`
	Checks []Finding `json:"checks" nullable:"false"`
}

// readyTimeout bounds all measures together: whoever asks has a time-out too.
const readyTimeout = 5 * time.Second

// live says that the process answers. It asks nothing else, so that a slow database does not get
// the process restarted.
func (s *Server) live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		Live bool `json:"live"`
	}{true})
}

// askersMax is how many get an answer of the same measures.
const askersMax = 1000

// measured is what came of taking the measures.
type measured struct {
	findings []Finding
	err      error
}

// newReadiness returns what takes the measures, once at a time for all who ask meanwhile: anybody may
// ask as often as he likes, and must not keep the databases busy with it.
func newReadiness(health Health) *sharedread.Reader[struct{}, measured] {
	return sharedread.New(askersMax, func(ctx context.Context, _ []struct{}) ([]measured, error) {
		ctx, cancel := context.WithTimeout(ctx, readyTimeout)
		defer cancel()
		findings, err := health(ctx)
		return []measured{{findings, err}}, nil
	})
}

// findings takes the measures of readiness.
func (s *Server) findings(ctx context.Context) ([]Finding, error) {
	if s.config.Health == nil {
		return nil, nil
	}
	found, err := s.readiness.Read(ctx, struct{}{})
	if err != nil {
		return nil, err
	}
	return found[0].findings, found[0].err
}

// ready says whether the process should be sent requests.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	answer := Readiness{Ready: s.changes.closing.Err() == nil, Checks: []Finding{}}
	if !answer.Ready { // it ends, whatever else there is to find
		writeJSON(w, http.StatusServiceUnavailable, answer)
		return
	}
	findings, err := s.findings(ctx)
	if err != nil {
		s.logger.ErrorContext(ctx, "measuring readiness failed", "error", err)
		findings = append(slices.Clone(findings), Finding{Name: "storage", Help: "A measure could not be taken; the log of this process says why."})
	}
	answer.Checks = append(answer.Checks, findings...)
	status := http.StatusOK
	for _, finding := range answer.Checks {
		answer.Ready = answer.Ready && finding.Ready
	}
	if !answer.Ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, answer)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		return // the client is gone; there is nobody to tell
	}
}
