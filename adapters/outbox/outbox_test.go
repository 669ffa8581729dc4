package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"casesync/adapters/outbox"
	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/domain/private"
	"casesync/domain/ticket"
	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
)

// What happens here reaches the case management system, and says what it is to say.
func TestTells(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w, c := newWorld(t, address), &consumer{}
		w.convert("FOS-1")
		var want []string
		want = append(want, w.allocate("FOS-1", 1)...)
		want = append(want, w.queueUpload("u1", "FOS-1"))
		want = append(want, w.notify("n1", "FOS-1", "more-time-requested", map[string]string{"until": "2026-03-31"}))
		want = append(want, w.notify("n2", "FOS-1", notification.SuppressCase, map[string]string{"ground": "colleague"}))
		want = append(want, w.append("casefile-FOS-1", &casefile.AllocationReturned{From: ada, Cause: casefile.HolderDisabled},
			&casefile.SuppressionExecuted{Request: "n2"}, &casefile.SuppressionReversed{})...)
		ticketID := w.append("ticket-t1", &ticket.Opened{
			Type: ticket.Access, Person: ada, Question: private.Of(ticket.Question{Subject: "Locked out", Text: "Please help."}), At: noon,
		})
		o, stop := w.start(w.config(c))
		w.caughtUp()
		stop()
		if got := c.firsts("FOS-1"); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if got := c.firsts("ticket-t1"); !slices.Equal(got, ticketID) {
			t.Errorf("got %v, want %v", got, ticketID)
		}
		byType := map[string][]taken{}
		for _, m := range c.all() {
			byType[m.Type] = append(byType[m.Type], m)
			validMessage(t, m.body)
		}
		for kind, n := range map[string]int{
			outbox.CaseAllocated: 2, outbox.UploadReceived: 1, outbox.NotificationSent: 1, outbox.SuppressionRequested: 1, outbox.TicketRaised: 1,
			outbox.CaseSuppressed: 1, outbox.CaseUnsuppressed: 1,
		} {
			if len(byType[kind]) != n {
				t.Errorf("got %d messages %s, want %d", len(byType[kind]), kind, n)
			}
		}
		if got := byType[outbox.UploadReceived][0]; got.Subject != "u1" || got.Data["fileName"] != "letter to Mx Specimen.pdf" || got.Data["sha256"] != digest {
			t.Errorf("got %s", got.body)
		}
		if strings.Contains(string(byType[outbox.TicketRaised][0].body), "Locked out") {
			t.Error("got the words of a ticket, want them to stay here")
		}
		if status, err := o.Status(t.Context()); err != nil || status.Published != 8 || status.Stopped != 0 || status.Parked.Messages != 0 {
			t.Errorf("got %+v, %v", status, err)
		}
		if got := w.statuses(t, "u1", "n1"); got != "sent delivered" {
			t.Errorf("got %s, want it noted that they went out", got)
		}
	})
}

// statuses returns those of an upload and of a notification.
func (w *world) statuses(t *testing.T, uploadID, notificationID string) string {
	t.Helper()
	return w.uploadStatus(t, uploadID) + " " + w.notificationStatus(t, notificationID)
}

// Nothing in line goes out about a case that was suppressed meanwhile; its stream says so. Allocations do.
func TestSuppressedStays(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w, c := newWorld(t, address), &consumer{}
		w.convert("FOS-1")
		w.convert("FOS-2")
		w.queueUpload("u1", "FOS-1")
		w.notify("n1", "FOS-1", "general-update", map[string]string{"text": "x"})
		allocated := w.allocate("FOS-1", 1)
		other := w.notify("n2", "FOS-2", "general-update", map[string]string{"text": "x"})
		w.suppress("FOS-1")
		o, stop := w.start(w.config(c))
		w.caughtUp()
		stop()
		if got := c.firsts("FOS-1"); !slices.Equal(got, allocated) {
			t.Errorf("got %v, want only the allocation %v", got, allocated)
		}
		if got := c.firsts("FOS-2"); !slices.Equal(got, []string{other}) {
			t.Errorf("got %v, want %v", got, other)
		}
		if got := w.statuses(t, "u1", "n1"); got != "stopped withdrawn" {
			t.Errorf("got %s, want both kept back", got)
		}
		if status, err := o.Status(t.Context()); err != nil || status.Stopped != 2 {
			t.Errorf("got %+v, %v, want 2 stopped", status, err)
		}
	})
}

