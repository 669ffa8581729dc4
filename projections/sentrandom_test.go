package projections

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/upload"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
	"casesync/projections/projtest"
)

// sentLives are random ones of cases, and of what is sent about them, with the states that the deciders have
// of them: what the read model must agree with.
type sentLives struct {
	random        *rand.Rand
	now           time.Time
	given         []projtest.Given
	cases         map[string]*casefile.State
	uploads       map[string]*upload.State
	notifications map[string]*notification.State
	// kept is of what was sent, by id: whether anything of it may be there still.
	kept map[string]bool
}

func newSentLives(seed uint64) *sentLives {
	return &sentLives{
		random: rand.New(rand.NewPCG(seed, 4)), now: at(0), cases: map[string]*casefile.State{}, uploads: map[string]*upload.State{},
		notifications: map[string]*notification.State{}, kept: map[string]bool{},
	}
}

// step lets something happen to case ref.
func (h *sentLives) step(ref string) {
	h.now = h.now.Add(time.Minute)
	switch state := h.cases[ref]; {
	case state == nil:
		h.cases[ref] = casefile.Initial()
		h.onCase(ref, &casefile.Converted{Origin: from(h.now), FRN: ours, Product: hirePurchase, ConvertedAt: h.now})
	case h.random.IntN(3) == 0:
		h.onCase(ref, h.caseEvent(state))
	case h.random.IntN(2) == 0:
		h.onUpload(ref)
	default:
		h.onNotification(ref)
	}
}

func (h *sentLives) onCase(ref string, event casefile.Event) {
	h.given = append(h.given, projtest.On(caseStreams+ref, event))
	h.cases[ref] = casefile.Evolve(h.cases[ref], event)
	if h.cases[ref].DataErased() {
		for id := range h.kept {
			if strings.HasPrefix(id, ref+"-") {
				h.kept[id] = false
			}
		}
	}
}

func (h *sentLives) caseEvent(state *casefile.State) casefile.Event {
	events := []casefile.Event{
		transferredTo(ours, h.now), transferredTo(theirs, h.now), stage(fileRequested, h.now), suppressedAt(h.now), unsuppressedAt(h.now),
		&casefile.SuppressionExecuted{}, &casefile.SuppressionReversed{}, closedAs("change", h.now), reopenedAt(h.now),
		&casefile.SnapshotTaken{Origin: from(h.now), FRN: theirs, Product: creditCards, Stage: "investigation", ConvertedAt: at(0), Suppressed: h.random.IntN(2) == 0},
	}
	if !state.Open() {
		events = append(events, &casefile.DataErased{Day: 30_000})
	}
	return events[h.random.IntN(len(events))]
}

// pick is the id of something that was sent about ref, or a new one.
func (h *sentLives) pick(ref, kind string) string {
	return fmt.Sprint(ref, "-", kind, h.random.IntN(6))
}

func (h *sentLives) onUpload(ref string) {
	id, a := h.pick(ref, "u"), about(ref)
	state := h.uploads[id]
	event := upload.Event(begunBy(ref, h.cases[ref].FRN(), int64(h.random.IntN(1000)+1), h.now))
	if state == nil {
		state = upload.Initial()
		h.kept[id] = !h.cases[ref].DataErased()
		event.(*upload.Begun).File = outgoing.Seal(ref, upload.File{Name: "letter.pdf"})
	} else {
		received, rejected := receivedOn(ref, h.now), uploadRejected(ref, h.now)
		received.Content, rejected.Reason = outgoing.Seal(ref, upload.Content{SHA256: "ab"}), outgoing.Seal(ref, "No.")
		attempt := state.Attempt()
		events := []upload.Event{
			received, &upload.ScanBegun{About: a, Attempt: attempt, At: h.now}, &upload.Cleared{About: a, Attempt: attempt, At: h.now},
			quarantinedOn(ref, h.now), &upload.Queued{About: a, Attempt: attempt, At: h.now}, &upload.Sent{About: a, Attempt: attempt, At: h.now},
			uploadAccepted(ref, h.now), rejected, &upload.Refused{About: a, Code: upload.TypeNotAllowed, At: h.now},
			&upload.Stopped{About: a, Cause: outgoing.CaseClosed, At: h.now}, &upload.DuplicateFound{About: a, Of: "other", At: h.now},
			&upload.Retried{About: a, Attempt: attempt + 1, Person: "bob", At: h.now}, &upload.Abandoned{About: a, Cause: upload.Cancelled, At: h.now},
			&upload.Erased{About: a, At: h.now},
		}
		event = events[h.random.IntN(len(events))]
	}
	h.uploads[id] = upload.Evolve(state, event)
	h.given = append(h.given, projtest.On(uploadStreams+id, event))
}

