package projections

import (
	"fmt"
	"strings"
	"time"

	"casesync/domain/feed"
	"casesync/domain/outgoing"
	"casesync/domain/upload"
	"casesync/projections/engine"
)

// uploadRow is a file that a business sent to a case. Its name, contents and the source's words are envelopes.
type uploadRow struct {
	Ref, ID, FRN, Person  string
	Status, Code          string
	DuplicateOf           string
	Bytes, Attempt        int64
	BeganAt, UpdatedAt    int64
	Whole, Clean, Refused bool // as upload.State has them
	Name, Content, Reason string
}

var uploads = &engine.Table[uploadRow]{
	Spec: engine.Spec{
		Name: "case_uploads", Key: 2, AppendOnly: true, Wide: true,
		Columns: join(texts("ref", "id", "frn", "person", "status", "code", "duplicate_of"),
			numbers("bytes", "attempt", "began_at", "updated_at"), flags("whole", "clean", "refused"),
			texts("name", "content", "reason")),
		// Newest first: a business's, those with a status, a person's; and the same of all businesses.
		Indexes: []string{
			"id", "frn, began_at, id", "frn, status, began_at, id", "person, began_at, id",
			"began_at, id", "status, began_at, id",
		},
		Aside: []string{"name", "content", "reason"},
	},
	Fields: func(r *uploadRow) []any {
		return []any{&r.Ref, &r.ID, &r.FRN, &r.Person, &r.Status, &r.Code, &r.DuplicateOf,
			&r.Bytes, &r.Attempt, &r.BeganAt, &r.UpdatedAt, &r.Whole, &r.Clean, &r.Refused,
			&r.Name, &r.Content, &r.Reason}
	},
}

// failedStatuses are those in which an upload counts as failed.
var failedStatuses = []upload.Status{upload.StatusRejected, upload.StatusQuarantined}

func (r *uploadRow) failed() bool {
	return r.Status == string(upload.StatusRejected) || r.Status == string(upload.StatusQuarantined)
}

func (r *uploadRow) retryable() bool {
	switch upload.Status(r.Status) {
	case upload.StatusQuarantined, upload.StatusStopped:
		return true
	case upload.StatusRejected:
		return !r.Refused && r.Whole
	}
	return false
}

// foldUpload takes what happened to an upload. It is nothing that happened to the case at its source, so it
// changes neither when that was updated nor its revision. After the case's data was erased nothing more is
// kept of its uploads; an answer about one that is not known here is shown to auditors alone.
func (f *caseFold) foldUpload(event upload.Event) error {
	if upload.CaseOf(event) == "" {
		return fmt.Errorf("a %T names no case", event)
	}
	if f.row.DataErased {
		return nil
	}
	id := strings.TrimPrefix(string(f.e.Stream), uploadStreams)
	row := uploads.Get(f.rows, f.row.Ref, id)
	switch e := event.(type) {
	case *upload.Begun:
		row = uploads.Put(f.rows, uploadRow{
			Ref: f.row.Ref, ID: id, FRN: e.FRN, Person: e.Person, Status: string(upload.StatusReceiving), Bytes: e.Bytes,
			Attempt: 1, BeganAt: micros(e.At), UpdatedAt: micros(e.At), Name: e.File.Envelope(),
		})
	case *upload.Erased:
		uploads.Delete(f.rows, f.row.Ref, id)
	}
	if row == nil {
		row = &uploadRow{ID: id}
	}
	f.elsewhere = row.FRN != f.row.FRN
	row.take(event)
	f.settleUploads()
	return f.showUpload(row, event)
}

