package catalog_test

import (
	"bytes"
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/domain/catalog"
	"casesync/domain/feed"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/savedview"
	"casesync/domain/ticket"
	"casesync/domain/upload"
	"casesync/eventstore"
)

// mortalKeys has a key for every subject but those that were destroyed.
type mortalKeys struct{ destroyed *[]string }

func (k mortalKeys) Ensure(ctx context.Context, subjects ...string) ([]eventstore.Key, error) {
	return keys{}.Ensure(ctx, subjects...)
}

func (k mortalKeys) Lookup(_ context.Context, ids ...string) ([]eventstore.Key, error) {
	list := make([]eventstore.Key, len(ids))
	for i, id := range ids {
		list[i].ID = id
		if !slices.Contains(*k.destroyed, id) {
			list[i].Secret = bytes.Repeat([]byte{7}, 32)
		}
	}
	return list, nil
}

var noon = time.Date(2025, time.January, 6, 12, 0, 0, 0, time.UTC)

// sealedIn returns the envelopes of all private values of events, and whose keys each is sealed under.
func sealedIn[Event any](t *testing.T, stream eventstore.StreamName, events []Event) (envelopes []string, subjects [][]string) {
	t.Helper()
	back, _ := stored(t, stream, events)
	for _, event := range back {
		envelopes = append(envelopes, envelopesOf(reflect.ValueOf(event))...)
	}
	for _, envelope := range envelopes {
		subjects = append(subjects, eventstore.SubjectsOf(envelope))
	}
	return envelopes, subjects
}

func envelopesOf(v reflect.Value) (envelopes []string) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return nil
	}
	if private, is := reflect.TypeAssert[interface{ Envelope() string }](v); is {
		if envelope := private.Envelope(); envelope != "" {
			return []string{envelope}
		}
		return nil
	}
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			envelopes = append(envelopes, envelopesOf(v.Field(i))...)
		}
	}
	return envelopes
}

// wantDead fails unless each of the envelopes opens now, and none any more once the key of subject is destroyed.
func wantDead(t *testing.T, envelopes []string, subject string) {
	t.Helper()
	var destroyed []string
	codec := eventstore.NewCodec(catalog.New(), mortalKeys{&destroyed})
	before, err := codec.OpenEnvelopes(t.Context(), envelopes...)
	if err != nil || slices.ContainsFunc(before, func(plain []byte) bool { return plain == nil }) {
		t.Fatalf("before %s is destroyed: got %s, %v, want all of them open", subject, before, err)
	}
	destroyed = append(destroyed, subject)
	afterwards, err := codec.OpenEnvelopes(t.Context(), envelopes...)
	if err != nil || slices.ContainsFunc(afterwards, func(plain []byte) bool { return plain != nil }) {
		t.Errorf("after %s is destroyed: got %s, %v, want none of them open", subject, afterwards, err)
	}
}

func decided[State, Command, Event any](
	t *testing.T, stream eventstore.StreamName, open, sealed State,
	decide func(State, Command) ([]Event, error), evolve func(State, Event) State, commands []Command,
) (events []Event, held []byte) {
	t.Helper()
	for _, command := range commands {
		made, err := decide(open, command)
		again, errSealed := decide(sealed, command)
		if err != nil || errSealed != nil || len(made) == 0 || len(made) != len(again) {
			t.Fatalf("%T: got %v, %v; of what was stored %v, %v", command, made, err, again, errSealed)
		}
		back, data := stored(t, stream, made)
		for i := range made {
			open, sealed = evolve(open, made[i]), evolve(sealed, back[i])
		}
		events, held = append(events, made...), append(held, data...)
	}
	return events, held
}

func fact(id string, sequence int64) feed.Origin {
	return feed.Origin{Source: "https://cms.example", ID: id, Sequence: sequence, Time: noon, Digest: id}
}

// TestUploadsDieWithTheCase: all that is private of an upload, and of what a source says of it, held or
// recorded, is sealed under the key of its case, and under no other.
func TestUploadsDieWithTheCase(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("0a", 32)
	standing := outgoing.Case{FRN: "123456", Converted: true, Open: true}
	rejected := &upload.Rejected{Origin: fact("m2", 2), Named: "FOS-7", Reason: outgoing.Seal("FOS-7", "Sample's page 3 is blank.")}
	events, held := decided(t, "upload-7", upload.Initial(), upload.Initial(), upload.Decide, upload.Evolve, []upload.Command{
		upload.Begin{
			Case: "FOS-7", Standing: standing, FRN: "123456", Person: "p1", Name: "Letter to Ada Sample.pdf", Bytes: 9, Limits: upload.Standard(), At: noon,
		},
		upload.Complete{SHA256: hash, MediaType: "application/pdf", Bytes: 9, Limits: upload.Standard(), At: noon},
		upload.BeginScan{At: noon}, upload.NoteScan{Attempt: 1, Finding: upload.Finding{Verdict: upload.FoundNothing}, Scanner: "scanner 1", At: noon},
		upload.Queue{Standing: standing, At: noon}, upload.NoteSent{Attempt: 1, At: noon},
		upload.Record{Fact: rejected},
		upload.Record{Fact: &upload.Accepted{Origin: fact("m1", 1), Named: "FOS-7", Reason: outgoing.Seal("FOS-7", "Filed under Sample.")}},
	})
	envelopes, subjects := sealedIn(t, "upload-7", events)
	for i, got := range subjects {
		if !slices.Equal(got, []string{"casefile-FOS-7"}) {
			t.Errorf("value %d: sealed under %v, want the key of the case alone", i, got)
		}
	}
	if want := 5; len(envelopes) != want { // name, content, one reason, the other held and then recorded
		t.Errorf("private values: got %d, want %d", len(envelopes), want)
	}
	wantDead(t, envelopes, "casefile-FOS-7")
	wantNoTrace(t, held, "sample", "letter", "application/pdf", ".pdf", hash, "filed")
}

