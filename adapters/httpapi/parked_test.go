package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"casesync/domain/access"
	"casesync/eventstore"
)

// TestParkedKeys: an event of a newer version parks its case and no other; operators see why, may
// try again, and may leave the event out, by its position and with a reason.
func TestParkedKeys(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		for _, stream := range []eventstore.StreamName{"casefile-C1", "casefile-C2"} {
			appended, err := f.log.Append(context.Background(), stream, eventstore.Any, eventstore.Event{
				ID: uuid.New(), Type: "casefile.from-the-future.v1", Data: []byte(`{}`),
				Metadata: []byte(`{"commandId":"6f3f7c1e-58a0-4b55-9d5d-3f6e0f4d8a11","actor":"system:test","occurredAt":"2026-06-01T10:00:00Z"}`),
			})
			f.must(err)
			f.position = appended.Position.String()
		}
		f.get(access.Caseworker, "/api/v1/cases/C3").want(http.StatusOK) // the read model has gone on
		f.get(access.Caseworker, "/api/v1/projections/cases/parked").want(http.StatusForbidden)
		page := f.get(access.Operator, "/api/v1/projections/cases/parked?limit=1").want(http.StatusOK)
		if page.text("items", 0, "key") != "C1" || page.text("items", 0, "type") != "casefile.from-the-future.v1" ||
			page.text("items", 0, "waiting") != "1" || !strings.Contains(page.text("items", 0, "reason"), "version of casesync") {
			t.Errorf("parked: got %s, want C1 and why", page.body)
		}
		next := f.get(access.Operator, "/api/v1/projections/cases/parked?limit=1&cursor="+page.text("next")).want(http.StatusOK)
		if next.text("items", 0, "key") != "C2" || next.at("next") != nil {
			t.Errorf("parked, page 2: got %s, want C2 and no more", next.body)
		}
		path, position := "/api/v1/projections/cases/parked/C1", page.text("items", 0, "position")
		if got := f.post(access.Operator, path+"/retry", data{"reason": "a try"}).want(http.StatusOK); got.text("parked", "position") != position {
			t.Errorf("retry: got %s, want it parked still", got.body)
		}
		f.post(access.Operator, path+"/skip", data{"reason": "", "position": position}).want(http.StatusUnprocessableEntity)
		if got := f.post(access.Operator, path+"/skip", data{"reason": "not wanted", "position": position}).want(http.StatusOK); got.at("parked") != nil {
			t.Errorf("skip: got %s, want it parked no more", got.body)
		}
		if got := f.get(access.Operator, "/api/v1/projections/cases/parked").want(http.StatusOK); got.text("items", 0, "key") != "C2" || got.at("items", 1) != nil {
			t.Errorf("parked, after: got %s, want C2 alone", got.body)
		}
		f.post(access.Operator, path+"/retry", data{"reason": "again"}).want(http.StatusNotFound)
	})
}
