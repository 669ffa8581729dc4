package uploads

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"casesync/adapters/documents"
	"casesync/adapters/documents/clamd"
	"casesync/adapters/documents/inspect"
)

// The faults that a Status counts, beside CodeUnreachable.
const (
	FaultUnreadable = "document-unreadable"
	FaultAltered    = "document-altered"
	FaultUndecided  = "not-decided"
)

// Run looks at what is whole, has it scanned, and sweeps, until ctx ends, and then returns nil. Several processes
// may run it at once.
func (u *Uploads) Run(ctx context.Context) error {
	var group sync.WaitGroup
	for range u.config.Workers {
		group.Go(func() { u.work(ctx) })
	}
	group.Go(func() { u.sweepOften(ctx) })
	group.Wait()
	return nil
}

// wakeWorker tells a worker of this process that there is something to do; it would find out anyway.
func (u *Uploads) wakeWorker() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

func (u *Uploads) work(ctx context.Context) {
	poll := time.NewTicker(u.config.Poll)
	defer poll.Stop()
	for ctx.Err() == nil {
		done, err := u.Work(ctx)
		if err != nil && ctx.Err() == nil {
			u.config.Logger.ErrorContext(ctx, "uploads stand still", "error", err)
		}
		if done {
			continue
		}
		select {
		case <-ctx.Done():
		case <-u.wake:
		case <-poll.C:
		}
	}
}

// Work does one step that is due, and reports whether there was one. The error is one of the database.
func (u *Uploads) Work(ctx context.Context) (bool, error) {
	r, taken, err := u.staging.take(ctx, u.config.Now(), u.config.Lease)
	if err != nil || !taken {
		return false, err
	}
	next, err := u.hold(ctx, r)
	switch {
	case errors.Is(err, documents.ErrErased):
		return true, u.staging.advance(ctx, r, kept, u.config.Now()) // who destroyed the key has it removed
	case err != nil:
		return true, u.postpone(ctx, r, err)
	}
	return true, u.staging.advance(ctx, r, next, u.config.Now())
}

// hold does the step of a row, and keeps the row meanwhile. The step ends early where another has the row.
func (u *Uploads) hold(ctx context.Context, r row) (next stage, err error) {
	step, end := context.WithTimeout(ctx, u.config.StepTimeout)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		renew := time.NewTicker(u.config.Lease / 3)
		defer renew.Stop()
		for {
			select {
			case <-step.Done():
				return
			case <-renew.C:
			}
			held, err := u.staging.renew(step, r, u.config.Now().Add(u.config.Lease))
			if err == nil && !held {
				end()
			}
		}
	})
	defer renewing.Wait()
	defer end()
	return u.do(step, r)
}

// do does the step of a row's stage. Files come from strangers: where looking at one makes a program error happen, that one
// waits, and the others go on.
func (u *Uploads) do(ctx context.Context, r row) (next stage, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
		}
	}()
	if r.stage == whole {
		return u.complete(ctx, r)
	}
	return u.scan(ctx, r)
}

// complete makes a document of what was received, finds out what it is, and tells.
func (u *Uploads) complete(ctx context.Context, r row) (stage, error) {
	if err := u.join(ctx, r); err != nil {
		return "", err
	}
	document, err := u.store.Document(ctx, r.id)
	if err != nil {
		return "", err
	}
	defer document.Close() //nolint:errcheck // it was read
	mediaType, err := inspect.MediaType(document, document.Bytes)
	if err != nil {
		return "", err
	}
	scan, err := u.config.Steps.Complete(ctx, r.id, r.ref, Content{SHA256: document.SHA256, MediaType: mediaType, Bytes: document.Bytes})
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", errUndecided, err)
	case scan:
		return scanning, nil
	}
	return kept, nil
}

