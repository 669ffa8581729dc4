package eventstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	es "casesync/eventstore"
)

func TestPrivateValuesAreSealedAndOpenAgain(t *testing.T) {
	t.Parallel()
	codec := newCodec(newKeys())
	event := encodeOne(t, codec, "box-1", &opened{Number: 7, Note: secretOf("all of it"), Person: secretOf("Ada")})
	if text := string(event.Data); strings.Contains(text, "Ada") || strings.Contains(text, "all of it") {
		t.Fatalf("data is %s, want nothing private in it", text)
	}
	decoded := decode(t, codec, recordedAs("box-1", event))
	got := decoded.Event.(*opened)
	if got.Person.plain != nil {
		t.Errorf("a decoded value is open, want it sealed until Open")
	}
	if err := codec.Open(t.Context(), decoded); err != nil {
		t.Fatal(err)
	}
	if *got.Note.plain != "all of it" || *got.Person.plain != "Ada" || got.Number != 7 {
		t.Errorf("got %v, %v, %v, want 7, all of it, Ada", got.Number, *got.Note.plain, *got.Person.plain)
	}
}

func TestEncodeLeavesItsEventsAlone(t *testing.T) {
	t.Parallel()
	codec := newCodec(newKeys())
	inner := &opened{Person: secretOf("Ada")}
	event := &held{Fact: inner}
	encodeOne(t, codec, "box-1", event)
	if event.Fact != any(inner) || inner.Person.sealed != "" || *inner.Person.plain != "Ada" {
		t.Errorf("after Encode the event is %+v, want it as it was", inner)
	}
}

func TestEventIDsComeOfTheCommand(t *testing.T) {
	t.Parallel()
	codec := newCodec(newKeys())
	events, err := codec.Encode(t.Context(), "box-1", metadata(), &emptied{}, &emptied{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"0", "1"} {
		if got, want := events[i].ID, uuid.NewSHA1(commandID, []byte(want)); got != want {
			t.Errorf("id of event %d is %v, want %v", i, got, want)
		}
	}
}

func TestAbsentValuesLeaveNoTrace(t *testing.T) {
	t.Parallel()
	keys := newKeys()
	event := encodeOne(t, newCodec(keys), "box-1", &opened{Number: 1})
	if got, want := string(event.Data), `{"number":1}`; got != want {
		t.Errorf("data is %s, want %s", got, want)
	}
	if len(keys.ensured) != 0 {
		t.Errorf("keys were made for %v, want none", keys.ensured)
	}
}

func TestKeysAreEnsuredInOneCallForAllEvents(t *testing.T) {
	t.Parallel()
	keys := newKeys()
	_, err := newCodec(keys).Encode(t.Context(), "box-1", metadata(),
		&opened{Note: secretOf("a"), Person: secretOf("b")}, &held{Fact: &opened{Person: secretOf("c").about("person-9")}})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"box-1", "box-1/person", "person-9"}}
	if !reflect.DeepEqual(keys.ensured, want) {
		t.Errorf("Ensure was called with %v, want %v", keys.ensured, want)
	}
}

func TestReasonIsSealedUnderTheStreamsKey(t *testing.T) {
	t.Parallel()
	keys := newKeys()
	codec := newCodec(keys)
	meta := metadata()
	meta.Reason = "asked by Ada"
	events, err := codec.Encode(t.Context(), "box-1", meta, &emptied{}, &emptied{})
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events {
		if strings.Contains(string(event.Metadata), "Ada") {
			t.Errorf("metadata is %s, want the reason sealed", event.Metadata)
		}
		reason := decode(t, codec, recordedAs("box-1", event)).Meta.Reason
		opened, err := codec.OpenEnvelopes(t.Context(), reason)
		if err != nil || string(opened[0]) != `"asked by Ada"` {
			t.Errorf("the reason opens as %s, %v, want \"asked by Ada\"", opened[0], err)
		}
		// The same reason taken to another event does not open.
		other := strings.Replace(reason, event.ID.String(), uuid.NewString(), 1)
		if _, err := codec.OpenEnvelopes(t.Context(), other); !errors.Is(err, es.ErrAltered) {
			t.Errorf("a moved reason gives %v, want ErrAltered", err)
		}
	}
	keys.destroy("box-1")
	if opened, err := codec.OpenEnvelopes(t.Context(), decode(t, codec, recordedAs("box-1", events[0])).Meta.Reason); err != nil || opened[0] != nil {
		t.Errorf("after destroying the key the reason opens as %s, %v, want nothing", opened[0], err)
	}
}

