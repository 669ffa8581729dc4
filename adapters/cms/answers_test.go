package cms

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/private"
	"casesync/domain/upload"
	"casesync/eventstore"
)

// answered is what case management systems answer, with the two types of answers to it.
type answered struct {
	kind           string
	taken, refused string
	// send has a person of the business send one, with the id T-1, about the case C-1.
	send func(tb testing.TB, f *fixture)
	// tell says of an event that is a fact what it is: "taken", "refused", with what it contradicts.
	tell func(eventstore.Decoded) string
}

func (a answered) stream() eventstore.StreamName { return eventstore.StreamName(a.kind + "-T-1") }

// kinds are both of them: what holds of one, holds of the other.
var kinds = []answered{
	{"upload", "cms.upload.accepted.v1", "cms.upload.rejected.v1", sendUpload, tellUpload},
	{"notification", "cms.notification.acknowledged.v1", "cms.notification.rejected.v1", sendNotification, tellNotification},
}

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

func (f *fixture) standing(tb testing.TB) outgoing.Case {
	tb.Helper()
	handler := eventstore.NewHandler(f.log, f.codec, eventstore.Decider[*casefile.State, casefile.Command, casefile.Event]{
		Initial: casefile.Initial, Decide: casefile.Decide, Evolve: casefile.Evolve,
	}, 1)
	var standing outgoing.Case
	if err := handler.State(context.Background(), "casefile-C-1", func(s *casefile.State, _ eventstore.Revision) { standing = outgoing.Standing(s) }); err != nil {
		tb.Fatalf("look at the case: %v", err)
	}
	return standing
}

// run gives commands, one after the other.
func run[State, Command, Event any](tb testing.TB, f *fixture, decider eventstore.Decider[State, Command, Event], stream eventstore.StreamName, commands []Command) {
	tb.Helper()
	handler := eventstore.NewHandler(f.log, f.codec, decider, 1)
	for _, command := range commands {
		request := eventstore.Request{Stream: stream, CommandID: uuid.New(), Actor: "user:ada", OccurredAt: noon, Expected: eventstore.Any}
		if _, err := handler.Handle(context.Background(), request, command); err != nil {
			tb.Fatalf("%T: %v", command, err)
		}
	}
}

func sendUpload(tb testing.TB, f *fixture) {
	tb.Helper()
	standing, limits := f.standing(tb), upload.Standard()
	run(tb, f, eventstore.Decider[*upload.State, upload.Command, upload.Event]{Initial: upload.Initial, Decide: upload.Decide, Evolve: upload.Evolve}, "upload-T-1", []upload.Command{
		upload.Begin{Case: "C-1", Standing: standing, FRN: "123456", Person: "ada", Name: "a.pdf", Bytes: 9, Limits: limits, At: noon},
		upload.Complete{SHA256: strings.Repeat("0a", 32), MediaType: "application/pdf", Bytes: 9, Limits: limits, At: noon},
		upload.BeginScan{At: noon}, upload.NoteScan{Attempt: 1, Finding: upload.Finding{Verdict: upload.FoundNothing}, Scanner: "s", At: noon},
		upload.Queue{Standing: standing, At: noon}, upload.NoteSent{Attempt: 1, At: noon},
	})
}

func sendNotification(tb testing.TB, f *fixture) {
	tb.Helper()
	run(tb, f, eventstore.Decider[*notification.State, notification.Command, notification.Event]{Initial: notification.Initial, Decide: notification.Decide, Evolve: notification.Evolve}, "notification-T-1", []notification.Command{
		notification.Send{
			Case: "C-1", Standing: f.standing(tb), FRN: "123456", Person: "ada", Type: "general-update", Fields: map[string]string{"message": "Hello."}, At: noon,
		},
		notification.NoteDelivered{At: noon},
	})
}

func tellUpload(d eventstore.Decoded) string {
	switch e := d.Event.(type) {
	case *upload.Accepted:
		return told("taken", e.Case, e.Named, sealedFor(e.Reason), e.Origin)
	case *upload.Rejected:
		return told("refused "+e.Code, e.Case, e.Named, sealedFor(e.Reason), e.Origin)
	case *upload.FactUnrecognised:
		return told("unrecognised", e.Case, "", "", e.Origin)
	case *upload.FactHeld:
		return told("held", e.Case, "", "", e.Origin)
	}
	return ""
}

func tellNotification(d eventstore.Decoded) string {
	switch e := d.Event.(type) {
	case *notification.Acknowledged:
		return told("taken", e.Case, e.Named, sealedFor(e.Reason), e.Origin)
	case *notification.Rejected:
		return told("refused "+e.Code, e.Case, e.Named, sealedFor(e.Reason), e.Origin)
	case *notification.FactUnrecognised:
		return told("unrecognised", e.Case, "", "", e.Origin)
	case *notification.FactHeld:
		return told("held", e.Case, "", "", e.Origin)
	}
	return ""
}

