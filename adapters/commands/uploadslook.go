package commands

import (
	"context"
	"fmt"

	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/domain/private"
	"casesync/domain/upload"
	"casesync/eventstore"
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
	// Revision is that of the upload's stream, for If-Match.
	Revision eventstore.Revision
}

// uploadNow is an upload as its stream has it now, with what is sealed. Its Status is upload.StatusMissing where
// there is none.
type uploadNow struct {
	UploadView
	whole   bool
	file    private.Value[upload.File]
	content private.Value[upload.Content]
}

// ended reports whether the upload has no place any more among the files of its case: it is over, or was rejected
// and gets another place before it is tried again.
func (u uploadNow) ended() bool {
	switch u.Status {
	case upload.StatusDuplicate, upload.StatusRejected, upload.StatusAbandoned, upload.StatusErased:
		return true
	}
	return false
}

// goesOut reports whether the case management system may fetch the bytes: they were found clean, and are in line,
// on their way, or answered by it.
func (u uploadNow) goesOut() bool {
	switch u.Status {
	case upload.StatusQueued, upload.StatusSent, upload.StatusAccepted, upload.StatusRejected:
		return u.Downloadable
	}
	return false
}

func (c *Casework) uploadNow(ctx context.Context, id string) (now uploadNow, err error) {
	err = c.uploads.look(ctx, id, func(s *upload.State, revision eventstore.Revision) {
		now = uploadNow{
			UploadView: UploadView{
				ID: id, Case: s.Case(), FRN: s.FRN(), Person: s.Person(), Status: s.Status(), Attempt: s.Attempt(), Bytes: s.Bytes(),
				Downloadable: s.Downloadable(), Retryable: s.Retryable(), Revision: revision,
			},
			whole: s.Whole(), file: s.File(), content: s.Content(),
		}
	})
	if err != nil {
		return uploadNow{}, fmt.Errorf("look at upload: %w", err)
	}
	return now, nil
}

// Upload returns an upload to a principal who may read documents of its case, and ErrUnknown otherwise. People of a
// business see it as long as they see the case, and the case is with the business that sent it.
func (c *Casework) Upload(ctx context.Context, by access.Principal, id string) (UploadView, error) {
	now, err := c.uploadNow(ctx, id)
	if err != nil {
		return UploadView{}, err
	}
	standing, err := c.standing(ctx, now.Case)
	if err != nil {
		return UploadView{}, err
	}
	visible := standing.Converted && !standing.Suppressed && standing.FRN == now.FRN && by.May(access.ReadDocuments, now.FRN)
	if now.Status == upload.StatusMissing || !visible && !by.Everywhere(access.ReadDocuments) {
		return UploadView{}, ErrUnknown
	}
	return c.opened(ctx, now)
}

// UploadForSource returns an upload to the case management system that speaks for its case now, while it may
// be fetched, and ErrUnknown otherwise.
func (c *Casework) UploadForSource(ctx context.Context, by access.Principal, id string) (UploadView, error) {
	now, err := c.uploadNow(ctx, id)
	if err != nil {
		return UploadView{}, err
	}
	if !by.Everywhere(access.FetchUploads) || !now.goesOut() {
		return UploadView{}, ErrUnknown
	}
	var owner string
	err = c.people.cases.look(ctx, now.Case, func(state *casefile.State, _ eventstore.Revision) { owner = state.Owner() })
	if err != nil {
		return UploadView{}, fmt.Errorf("look who speaks for a case: %w", err)
	}
	if by.Source != "" && by.Source != owner {
		return UploadView{}, ErrUnknown
	}
	return c.opened(ctx, now)
}

// opened returns an upload with what is sealed of it. Once it is erased nothing is: the key of its case may not be
// destroyed yet, which is none of the reader's business.
func (c *Casework) opened(ctx context.Context, now uploadNow) (UploadView, error) {
	view := now.UploadView
	if now.Status == upload.StatusErased {
		return view, nil
	}
	files, err := openAll(ctx, c.config.Codec, now.file)
	if err != nil {
		return UploadView{}, fmt.Errorf("open name of upload: %w", err)
	}
	contents, err := openAll(ctx, c.config.Codec, now.content)
	if err != nil {
		return UploadView{}, fmt.Errorf("open what was found out of a file: %w", err)
	}
	view.Name, view.MediaType, view.SHA256 = files[0].Name, contents[0].MediaType, contents[0].SHA256
	return view, nil
}
