package projections

import (
	"context"
	"errors"
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
	return nil, errors.ErrUnsupported
}

// UploadByID returns the upload id; false if there is none that scope sees. View is of CasesName.
func UploadByID(ctx context.Context, view engine.View, scope Scope, id string) (Upload, bool, error) {
	return Upload{}, false, errors.ErrUnsupported
}

// SentOn returns the bytes of the uploads that the business frn began from from to before to, but for those
// that were refused or abandoned: what the limit of a business per day counts. Of a scope that neither
// watches the system nor has that business it returns 0. View is of CasesName.
func SentOn(ctx context.Context, view engine.View, scope Scope, frn string, from, to time.Time) (bytes int64, err error) {
	return 0, errors.ErrUnsupported
}