// What was erased cannot be told: the message is parked, and an operator skips it.
func TestErasedIsParked(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, sqldbtest.SQLite(t)), &consumer{}
	w.convert("FOS-1")
	w.notify("n1", "FOS-1", "general-update", map[string]string{"text": "x"})
	behind := w.allocate("FOS-1", 1)
	w.must(w.ring.DestroyTree(t.Context(), "casefile-FOS-1"))
	o, _ := w.start(w.config(c))
	w.caughtUp()
	list, err := o.List(t.Context(), operator, outbox.Filter{Status: outbox.Stuck})
	if err != nil || len(list) != 1 || list[0].Fault != "content-erased" || list[0].Key != "FOS-1" {
		t.Fatalf("got %+v, %v, want the message parked", list, err)
	}
	w.must(o.Skip(t.Context(), operator, list[0].EventID, "its data was erased"))
	w.eventually("what was behind it goes on", func() bool { return slices.Equal(c.firsts("FOS-1"), behind) })
}

// Killed anywhere between publishing and the checkpoint, again and again: each id is first seen in order within
// its case, none is missing.
func TestKilledBetweenPublishAndCheckpoint(t *testing.T) {
	t.Parallel()
	for _, batch := range []int{1, 10} {
		t.Run(fmt.Sprintf("batches of %d", batch), func(t *testing.T) {
			t.Parallel()
			sqldbtest.Each(t, func(t *testing.T, address string) {
				w, c := newWorld(t, address), &consumer{}
				want := w.busyCases(12, 15)
				random, kills := rand.New(rand.NewPCG(1, 2)), 0
				for done := false; !done; {
					done = w.runUntilKilled(c, batch, random)
					kills++
				}
				for ref, ids := range want {
					if got := c.firsts(ref); !slices.Equal(got, ids) {
						t.Errorf("%s: got first %v, want %v", ref, got, ids)
					}
				}
				if kills < 10 {
					t.Errorf("got %d kills, want at least 10", kills)
				}
			})
		})
	}
}

// busyCases has several things happen to several cases in turn, and returns the ids by case.
func (w *world) busyCases(cases, each int) map[string][]string {
	w.tb.Helper()
	ids := map[string][]string{}
	for i := range cases * each {
		ref := fmt.Sprintf("FOS-%d", i%cases)
		if i < cases {
			w.convert(ref)
		}
		ids[ref] = append(ids[ref], w.allocate(ref, 1)...)
		if i%20 == 0 {
			ids[ref] = append(ids[ref], w.notify(fmt.Sprintf("n%d", i), ref, "general-update", map[string]string{"text": "x"}))
		}
	}
	return ids
}

// runUntilKilled runs an outbox until, after some messages, its world ends: what was published by then counts, and
// nothing that follows reaches the state database or the consumer. It reports whether all was published before that.
func (w *world) runUntilKilled(c *consumer, batch int, random *rand.Rand) (done bool) {
	w.tb.Helper()
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	left := 1 + random.IntN(30)
	c.fail(func(taken) error { return ctx.Err() }, func(taken) error {
		if left--; left == 0 {
			kill()
			return errPlanted
		}
		return nil
	})
	config := w.config(c)
	config.BatchMessagesMax, config.BatchEventsMax, config.LanesMax = batch, 25, 4
	o := w.open(config)
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	w.eventually("it is killed, or has caught up", func() bool {
		status, err := o.Status(context.Background())
		done = err == nil && status.LagEvents == 0
		return ctx.Err() != nil || done
	})
	kill()
	if err := <-ended; err != nil {
		w.tb.Errorf("run: got %v", err)
	}
	return done
}

// While nothing is taken all waits, in the order that there was; nothing is parked, and Status tells.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, sqldbtest.SQLite(t)), &consumer{}
	c.fail(func(taken) error { return errPlanted }, nil)
	want := w.allocate("FOS-1", 3)
	o, _ := w.start(w.config(c))
	w.eventually("it fails", func() bool {
		status, err := o.Status(t.Context())
		return err == nil && errors.Is(status.Err, errPlanted) && !status.FailingSince.IsZero() && status.LagEvents == 3 && status.Parked.Messages == 0
	})
	c.fail(nil, nil)
	w.caughtUp()
	if got := c.firsts("FOS-1"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if status, err := o.Status(t.Context()); err != nil || status.Err != nil || !status.FailingSince.IsZero() {
		t.Errorf("got %+v, %v, want it well", status, err)
	}
}