// sealedFor is the subject of the key that reason is stored under, "" where there is none.
func sealedFor(reason private.Value[string]) string {
	sealed, _ := reason.Sealed()
	if parts := strings.Split(sealed, "."); len(parts) > 1 {
		return parts[1]
	}
	return ""
}

func told(what, ref, named, subject string, origin feed.Origin) string {
	if named != "" {
		what += " for " + named
	}
	return strings.TrimSpace(fmt.Sprint(what, " about ", ref, " ", subject, " ", strings.Join(origin.Contradicts, " ")))
}

// withCase is a fixture in which source A has converted the case C-1, and what a has was sent about it.
func withCase(t *testing.T, a answered) *fixture {
	t.Helper()
	f := newFixture(t)
	convert(t, f)
	a.send(t, f)
	return f
}

func convert(t *testing.T, f *fixture) {
	t.Helper()
	equal(t, "conversion", f.send(t, anySystem, message{id: "c1", eventType: "cms.case.converted.v1", data: map[string]any{
		"frn": "123456", "issue": "Fees", "convertedAt": "2026-03-02T09:00:00Z", "consumer": map[string]any{"name": "Jane Specimen"},
		"product": map[string]any{"sector": "s", "group": "g", "product": "p"},
	}}), []string{"accepted"})
}

// reply is an answer to T-1.
func reply(id string, sequence int, eventType string) message {
	m := message{id: id, sequence: sequence, eventType: eventType, subject: "T-1", data: map[string]any{"caseReference": "C-1"}}
	if strings.Contains(eventType, "rejected") {
		m.data["code"] = "unreadable"
		m.data["reason"] = "Ms Specimen's page 3 can not be read."
	}
	return m
}

// in is the answer with a change.
func (m message) in(change func(*message)) message {
	change(&m)
	return m
}

func each(t *testing.T, test func(t *testing.T, a answered)) {
	t.Helper()
	for _, a := range kinds {
		t.Run(a.kind, func(t *testing.T) {
			t.Parallel()
			test(t, a)
		})
	}
}

// TestAnswers: duplicates, gaps, conflicts and unknown types are of an answer what they are of a case's event.
func TestAnswers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a answered) {
		f := withCase(t, a)
		got := f.send(t, anySystem,
			reply("1", 1, a.refused),
			reply("1", 1, a.refused),  // the same id
			reply("1b", 1, a.refused), // the same sequence, the same content
			reply("1c", 1, a.taken),   // the same sequence, other content
			reply("3", 3, a.taken),    // before its turn
			reply("3", 3, a.taken),
			reply("2", 2, "cms."+a.kind+".unheard-of.v1"),
			reply("free", 0, a.taken),
			reply("4", 4, a.taken).in(func(m *message) { m.data = map[string]any{} }),
			reply("5", 5, a.refused))
		equal(t, "statuses", strings.Join(got, "\n"), strings.Join([]string{
			"accepted", "duplicate", "duplicate", "rejected sequence-conflict", "held", "duplicate", "rejected unknown-type", "accepted",
			"rejected invalid-data", "held",
		}, "\n"))
		want := []string{
			"refused unreadable for C-1 about C-1 casefile-C-1", "held about C-1", "unrecognised about C-1",
			"taken for C-1 about C-1  already-answered", "taken for C-1 about C-1", "held about C-1",
		}
		equal(t, "facts", strings.Join(f.stream(t, a.stream(), a.tell), "\n"), strings.Join(want, "\n"))
		equal(t, "events of the case", len(f.stream(t, "casefile-C-1", typeOf)), 1)
		for _, letter := range f.open(t) {
			if letter.Code == CodeData {
				if err := f.desk.Discard(context.Background(), operator, letter.ID, "sent by mistake"); err != nil {
					t.Fatalf("discard: %v", err)
				}
			}
		}
		facts := f.stream(t, a.stream(), a.tell)
		equal(t, "released by discarding", facts[len(facts)-1], "refused unreadable for C-1 about C-1 casefile-C-1 already-answered")
	})
}

// TestAnswersOfAnotherSource: the system that speaks for the case is heard, and no other, also where that changes.
func TestAnswersOfAnotherSource(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a answered) {
		f := withCase(t, a)
		ofB := func(id string) message {
			return reply(id, 1, a.taken).in(func(m *message) { m.source = sourceB })
		}
		equal(t, "of another", f.send(t, anySystem, ofB("b1")), []string{"rejected foreign-source"})
		elsewhere := ofB("b2").in(func(m *message) { m.data = map[string]any{"caseReference": "C-9"} })
		equal(t, "of another, that names a case which is its own", f.send(t, anySystem, elsewhere), []string{"rejected foreign-source"})
		equal(t, "handed over", f.send(t, anySystem, message{id: "h", eventType: "cms.case.handed-over.v1", data: map[string]any{"toSource": sourceB}}), []string{"accepted"})
		equal(t, "of the first", f.send(t, anySystem, reply("a1", 1, a.refused)), []string{"rejected foreign-source"})
		equal(t, "of the new one", f.send(t, anySystem, ofB("b3")), []string{"accepted"})
		equal(t, "facts", f.stream(t, a.stream(), a.tell), []string{"taken for C-1 about C-1"})
	})
}