func TestNotificationsDieWithTheCase(t *testing.T) {
	t.Parallel()
	events, held := decided(t, "notification-7", notification.Initial(), notification.Initial(), notification.Decide, notification.Evolve, []notification.Command{
		notification.Send{
			Case: "FOS-7", Standing: outgoing.Case{FRN: "123456", Converted: true, Open: true}, FRN: "123456", Person: "p1",
			Type: "consumer-contact-change", Fields: map[string]string{"name": "Ada Sample", "phone": "01632 960001"}, At: noon,
		},
		notification.NoteDelivered{At: noon},
		notification.Record{Fact: &notification.Rejected{Origin: fact("m2", 2), Named: "FOS-7", Reason: outgoing.Seal("FOS-7", "Not Sample's.")}},
		notification.Record{Fact: &notification.Acknowledged{Origin: fact("m1", 1), Named: "FOS-7", Reason: outgoing.Seal("FOS-7", "Sample told.")}},
	})
	envelopes, subjects := sealedIn(t, "notification-7", events)
	for i, got := range subjects {
		if !slices.Equal(got, []string{"casefile-FOS-7"}) {
			t.Errorf("value %d: sealed under %v, want the key of the case alone", i, got)
		}
	}
	wantDead(t, envelopes, "casefile-FOS-7")
	wantNoTrace(t, held, "sample", "01632")
}

// TestTicketsDieWithEither: with the ticket, and with the person who asked.
func TestTicketsDieWithEither(t *testing.T) {
	t.Parallel()
	events, held := decided(t, "ticket-7", ticket.Initial(), ticket.Initial(), ticket.Decide, ticket.Evolve, []ticket.Command{
		ticket.Open{Type: ticket.Technical, Person: "p1", Subject: "Sample", Text: "Ada Sample can not sign in.", At: noon},
		ticket.Reply{Side: ticket.Helpdesk, Author: "token:1", Text: "Good day, Ada Sample.", At: noon},
		ticket.Reply{Side: ticket.Asker, Author: "p1", Text: "Sample's telephone is new.", At: noon},
	})
	envelopes, _ := sealedIn(t, "ticket-7", events)
	if len(envelopes) != 3 {
		t.Errorf("private values: got %d, want the question and two messages", len(envelopes))
	}
	wantDead(t, envelopes, "ticket-7")
	wantDead(t, envelopes, "account-p1")
	wantNoTrace(t, held, "sample", "telephone")

	events, held = decided(t, "ticket-8", ticket.Initial(), ticket.Initial(), ticket.Decide, ticket.Evolve, []ticket.Command{
		ticket.Open{
			Type: ticket.Access, Contact: ticket.Contact{Name: "Ada Sample", Email: "ada.sample@example.com"}, Subject: "Sample", Text: "Help.", At: noon,
		},
	})
	envelopes, _ = sealedIn(t, "ticket-8", events)
	wantDead(t, envelopes, "ticket-8")
	wantNoTrace(t, held, "sample", "example.com")
}

func TestViewsDieWithThePerson(t *testing.T) {
	t.Parallel()
	events, held := decided(t, "savedviews-p1", savedview.Initial(), savedview.Initial(), savedview.Decide, savedview.Evolve, []savedview.Command{
		savedview.Save{Person: "p1", ID: "v1", Name: "About Sample", Query: "q=sample"},
	})
	envelopes, subjects := sealedIn(t, "savedviews-p1", events)
	if want := [][]string{{"account-p1"}}; !reflect.DeepEqual(subjects, want) {
		t.Errorf("sealed under %v, want %v", subjects, want)
	}
	wantDead(t, envelopes, "account-p1")
	wantNoTrace(t, held, "sample")
}

// TestFactsSealedForAnotherEventAreSealedAnew: a held fact is recorded in another event, under the same key.
func TestFactsSealedForAnotherEventAreSealedAnew(t *testing.T) {
	t.Parallel()
	codec := eventstore.NewCodec(catalog.New(), keys{})
	held := &upload.FactHeld{Origin: fact("m2", 2), Type: "upload.accepted.v1", Fact: &upload.Accepted{
		Origin: fact("m2", 2), Named: "FOS-7", Reason: outgoing.Seal("FOS-7", "Filed."),
	}}
	back, _ := stored(t, "upload-7", []upload.Event{held})
	released := back[0].(*upload.FactHeld).Fact
	encoded, err := codec.Encode(t.Context(), "upload-7", eventstore.Metadata{CommandID: uuid.New(), Actor: "test", OccurredAt: noon}, released)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := codec.Decode(eventstore.Recorded{Event: encoded[0], Stream: "upload-7"})
	if err != nil {
		t.Fatal(err)
	}
	if err := codec.Open(t.Context(), decoded); err != nil {
		t.Fatal(err)
	}
	reason := decoded.Event.(*upload.Accepted).Reason
	if got, _ := reason.Get(); got != "Filed." || !slices.Equal(eventstore.SubjectsOf(reason.Envelope()), []string{"casefile-FOS-7"}) {
		t.Errorf("reason: got %q under %v", got, eventstore.SubjectsOf(reason.Envelope()))
	}
}