// What fails in the middle of a batch has the rest wait, and what was published before it is not published twice.
func TestPartOfABatch(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, sqldbtest.SQLite(t)), &consumer{}
	var want []string
	for i := range 6 {
		want = append(want, w.allocate(fmt.Sprintf("FOS-%d", i), 1)...)
	}
	var once sync.Once
	c.fail(func(m taken) (err error) {
		if m.session == "FOS-3" {
			once.Do(func() { err = errPlanted })
		}
		return err
	}, nil)
	_, _ = w.start(w.config(c))
	w.caughtUp()
	got := ids(c.all())
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want each once: %v", got, want)
	}
}

// An event that only a newer binary knows stops its case until that comes.
func TestNewerEvents(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, sqldbtest.SQLite(t)), &consumer{}
	event := eventstore.Event{ID: [16]byte{1}, Type: "casefile.escalated.v1", Data: []byte("{}"), Metadata: []byte("{}")}
	_, err := w.log.Append(t.Context(), "casefile-FOS-1", eventstore.NoStream, event)
	w.must(err)
	behind, other := w.allocate("FOS-1", 1), w.allocate("FOS-2", 1)
	o, stop := w.start(w.config(c))
	w.caughtUp()
	if got := ids(c.all()); !slices.Equal(got, other) {
		t.Errorf("got %v, want the other case's %v", got, other)
	}
	if status, err := o.Status(t.Context()); err != nil || status.Parked.Messages != 2 || status.Parked.Stuck != 0 {
		t.Errorf("got %+v, %v, want two waiting", status, err)
	}
	stop()
	newer := w.config(c)
	newer.Knows = func(string) bool { return true }
	_, _ = w.start(newer)
	w.eventually("the newer one goes on", func() bool { return slices.Equal(c.firsts("FOS-1"), behind) })
}

// Two processes of one outbox: one works at a time, and when it ends the other goes on.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w, c := newWorld(t, address), &consumer{}
		first, stopFirst := w.start(w.config(c))
		second, _ := w.start(w.config(c))
		want := w.allocate("FOS-1", 4)
		w.caughtUp()
		one, err := first.Status(t.Context())
		w.must(err)
		two, err := second.Status(t.Context())
		w.must(err)
		if one.Published+two.Published != 4 || one.Holding == two.Holding {
			t.Errorf("got %+v and %+v, want one at work", one, two)
		}
		stopFirst()
		want = append(want, w.allocate("FOS-1", 2)...)
		w.caughtUp()
		if got := ids(c.all()); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// Wrong settings are found at the start, by name.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	for name, change := range map[string]func(*outbox.Config){
		"Publisher": func(c *outbox.Config) { c.Publisher = nil },
		"Uploads":   func(c *outbox.Config) { c.Uploads.Note = nil },
		"source":    func(c *outbox.Config) { c.Source = "portal" },
		"LanesMax":  func(c *outbox.Config) { c.LanesMax = -1 },
	} {
		config := w.config(&consumer{})
		change(&config)
		if _, err := outbox.Open(t.Context(), config); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want it named", name, err)
		}
	}
}

// Where it cannot be noted that a thing went out, it is published again, under the same id, until it is.
func TestNotNoted(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, sqldbtest.SQLite(t)), &consumer{}
	w.convert("FOS-1")
	id := w.notify("n1", "FOS-1", "general-update", map[string]string{"text": "x"})
	config := w.config(c)
	note, fails := config.Notifications.Note, 2
	config.Notifications.Note = func(ctx context.Context, id string, attempt int) error {
		if fails--; fails >= 0 {
			return errPlanted
		}
		return note(ctx, id, attempt)
	}
	_, stop := w.start(config)
	w.caughtUp()
	stop()
	if got := ids(c.all()); !slices.Equal(got, []string{id, id, id}) {
		t.Errorf("got %v, want %s three times", got, id)
	}
	if got := w.notificationStatus(t, "n1"); got != "delivered" {
		t.Errorf("got %s, want delivered", got)
	}
}

// One notification to 500 cases at once: each goes out once, and it is noted of each.
func TestBulk(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w, c := newWorld(t, address), &consumer{}
		const cases = 500
		var want []string
		for i := range cases {
			ref := fmt.Sprintf("FOS-%d", i)
			w.convert(ref)
			want = append(want, w.notify(fmt.Sprintf("n%d", i), ref, "general-update", map[string]string{"text": "x"}))
		}
		config := w.config(c)
		config.BatchMessagesMax = 100
		_, stop := w.start(config)
		w.caughtUp()
		stop()
		got := ids(c.all())
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got %d messages, want each of %d once", len(got), len(want))
		}
		if got := w.notificationStatus(t, "n499"); got != "delivered" {
			t.Errorf("got %s, want delivered", got)
		}
	})
}