// TestAnswersOfADifferentCase are recorded, and what they say is sealed for the case that they are about.
func TestAnswersOfADifferentCase(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a answered) {
		f := withCase(t, a)
		named := reply("1", 1, a.refused).in(func(m *message) { m.data["caseReference"] = "C-2" })
		equal(t, "status", f.send(t, anySystem, named), []string{"accepted"})
		equal(t, "facts", f.stream(t, a.stream(), a.tell), []string{"refused unreadable for C-2 about C-1 casefile-C-1 different-case"})
		for recorded, err := range f.log.ReadStream(context.Background(), a.stream(), 0) {
			if err != nil || strings.Contains(string(recorded.Data), "Specimen") {
				t.Errorf("stored: got %s, %v, want no name in it", recorded.Data, err)
			}
		}
	})
}

// TestAnswersToNothing are kept as dead letters with the case that they name, and begin no stream. Once the id
// is known, as after a restore of the log, they can be retried.
func TestAnswersToNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a answered) {
		f, ctx := newFixture(t), context.Background()
		convert(t, f)
		code := a.kind + "-unknown"
		equal(t, "statuses", f.send(t, anySystem, reply("1", 1, a.taken), reply("2", 2, a.refused), reply("3", 3, "cms."+a.kind+".unheard-of.v1")),
			[]string{"rejected " + code, "rejected " + code, "rejected unknown-type"})
		letters := f.open(t)
		if len(letters) != 3 || letters[0].Stream != a.stream() || letters[0].About != "casefile-C-1" {
			t.Fatalf("letters: got %+v, want three, about the case", letters)
		}
		if verdict, err := f.desk.Retry(ctx, operator, letters[0].ID, "try"); err != nil || verdict.Code != code {
			t.Errorf("retry: got %+v, %v, want %s", verdict, err, code)
		}
		if err := f.desk.Discard(ctx, operator, letters[1].ID, "of another installation"); err != nil {
			t.Errorf("discard: %v", err)
		}
		equal(t, "events", f.stream(t, a.stream(), typeOf), []string{})
		a.send(t, f)
		if verdict, err := f.desk.Retry(ctx, operator, letters[0].ID, "restored"); err != nil || verdict.Status != commands.Accepted {
			t.Errorf("retry: got %+v, %v, want it accepted", verdict, err)
		}
		equal(t, "facts", f.stream(t, a.stream(), a.tell), []string{"taken for C-1 about C-1"})
	})
}

// TestRetryOfUnknownAnswer: once its type is known, an answer that took its place unrecognised is recorded late.
func TestRetryOfUnknownAnswer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a answered) {
		f := withCase(t, a)
		schema := f.validator.data[a.refused]
		delete(f.validator.data, a.refused) // an older version of this program
		equal(t, "at the older version", f.send(t, anySystem, reply("1", 1, a.refused), reply("2", 2, a.taken)), []string{"rejected unknown-type", "accepted"})
		f.validator.data[a.refused] = schema
		verdict, err := f.desk.Retry(context.Background(), operator, f.open(t)[0].ID, "upgraded")
		if err != nil || verdict.Status != commands.Accepted {
			t.Fatalf("retry: got %+v, %v, want it accepted", verdict, err)
		}
		equal(t, "sent again", f.send(t, anySystem, reply("1", 1, a.refused)), []string{"duplicate"})
		equal(t, "facts", f.stream(t, a.stream(), a.tell), []string{
			"unrecognised about C-1", "taken for C-1 about C-1", "refused unreadable for C-1 about C-1 casefile-C-1 already-answered recorded-late",
		})
	})
}

// TestGapsInAnswers: an operator gives up what is waited for, and what waits is released.
func TestGapsInAnswers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a answered) {
		f := withCase(t, a)
		equal(t, "early", f.send(t, anySystem, reply("3", 3, a.taken)), []string{"held"})
		skip := commands.Skip{Stream: a.stream(), Source: sourceA, From: 1, To: 2, Reason: "lost there", At: noon}
		if verdict, err := f.commands.Skip(context.Background(), operator, skip); err != nil || verdict.Status != commands.Accepted {
			t.Fatalf("skip: got %+v, %v, want it accepted", verdict, err)
		}
		equal(t, "facts", f.stream(t, a.stream(), a.tell), []string{"held about C-1", "taken for C-1 about C-1"})
		reasons := f.stream(t, a.stream(), func(d eventstore.Decoded) string {
			_, sealed, _ := strings.Cut(d.Meta.Reason, "$reason|")
			return strings.Join(strings.Split(sealed, ".")[:min(2, strings.Count(sealed, "."))], ".")
		})
		equal(t, "keys of the reason", reasons, []string{"v1.casefile-C-1", "v1.casefile-C-1"})
	})
}