func TestReasonOfAnotherSubject(t *testing.T) {
	t.Parallel()
	keys := newKeys()
	codec := newCodec(keys)
	meta := metadata()
	meta.Reason, meta.ReasonOf = "asked by Ada", "case-9"
	events, err := codec.Encode(t.Context(), "box-1", meta, &emptied{})
	if err != nil {
		t.Fatal(err)
	}
	keys.destroy("box-1")
	reason := decode(t, codec, recordedAs("box-1", events[0])).Meta.Reason
	if opened, err := codec.OpenEnvelopes(t.Context(), reason); err != nil || string(opened[0]) != `"asked by Ada"` {
		t.Errorf("without the key of the stream the reason opens as %s, %v, want \"asked by Ada\"", opened[0], err)
	}
	keys.destroy("case-9")
	if opened, err := codec.OpenEnvelopes(t.Context(), reason); err != nil || opened[0] != nil {
		t.Errorf("without the key of its subject the reason opens as %s, %v, want nothing", opened[0], err)
	}
	meta.ReasonOf = "not a subject\n"
	if _, err := codec.Encode(t.Context(), "box-1", meta, &emptied{}); err == nil {
		t.Error("a subject that can not be: got no error")
	}
}

func TestMovedValuesDoNotOpen(t *testing.T) {
	t.Parallel()
	codec := newCodec(newKeys())
	event := encodeOne(t, codec, "box-1", &opened{Note: secretOf("x"), Person: secretOf("Ada"), Second: secretOf("Bob")})
	encodeOne(t, codec, "box-2", &opened{Note: secretOf("x"), Person: secretOf("Eve")}) // so that its keys exist
	swapped := event
	swapped.Data = swapFields(t, event.Data, "person", "second")
	otherID := event
	otherID.ID = uuid.New()
	for name, recorded := range map[string]es.Recorded{
		"to another stream": recordedAs("box-2", event),
		"to another event":  recordedAs("box-1", otherID),
		"to another field":  recordedAs("box-1", swapped),
	} {
		if err := codec.Open(t.Context(), decode(t, codec, recorded)); !errors.Is(err, es.ErrAltered) {
			t.Errorf("a value moved %s gives %v, want ErrAltered", name, err)
		}
	}
}

func TestOneAlteredValueDoesNotKeepOthersShut(t *testing.T) {
	t.Parallel()
	codec := newCodec(newKeys())
	event := encodeOne(t, codec, "box-1", &opened{Person: secretOf("Ada")})
	other := event
	other.ID = uuid.New()
	good, bad := decode(t, codec, recordedAs("box-1", event)), decode(t, codec, recordedAs("box-1", other))
	if err := codec.Open(t.Context(), bad, good); !errors.Is(err, es.ErrAltered) || !strings.Contains(err.Error(), other.ID.String()) {
		t.Errorf("Open gives %v, want ErrAltered naming event %v", err, other.ID)
	}
	if got := good.Event.(*opened).Person.plain; got == nil || *got != "Ada" {
		t.Errorf("the good value is %v, want it open", got)
	}
}

func TestSwappedKeyIsFoundByTheCommitment(t *testing.T) {
	t.Parallel()
	keys := newKeys()
	codec := newCodec(keys)
	event := encodeOne(t, codec, "box-1", &opened{Note: secretOf("x")})
	keys.byID["box-1"][0] ^= 1
	if err := codec.Open(t.Context(), decode(t, codec, recordedAs("box-1", event))); !errors.Is(err, es.ErrAltered) {
		t.Errorf("with a swapped key Open gives %v, want ErrAltered", err)
	}
}

func TestDestroyedKeyErasesWithoutError(t *testing.T) {
	t.Parallel()
	for _, destroyed := range []string{"box-1", "box-1/person"} {
		keys := newKeys()
		codec := newCodec(keys)
		event := encodeOne(t, codec, "box-1", &opened{Person: secretOf("Ada")})
		decoded := decode(t, codec, recordedAs("box-1", event))
		if err := codec.Open(t.Context(), decoded); err != nil { // so that the cipher is ready
			t.Fatal(err)
		}
		keys.destroy(destroyed)
		decoded = decode(t, codec, recordedAs("box-1", event))
		if err := codec.Open(t.Context(), decoded); err != nil {
			t.Errorf("with %s destroyed Open gives %v, want nil", destroyed, err)
		}
		if decoded.Event.(*opened).Person.plain != nil {
			t.Errorf("with %s destroyed the value is open, want it absent", destroyed)
		}
		envelope := decoded.Event.(*opened).Person.envelope()
		if opened, err := codec.OpenEnvelopes(t.Context(), "", envelope); err != nil || opened[0] != nil || opened[1] != nil {
			t.Errorf("with %s destroyed the envelope opens as %s, %v, want nil", destroyed, opened, err)
		}
	}
}

