package commands_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/calendar"
	"casesync/domain/casefile"
	"casesync/domain/documents"
	"casesync/domain/feed"
	"casesync/domain/upload"
	"casesync/eventstore"
)

// pdf is what is found out of a file; another digit makes it another file.
func pdf(digit string) upload.Content {
	return upload.Content{SHA256: strings.Repeat(digit, 64), MediaType: "application/pdf"}
}

const fileBytes = 1000

// What a scanner finds.
var (
	clean   = upload.Finding{Verdict: upload.FoundNothing}
	harmful = upload.Finding{Verdict: upload.FoundHarmful, Name: "Eicar-Test-Signature"}
	unclear = upload.Finding{Verdict: upload.FoundUnclear, Code: upload.ScannerUnreachable}
)

// office is a business with a case, and somebody who works on it.
type office struct {
	*world
	desk *commands.Casework
	cas  commands.Ask
	ref  string
}

// newOffice makes the business frn with people at example.com.
func newOffice(w *world) *office {
	w.t.Helper()
	w.configure(frn, "example.com")
	return &office{w, w.desk(w.log), w.by(w.join(frn, "cas@example.com", access.Caseworker)), w.convert("C-1", frn)}
}

// deskWith is world.desk with other limits, where a business has sent so many bytes today.
func (w *world) deskWith(log eventstore.Log, limits upload.Limits, sent int64) *commands.Casework {
	w.t.Helper()
	desk, err := commands.NewCasework(commands.CaseworkConfig{
		Log: log, Codec: w.codec, People: w.people(log), Limits: limits, DigestKey: []byte(strings.Repeat("d", 32)),
		SentOn: func(context.Context, string, calendar.Day) (int64, error) { return sent, nil },
		Links:  w.links, Now: w.clock,
	})
	if err != nil {
		w.t.Fatalf("new casework: %v", err)
	}
	return desk
}

// begun is an upload to a case, of which no byte has come.
func (o *office) begun(ref string) (id string) {
	o.t.Helper()
	id = uuid.NewString()
	o.do(o.desk.BeginUpload(o.t.Context(), o.cas, id, ref, "letter.pdf", fileBytes))
	return id
}

// received is one that is all there.
func (o *office) received(ref, digit string) (id string) {
	o.t.Helper()
	id = o.begun(ref)
	if _, err := o.desk.CompleteUpload(o.t.Context(), id, pdf(digit), fileBytes); err != nil {
		o.t.Fatalf("complete upload: %v", err)
	}
	return id
}

// scanned is one of which the scanner said something.
func (o *office) scanned(ref, digit string, finding upload.Finding) (id string) {
	o.t.Helper()
	id = o.received(ref, digit)
	o.scan(id, finding)
	return id
}

func (o *office) scan(id string, finding upload.Finding) {
	o.t.Helper()
	attempt, wanted, err := o.desk.BeginScan(o.t.Context(), id)
	if err != nil || !wanted {
		o.t.Fatalf("begin scan: got %v, %v, want it wanted", wanted, err)
	}
	o.ok("note scan", o.desk.NoteScan(o.t.Context(), id, attempt, finding, "Scanner 1"))
}

// rejected is one that the case management system did not take.
func (o *office) rejected(ref, digit string) (id string) {
	o.t.Helper()
	id = o.scanned(ref, digit, clean)
	o.ok("note sent", o.desk.NoteUploadSent(o.t.Context(), id, 1))
	at := origin("answer to "+id, 1)
	o.onUpload(id, upload.Record{Fact: &upload.Rejected{Origin: at, Named: ref}, Owner: at.Source})
	return id
}

// onUpload gives a command on an upload, past all other streams.
func (o *office) onUpload(id string, command upload.Command) {
	o.t.Helper()
	_, err := o.uploads().Handle(o.t.Context(), eventstore.Request{
		Stream: eventstore.StreamName("upload-" + id), CommandID: uuid.New(), Actor: "x", OccurredAt: now, Expected: eventstore.StreamExists,
	}, command)
	o.ok("change upload", err)
}

