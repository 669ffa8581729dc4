package commands_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/domain/upload"
)

// A case that is suppressed stops what is on its way, wherever it is, and lets it go on afterwards.
func TestSuppressionStopsUploads(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		stopped := map[string]string{
			"receiving": o.begun(o.ref), "received": o.received(o.ref, "a"), "queued": o.scanned(o.ref, "b", clean), "scanning": o.received(o.ref, "c"),
		}
		if _, _, err := o.desk.BeginScan(ctx, stopped["scanning"]); err != nil {
			t.Fatal(err)
		}
		held, scanning := o.scanned(o.ref, "d", unclear), o.received(o.ref, "e")
		attempt, _, err := o.desk.BeginScan(ctx, scanning)
		o.ok("begin scan", err)
		o.ok("stop what nothing bars", o.desk.StopUploads(ctx, o.ref))
		w.suppress(o.ref, 2)
		o.ok("an answer of the scanner", o.desk.NoteScan(ctx, scanning, attempt, clean, "Scanner 1"))
		o.happened("then", "upload-"+scanning, "begun", "received", "scan-begun", "cleared", "stopped")
		if goes, err := o.desk.CheckUpload(ctx, stopped["queued"], 1); goes || err != nil {
			t.Errorf("immediately before publishing: got %v, %v, want it stopped", goes, err)
		}
		o.stands("by the check", stopped["queued"], upload.StatusStopped)
		for range 2 {
			o.ok("stop", o.desk.StopUploads(ctx, o.ref))
		}
		for name, id := range stopped {
			o.stands(name, id, upload.StatusStopped)
		}
		o.stands("in quarantine", held, upload.StatusQuarantined)
		w.show(o.ref, 3)
		for name, id := range stopped {
			o.do(o.desk.RetryUpload(ctx, o.cas, id))
			if name == "receiving" {
				o.stands(name, id, upload.StatusReceiving)
				continue
			}
			o.scan(id, clean)
			o.stands(name, id, upload.StatusQueued)
		}
	})
}

// What goes out while it is stopped is noted as gone.
func TestUploadOvertaken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		id := o.scanned(o.ref, "a", clean)
		w.suppress(o.ref, 2)
		o.ok("stop", o.desk.StopUploads(ctx, o.ref))
		o.ok("note sent", o.desk.NoteUploadSent(ctx, id, 1))
		o.stands("then", id, upload.StatusSent)
	})
}

// The erasure of a case's data names every upload that there ever was, and leaves no name of a file. What the source
// tells of the case afterwards is data again, and so are its files.
func TestEraseUploads(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		want := []string{o.begun(o.ref), o.received(o.ref, "a"), o.scanned(o.ref, "b", clean), o.scanned(o.ref, "c", harmful), o.rejected(o.ref, "d")}
		slices.Sort(want)
		if ids, err := o.desk.EraseUploads(ctx, o.ref); ids != nil || err != nil {
			t.Errorf("before: got %q, %v, want none", ids, err)
		}
		w.forget(o.ref, 2)
		for range 2 {
			if ids, err := o.desk.EraseUploads(ctx, o.ref); !slices.Equal(ids, want) || err != nil {
				t.Errorf("got %q, %v, want %q", ids, err, want)
			}
		}
		o.places("erased", o.ref)
		for _, id := range want {
			o.stands("erased", id, upload.StatusErased)
			view, err := o.desk.Upload(ctx, o.cas.By, id)
			if err != nil || view.Name != "" || view.SHA256 != "" || view.Downloadable || view.Retryable {
				t.Errorf("got %+v, %v, want nothing of the file", view, err)
			}
		}
		refused(t, "retry", second(o.desk.RetryUpload(ctx, o.cas, want[0])), "case-data-erased")
		w.record(o.ref, &casefile.Reopened{Origin: factOf(o.ref, 3), ReopenedAt: now})
		fresh := o.received(o.ref, "a")
		if ids, err := o.desk.EraseUploads(ctx, o.ref); ids != nil || err != nil {
			t.Errorf("once it is open again: got %q, %v, want none", ids, err)
		}
		o.stands("sent since", fresh, upload.StatusReceived)
	})
}

// Of an upload that was never begun, a crash may have left a place.
func TestPlaceOfNoUpload(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o, id := t.Context(), newOffice(w), uuid.NewString()
		crashed := w.desk(&crashing{Log: w.log, left: 1})
		fails(t, "begin", second(crashed.BeginUpload(ctx, o.cas, id, o.ref, "x.pdf", fileBytes)), errCrash)
		o.places("after the crash", o.ref, id)
		o.ok("stop", o.desk.StopUploads(ctx, o.ref))
		if over, err := o.desk.AbandonUpload(ctx, id, o.ref, time.Time{}); !over || err != nil {
			t.Errorf("got it over %v, %v, want its bytes deleted", over, err)
		}
		o.places("swept", o.ref)
		if over, err := o.desk.AbandonUpload(ctx, o.begun(o.ref), o.ref, now); over || err != nil {
			t.Errorf("one that is fresh: got it over %v, %v, want it kept", over, err)
		}
		if over, err := o.desk.AbandonUpload(ctx, o.rejected(o.ref, "a"), o.ref, now); over || err != nil {
			t.Errorf("one that can be tried again: got it over %v, %v, want it kept", over, err)
		}
		if _, err := o.desk.CompleteUpload(ctx, id, pdf("a"), fileBytes); !errors.Is(err, commands.ErrUnknown) {
			t.Errorf("complete what was never begun: got %v, want %v", err, commands.ErrUnknown)
		}
	})
}

