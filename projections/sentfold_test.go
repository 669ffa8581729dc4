package projections

import (
	"testing"

	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/upload"
	"casesync/eventstore"
	"casesync/projections/engine"
	"casesync/projections/projtest"
)

// lifeOfWhatWasSent is a case whose first business sent a file that fails, is retried and taken, one that is a
// duplicate, and notifications; and whose second business sent a file too. Sources answer what nobody sent.
func lifeOfWhatWasSent() []projtest.Given {
	a := about("C1")
	rejected, refused := uploadRejected("C1", at(3)), &notification.Rejected{About: a, Origin: from(at(5)), Named: "C1", Code: "closed"}
	rejected.Reason = outgoing.Seal("C1", "Unreadable.")
	begin := func(frn string, hour int) *upload.Begun {
		begun := begunBy("C1", frn, 100, at(hour))
		begun.File = outgoing.Seal("C1", upload.File{Name: "letter.pdf"})
		return begun
	}
	received := receivedOn("C1", at(2))
	received.Content = outgoing.Seal("C1", upload.Content{SHA256: "ab", MediaType: "application/pdf"})
	asks := sentBy("C1", ours, notification.SuppressCase, at(4))
	asks.Content = outgoing.Seal("C1", notification.Content{Fields: map[string]string{"reason": "At risk."}})
	sent := sentBy("C1", theirs, "general-update", at(6))
	sent.Content, sent.Bulk = asks.Content, "b1"
	return []projtest.Given{
		projtest.On("casefile-C1", &casefile.Converted{Origin: from(at(0)), FRN: ours, Product: hirePurchase, ConvertedAt: at(0)}),
		projtest.On("upload-u1", begin(ours, 1), received, &upload.ScanBegun{About: a, Attempt: 1, At: at(2)}, quarantinedOn("C1", at(2)),
			&upload.Retried{About: a, Attempt: 2, Person: "bob", At: at(2)}, &upload.Cleared{About: a, Attempt: 2, At: at(2)},
			&upload.Sent{About: a, Attempt: 2, At: at(2)}, rejected),
		projtest.On("upload-u2", begin(ours, 1), &upload.DuplicateFound{About: a, Of: "u1", At: at(2)}),
		projtest.On("notification-n1", asks, &notification.Delivered{About: a, At: at(4)}, refused,
			&notification.SuppressionAnswered{About: a, Answer: notification.Declined, At: at(5)}),
		projtest.On("upload-stray", uploadAccepted("C1", at(5))),
		projtest.On("casefile-C1", transferredTo(theirs, at(5))),
		projtest.On("upload-u3", begin(theirs, 6), &upload.Abandoned{About: a, Cause: upload.Idle, At: at(7)}),
		projtest.On("notification-n2", sent),
	}
}

