package commands_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/domain/documents"
	"casesync/domain/upload"
	"casesync/eventstore"
)

// A file goes its way, and each step that is told again changes nothing.
func TestUpload(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		id, ask := uuid.NewString(), named(o.cas, uuid.New())
		for range 2 {
			o.do(o.desk.BeginUpload(ctx, ask, id, o.ref, `C:\files\letter.pdf`, fileBytes))
		}
		o.ok("go on", o.desk.MayUpload(ctx, o.cas.By, id, o.ref))
		for range 2 {
			if scan, err := o.desk.CompleteUpload(ctx, id, pdf("a"), fileBytes); !scan || err != nil {
				t.Errorf("complete: got %v, %v, want it to be scanned", scan, err)
			}
		}
		for range 2 {
			if attempt, wanted, err := o.desk.BeginScan(ctx, id); attempt != 1 || !wanted || err != nil {
				t.Errorf("begin scan: got %d, %v, %v, want 1, wanted", attempt, wanted, err)
			}
		}
		for range 2 {
			o.ok("note scan", o.desk.NoteScan(ctx, id, 1, clean, "Scanner 1"))
		}
		if _, wanted, err := o.desk.BeginScan(ctx, id); wanted || err != nil {
			t.Errorf("scan what is in line: got %v, %v, want it not wanted", wanted, err)
		}
		for _, want := range []bool{true, false} {
			if goes, err := o.desk.CheckUpload(ctx, id, 1); goes != want || err != nil {
				t.Errorf("check: got %v, %v, want %v", goes, err, want)
			}
			o.ok("note sent", o.desk.NoteUploadSent(ctx, id, 1))
		}
		o.happened("the upload", "upload-"+id, "begun", "received", "scan-begun", "cleared", "queued", "sent")
		o.happened("the case's files", "documents-"+o.ref, "place-reserved", "digest-claimed")
		view, err := o.desk.Upload(ctx, o.cas.By, id)
		want := commands.UploadView{
			ID: id, Case: o.ref, FRN: frn, Person: o.cas.By.Person(), Status: upload.StatusSent, Attempt: 1, Name: "letter.pdf",
			MediaType: "application/pdf", SHA256: pdf("a").SHA256, Bytes: fileBytes, Downloadable: true, Revision: 5,
		}
		if view != want || err != nil {
			t.Errorf("got %+v, %v, want %+v", view, err, want)
		}
		refused(t, "cancel what went out", second(o.desk.CancelUpload(ctx, o.cas, id)), "upload-sent")
		refused(t, "retry it", second(o.desk.RetryUpload(ctx, o.cas, id)), "upload-sent")
		refused(t, "begin it again", second(o.desk.BeginUpload(ctx, o.cas, id, o.ref, "x.pdf", fileBytes)), "upload-begun")
		o.places("at the end", o.ref, id)
	})
}

// Whatever ends a file frees its place, and the same file can be sent again.
func TestUploadsThatEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		for name, end := range map[string]struct {
			do   func(id string)
			want upload.Status
		}{
			"harmful": {func(id string) {
				_, _ = o.desk.CompleteUpload(ctx, id, pdf("b"), fileBytes)
				o.scan(id, harmful)
			}, upload.StatusRejected},
			"of another size": {func(id string) { _, _ = o.desk.CompleteUpload(ctx, id, pdf("b"), fileBytes-1) }, upload.StatusRejected},
			"of a wrong type": {func(id string) {
				_, _ = o.desk.CompleteUpload(ctx, id, upload.Content{SHA256: pdf("b").SHA256, MediaType: "application/x-msdownload"}, fileBytes)
			}, upload.StatusRejected},
			"cancelled while it comes": {func(id string) { o.do(o.desk.CancelUpload(ctx, o.cas, id)) }, upload.StatusAbandoned},
			"cancelled in quarantine": {func(id string) {
				_, _ = o.desk.CompleteUpload(ctx, id, pdf("b"), fileBytes)
				o.scan(id, unclear)
				o.do(o.desk.CancelUpload(ctx, o.cas, id))
			}, upload.StatusAbandoned},
			"left alone": {func(id string) {
				w.pass(25 * time.Hour)
				_, _ = o.desk.AbandonUpload(ctx, id, o.ref, time.Time{})
			}, upload.StatusAbandoned},
		} {
			id := o.begun(o.ref)
			end.do(id)
			o.stands(name, id, end.want)
			o.places(name, o.ref)
			if scan, err := o.desk.CompleteUpload(ctx, id, pdf("b"), fileBytes); scan || err != nil {
				t.Errorf("%s, and complete: got %v, %v, want nothing", name, scan, err)
			}
			if _, wanted, err := o.desk.BeginScan(ctx, id); wanted || err != nil {
				t.Errorf("%s, and scan: got %v, %v, want nothing", name, wanted, err)
			}
			if over, err := o.desk.AbandonUpload(ctx, id, o.ref, time.Time{}); !over || err != nil {
				t.Errorf("%s: got it over %v, %v, want its bytes deleted", name, over, err)
			}
			o.places(name+", told again", o.ref)
		}
	})
}

