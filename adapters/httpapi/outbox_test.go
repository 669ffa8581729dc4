package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"casesync/adapters/httpapi"
	"casesync/adapters/outbox"
	"casesync/adapters/state"
	"casesync/domain/access"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

// parked is an outbox as the service wires it.
type parked struct{ *outbox.Outbox }

func (p parked) List(ctx context.Context, by access.Principal, filter httpapi.ParkedFilter, after uuid.UUID, limit int) ([]httpapi.ParkedMessage, error) {
	found, err := p.Outbox.List(ctx, by, outbox.Filter{Status: outbox.ParkedStatus(filter.Status), Key: filter.Key, After: after, Limit: limit})
	list := make([]httpapi.ParkedMessage, len(found))
	for i, m := range found {
		list[i] = httpapi.ParkedMessage{
			EventID: m.EventID, Key: m.Key, Type: m.Type, Stream: m.Stream, Position: m.Position, Status: string(m.Status), Fault: m.Fault,
			Attempts: m.Attempts, DueAt: m.DueAt, ParkedAt: m.ParkedAt, ResolvedBy: m.ResolvedBy, Reason: m.Reason, ResolvedAt: m.ResolvedAt,
		}
	}
	return list, err
}

func (p parked) Retry(ctx context.Context, by access.Principal, id uuid.UUID, reason string) error {
	return notParked(p.Outbox.Retry(ctx, by, id, reason))
}

func (p parked) Skip(ctx context.Context, by access.Principal, id uuid.UUID, reason string) error {
	return notParked(p.Outbox.Skip(ctx, by, id, reason))
}

func notParked(err error) error {
	if errors.Is(err, outbox.ErrNotParked) {
		return httpapi.ErrNotParked
	}
	return err
}

// sink is a publisher that refuses what it is given until it is told to take it.
type sink struct {
	mu    sync.Mutex
	takes bool
	taken []string // ids
}

func (s *sink) Publish(_ string, messages ...*message.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.takes {
		return &outbox.Fault{Blame: outbox.Refused, Code: "planted", Err: errors.New("planted fault")}
	}
	for _, m := range messages {
		s.taken = append(s.taken, m.UUID)
	}
	return nil
}

func (s *sink) Close() error { return nil }

func (s *sink) take() { s.mu.Lock(); defer s.mu.Unlock(); s.takes = true }

// openOutbox adds an outbox to the configuration, and returns how to run it.
func openOutbox(t *testing.T, address string, config *httpapi.Config, publisher message.Publisher) (run func(context.Context) error) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	db, err := sqldb.Open(t.Context(), address)
	must(err)
	t.Cleanup(func() { _ = db.Close() })
	checkpoints, err := state.OpenCheckpoints(t.Context(), db, nil)
	must(err)
	out, err := outbox.Open(t.Context(), outbox.Config{
		Log: config.Log, Codec: config.Codec, Checkpoints: checkpoints, DB: db, Source: "https://portal.example.org", Publisher: publisher,
		Uploads:       outbox.Line{Check: config.Casework.CheckUpload, Note: config.Casework.NoteUploadSent},
		Notifications: outbox.Line{Check: config.Casework.CheckNotification, Note: config.Casework.NoteNotificationDelivered},
		TryPause:      time.Millisecond, PollEvery: 20 * time.Millisecond, Logger: config.Logger,
	})
	must(err)
	config.Outbox = parked{out}
	return out.Run
}

// TestOutbox: what a case management system refuses is parked, without what it says, until an operator decides.
func TestOutbox(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		publisher := &sink{}
		var run func(context.Context) error
		o := openOffice(newWorld(t, address, func(config *httpapi.Config) { run = openOutbox(t, address, config, publisher) }))
		o.runUntilEnd(run)
		for _, ref := range []string{"C1", "C2"} {
			o.notify(o.wren.token, "general-update", data{"message": "In confidence."}, ref).want(http.StatusOK)
		}
		list := func(query string) answer {
			return o.do(http.MethodGet, "/api/v1/outbox"+query, o.operator(), "").want(http.StatusOK)
		}
		o.waitFor(func() bool { return len(list("").values("items", "id")) == 2 })
		first := list("?key=C1")
		wantList(t, "of C1", first.values("items", "key"), "C1")
		if first.text("items", 0, "type") != "notification.sent.v1" || first.text("items", 0, "status") != "stuck" || first.text("items", 0, "fault") != "planted" {
			t.Errorf("got %s, want a notification that is stuck", first.body)
		}
		pages := append(list("?limit=1").values("items", "id"), list("?limit=1&cursor="+list("?limit=1").text("next")).values("items", "id")...)
		wantList(t, "page by page", pages, list("").values("items", "id")...)
		wantList(t, "waiting", list("?status=waiting").values("items", "id"))
		o.decideOnParked(t, publisher, first.text("items", 0, "id"), list("?key=C2").text("items", 0, "id"))
	})
}

// decideOnParked skips one message and retries the other.
func (o *office) decideOnParked(t *testing.T, publisher *sink, skipped, retried string) {
	t.Helper()
	decide := func(token, id, what string, body data) answer {
		return o.asked(http.MethodPost, "/api/v1/outbox/"+id+"/"+what, token, body)
	}
	for _, what := range []string{"retry", "skip"} {
		decide(o.operator(), skipped, what, data{}).want(http.StatusUnprocessableEntity)
		decide(o.operator(), skipped, what, data{"reason": "  "}).want(http.StatusUnprocessableEntity)
		decide(o.operator(), nobody, what, data{"reason": "x"}).want(http.StatusNotFound)
		decide(o.operator(), "nonsense", what, data{"reason": "x"}).want(http.StatusNotFound)
		for _, token := range []string{o.wren.token, o.as(access.Auditor)} {
			decide(token, skipped, what, data{"reason": "x"}).want(http.StatusForbidden)
		}
	}
	decide(o.operator(), skipped, "skip", data{"reason": "Told by telephone."}).want(http.StatusOK)
	got := o.do(http.MethodGet, "/api/v1/outbox?status=skipped", o.as(access.Auditor), "").want(http.StatusOK)
	if got.text("items", 0, "id") != skipped || got.text("items", 0, "reason") != "Told by telephone." || got.text("items", 0, "resolvedBy") == "" {
		t.Errorf("got %s, want what was skipped, by whom and why", got.body)
	}
	decide(o.operator(), skipped, "skip", data{"reason": "x"}).want(http.StatusNotFound)
	publisher.take()
	decide(o.operator(), retried, "retry", data{"reason": "It was mended."}).want(http.StatusOK)
	o.waitFor(func() bool {
		return len(o.do(http.MethodGet, "/api/v1/outbox?key=C2", o.operator(), "").values("items", "id")) == 0
	})
	publisher.mu.Lock()
	defer publisher.mu.Unlock()
	wantList(t, "published", publisher.taken, retried)
	for _, query := range []string{"?status=nonsense", "?limit=0", "?cursor=x", "?kind=x"} {
		o.do(http.MethodGet, "/api/v1/outbox"+query, o.operator(), "").want(http.StatusBadRequest)
	}
	o.do(http.MethodGet, "/api/v1/outbox", o.wren.token, "").want(http.StatusForbidden)
}

// runUntilEnd runs something until the test ends.
func (o *office) runUntilEnd(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := run(ctx); err != nil {
			o.t.Errorf("got %v, want no error", err)
		}
	})
	o.t.Cleanup(func() { cancel(); running.Wait() })
}