// TestRowsOfWhatWasSent shows, row by row, what the events come to.
func TestRowsOfWhatWasSent(t *testing.T) {
	t.Parallel()
	projtest.Each(t, hashed, []engine.Projection{Cases()}, lifeOfWhatWasSent(), func(t *testing.T, w *projtest.World) {
		t.Helper()
		w.Want(Cases(), "case_uploads",
			"ref=C1 id=u1 frn=123456 person=ada status=rejected code=unreadable duplicate_of= bytes=100 attempt=2 began_at=1735725600000000 updated_at=1735732800000000 whole=true clean=true refused=false",
			"ref=C1 id=u2 frn=123456 person=ada status=duplicate code= duplicate_of=u1 bytes=100 attempt=1 began_at=1735725600000000 updated_at=1735729200000000 whole=false clean=false refused=false",
			"ref=C1 id=u3 frn=7654321 person=ada status=abandoned code=idle duplicate_of= bytes=100 attempt=1 began_at=1735743600000000 updated_at=1735747200000000 whole=false clean=false refused=false")
		w.Want(Cases(), "case_notifications",
			"ref=C1 id=n1 frn=123456 person=ada type=suppress-case status=rejected code=closed bulk= answer=declined asks=false sent_at=1735736400000000 updated_at=1735740000000000",
			"ref=C1 id=n2 frn=7654321 person=ada type=general-update status=sent code= bulk=b1 answer= asks=false sent_at=1735743600000000 updated_at=1735743600000000")
		w.Want(Cases(), "case_timeline",
			`ref=C1 n=1 frn= kind=converted at=1735722000000000 about= data={"frn":"123456","product":{"sector":"Consumer credit","group":"Motor finance","product":"Hire purchase"},"convertedAt":"2025-01-01T09:00:00Z"} contradicts= internal=false`,
			`ref=C1 n=2 frn=123456 kind=upload-received at=1735729200000000 about=u1 data={"person":"ada","bytes":100,"attempt":1} contradicts= internal=false`,
			`ref=C1 n=3 frn=123456 kind=upload-quarantined at=1735729200000000 about=u1 data={"attempt":1,"code":"scanner-unreachable"} contradicts= internal=false`,
			`ref=C1 n=4 frn=123456 kind=upload-rejected at=1735732800000000 about=u1 data={"attempt":2,"code":"unreadable"} contradicts= internal=false`,
			`ref=C1 n=5 frn=123456 kind=upload-duplicate at=1735729200000000 about=u2 data={"attempt":1,"of":"u1"} contradicts= internal=false`,
			`ref=C1 n=6 frn=123456 kind=notification-sent at=1735736400000000 about=n1 data={"person":"ada","type":"suppress-case"} contradicts= internal=false`,
			`ref=C1 n=7 frn=123456 kind=notification-delivered at=1735736400000000 about=n1 data={"type":"suppress-case"} contradicts= internal=false`,
			`ref=C1 n=8 frn=123456 kind=notification-rejected at=1735740000000000 about=n1 data={"type":"suppress-case","code":"closed"} contradicts= internal=false`,
			`ref=C1 n=9 frn=123456 kind=suppression-declined at=1735740000000000 about=n1 data={"type":"suppress-case"} contradicts= internal=false`,
			`ref=C1 n=10 frn= kind=upload-accepted at=1735740000000000 about=stray data={} contradicts= internal=true`,
			`ref=C1 n=11 frn= kind=transferred at=1735740000000000 about= data={"frn":"7654321","from":"123456"} contradicts= internal=false`,
			`ref=C1 n=12 frn=7654321 kind=upload-abandoned at=1735747200000000 about=u3 data={"attempt":1,"code":"idle"} contradicts= internal=false`,
			`ref=C1 n=13 frn=7654321 kind=notification-sent at=1735743600000000 about=n2 data={"person":"ada","type":"general-update","bulk":"b1"} contradicts= internal=false`)
	})
}

// TestCaseOf: what can not be decoded is parked with the case that it names, or else with its stream.
func TestCaseOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stream, data, want string
		wanted             bool
	}{
		{"casefile-C1", "", "C1", true},
		{"upload-u1", `{"case":"C1","new":true}`, "C1", true},
		{"notification-n1", `{"case":"C1"}`, "C1", true},
		{"notification-n1", `{"case":""}`, "notification-n1", true},
		{"upload-u1", `damaged`, "upload-u1", true},
		{"documents-C1", `{"case":"C1"}`, "", false},
	} {
		recorded := eventstore.Recorded{Event: eventstore.Event{Data: []byte(c.data)}, Stream: eventstore.StreamName(c.stream)}
		key, wanted := caseKey(engine.Event{Decoded: eventstore.Decoded{Recorded: recorded}})
		if key != c.want || wanted != c.wanted {
			t.Errorf("%s %s: got key %q, %v, want %q, %v", c.stream, c.data, key, wanted, c.want, c.wanted)
		}
	}
	for _, event := range []any{&upload.FactHeld{About: about("C1")}, &notification.FactUnrecognised{About: about("C1")}, &upload.SequenceSkipped{About: about("C1")}} {
		if key, wanted := caseKey(decoded("upload-u1", 0, 1, event)); wanted {
			t.Errorf("%T: got key %q, want it not wanted", event, key)
		}
	}
}
