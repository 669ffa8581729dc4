package commands

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"casesync/domain/documents"
	"casesync/domain/upload"
)

// CompleteUpload takes what was received, and reports whether it is to be scanned: not, where it is a duplicate,
// refused, or over.
//
// The order: the digest is claimed among the files of the case; the upload is complete, or a duplicate; whatever
// ended has no place. A crash between leaves a step that comes to the same when all of it is told again, as the
// caller does until it was answered.
func (c *Casework) CompleteUpload(ctx context.Context, id string, content upload.Content, bytes int64) (scan bool, err error) {
	now, err := c.uploadNow(ctx, id)
	if err != nil {
		return false, fmt.Errorf("complete upload: %w", err)
	}
	o := c.ofSystem(systemUploads)
	complete := upload.Complete{SHA256: content.SHA256, MediaType: content.MediaType, Bytes: bytes, Limits: c.config.Limits, At: o.at}
	if now.Status == upload.StatusReceiving {
		err = c.claim(ctx, o, now.UploadView, content.SHA256)
		if duplicate, is := errors.AsType[*documents.Duplicate](err); is {
			complete.DuplicateOf, err = duplicate.Of, nil
		}
	}
	if err == nil {
		_, err = c.uploads.do(ctx, o, id, complete)
	}
	if err == nil {
		now, err = c.settle(ctx, id)
	}
	if err != nil {
		return false, fmt.Errorf("complete upload: %w", err)
	}
	return now.Status == upload.StatusReceived || now.Status == upload.StatusScanning, nil
}

// claim gives an upload the digest of its bytes, or returns a *documents.Duplicate that names the other one that
// has it. One that is over has it only until somebody asks for it.
func (c *Casework) claim(ctx context.Context, o order, of UploadView, sha256 string) error {
	command := documents.Claim{Upload: of.ID, Digest: c.digest(of.Case, sha256), Bytes: of.Bytes, Limits: c.config.Limits}
	for again := true; ; again = false {
		err := c.shelve(ctx, o, of.Case, command)
		duplicate, is := errors.AsType[*documents.Duplicate](err)
		if !is || !again {
			return err
		}
		if freed, failed := c.freePlace(ctx, of.Case, duplicate.Of); failed != nil || !freed {
			return cmp.Or(failed, err)
		}
	}
}

// shelve gives a command that takes a place among the files of a case. Where there is none left, those are freed
// first that uploads have which are over: the case management system rejected them since, or a crash left them.
func (c *Casework) shelve(ctx context.Context, o order, ref string, command documents.Command) error {
	_, err := c.shelves.do(ctx, o.aside(), ref, command)
	if refusalCode(err) == "" || refusalCode(err) == documents.CodeDuplicate {
		return err
	}
	failed := c.eachUpload(ctx, ref, (*documents.State).Taken, func(ctx context.Context, id string) error {
		_, err := c.settle(ctx, id)
		return err
	})
	if failed != nil {
		return failed
	}
	_, err = c.shelves.do(ctx, o.aside(), ref, command)
	return err
}

// digest is what the bytes of a file are known by again within its case, and nowhere else; see package documents.
func (c *Casework) digest(ref, sha256Hex string) string {
	mac := hmac.New(sha256.New, c.config.DigestKey)
	mac.Write([]byte(ref + "\x00" + sha256Hex))
	return hex.EncodeToString(mac.Sum(nil))
}

// BeginScan says that the scanner is about to be asked, and returns in which attempt; see uploads.Steps. Where
// nobody waits for that any more, the upload is led on from where a crash may have left it.
func (c *Casework) BeginScan(ctx context.Context, id string) (attempt int, wanted bool, err error) {
	o := c.ofSystem(systemUploads)
	_, err = c.uploads.do(ctx, o, id, upload.BeginScan{At: o.at})
	var now uploadNow
	if err == nil {
		now, err = c.settle(ctx, id)
	}
	if err != nil {
		return 0, false, fmt.Errorf("begin scan: %w", err)
	}
	return now.Attempt, now.Status == upload.StatusScanning, nil
}

// NoteScan takes what came of a scan, and puts a clean file in line. A crash between leaves it clean: told again,
// or asked for the next scan, the upload goes on.
func (c *Casework) NoteScan(ctx context.Context, id string, attempt int, finding upload.Finding, scanner string) error {
	o := c.ofSystem(systemUploads)
	_, err := c.uploads.do(ctx, o, id, upload.NoteScan{Attempt: attempt, Finding: finding, Scanner: scanner, At: o.at})
	if err == nil {
		_, err = c.settle(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("note scan: %w", err)
	}
	return nil
}

// AbandonUpload gives up the upload id of the case ref that stood still since lastByte, and reports whether its
// bytes are to be deleted: it is over, or was never begun. Of such a one a place may be left, which is freed.
func (c *Casework) AbandonUpload(ctx context.Context, id, ref string, lastByte time.Time) (over bool, err error) {
	o := c.ofSystem(systemUploads)
	now, err := c.uploadNow(ctx, id)
	if err == nil && now.Status != upload.StatusMissing {
		_, err = c.uploads.do(ctx, o, id, upload.Tick{LastByte: lastByte, Limits: c.config.Limits, Now: o.at})
	}
	if err == nil {
		_, err = c.freePlace(ctx, ref, id)
	}
	if err == nil {
		now, err = c.uploadNow(ctx, id)
	}
	if err != nil {
		return false, fmt.Errorf("abandon upload: %w", err)
	}
	return !now.whole && now.Status != upload.StatusReceiving && now.Status != upload.StatusStopped, nil
}

// settle leads an upload on from where a crash may have left it between two streams, and returns it as it is then:
// what is clean goes in line, or is stopped, and what is over has no place among the files of its case.
func (c *Casework) settle(ctx context.Context, id string) (now uploadNow, err error) {
	if now, err = c.uploadNow(ctx, id); err != nil {
		return uploadNow{}, err
	}
	if now.Status == upload.StatusClean {
		standing, err := c.standing(ctx, now.Case)
		if err != nil {
			return uploadNow{}, err
		}
		o := c.ofSystem(systemUploads)
		if _, err := c.uploads.do(ctx, o, id, upload.Queue{Standing: standing, At: o.at}); err != nil {
			return uploadNow{}, err
		}
		return c.uploadNow(ctx, id)
	}
	if now.ended() {
		_, err = c.freePlace(ctx, now.Case, id)
	}
	return now, err
}

// freePlace frees what an upload takes among the files of a case, unless it is one of the case's that goes on, and
// reports whether it did.
func (c *Casework) freePlace(ctx context.Context, ref, id string) (freed bool, err error) {
	now, err := c.uploadNow(ctx, id)
	if err != nil || now.Case == ref && !now.ended() {
		return false, err
	}
	_, err = c.shelves.do(ctx, c.ofSystem(systemUploads), ref, documents.Release{Upload: id})
	return err == nil, err
}
