package uploads_test

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

// An upload of which nobody can tell whether it was begun is kept until somebody can, and goes then.
func TestBegunOrNot(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		down := errors.New("the log is down")
		w.decider.set("begin", down)
		w.decider.set("abandon", down)
		header := map[string]string{"Upload-Length": "9", "Upload-Metadata": metadata("case", "1", "filename", "a")}
		if response := request(t, w.server, "POST", basePath, nil, header); response.StatusCode != http.StatusInternalServerError {
			t.Errorf("create: got %d, want 500", response.StatusCode)
		}
		receiving := func(what string, want int64) {
			t.Helper()
			if status, err := w.Status(t.Context()); err != nil || status.Receiving != want {
				t.Errorf("%s: got %d, %v, want %d", what, status.Receiving, err, want)
			}
		}
		receiving("after it", 1)
		w.decider.set("abandon", nil)
		w.clock.move(48 * time.Hour)
		if err := w.Sweep(t.Context()); err != nil {
			t.Errorf("sweep: %v", err)
		}
		receiving("swept", 0)
	})
}