// Who sees an upload, sees the case, with the business that sent it.
func TestUploadIsSeenByWhoSeesTheCase(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		w.configure(otherFRN, "example.org")
		eve := w.by(w.join(otherFRN, "eve@example.org", access.Supervisor)).By
		ada := w.by(w.join(frn, "ada@example.com", access.Administrator)).By
		auditor := access.Principal{ID: "token:auditor", Kind: access.Machine, Roles: []access.Role{access.Auditor}}
		own := o.received(o.ref, "a")
		hidden, moved := o.received(w.convert("hidden", frn), "a"), o.received(w.convert("moved", frn), "a")
		w.suppress("hidden", 2)
		w.transfer("moved", otherFRN, 2)
		all := []string{own, hidden, moved}
		for _, test := range []struct {
			name string
			by   access.Principal
			sees []string
		}{
			{"a caseworker", o.cas.By, []string{own}}, {"somebody of another business", eve, nil}, {"an administrator", ada, nil},
			{"an auditor", auditor, all}, {"an operator", operator, nil}, {"a case management system", system, nil}, {"nobody", access.Principal{}, nil},
		} {
			for _, id := range append(all, uuid.NewString()) {
				view, err := o.desk.Upload(ctx, test.by, id)
				if sees := slices.Contains(test.sees, id); sees && (err != nil || view.Name != "letter.pdf") || !sees && !errors.Is(err, commands.ErrUnknown) {
					t.Errorf("%s: got %+v, %v, want it seen: %v", test.name, view, err, sees)
				}
			}
		}
	})
}

// The system that speaks for the case fetches what was found clean and went in line, and no other does.
func TestUploadForSource(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		at := origin("accept", 1)
		accepted := o.scanned(o.ref, "5", clean)
		o.onUpload(accepted, upload.Record{Fact: &upload.Accepted{Origin: at, Named: o.ref}, Owner: at.Source})
		again := o.rejected(o.ref, "6")
		o.do(o.desk.RetryUpload(ctx, o.cas, again))
		fetched := map[string]bool{
			o.begun(o.ref): false, o.received(o.ref, "1"): false, o.scanned(o.ref, "2", unclear): false, o.scanned(o.ref, "3", harmful): false,
			o.scanned(o.ref, "4", clean): true, accepted: true, again: false, o.rejected(o.ref, "7"): true, uuid.NewString(): false,
		}
		other := access.Principal{ID: "token:other", Roles: []access.Role{access.CMS}, Source: source + "/other"}
		owner := access.Principal{ID: "token:owner", Roles: []access.Role{access.CMS}, Source: source}
		for id, want := range fetched {
			for _, by := range []access.Principal{system, owner} {
				view, err := o.desk.UploadForSource(ctx, by, id)
				if want && (err != nil || view.SHA256 == "" || view.MediaType != "application/pdf") || !want && !errors.Is(err, commands.ErrUnknown) {
					t.Errorf("%s: got %+v, %v, want it %v", o.status(id), view, err, want)
				}
			}
			for _, by := range []access.Principal{other, operator, o.cas.By} {
				fails(t, by.ID, viewed(o.desk.UploadForSource(ctx, by, id)), commands.ErrUnknown)
			}
		}
		w.record(o.ref, &casefile.HandedOver{Origin: factOf(o.ref, 2), ToSource: other.Source})
		if _, err := o.desk.UploadForSource(ctx, other, accepted); err != nil {
			t.Errorf("once it speaks for the case: got %v, want it fetched", err)
		}
		fails(t, "who does not any more", viewed(o.desk.UploadForSource(ctx, owner, accepted)), commands.ErrUnknown)
	})
}

func viewed(_ commands.UploadView, err error) error { return err }

// Two files with the same bytes, all there at the same time, in two processes: one goes on, and the other is told which.
func TestTwoUploadsWithTheSameBytes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		for n := range 10 {
			ids := []string{o.begun(o.ref), o.begun(o.ref)}
			scans := make(chan bool, 2)
			for _, id := range ids {
				desk := w.desk(w.log)
				go func() {
					scan, err := desk.CompleteUpload(ctx, id, pdf(fmt.Sprint(n)), fileBytes)
					if err != nil {
						t.Errorf("complete: %v", err)
					}
					scans <- scan
				}()
			}
			if one, two := <-scans, <-scans; one == two {
				t.Fatalf("got both to be scanned: %v, want one", one)
			}
			statuses := []upload.Status{o.status(ids[0]), o.status(ids[1])}
			slices.Sort(statuses)
			if want := []upload.Status{upload.StatusDuplicate, upload.StatusReceived}; !slices.Equal(statuses, want) {
				t.Errorf("got them %q, want %q", statuses, want)
			}
		}
	})
}
