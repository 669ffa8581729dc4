package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/domain/ticket"
	"casesync/eventstore/sqldb"
)

// waitingCase imports a case of which a kind of action is due first.
func (w *world) waitingCase(kind string) OpenCase {
	w.t.Helper()
	register := open(w.t)
	for i := range register.complaints {
		business, c := register.openCase(given, i)
		if business != "" && len(c.Actions) > 0 && c.Actions[0].Kind == kind {
			w.importCase(c.Reference)
			return c
		}
	}
	w.t.Fatalf("no case waits for %s", kind)
	return OpenCase{}
}

// TestUploadsAreAnswered: what was announced is accepted; what differs, or is to be rejected, is rejected with its
// reason; what is withheld is not answered, and holds up nothing.
func TestUploadsAreAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ref := w.waitingCase(askFile).Reference
	withheld := w.upload(ref, "withheld.pdf", "%PDF", "")
	uploads := map[string]string{
		w.upload(ref, "letter.pdf", "%PDF-1.7 a letter", "%PDF-1.7 a letter"):    "upload.accepted.v1 1",
		w.upload(ref, "To REJECT.pdf", "%PDF-1.7 a letter", "%PDF-1.7 a letter"): "upload.rejected.v1 1",
		w.upload(ref, "altered.pdf", "%PDF-1.7 a letter", "%PDF-1.7 A LETTER"):   "upload.rejected.v1 1",
		w.upload(ref, "longer.pdf", "%PDF-1.7 a letter", "%PDF-1.7 a letter."):   "upload.rejected.v1 1",
		w.upload(ref, "shorter.pdf", "%PDF-1.7 a letter", "%PDF-1.7 a lette"):    "upload.rejected.v1 1",
	}
	last := w.upload(ref, "last.pdf", "%PDF", "%PDF")
	w.start()
	w.wait(last, 1)
	for id, want := range uploads {
		if got := w.recorded("upload-" + id); !reflect.DeepEqual(got, []string{want}) {
			t.Errorf("%s: got %v, want %s", id, got, want)
		}
	}
	if got := w.recorded("upload-" + withheld); len(got) != 0 || w.fetched[withheld] != withheldTries {
		t.Errorf("withheld: got %v after %d tries, want nothing after %d", got, w.fetched[withheld], withheldTries)
	}
}

// TestUploadTriedAgain: another attempt of an upload is answered too, under the sequence after the one before.
func TestUploadTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ref := w.waitingCase(askFile).Reference
	w.start()
	id := w.upload(ref, "reject.pdf", "%PDF", "%PDF")
	w.wait(id, 1)
	again := w.queue(ref, id, "reject.pdf", "%PDF", 3) // the second never came so far
	answers := w.wait(id, 1)
	if answers[0].ID != again+"-1" || answers[0].Sequence != "2" {
		t.Errorf("got %+v, want the second answer, named after its message", answers[0])
	}
	if got, want := w.recorded("upload-"+id), []string{"upload.rejected.v1 1", "upload.rejected.v1 2"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestNotificationsAreAnswered: a notification is acknowledged or rejected, and its case goes on under the sequences
// that follow those of the feed.
func TestNotificationsAreAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file, reply := w.waitingCase(askFile), w.waitingCase("information-request")
	before := len(open(t).history(given, file.Reference))
	w.start()
	submitted := w.notify(file.Reference, "file-submitted", map[string]string{"complete": "yes"})
	refused := w.notify(file.Reference, "more-time-requested", map[string]string{"until": "2030-01-01"})
	word := w.notify(reply.Reference, "general-update", map[string]string{"message": "…"})
	w.tell("ticket-"+uuid.NewString(), &ticket.Opened{Type: ticket.Technical, Person: "p-1", At: now})
	due, err := time.Parse(time.DateOnly, reply.Actions[0].Due)
	if err != nil {
		t.Fatal(err)
	}
	later := w.notify(reply.Reference, "more-time-requested", map[string]string{"until": due.AddDate(0, 0, 7).Format(time.DateOnly)})
	w.wait(reply.Reference, 1)
	for id, want := range map[string]string{
		submitted: "notification.acknowledged.v1 1", refused: "notification.rejected.v1 1", word: "notification.acknowledged.v1 1",
		later: "notification.acknowledged.v1 1",
	} {
		if got := w.recorded("notification-" + id); !reflect.DeepEqual(got, []string{want}) {
			t.Errorf("%s: got %v, want %s", id, got, want)
		}
	}
	want := []string{fmt.Sprintf("casefile.action-closed.v1 %d", before+1), fmt.Sprintf("casefile.stage-changed.v1 %d", before+2)}
	if got := tailOf(w.recorded("casefile-"+file.Reference), 2); !reflect.DeepEqual(got, want) {
		t.Errorf("file submitted: got %v, want %v", got, want)
	}
	want = []string{fmt.Sprintf("casefile.action-extended.v1 %d", len(open(t).history(given, reply.Reference))+1)}
	if got := tailOf(w.recorded("casefile-"+reply.Reference), 1); !reflect.DeepEqual(got, want) {
		t.Errorf("more time: got %v, want %v", got, want)
	}
}