func (o *office) uploads() *eventstore.Handler[*upload.State, upload.Command, upload.Event] {
	return eventstore.NewHandler(o.log, o.codec, eventstore.Decider[*upload.State, upload.Command, upload.Event]{
		Initial: upload.Initial, Decide: upload.Decide, Evolve: upload.Evolve,
	}, 1)
}

// status is where an upload stands.
func (o *office) status(id string) (status upload.Status) {
	o.t.Helper()
	err := o.uploads().State(o.t.Context(), eventstore.StreamName("upload-"+id), func(s *upload.State, _ eventstore.Revision) { status = s.Status() })
	o.ok("look", err)
	return status
}

// stands fails unless an upload stands at want.
func (o *office) stands(what, id string, want upload.Status) {
	o.t.Helper()
	if got := o.status(id); got != want {
		o.t.Errorf("%s: got it %s, want %s", what, got, want)
	}
}

// places fails unless those uploads of a case that have a place are want.
func (o *office) places(what, ref string, want ...string) {
	o.t.Helper()
	handler := eventstore.NewHandler(o.log, o.codec, eventstore.Decider[*documents.State, documents.Command, documents.Event]{
		Initial: documents.Initial, Decide: documents.Decide, Evolve: documents.Evolve,
	}, 1)
	var got []string
	err := handler.State(o.t.Context(), eventstore.StreamName("documents-"+ref), func(s *documents.State, _ eventstore.Revision) { got = s.Taken() })
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		o.t.Errorf("%s: got places of %q, %v, want %q", what, got, err, want)
	}
}

// history is what happened in a stream, in order: the types of its events, without what they all begin and end with.
func (w *world) history(stream string) (list []string) {
	w.t.Helper()
	for recorded, err := range w.log.ReadStream(w.t.Context(), eventstore.StreamName(stream), 0) {
		if err != nil {
			w.t.Fatalf("read: %v", err)
		}
		_, name, _ := strings.Cut(strings.TrimSuffix(recorded.Type, ".v1"), ".")
		list = append(list, name)
	}
	return list
}

func (w *world) happened(what, stream string, want ...string) {
	w.t.Helper()
	if got := w.history(stream); !slices.Equal(got, want) {
		w.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func (w *world) ok(what string, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%s: got %v, want it done", what, err)
	}
}

// suppress and show have the source of a case say that it is hidden, and that it is not.
func (w *world) suppress(ref string, sequence int64) {
	w.t.Helper()
	w.record(ref, &casefile.Suppressed{Origin: factOf(ref, sequence)})
}

func (w *world) show(ref string, sequence int64) {
	w.t.Helper()
	w.record(ref, &casefile.Unsuppressed{Origin: factOf(ref, sequence)})
}

// transfer has it say that a case is with another business.
func (w *world) transfer(ref, frn string, sequence int64) {
	w.t.Helper()
	w.record(ref, &casefile.Transferred{Origin: factOf(ref, sequence), FRN: frn})
}

// forget has a case's data erased, as its time has come.
func (w *world) forget(ref string, sequence int64) {
	w.t.Helper()
	w.record(ref, &casefile.Closed{Origin: factOf(ref, sequence), ClosedAt: now, Outcome: "withdrawn"})
	w.do(w.TickCase(w.t.Context(), ref, calendar.DayOf(now).Years(7)))
}

func factOf(ref string, sequence int64) feed.Origin {
	return origin(ref+"-"+string(rune('0'+sequence)), sequence)
}

// unchanged fails if anything is recorded while do runs.
func (w *world) unchanged(t *testing.T, what string, do func()) {
	t.Helper()
	before := w.head()
	do()
	if got := w.head(); got != before {
		t.Errorf("%s: got the log at %v, want %v", what, got, before)
	}
}
