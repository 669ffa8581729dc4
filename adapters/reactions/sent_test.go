package reactions_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/reactions"
	"casesync/domain/calendar"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/private"
	"casesync/domain/upload"
	"casesync/eventstore"
)

var upTo = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func from() feed.Origin { return feed.Origin{Source: "https://cms.example/a", ID: uuid.NewString()} }

func closed(at time.Time) *casefile.Closed {
	return &casefile.Closed{Origin: from(), Outcome: "change", ClosedAt: at.UTC()}
}

// What may bar what is in line about a case has it stopped; what can not, does not.
func TestStopsWhatIsInLine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		snapshot := func() casefile.Event {
			return &casefile.SnapshotTaken{Origin: from(), FRN: frn, Stage: "converted", ConvertedAt: upTo, Suppressed: true}
		}
		for ref, fact := range map[string]casefile.Event{
			"suppressed":  &casefile.Suppressed{Origin: from(), Reason: private.Of("threats")},
			"transferred": &casefile.Transferred{Origin: from(), FRN: "654321"},
			"closed":      closed(upTo),
			"snapshot":    snapshot(),
			"moved on":    &casefile.StageChanged{Origin: from(), Stage: "on-hold"},
		} {
			w.open(ref, "")
			w.sent.line[ref] = []string{"n-" + ref}
			w.record(ref, fact)
		}
		w.open("executed", "")
		w.sent.line["executed"] = []string{"n-executed"}
		_, err := w.decide(context.Background(), "executed", casefile.ExecuteSuppression{})
		w.must(err)
		w.record("new", snapshot())
		w.start(w.config())
		w.reacted()
		for ref, want := range map[string]int{"suppressed": 1, "transferred": 1, "closed": 1, "snapshot": 1, "executed": 1, "moved on": 0, "new": 0} {
			if uploads, line := w.sent.count("stop uploads of "+ref), w.sent.count("stop notification n-"+ref); uploads != want || line != want && ref != "new" {
				t.Errorf("%s: got uploads stopped %d times, and the notification %d times, want %d", ref, uploads, line, want)
			}
		}
	})
}

// A bulk load costs one wait for read models per batch, and each case is looked at once there.
func TestLoadOfCases(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const cases = 300
		for n := range cases {
			ref := fmt.Sprintf("C-%d", n)
			w.tell("casefile-"+ref, &casefile.Converted{Origin: from(), FRN: frn, ConvertedAt: upTo}, closed(upTo), &casefile.Reopened{Origin: from(), ReopenedAt: upTo}, closed(upTo))
		}
		config, waits := w.config(), 0
		config.CaughtUp = func(context.Context, eventstore.Position) error { waits++; return nil }
		w.start(config)
		w.reacted()
		const batches = cases*4/500 + 2
		if waits == 0 || waits > batches {
			t.Errorf("got %d waits for read models, want 1 to %d", waits, batches)
		}
		for n := range cases {
			// One more where the events of a case are in two batches.
			if got := w.sent.count(fmt.Sprintf("stop uploads of C-%d", n)); got < 1 || got > 2 {
				t.Errorf("C-%d: got it looked at %d times, want once", n, got)
			}
		}
	})
}

// Where read models are behind, or the process ends in between, nothing is passed over.
func TestStopWhateverFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for _, port := range []string{"CaughtUp", "StopUploads", "NotificationsInLine", "StopNotification"} {
			for _, kept := range []bool{false, true} {
				ref := fmt.Sprintf("C-%s-%v", port, kept)
				w.open(ref, "")
				w.sent.line[ref] = []string{"n-" + ref, "m-" + ref}
				w.record(ref, closed(upTo))
				w.crash(port, kept)
				_, stop := w.start(w.config())
				w.reacted()
				stop()
				if left := w.sent.line[ref]; len(left) > 0 || w.sent.count("stop uploads of "+ref) == 0 {
					t.Errorf("%s, kept %v: got %v left in line", port, kept, left)
				}
			}
		}
	})
}

// crash runs reactions until a port fails.
func (w *world) crash(port string, kept bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f := &fault{port: port, kept: kept, crash: cancel}
	r, err := reactions.New(faulty(w.config(), f))
	w.must(err)
	w.must(r.Run(ctx))
	if !f.met {
		w.t.Errorf("%s: the port was never asked", port)
	}
}

