package outgoing_test

import (
	"encoding/json"
	"testing"

	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/upload"
)

// TestEveryEventSaysItsCase: each event of an upload and of a notification can be stamped, says so, and says
// so again once it was stored.
func TestEveryEventSaysItsCase(t *testing.T) {
	t.Parallel()
	var events []outgoing.Concern
	for _, name := range upload.Events() {
		event, _ := upload.New(name)
		events = append(events, event)
	}
	for _, name := range notification.Events() {
		event, _ := notification.New(name)
		events = append(events, event)
	}
	for _, event := range events {
		outgoing.Stamp(event, "FOS-1")
		data, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		var stored struct{ Case string }
		if err := json.Unmarshal(data, &stored); err != nil || stored.Case != "FOS-1" || outgoing.CaseOf(event) != "FOS-1" {
			t.Errorf("%T: got %s, %v, want it to say its case", event, data, err)
		}
	}
}

// TestHeldFactsSayTheirCase: outside and inside.
func TestHeldFactsSayTheirCase(t *testing.T) {
	t.Parallel()
	const stored = `{"case":"FOS-1","origin":{"sequence":2},"type":"upload.accepted.v1","fact":{"case":"FOS-1","named":"FOS-2"}}`
	held := new(upload.FactHeld)
	if err := json.Unmarshal([]byte(stored), held); err != nil {
		t.Fatal(err)
	}
	if got := upload.CaseOf(held); got != "FOS-1" {
		t.Errorf("held: got %q, want FOS-1", got)
	}
	if fact := held.Fact.(*upload.Accepted); upload.CaseOf(fact) != "FOS-1" || fact.Named != "FOS-2" {
		t.Errorf("in it: got %+v, want its case, and the one that the source names", fact)
	}
}