// In one case, the same bytes are taken once; the other is told whose they are, and in another case they are others.
func TestDuplicateUploads(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		first, other := o.received(o.ref, "a"), w.convert("C-2", frn)
		second := o.begun(o.ref)
		for range 2 {
			if scan, err := o.desk.CompleteUpload(ctx, second, pdf("a"), fileBytes); scan || err != nil {
				t.Errorf("complete: got %v, %v, want it not scanned", scan, err)
			}
		}
		o.stands("the second", second, upload.StatusDuplicate)
		o.places("after it", o.ref, first)
		elsewhere := o.received(other, "a")
		o.stands("in another case", elsewhere, upload.StatusReceived)
		if here, there := o.digest(o.ref), o.digest(other); here == there || here == pdf("a").SHA256 || len(here) != 64 {
			t.Errorf("got the digests %s and %s, want them keyed, and others in other cases", here, there)
		}
		o.do(o.desk.CancelUpload(ctx, o.cas, first))
		third := o.received(o.ref, "a")
		o.stands("after the first was cancelled", third, upload.StatusReceived)
	})
}

// What the source did not take, and what the scanner did not look at, is tried again with the same bytes.
func TestRetryUpload(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		id := o.rejected(o.ref, "a")
		same := o.received(o.ref, "a")
		o.places("rejected, and sent again", o.ref, same)
		refused(t, "while another has the same bytes", second(o.desk.RetryUpload(ctx, o.cas, id)), "document-duplicate")
		o.stands("then", id, upload.StatusRejected)
		o.places("then", o.ref, same)
		o.do(o.desk.CancelUpload(ctx, o.cas, same))
		ask := named(o.cas, uuid.New())
		for range 2 {
			o.do(o.desk.RetryUpload(ctx, ask, id))
		}
		o.places("tried again", o.ref, id)
		if attempt, wanted, err := o.desk.BeginScan(ctx, id); attempt != 2 || !wanted || err != nil {
			t.Errorf("begin scan: got %d, %v, %v, want 2, wanted", attempt, wanted, err)
		}
		o.ok("an answer to the attempt before", o.desk.NoteScan(ctx, id, 1, clean, "Scanner 1"))
		o.stands("after it", id, upload.StatusScanning)
		o.ok("an answer", o.desk.NoteScan(ctx, id, 2, unclear, "Scanner 1"))
		o.stands("after it", id, upload.StatusQuarantined)
		o.do(o.desk.RetryUpload(ctx, ask, id)) // has its answer already
		o.stands("by the command of before", id, upload.StatusQuarantined)
		o.do(o.desk.RetryUpload(ctx, o.cas, id))
		o.scan(id, clean)
		o.stands("at last", id, upload.StatusQueued)
		for attempt, want := range map[int]bool{1: false, 2: false, 3: true} {
			if goes, err := o.desk.CheckUpload(ctx, id, attempt); goes != want || err != nil {
				t.Errorf("attempt %d: got %v, %v, want %v", attempt, goes, err, want)
			}
		}
	})
}

// What is too large, too much or without a fit name is refused before anything is recorded.
func TestUploadLimits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		limits := upload.Standard()
		limits.FileBytesMax, limits.CaseBytesMax, limits.CaseFilesMax, limits.BusinessDayBytesMax = 1000, 1500, 2, 5000
		desk := o.deskWith(w.log, limits, 4200)
		o.do(desk.BeginUpload(ctx, o.cas, uuid.NewString(), o.ref, "one.pdf", 600))
		for _, test := range []struct {
			name, file string
			bytes      int64
			code       string
		}{
			{"too large", "x.pdf", 1001, "file-too-large"}, {"empty", "x.pdf", 0, "file-empty"},
			{"without a name", "/", 10, "file-name-invalid"}, {"with a name that is shown backwards", "fdp\u202e.exe", 10, "file-name-invalid"},
			{"too much for the day", "x.pdf", 801, "business-size-limit"},
		} {
			o.unchanged(t, test.name, func() {
				refused(t, test.name, second(desk.BeginUpload(ctx, o.cas, uuid.NewString(), o.ref, test.file, test.bytes)), test.code)
			})
		}
		full := o.deskWith(w.log, limits, 0)
		refused(t, "too much for the case", second(full.BeginUpload(ctx, o.cas, uuid.NewString(), o.ref, "x.pdf", 901)), "case-size-limit")
		id, ask := uuid.NewString(), named(o.cas, uuid.New())
		o.do(full.BeginUpload(ctx, ask, id, o.ref, "two.pdf", 900))
		refused(t, "too many files", second(full.BeginUpload(ctx, o.cas, uuid.NewString(), o.ref, "x.pdf", 1)), "case-files-limit")
		late := o.deskWith(w.log, limits, 5000) // counts the upload itself by now
		o.do(late.BeginUpload(ctx, ask, id, o.ref, "two.pdf", 900))
		o.do(full.CancelUpload(ctx, o.cas, id))
		o.do(full.BeginUpload(ctx, o.cas, uuid.NewString(), o.ref, "three.pdf", 900))
	})
}