// Erased data leaves no bytes and no keys of what was sent about the case, wherever it is cut short; keys go last.
func TestErasedCaseWhateverFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for _, port := range []string{"EraseUploads", "RemoveUpload", "ForgetDocuments", "DestroyKeys"} {
			for _, kept := range []bool{false, true} {
				ref := fmt.Sprintf("C-%s-%v", port, kept)
				streams := w.openErased(ref)
				w.crash(port, kept)
				if port != "DestroyKeys" && !w.live("casefile-"+ref) {
					t.Errorf("%s: the key was destroyed before the rest was done", port)
				}
				_, stop := w.start(w.config())
				w.reacted()
				stop()
				for _, subject := range streams {
					if w.live(subject) {
						t.Errorf("%s, kept %v: the key of %s is live", port, kept, subject)
					}
				}
				if w.sent.bytes["u-"+ref] || w.sent.fetched[ref] || w.letterLeft(ref) {
					t.Errorf("%s, kept %v: got bytes, documents or letters left", port, kept)
				}
			}
		}
	})
}

// openErased is a case about which something was sent, and whose data is erased now. It returns the subjects of
// the keys that are to go.
func (w *world) openErased(ref string) (subjects []string) {
	w.t.Helper()
	w.open(ref, "")
	w.keepLetter(ref)
	w.sent.uploads[ref], w.sent.bytes["u-"+ref], w.sent.fetched[ref] = []string{"u-" + ref}, true, true
	subjects = []string{"casefile-" + ref, "casefile-" + ref + "/consumer", "documents-" + ref, "upload-u-" + ref}
	_, err := w.ring.Ensure(context.Background(), subjects...)
	w.must(err)
	w.record(ref, closed(time.Now().AddDate(-7, 0, 0)))
	_, err = w.decide(context.Background(), ref, casefile.Tick{Today: calendar.DayOf(time.Now())})
	w.must(err)
	return subjects
}

// An upload that is over leaves no bytes; one that is tried again is scanned again.
func TestUploads(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		events := map[string]any{
			"refused":   &upload.Refused{About: about("C-1"), At: upTo},
			"duplicate": &upload.DuplicateFound{About: about("C-1"), Of: "u", At: upTo},
			"abandoned": &upload.Abandoned{About: about("C-1"), Cause: upload.Idle, At: upTo},
			"erased":    &upload.Erased{About: about("C-1"), At: upTo},
			"clean":     &upload.Cleared{About: about("C-1"), At: upTo},
			"rejected":  &upload.Rejected{About: about("C-1"), Origin: from()},
			"retried":   &upload.Retried{About: about("C-1"), At: upTo},
			"accepted":  &upload.Accepted{About: about("C-1"), Origin: from()},
		}
		for id, event := range events {
			w.sent.bytes[id] = true
			w.tell("upload-"+id, event)
		}
		over := []string{"refused", "duplicate", "abandoned", "erased"}
		for run := 1; run <= 2; run++ {
			_, stop := w.start(w.config())
			w.reacted()
			stop()
			for id := range events {
				gone := slices.Contains(over, id)
				if w.sent.bytes[id] == gone {
					t.Errorf("%s: got bytes %v, want %v", id, w.sent.bytes[id], !gone)
				}
			}
			if got := w.sent.count("rescan retried of C-1"); got != run {
				t.Errorf("retried: got it scanned again %d times, want %d", got, run)
			}
			w.forget()
		}
	})
}

// A crash before the bytes of what is over are removed, or after it, leaves none in the end.
func TestUploadOverWhateverFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for _, kept := range []bool{false, true} {
			id := fmt.Sprintf("u-%v", kept)
			w.sent.bytes[id] = true
			w.tell("upload-"+id, &upload.Refused{About: about("C-1"), At: upTo})
			w.crash("RemoveUpload", kept)
			_, stop := w.start(w.config())
			w.reacted()
			stop()
			if w.sent.bytes[id] {
				t.Errorf("kept %v: got bytes left", kept)
			}
		}
	})
}

// An erased ticket leaves no mails, and nothing that its key opens.
func TestErasedTicket(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.ticketErased("t-1")
		if !w.live("ticket-t-1") {
			t.Fatal("the ticket has no key")
		}
		w.start(w.config())
		w.reacted()
		if w.live("ticket-t-1") || w.purged["t-1"] != 1 {
			t.Errorf("got key live %v, mails purged %d times, want neither left", w.live("ticket-t-1"), w.purged["t-1"])
		}
	})
}