func (h *sentLives) onNotification(ref string) {
	id, a := h.pick(ref, "n"), about(ref)
	state := h.notifications[id]
	kinds := []notification.TypeID{"general-update", notification.SuppressCase}
	sent := sentBy(ref, h.cases[ref].FRN(), kinds[h.random.IntN(2)], h.now)
	event := notification.Event(sent)
	if state == nil {
		state = notification.Initial()
		h.kept[id] = !h.cases[ref].DataErased()
		sent.Content = outgoing.Seal(ref, notification.Content{Fields: map[string]string{"message": "Hello."}})
	} else {
		events := []notification.Event{
			&notification.Withdrawn{About: a, Cause: outgoing.CaseSuppressed, At: h.now}, &notification.Delivered{About: a, At: h.now},
			&notification.Acknowledged{About: a, Origin: from(h.now), Named: ref},
			&notification.Rejected{About: a, Origin: from(h.now), Named: "another", Code: "no", Reason: outgoing.Seal(ref, "No.")},
			&notification.SuppressionAnswered{About: a, Answer: notification.Declined, At: h.now},
		}
		event = events[h.random.IntN(len(events))]
	}
	h.notifications[id] = notification.Evolve(state, event)
	h.given = append(h.given, projtest.On(notificationStreams+id, event))
}

// shown is what must be there of what was sent: by id, as the deciders have it.
func (h *sentLives) shown() map[string]string {
	shown := map[string]string{}
	for id, s := range h.uploads {
		if h.kept[id] && s.Status() != upload.StatusErased {
			shown[id] = fmt.Sprint(s.Case(), s.FRN(), s.Person(), s.Status(), s.Bytes(), s.Attempt(), s.DuplicateOf(), s.Retryable(), s.Downloadable())
		}
	}
	for id, s := range h.notifications {
		if h.kept[id] {
			shown[id] = fmt.Sprint(s.Case(), s.FRN(), s.Person(), s.Type(), s.Status(), s.Answer(), s.AsksOperators())
		}
	}
	return shown
}

// counts are the uploads, failed ones and notifications of a case's present business.
func (h *sentLives) counts(ref string) (counts [3]int64) {
	frn := h.cases[ref].FRN()
	for id, s := range h.uploads {
		if s.Case() != ref || s.FRN() != frn || !h.kept[id] || s.Status() == upload.StatusErased {
			continue
		}
		if counts[0]++; slices.Contains(failedStatuses, s.Status()) {
			counts[1]++
		}
	}
	for id, s := range h.notifications {
		if s.Case() == ref && s.FRN() == frn && h.kept[id] {
			counts[2]++
		}
	}
	return counts
}

// TestWhatWasSentAgreesWithTheDeciders: after random histories of cases, uploads and notifications, with
// transfers, suppressions and erasures between, the rows say what the deciders' states say, on both databases,
// live, rebuilt event by event, and verified.
func TestWhatWasSentAgreesWithTheDeciders(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		h := newSentLives(23)
		for range 1500 {
			h.step(fmt.Sprintf("C%d", h.random.IntN(40)))
		}
		w := projtest.New(t, address, hashed, Cases())
		w.Record(h.given...)
		w.Project()
		w.Check()
		err := engine.Read(t.Context(), w.Store, CasesName, func(view engine.View) error {
			h.compare(t, view)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func (h *sentLives) compare(t *testing.T, view engine.View) {
	t.Helper()
	scope, got, failed := AuditorScope("a"), map[string]string{}, int64(0)
	files, err1 := Uploads(t.Context(), view, scope, UploadFilter{}, UploadCursor{}, PageRowsMax)
	for _, u := range files {
		got[u.ID] = fmt.Sprint(u.Ref, u.FRN, u.Person, u.Status, u.Bytes, u.Attempt, u.DuplicateOf, u.Retryable, u.Downloadable)
	}
	requests, err2 := SuppressionRequests(t.Context(), view, scope, NotificationCursor{}, PageRowsMax)
	sent, err3 := Notifications(t.Context(), view, scope, NotificationFilter{}, NotificationCursor{}, PageRowsMax)
	for _, n := range sent {
		asks := slices.ContainsFunc(requests, func(r Notification) bool { return r.ID == n.ID })
		got[n.ID] = fmt.Sprint(n.Ref, n.FRN, n.Person, n.Type, n.Status, n.Answer, asks)
	}
	if want := h.shown(); err1 != nil || err2 != nil || err3 != nil || !maps.Equal(got, want) || len(want) < 20 {
		t.Errorf("got %v, %v %v %v\nwant %v", got, err1, err2, err3, want)
	}
	for ref, state := range h.cases {
		row, found, err := FindCase(t.Context(), view, scope, ref)
		want := h.counts(ref)
		if got := [3]int64{row.Uploads, row.FailedUploads, row.Notifications}; err != nil || !found || got != want || row.Suppressed != state.Suppressed() {
			t.Errorf("%s: got counts %v, suppressed %v, %v, want %v, %v", ref, got, row.Suppressed, err, want, state.Suppressed())
		}
		if want[1] > 0 && state.Open() && !state.Suppressed() {
			failed++
		}
	}
	if d, err := ReadDashboard(t.Context(), view, scope, DayOf(h.now)); err != nil || d.FailedUploads != failed || failed == 0 {
		t.Errorf("dashboard: got %d cases with failed uploads, %v, want %d", d.FailedUploads, err, failed)
	}
	hidden, err := SuppressedCases(t.Context(), view, scope, "", PageRowsMax)
	for _, one := range hidden {
		if !h.cases[one.Ref].Suppressed() || !one.BySource && !one.ByOperator || one.Since.IsZero() {
			t.Errorf("got %+v, want a case that is suppressed, and by whom", one)
		}
	}
	if err != nil || len(hidden) == 0 {
		t.Errorf("got %+v, %v, want some suppressed cases", hidden, err)
	}
}