// What the source rejected counts no more than what a crash left: it makes room as soon as that is needed.
func TestRoomOfWhatIsOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o, limits := t.Context(), newOffice(w), upload.Standard()
		limits.CaseFilesMax = 2
		desk, held := o.deskWith(w.log, limits, 0), o.received(o.ref, "a")
		rejected := o.rejected(o.ref, "b")
		o.places("full", o.ref, held, rejected)
		id := uuid.NewString()
		o.do(desk.BeginUpload(ctx, o.cas, id, o.ref, "x.pdf", 1))
		o.places("then", o.ref, held, id)
		refused(t, "one more", second(desk.BeginUpload(ctx, o.cas, uuid.NewString(), o.ref, "x.pdf", 1)), "case-files-limit")
		refused(t, "the rejected one again", second(desk.RetryUpload(ctx, o.cas, rejected)), "case-files-limit")
		o.do(desk.CancelUpload(ctx, o.cas, id))
		o.do(desk.RetryUpload(ctx, o.cas, rejected))
		o.places("at last", o.ref, held, rejected)
	})
}

// A case that is hidden, with another business, or unknown is answered in one way, to each question about it.
func TestUploadsToWhatMayNotBeKnownOf(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		w.configure(otherFRN, "example.org")
		eve := w.by(w.join(otherFRN, "eve@example.org", access.Supervisor))
		ids := map[string]string{}
		for _, ref := range []string{"hidden", "moved", "erased", "closed"} {
			ids[w.convert(ref, frn)] = o.received(ref, "a")
		}
		w.convert("foreign", otherFRN)
		w.suppress("hidden", 2)
		w.transfer("moved", otherFRN, 2)
		w.forget("erased", 2)
		w.record("closed", &casefile.Closed{Origin: factOf("closed", 2), ClosedAt: now, Outcome: "change"})
		for _, ref := range []string{"hidden", "moved", "foreign", "no-such", "../x"} {
			o.unchanged(t, ref, func() {
				fails(t, ref+": may", o.desk.MayUpload(ctx, o.cas.By, ids[ref], ref), commands.ErrUnknown)
				fails(t, ref+": begin", second(o.desk.BeginUpload(ctx, o.cas, uuid.NewString(), ref, "x.pdf", 1)), commands.ErrUnknown)
				fails(t, ref+": cancel", second(o.desk.CancelUpload(ctx, o.cas, ids[ref])), commands.ErrUnknown)
				fails(t, ref+": retry", second(o.desk.RetryUpload(ctx, o.cas, ids[ref])), commands.ErrUnknown)
			})
		}
		fails(t, "moved here, sent by another", o.desk.MayUpload(ctx, eve.By, ids["moved"], "moved"), commands.ErrUnknown)
		fails(t, "cancelled here", second(o.desk.CancelUpload(ctx, eve, ids["moved"])), commands.ErrUnknown)
		fails(t, "of another case", o.desk.MayUpload(ctx, o.cas.By, ids["closed"], o.ref), commands.ErrUnknown)
		refused(t, "erased: may", o.desk.MayUpload(ctx, o.cas.By, ids["erased"], "erased"), "case-data-erased")
		refused(t, "erased: begin", second(o.desk.BeginUpload(ctx, o.cas, uuid.NewString(), "erased", "x.pdf", 1)), "case-data-erased")
		o.ok("closed", o.desk.MayUpload(ctx, o.cas.By, ids["closed"], "closed"))
		o.ok("before there is one", o.desk.MayUpload(ctx, o.cas.By, uuid.NewString(), o.ref))
		o.ok("with no id", o.desk.MayUpload(ctx, o.cas.By, "", o.ref))
	})
}

// If-Match is of the upload's own stream.
func TestUploadExpected(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		id := o.scanned(o.ref, "a", unclear)
		view, err := o.desk.Upload(ctx, o.cas.By, id)
		o.ok("look", err)
		ask := named(o.cas, uuid.New())
		ask.Expected = new(view.Revision - 1)
		fails(t, "retry what has changed", second(o.desk.RetryUpload(ctx, ask, id)), eventstore.ErrWrongExpectedRevision)
		fails(t, "cancel what has changed", second(o.desk.CancelUpload(ctx, ask, id)), eventstore.ErrWrongExpectedRevision)
		ask.Expected = &view.Revision
		o.do(o.desk.RetryUpload(ctx, ask, id))
		o.do(o.desk.RetryUpload(ctx, ask, id)) // the same command again
		o.happened("then", "upload-"+id, "begun", "received", "scan-begun", "quarantined", "retried")
	})
}

// digest is the one that was claimed last in a case.
func (o *office) digest(ref string) (digest string) {
	o.t.Helper()
	events, err := o.events(o.t.Context(), "documents-"+ref)
	o.ok("read", err)
	for _, event := range events {
		if claimed, is := event.Event.(*documents.DigestClaimed); is {
			digest = claimed.Digest
		}
	}
	return digest
}