// take moves the row on as upload.Evolve moves the state.
func (r *uploadRow) take(event upload.Event) {
	switch e := event.(type) {
	case *upload.Received:
		r.become(upload.StatusReceived, "", e.At)
		r.Whole, r.Content = true, e.Content.Envelope()
	case *upload.DuplicateFound:
		r.become(upload.StatusDuplicate, "", e.At)
		r.Whole, r.DuplicateOf = false, e.Of
	case *upload.ScanBegun:
		r.become(upload.StatusScanning, "", e.At)
	case *upload.Cleared:
		r.become(upload.StatusClean, "", e.At)
		r.Clean = true
	case *upload.Refused:
		r.become(upload.StatusRejected, string(e.Code), e.At)
		r.Refused, r.Whole = true, false
	case *upload.Quarantined:
		r.become(upload.StatusQuarantined, string(e.Code), e.At)
	case *upload.Queued:
		r.become(upload.StatusQueued, "", e.At)
	case *upload.Stopped:
		r.become(upload.StatusStopped, string(e.Cause), e.At)
	case *upload.Sent:
		r.become(upload.StatusSent, "", e.At)
	case *upload.Retried:
		r.retried(e)
	case *upload.Abandoned:
		r.become(upload.StatusAbandoned, string(e.Cause), e.At)
		r.Whole = false
	case *upload.Accepted:
		r.become(upload.StatusAccepted, "", e.Origin.Time)
		r.Refused, r.Reason = false, e.Reason.Envelope()
	case *upload.Rejected:
		r.become(upload.StatusRejected, e.Code, e.Origin.Time)
		r.Refused, r.Reason = false, e.Reason.Envelope()
	}
}

// become gives the upload a status. Why it had the one before, and what the source said then, is past.
func (r *uploadRow) become(status upload.Status, code string, at time.Time) {
	r.Status, r.Code, r.Reason, r.UpdatedAt = string(status), code, "", micros(at)
}

func (r *uploadRow) retried(e *upload.Retried) {
	status := upload.StatusReceiving
	if r.Whole {
		status = upload.StatusReceived
	}
	r.become(status, "", e.At)
	r.Attempt, r.Clean = int64(e.Attempt), false
}

// showUpload writes to the timeline what a caseworker is to know of an upload: that the file is there, and
// how it ended, or why it goes no further. What it goes through between stands in its own status.
func (f *caseFold) showUpload(row *uploadRow, event upload.Event) error {
	shown := entry{about: row.ID, frn: row.FRN, sealed: row.Name}
	origin, _ := upload.OriginOf(event)
	if origin.Time.IsZero() {
		origin = feed.Origin{Time: instant(row.UpdatedAt)}
	}
	data := uploadData{Code: row.Code, Attempt: row.Attempt}
	switch e := event.(type) {
	case *upload.Received:
		shown.kind, data.Person, data.Bytes = "upload-received", row.Person, row.Bytes
	case *upload.DuplicateFound:
		shown.kind, data.Of = "upload-duplicate", e.Of
	case *upload.Refused:
		shown.kind = "upload-refused"
	case *upload.Quarantined:
		shown.kind = "upload-quarantined"
	case *upload.Stopped:
		shown.kind, shown.internal = "upload-stopped", e.Cause == outgoing.CaseSuppressed
	case *upload.Abandoned:
		shown.kind = "upload-abandoned"
	case *upload.Accepted:
		shown.kind, shown.sealed = "upload-accepted", row.Reason
	case *upload.Rejected:
		shown.kind, shown.sealed = "upload-rejected", row.Reason
	default:
		return nil
	}
	shown.data = data
	return f.showSent(origin, shown)
}

// showSent writes an entry about what a business sent. What is not known to come from one is for auditors.
func (f *caseFold) showSent(origin feed.Origin, shown entry) error {
	shown.internal = shown.internal || shown.frn == ""
	return f.tell(origin, shown)
}

// settleSent computes what the case row says of what its present business sent.
func (f *caseFold) settleSent() {
	f.settleUploads()
	f.row.Notifications = 0
	for _, row := range notifications.All(f.rows, f.row.Ref) {
		if row.FRN == f.row.FRN {
			f.row.Notifications++
		}
	}
}

func (f *caseFold) settleUploads() {
	f.row.Uploads, f.row.FailedUploads = 0, 0
	for _, row := range uploads.All(f.rows, f.row.Ref) {
		if row.FRN != f.row.FRN {
			continue
		}
		f.row.Uploads++
		if row.failed() {
			f.row.FailedUploads++
		}
	}
}

// eraseSent leaves nothing of what was sent about the case.
func (f *caseFold) eraseSent() {
	for _, row := range uploads.All(f.rows, f.row.Ref) {
		uploads.Delete(f.rows, f.row.Ref, row.ID)
	}
	for _, row := range notifications.All(f.rows, f.row.Ref) {
		notifications.Delete(f.rows, f.row.Ref, row.ID)
	}
	f.settleSent()
}