func TestHeldFactIsSealedAgainOnRelease(t *testing.T) {
	t.Parallel()
	keys := newKeys()
	codec := newCodec(keys)
	holding := recordedAs("box-1", encodeOne(t, codec, "box-1", &held{Fact: &opened{Note: secretOf("n"), Person: secretOf("Ada").about("person-9")}}))
	fact := decode(t, codec, holding).Event.(*held).Fact.(*opened)
	formerly, formerOrigin := fact.Person.sealed, fact.Person.origin
	if want := "|fact.person"; !strings.HasSuffix(formerOrigin, want) {
		t.Errorf("origin of the held value is %v, want it to end in %v", formerOrigin, want)
	}
	meta := metadata()
	meta.CommandID = uuid.New()
	events, err := codec.Encode(t.Context(), "box-1", meta, fact)
	if err != nil {
		t.Fatal(err)
	}
	if fact.Person.sealed != formerly || fact.Person.origin != formerOrigin || fact.Person.plain != nil {
		t.Errorf("the held fact was changed by its release")
	}
	released := decode(t, codec, recordedAs("box-1", events[0]))
	if err := codec.Open(t.Context(), released); err != nil {
		t.Fatal(err)
	}
	got := released.Event.(*opened)
	if *got.Person.plain != "Ada" || !strings.Contains(got.Person.sealed, ".box-1+person-9.") {
		t.Errorf("released as %v under %v, want Ada under the keys it was about", *got.Person.plain, got.Person.sealed)
	}
}

func TestReleaseDoesNotUndoAnErasure(t *testing.T) {
	t.Parallel()
	for name, destroyIn := range map[string]func(*testKeys) *func(){
		"destroyed before":                 func(k *testKeys) *func() { k.destroy("box-1/person"); return new(func()) },
		"destroyed between lookup and use": func(k *testKeys) *func() { return &k.beforeEnsure },
	} {
		keys := newKeys()
		codec := newCodec(keys)
		recorded := recordedAs("box-1", encodeOne(t, codec, "box-1", &held{Fact: &opened{Note: secretOf("n"), Person: secretOf("Ada")}}))
		fact := decode(t, codec, recorded).Event.(*held).Fact
		*destroyIn(keys) = func() { keys.destroy("box-1/person") }
		released := recordedAs("box-1", encodeOne(t, codec, "box-1", fact))
		decoded := decode(t, codec, released)
		if err := codec.Open(t.Context(), decoded); err != nil {
			t.Errorf("%s: Open gives %v, want nil", name, err)
		}
		got := decoded.Event.(*opened)
		if got.Person.plain != nil || got.Note.plain == nil {
			t.Errorf("%s: person open %v, note open %v, want false, true", name, got.Person.plain != nil, got.Note.plain != nil)
		}
	}
}

func TestUnsealedValuesCannotBeEncoded(t *testing.T) {
	t.Parallel()
	if _, err := json.Marshal(&opened{Person: secretOf("Ada")}); !errors.Is(err, errOpen) {
		t.Errorf("encoding an open value gives %v, want %v", err, errOpen)
	}
	// A list of interfaces is not looked into: it cannot be stored at all while it holds one.
	_, err := newCodec(newKeys()).Encode(t.Context(), "box-1", metadata(), &listing{Items: []any{&opened{Person: secretOf("Ada")}}})
	if !errors.Is(err, errOpen) {
		t.Errorf("encoding a value that no walk reaches gives %v, want %v", err, errOpen)
	}
}

func TestMistakesInEventTypesPanic(t *testing.T) {
	t.Parallel()
	for want, event := range map[string]any{
		"without a seal tag":            &untagged{},
		"would be stored in clear":      &mistagged{},
		"cannot be sealed one by one":   &mapped{},
		"hold a pointer to it":          &held{Fact: opened{}},
		"field Person of eventstore_te": &untagged{},
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, want) {
					t.Errorf("%T panics with %q, want it to say %q", event, got, want)
				}
			}()
			_, _ = newCodec(newKeys()).Encode(t.Context(), "box-1", metadata(), event)
		}()
	}
}

func TestDecodeToleratesNewFieldsAndNamesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	codec := newCodec(newKeys())
	recorded := recordedAs("box-1", encodeOne(t, codec, "box-1", &emptied{}))
	recorded.Data = []byte(`{"added":{"later":true}}`)
	if _, err := codec.Decode(recorded); err != nil {
		t.Errorf("an unknown field gives %v, want nil", err)
	}
	recorded.Data, recorded.Revision = []byte(`{"number":`), 41
	_, err := codec.Decode(recorded)
	for _, want := range []string{"box-1", "41", "test.emptied.v1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("broken JSON gives %v, want it to name %q", err, want)
		}
	}
	recorded.Type = "test.unheard-of.v1"
	decoded, err := codec.Decode(recorded)
	if !errors.Is(err, es.ErrUnknownType) || decoded.Meta.CommandID != commandID || decoded.Event != nil {
		t.Errorf("an unknown type gives %+v, %v, want the metadata and ErrUnknownType", decoded, err)
	}
}

func TestOldNamesAreUpcast(t *testing.T) {
	t.Parallel()
	codec := newCodec(newKeys())
	event := encodeOne(t, codec, "box-1", &emptied{})
	event.Type, event.Data = "test.opened.v0", []byte(`{"count":3}`)
	if got := decode(t, codec, recordedAs("box-1", event)).Event.(*opened).Number; got != 3 {
		t.Errorf("number is %v, want 3", got)
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	codec := newCodec(newKeys())
	without := metadata()
	without.CommandID = uuid.Nil
	for name, encode := range map[string]func() ([]es.Event, error){
		"no command id":  func() ([]es.Event, error) { return codec.Encode(t.Context(), "box-1", without, &emptied{}) },
		"an unknown one": func() ([]es.Event, error) { return codec.Encode(t.Context(), "box-1", metadata(), &struct{}{}) },
		"a nil event":    func() ([]es.Event, error) { return codec.Encode(t.Context(), "box-1", metadata(), (*opened)(nil)) },
		"a cycle": func() ([]es.Event, error) {
			cycle := &held{}
			cycle.Fact = cycle
			return codec.Encode(t.Context(), "box-1", metadata(), cycle)
		},
		"a subject with +": func() ([]es.Event, error) {
			return codec.Encode(t.Context(), "box-1", metadata(), &opened{Person: secretOf("Ada").about("a+b")})
		},
	} {
		if events, err := encode(); err == nil {
			t.Errorf("%s gives %v, want an error", name, events)
		}
	}
}

func TestKeysErrorsPassThrough(t *testing.T) {
	t.Parallel()
	keys := newKeys()
	codec := newCodec(keys)
	event := encodeOne(t, codec, "box-1", &opened{Note: secretOf("n")})
	keys.fault = errors.New("no connection")
	if _, err := codec.Encode(t.Context(), "box-1", metadata(), &opened{Note: secretOf("n")}); !errors.Is(err, keys.fault) {
		t.Errorf("Encode gives %v, want %v", err, keys.fault)
	}
	if err := codec.Open(t.Context(), decode(t, codec, recordedAs("box-1", event))); !errors.Is(err, keys.fault) {
		t.Errorf("Open gives %v, want %v", err, keys.fault)
	}
}

func encodeOne(tb testing.TB, codec *es.Codec, stream es.StreamName, event any) es.Event {
	tb.Helper()
	events, err := codec.Encode(context.Background(), stream, metadata(), event)
	if err != nil {
		tb.Fatal(err)
	}
	return events[0]
}

func decode(tb testing.TB, codec *es.Codec, recorded es.Recorded) es.Decoded {
	tb.Helper()
	decoded, err := codec.Decode(recorded)
	if err != nil {
		tb.Fatal(err)
	}
	return decoded
}

func recordedAs(stream es.StreamName, event es.Event) es.Recorded {
	event.Data, event.Metadata = slices.Clone(event.Data), slices.Clone(event.Metadata)
	return es.Recorded{Event: event, Stream: stream}
}

func metadata() es.Metadata {
	return es.Metadata{CommandID: commandID, Actor: "system:test", OccurredAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

func swapFields(t *testing.T, data []byte, a, b string) []byte {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	fields[a], fields[b] = fields[b], fields[a]
	data, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
