package private_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"casesync/domain/private"
)

type party struct {
	Name string `json:"name"`
}

// event is as events are: what is private in it may be absent.
type event struct {
	ID       string               `json:"id"`
	Consumer private.Value[party] `json:"consumer,omitzero"`
}

const (
	sealed = "v1.casefile-1.AAAA.BBBB"
	origin = "casefile-1|8d2e|consumer"
)

func TestOpenValueIsNotEncoded(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{
		"value":       private.Of(party{Name: "A. Example"}),
		"in an event": event{ID: "1", Consumer: private.Of(party{Name: "A. Example"})},
		"pointer":     &event{ID: "1", Consumer: private.Of(party{Name: "A. Example"})},
		"zero inside": private.Of(party{}),
	} {
		data, err := json.Marshal(value)
		if !errors.Is(err, private.ErrOpen) {
			t.Errorf("%s: got %s, %v, want %v", name, data, err, private.ErrOpen)
		}
	}
}

func TestAbsentValueLeavesNoTrace(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(event{ID: "1"})
	if got, want := string(data), `{"id":"1"}`; got != want || err != nil {
		t.Errorf("encoded: got %s, %v, want %s", got, err, want)
	}
	var value private.Value[party]
	if _, open := value.Get(); open || !value.IsZero() || value.Envelope() != "" {
		t.Errorf("absent value: got open %v, zero %v, envelope %q", open, value.IsZero(), value.Envelope())
	}
	if data, open, err := value.Plain(); data != nil || open || err != nil {
		t.Errorf("plain: got %s, %v, %v, want none", data, open, err)
	}
	if data, err := json.Marshal(value); string(data) != "null" || err != nil {
		t.Errorf("encoded: got %s, %v, want null", data, err)
	}
}

func TestSealedValueIsEncoded(t *testing.T) {
	t.Parallel()
	e := event{ID: "1", Consumer: private.Of(party{Name: "A. Example"})}
	e.Consumer.SetSealed(sealed, origin)
	data, err := json.Marshal(e)
	if got, want := string(data), `{"id":"1","consumer":"`+sealed+`"}`; got != want || err != nil {
		t.Errorf("encoded: got %s, %v, want %s", got, err, want)
	}
	if got, open := e.Consumer.Get(); !open || got.Name != "A. Example" {
		t.Errorf("sealed value: got %v, %v, want it open still", got, open)
	}
	if got, want := e.Consumer.Envelope(), origin+"|"+sealed; got != want {
		t.Errorf("envelope: got %s, want %s", got, want)
	}
}

func TestSealedValueIsRead(t *testing.T) {
	t.Parallel()
	var e event
	if err := json.Unmarshal([]byte(`{"id":"1","consumer":"`+sealed+`"}`), &e); err != nil {
		t.Fatal(err)
	}
	if got, open := e.Consumer.Get(); open || e.Consumer.IsZero() {
		t.Errorf("read: got %v, open %v, want it present and sealed", got, open)
	}
	text, from := e.Consumer.Sealed()
	if text != sealed || from != "" {
		t.Errorf("sealed: got %s, %s, want %s and no origin yet", text, from, sealed)
	}
	e.Consumer.SetSealed(text, origin)
	if err := e.Consumer.SetPlain([]byte(`{"name":"A. Example"}`)); err != nil {
		t.Fatal(err)
	}
	if got, open := e.Consumer.Get(); !open || got.Name != "A. Example" {
		t.Errorf("opened: got %v, %v, want A. Example", got, open)
	}
	data, open, err := e.Consumer.Plain()
	if got, want := string(data), `{"name":"A. Example"}`; got != want || !open || err != nil {
		t.Errorf("plain: got %s, %v, %v, want %s", got, open, err, want)
	}
}

func TestWhatIsNoSealedText(t *testing.T) {
	t.Parallel()
	for _, data := range []string{`{"name":"A. Example"}`, `7`, `["` + sealed + `"]`, `true`} {
		value := private.Of(party{Name: "before"})
		if err := json.Unmarshal([]byte(data), &value); err == nil {
			t.Errorf("read %s: got no error", data)
		}
		if got, open := value.Get(); open || !value.IsZero() {
			t.Errorf("read %s: got %v, want nothing left of it", data, got)
		}
	}
	var value private.Value[party]
	if err := value.SetPlain([]byte(`[]`)); err == nil || !value.IsZero() {
		t.Errorf("open with the wrong JSON: got %v, want an error and no value", err)
	}
}

func TestNullIsAbsent(t *testing.T) {
	t.Parallel()
	value := private.Of(party{Name: "before"})
	if err := json.Unmarshal([]byte(`null`), &value); err != nil || !value.IsZero() {
		t.Errorf("read null: got %v, %v, want an absent value", value.IsZero(), err)
	}
}

func TestPrintedValueDoesNotShow(t *testing.T) {
	t.Parallel()
	e := event{ID: "1", Consumer: private.Of(party{Name: "A. Example"})}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, value := range []any{e, &e, e.Consumer, []event{e}} {
			if got := fmt.Sprintf(verb, value); strings.Contains(got, "Example") {
				t.Errorf("%s of %T: got %s", verb, value, got)
			}
		}
	}
	if got, want := fmt.Sprint(e.Consumer, event{}.Consumer), "[private] [absent]"; got != want {
		t.Errorf("printed: got %s, want %s", got, want)
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	value := private.Of(party{Name: "A. Example"})
	about := value.About("person-7f3a")
	if got, want := about.Subject(), "person-7f3a"; got != want {
		t.Errorf("subject: got %q, want %q", got, want)
	}
	if value.Subject() != "" {
		t.Errorf("subject of the value before: got %q, want none", value.Subject())
	}
	if got, open := about.Get(); !open || got.Name != "A. Example" {
		t.Errorf("value: got %v, %v, want it kept", got, open)
	}
}
