package projections

import (
	"context"
	"slices"
	"time"

	"casesync/domain/upload"
	"casesync/projections/engine"
)

// Upload is a file that a person sent to a case. Times are UTC.
type Upload struct {
	ID, Ref string
	// FRN is the business that sent it, Person the user id of who did.
	FRN, Person string
	Status      upload.Status
	// Code says why it is rejected, quarantined, stopped or abandoned: an upload.RefusalCode or the source's
	// own code, an upload.QuarantineCode, an outgoing.Cause, an upload.AbandonCause; "" else.
	Code string
	// DuplicateOf is the upload of the same case that has the same bytes, "" if this is no duplicate.
	DuplicateOf string
	// Bytes is the declared size, Attempt counts the attempts to bring it to the source, from 1.
	Bytes, Attempt     int64
	BeganAt, UpdatedAt time.Time
	// Retryable and Downloadable are what upload.State says of it.
	Retryable, Downloadable bool
	// Name, Content and Reason are envelopes, "" where there is nothing: of an upload.File, an upload.Content,
	// and of what the source said in words, a JSON string.
	Name, Content, Reason string
}

// UploadFilter says which uploads are asked for; its zero value takes all that the scope sees.
type UploadFilter struct {
	Ref, Person string
	// Status takes those with one of the statuses.
	Status []upload.Status
	// FailedOnly takes those that count as failed: rejected or quarantined.
	FailedOnly bool
}

// UploadCursor is the place of an upload in a list: the last one's BeganAt and ID. The zero value is the
// beginning. Times have whole microseconds.
type UploadCursor struct {
	BeganAt time.Time `json:"t,omitzero"`
	ID      string    `json:"id,omitzero"`
}

// Uploads returns at most limit (up to PageRowsMax) uploads after after, newest first. A business sees those
// that it sent itself to the cases that it sees now. View is of CasesName.
func Uploads(ctx context.Context, view engine.View, scope Scope, filter UploadFilter, after UploadCursor, limit int) ([]Upload, error) {
	query, s, some := filter.query(scope, after, limit)
	if !some {
		return nil, nil
	}
	return uploadRows(ctx, view, scope, query, s)
}

// query is the text of the query; false where nothing can meet the filter.
func (f *UploadFilter) query(scope Scope, after UploadCursor, limit int) (string, *statement, bool) {
	statuses := f.Status
	if f.FailedOnly {
		statuses = failedStatuses
		if len(f.Status) > 0 {
			statuses = slices.DeleteFunc(slices.Clone(f.Status), func(s upload.Status) bool { return !slices.Contains(failedStatuses, s) })
		}
		if len(statuses) == 0 {
			return "", nil, false
		}
	}
	s := &statement{}
	return s.sentPage(scope, sentList{
		table: "{case_uploads}", columns: uploads.Columns, at: "began_at", ref: f.Ref, few: f.Person != "",
		choice: "t.status", values: stringsOf(statuses), after: after.BeganAt, afterID: after.ID, limit: limit,
		conditions: s.only(condition{"t.person", f.Person}),
	}), s, true
}

// UploadByID returns the upload id; false if there is none that scope sees. View is of CasesName.
func UploadByID(ctx context.Context, view engine.View, scope Scope, id string) (Upload, bool, error) {
	s := &statement{}
	rows, err := uploadRows(ctx, view, scope, "SELECT "+list(uploads.Columns, "t.")+" FROM {case_uploads} t WHERE t.id = "+s.arg(id)+
		" AND "+s.sent(scope), s)
	if err != nil || len(rows) == 0 {
		return Upload{}, false, err
	}
	return rows[0], true, nil
}

func uploadRows(ctx context.Context, view engine.View, scope Scope, query string, s *statement) ([]Upload, error) {
	rows, err := rowsOf(ctx, view, uploads, query, s)
	shown := make([]Upload, len(rows))
	for i := range rows {
		r := &rows[i]
		shown[i] = Upload{
			ID: r.ID, Ref: r.Ref, FRN: r.FRN, Person: r.Person, Status: upload.Status(r.Status), Code: shownCode(scope, r.Code),
			DuplicateOf: r.DuplicateOf, Bytes: r.Bytes, Attempt: r.Attempt, BeganAt: instant(r.BeganAt), UpdatedAt: instant(r.UpdatedAt),
			Retryable: r.retryable(), Downloadable: r.Whole && r.Clean, Name: r.Name, Content: r.Content, Reason: r.Reason,
		}
	}
	return shown, err
}

// SentOn returns the bytes of the uploads that the business frn began from from to before to, but for those
// that were refused or abandoned: what the limit of a business per day counts. Of a scope that neither
// watches the system nor has that business it returns 0. View is of CasesName.
func SentOn(ctx context.Context, view engine.View, scope Scope, frn string, from, to time.Time) (bytes int64, err error) {
	if !scope.feeds && !slices.Contains(scope.frns, frn) {
		return 0, nil
	}
	query, s := sentOn(frn, from, to)
	return number(ctx, view, "sum up uploads", query, s)
}

func sentOn(frn string, from, to time.Time) (string, *statement) {
	s := &statement{}
	return "SELECT CAST(COALESCE(SUM(t.bytes), 0) AS BIGINT) FROM {case_uploads} t WHERE t.frn = " + s.arg(frn) +
		" AND t.began_at >= " + s.arg(micros(from)) + " AND t.began_at < " + s.arg(micros(to)) +
		" AND t.refused = FALSE AND t.status <> " + s.arg(string(upload.StatusAbandoned)), s
}
