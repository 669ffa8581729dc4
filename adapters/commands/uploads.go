package commands

import (
	"context"
	"fmt"

	"casesync/domain/access"
	"casesync/domain/documents"
	"casesync/domain/outgoing"
	"casesync/domain/upload"
)

// MayUpload returns nil where a principal may send the upload id to a case now, and ErrUnknown, ErrForbidden
// or a *domain.Refusal otherwise; id is "", or of no upload, before there is one. It is asked before each request
// and each segment. Where the upload stands is no matter: whoever asks how far it came is told.
func (c *Casework) MayUpload(ctx context.Context, by access.Principal, id, ref string) error {
	_, standing, err := c.about(ctx, Ask{By: by}, ref, "documents.reserve", "upload.begin", "upload.complete")
	if err != nil {
		return fmt.Errorf("look whether a file may be sent: %w", err)
	}
	if cause := standing.Bars(standing.FRN, true); cause != "" {
		return answered(cause.Refusal())
	}
	if id == "" {
		return nil
	}
	now, err := c.uploadNow(ctx, id)
	if err != nil {
		return err
	}
	if now.Status != upload.StatusMissing && (now.Case != ref || now.FRN != standing.FRN) {
		return ErrUnknown
	}
	return nil
}

// BeginUpload announces a file, under an id that the caller made and nobody else has.
//
// The order: whether the upload would be taken; whether the business has sent too much today; a place among the
// files of the case; the upload. A crash before the last leaves a place that the same command finds to be its own,
// and so may an error; whoever does not go on asks AbandonUpload, which frees it.
func (c *Casework) BeginUpload(ctx context.Context, ask Ask, id, ref, name string, bytes int64) (Done, error) {
	o, standing, err := c.about(ctx, ask, ref, "documents.reserve", "upload.begin")
	if err != nil {
		return Done{}, fmt.Errorf("begin upload: %w", err)
	}
	begin := upload.Begin{
		Case: ref, Standing: standing, FRN: standing.FRN, Person: ask.By.Person(),
		Name: name, Bytes: bytes, Limits: c.config.Limits, At: o.at,
	}
	before, err := c.uploads.decided(ctx, o, id)
	if err == nil && !before { // what was begun counts already, and must not bar its own answer
		err = c.takePlace(ctx, o, id, begin)
	}
	if err != nil {
		return Done{}, fmt.Errorf("begin upload: %w", err)
	}
	done, err := c.uploads.done(ctx, o, id, begin)
	if err != nil {
		return Done{}, fmt.Errorf("begin upload: %w", err)
	}
	return done, nil
}

// takePlace takes a place among the files of a case for an upload that could begin now.
func (c *Casework) takePlace(ctx context.Context, o order, id string, begin upload.Begin) error {
	if err := c.uploads.check(ctx, o, id, begin); err != nil {
		return err
	}
	sent, err := c.config.SentOn(ctx, begin.FRN, o.day())
	if err != nil {
		return fmt.Errorf("count what a business sent today: %w", err)
	}
	if err := begin.Limits.BusinessDay(sent, begin.Bytes); err != nil {
		return err
	}
	return c.shelve(ctx, o, begin.Case, documents.Reserve{Upload: id, Bytes: begin.Bytes, Limits: begin.Limits})
}

// CancelUpload gives up what did not go out yet. The bytes are the caller's to delete, after it. A crash before the
// place is free leaves it to the same command, to AbandonUpload, or to whoever needs it next.
func (c *Casework) CancelUpload(ctx context.Context, ask Ask, id string) (Done, error) {
	o, _, now, err := c.aboutUpload(ctx, ask, id, "upload.cancel", "documents.release")
	if err != nil {
		return Done{}, fmt.Errorf("cancel upload: %w", err)
	}
	done, err := c.uploads.done(ctx, o, id, upload.Cancel{FRN: now.FRN, At: o.at})
	if err == nil {
		_, err = c.settle(ctx, id)
	}
	if err != nil {
		return Done{}, fmt.Errorf("cancel upload: %w", err)
	}
	return done, nil
}

// RetryUpload tries again, with the bytes that are there: whoever keeps those has them scanned, after it.
//
// The order: whether it would be tried; what an upload that was rejected gave up, its digest and its place; the
// attempt. A crash before the last leaves a place, which the same command finds to be its own, and which whoever
// needs it next gets.
func (c *Casework) RetryUpload(ctx context.Context, ask Ask, id string) (Done, error) {
	o, standing, now, err := c.aboutUpload(ctx, ask, id, "documents.claim", "upload.retry")
	if err != nil {
		return Done{}, fmt.Errorf("retry upload: %w", err)
	}
	retry := upload.Retry{Standing: standing, FRN: now.FRN, Person: ask.By.Person(), At: o.at}
	news, err := c.uploads.would(ctx, o, id, retry)
	if err == nil && news {
		err = c.takePlaceAgain(ctx, o, now)
	}
	if err != nil {
		return Done{}, fmt.Errorf("retry upload: %w", err)
	}
	done, err := c.uploads.done(ctx, o, id, retry)
	if err != nil {
		return Done{}, fmt.Errorf("retry upload: %w", err)
	}
	return done, nil
}

// takePlaceAgain gives an upload that is about to be tried again what it may have given up.
func (c *Casework) takePlaceAgain(ctx context.Context, o order, now uploadNow) error {
	if !now.whole {
		return c.shelve(ctx, o, now.Case, documents.Reserve{Upload: now.ID, Bytes: now.Bytes, Limits: c.config.Limits})
	}
	content, err := openAll(ctx, c.config.Codec, now.content)
	if err != nil {
		return fmt.Errorf("open what was found out of a file: %w", err)
	}
	if content[0].SHA256 == "" { // the key of the case was destroyed
		return outgoing.CaseErased.Refusal()
	}
	return c.claim(ctx, o, now.UploadView, content[0].SHA256)
}

// aboutUpload is about, for an upload. It is the upload of the business that the case is with: what another one has
// sent before the case came from there does not exist.
func (c *Casework) aboutUpload(ctx context.Context, ask Ask, id string, commands ...access.Command) (order, outgoing.Case, uploadNow, error) {
	now, err := c.uploadNow(ctx, id)
	if err == nil && now.Status == upload.StatusMissing {
		err = ErrUnknown
	}
	if err != nil {
		return order{}, outgoing.Case{}, uploadNow{}, err
	}
	o, standing, err := c.about(ctx, ask, now.Case, commands...)
	if err == nil && standing.FRN != now.FRN {
		err = ErrUnknown
	}
	return o, standing, now, err
}