// join writes the manifest over the segments: no byte is copied.
func (u *Uploads) join(ctx context.Context, r row) error {
	segments, err := u.staging.segments(ctx, r.id)
	if err != nil || len(segments) == 0 {
		return err // none are left where this was done before
	}
	seal, err := u.store.SealOf(ctx, r.keyID)
	if err != nil {
		return err
	}
	digest := sha256.New()
	if err := restoreDigest(digest, seal, r); err != nil {
		return err
	}
	manifest := documents.Manifest{Bytes: r.bytes, SHA256: hex.EncodeToString(digest.Sum(nil)), Segments: segments}
	if err := u.store.Finish(ctx, r.id, seal, manifest); err != nil {
		return err
	}
	// A crash here leaves both: the same manifest is written again.
	return u.staging.forgetSegments(ctx, r.id)
}

var errUndecided = errors.New("what is to happen was not decided")

// scan asks the scanner about a document, unless it can not be asked, and tells what came of it.
func (u *Uploads) scan(ctx context.Context, r row) (stage, error) {
	attempt, wanted, err := u.config.Steps.BeginScan(ctx, r.id)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", errUndecided, err)
	case !wanted:
		return kept, nil
	}
	document, err := u.store.Document(ctx, r.id)
	if err != nil {
		return "", err
	}
	defer document.Close() //nolint:errcheck // it was read
	finding, err := u.find(ctx, document)
	if errors.Is(err, clamd.ErrUnreachable) && u.config.Now().Sub(r.waitsSince) >= u.config.UnreachableAfter {
		finding, err = Finding{Code: CodeUnreachable}, nil
	}
	if err != nil {
		return "", err
	}
	if err := u.config.Steps.NoteScan(ctx, r.id, attempt, finding); err != nil {
		return "", fmt.Errorf("%w: %w", errUndecided, err)
	}
	return kept, nil
}

// find returns what is found out about a document. Archives are looked into first, for the scanner calls those clean that
// it gives up on.
func (u *Uploads) find(ctx context.Context, document *documents.Document) (Finding, error) {
	var hold *inspect.Hold
	err := inspect.Archive(ctx, document, document.Bytes, u.config.Archives)
	switch {
	case errors.As(err, &hold):
		u.config.Logger.InfoContext(ctx, "archive held", "upload", document.ID(), "why", hold.Why)
		return Finding{Code: CodeArchive}, nil
	case err != nil:
		return Finding{}, err
	}
	if _, err := document.Seek(0, io.SeekStart); err != nil {
		return Finding{}, err
	}
	result, err := u.config.Scanner.Scan(ctx, document, document.Bytes)
	switch {
	case errors.Is(err, clamd.ErrBeyond):
		return Finding{Code: CodeBeyond}, nil
	case errors.Is(err, clamd.ErrUnclear):
		return Finding{Code: CodeUnclear}, nil
	case err != nil:
		return Finding{}, err
	case result.Clean == (result.Finding != ""):
		return Finding{Code: CodeUnclear}, nil // neither, or both
	}
	return Finding{Clean: result.Clean, Harmful: result.Finding, Scanner: result.Scanner}, nil
}

const (
	backOffFirst = time.Second
	backOffMax   = 5 * time.Minute
	// awayMax is how long a file waits at most for a scanner that is not there, once it is again. One that breaks off
	// while it looks at a file may do so because of that file, which waits longer each time.
	awayMax = 10 * time.Second
)

// postpone has a step tried again, after a time that doubles with each.
func (u *Uploads) postpone(ctx context.Context, r row, err error) error {
	fault := FaultUnreadable
	switch {
	case errors.Is(err, clamd.ErrUnreachable):
		fault = CodeUnreachable
	case errors.Is(err, documents.ErrAltered), errors.Is(err, documents.ErrNotFound):
		fault = FaultAltered
	case errors.Is(err, errUndecided):
		fault = FaultUndecided
	}
	wait := min(backOffFirst<<min(r.attempts-1, 16), backOffMax)
	if errors.Is(err, clamd.ErrAway) {
		wait = min(wait, awayMax)
	}
	u.config.Logger.WarnContext(ctx, "upload waits", "upload", r.id, "stage", string(r.stage), "fault", fault, "attempts", r.attempts, "again_in", wait, "error", err)
	return u.staging.postpone(context.WithoutCancel(ctx), r, fault, u.config.Now().Add(wait))
}
