package httpapi_test

import (
	"net/http"
	"testing"

	"casesync/adapters/httpapi"
	"casesync/domain/access"
	"casesync/projections"
)

func TestHeldOverLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqliteAddress(t), func(config *httpapi.Config) {
		config.HeldLimits = projections.HeldLimits{EventsMax: 1}
	})
	feed(f)
	for i, want := range []string{"false", "true"} {
		if status := f.send("C2", "case.stage-changed", 5+i, data{"stage": "on-hold"}); status != "held" {
			t.Fatalf("after a gap: got %s, want held", status)
		}
		got := f.get(access.Operator, "/api/v1/held").want(http.StatusOK)
		if got.text("items", 0, "overLimit") != want {
			t.Errorf("with %d held, limit 1: got %s, want overLimit %s", i+1, got.body, want)
		}
	}
}
