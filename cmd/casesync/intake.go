package main

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5/middleware"
)

// intakeMemory is for how long a failure to keep events makes the process not ready. After that it
// is tried again: what no longer gets any events cannot find out that the disk has room again.
const intakeMemory = 30 * time.Second

// intake remembers whether the last events that came could be kept. A full disk shows here alone:
// reads go on, and so does every other measure.
type intake struct{ failedAt atomic.Int64 } // microseconds UTC, 0 if the last events were kept

// watch remembers what becomes of the events that next takes.
func (i *intake) watch(next http.Handler, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(answer, r)
		switch answer.Status() {
		case http.StatusAccepted:
			i.failedAt.Store(0)
		case http.StatusServiceUnavailable:
			i.failedAt.Store(now().UnixMicro())
		}
	})
}

// failing reports whether events were refused for a fault of ours just now.
func (i *intake) failing(now time.Time) bool {
	failed := i.failedAt.Load()
	return failed != 0 && now.Sub(time.UnixMicro(failed)) < intakeMemory
}
