package commands

import (
	"context"
	"errors"
	"time"

	"casesync/domain/access"
	"casesync/domain/upload"
)

// UploadView is what is known of an upload as the log has it now.
type UploadView struct {
	ID, Case, FRN, Person string
	Status                upload.Status
	Attempt               int
	Name, MediaType       string // "" where the case's data was erased, or nothing was received yet
	SHA256                string
	Bytes                 int64
	// Downloadable: found clean by the last scan (domain.md 6e). Retryable: RetryUpload may lead on.
	Downloadable, Retryable bool
}

// MayUpload returns nil where a principal may send the upload id to a case now, and ErrUnknown, ErrForbidden
// or a *domain.Refusal otherwise; id is "" before there is one. It is asked before each request and each segment.
func (c *Casework) MayUpload(ctx context.Context, by access.Principal, id, ref string) error {
	return errors.ErrUnsupported
}

// BeginUpload announces a file, under an id that the caller made.
func (c *Casework) BeginUpload(ctx context.Context, ask Ask, id, ref, name string, bytes int64) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// CompleteUpload takes what was received, and reports whether it is to be scanned.
func (c *Casework) CompleteUpload(ctx context.Context, id string, content upload.Content, bytes int64) (scan bool, err error) {
	return false, errors.ErrUnsupported
}

// BeginScan says that the scanner is about to be asked; see uploads.Steps.
func (c *Casework) BeginScan(ctx context.Context, id string) (attempt int, wanted bool, err error) {
	return 0, false, errors.ErrUnsupported
}

// NoteScan takes what came of a scan, and puts a clean file in line.
func (c *Casework) NoteScan(ctx context.Context, id string, attempt int, finding upload.Finding, scanner string) error {
	return errors.ErrUnsupported
}

// CancelUpload gives up what did not go out yet.
func (c *Casework) CancelUpload(ctx context.Context, ask Ask, id string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// RetryUpload tries again, with the bytes that are there.
func (c *Casework) RetryUpload(ctx context.Context, ask Ask, id string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// AbandonUpload gives up what stood still since lastByte, and reports whether it is over.
func (c *Casework) AbandonUpload(ctx context.Context, id string, lastByte time.Time) (over bool, err error) {
	return false, errors.ErrUnsupported
}

// CheckUpload stops what its case bars by now, and reports whether the attempt goes out; see outbox.Line.
func (c *Casework) CheckUpload(ctx context.Context, id string, attempt int) (goes bool, err error) {
	return false, errors.ErrUnsupported
}

// NoteUploadSent records that an attempt was published.
func (c *Casework) NoteUploadSent(ctx context.Context, id string, attempt int) error {
	return errors.ErrUnsupported
}

// StopUploads stops those of a case's uploads that the case bars by now; see package reactions.
func (c *Casework) StopUploads(ctx context.Context, ref string) error { return errors.ErrUnsupported }

// EraseUploads follows the erasure of a case's data, and returns the ids of all uploads there ever were, whose
// bytes and keys are to be destroyed.
func (c *Casework) EraseUploads(ctx context.Context, ref string) (ids []string, err error) {
	return nil, errors.ErrUnsupported
}

// Upload returns an upload to a principal who may read documents of its case, and ErrUnknown otherwise.
func (c *Casework) Upload(ctx context.Context, by access.Principal, id string) (UploadView, error) {
	return UploadView{}, errors.ErrUnsupported
}

// UploadForSource returns an upload to the case management system that speaks for its case now, while it may
// be fetched, and ErrUnknown otherwise.
func (c *Casework) UploadForSource(ctx context.Context, by access.Principal, id string) (UploadView, error) {
	return UploadView{}, errors.ErrUnsupported
}