// TestAnswersAreGivenOnce: messages that come twice, a part of a line, a crash before the portal's answer was read, and
// a start from the beginning of the file, with the books or without them, have no second effect.
func TestAnswersAreGivenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ref := w.waitingCase(askFile).Reference
	stop := w.start()
	crashed := make(chan struct{})
	w.beforeAnswer = func(e Event) {
		if e.Type == actionClosed {
			w.mu.Lock()
			w.beforeAnswer = nil
			w.mu.Unlock()
			go func() { stop(); close(crashed) }()
			<-crashed // taken, and the answer never arrives
		}
	}
	w.notify(ref, "file-submitted", map[string]string{"complete": "yes"})
	<-crashed
	if got := w.recorded("casefile-" + ref); tailOf(got, 1)[0] != fmt.Sprintf("casefile.action-closed.v1 %d", len(got)) {
		t.Fatalf("got %v, want the action closed, and no more yet", tailOf(got, 2))
	}
	stop = w.start()
	var left []string
	for _, e := range w.wait(ref, 3) {
		left = append(left, e.ID[len(e.ID)-2:])
	}
	if want := []string{"-2", "-2", "-3"}; !reflect.DeepEqual(left, want) {
		t.Errorf("got answers %v about the case, want what was in doubt again, and then the rest: %v", left, want)
	}
	w.appendToOutbox("\n{\"id\":\"cut o")
	w.repeatEverything()
	last := w.notify(ref, "general-update", map[string]string{"message": "…"})
	w.wait(last, 1)
	stop()
	want := w.all()
	w.forget(`DELETE FROM demo_place`)
	stop = w.start()
	w.wait(w.notify(ref, "general-update", map[string]string{"message": "…"}), 1)
	stop()
	w.same("from the beginning", want, 1)
	if err := os.Remove(filepath.Join(w.dir, "books.db")); err != nil {
		t.Fatal(err)
	}
	stop = w.start()
	w.wait(w.notify(ref, "general-update", map[string]string{"message": "…"}), 1)
	stop()
	w.same("without its books", want, 2)
}

// same checks that nothing is recorded but what was, and so many new notifications.
func (w *world) same(what string, want map[string][]string, more int) {
	w.t.Helper()
	got := w.all()
	if len(got) != len(want)+more {
		w.t.Errorf("%s: got %d streams, want %d", what, len(got), len(want)+more)
	}
	for stream, events := range want {
		if !reflect.DeepEqual(got[stream], events) {
			w.t.Errorf("%s: %s: got %v, want %v", what, stream, got[stream], events)
		}
	}
}

// forget takes something out of the books.
func (w *world) forget(statement string) {
	w.t.Helper()
	db, err := sqldb.Open(w.t.Context(), "sqlite:"+filepath.Join(w.dir, "books.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(w.t.Context(), statement); err != nil {
		w.t.Fatal(err)
	}
}

// appendToOutbox writes what a crash in the middle of a line leaves.
func (w *world) appendToOutbox(text string) {
	w.t.Helper()
	file, err := os.OpenFile(w.path(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		w.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// repeatEverything publishes all messages a second time, under the same ids.
func (w *world) repeatEverything() {
	w.t.Helper()
	text, err := os.ReadFile(w.path())
	if err != nil {
		w.t.Fatal(err)
	}
	w.appendToOutbox("\n" + string(text))
}
