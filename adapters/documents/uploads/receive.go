package uploads

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	tus "github.com/tus/tusd/v2/pkg/handler"

	"casesync/adapters/documents"
)

// tusStore is the store of the protocol's handler.
type tusStore struct{ *Uploads }

// metadataBytesMax bounds what a client says of a file.
const metadataBytesMax = 4 << 10

// NewUpload begins an upload.
func (s tusStore) NewUpload(ctx context.Context, info tus.FileInfo) (tus.Upload, error) {
	upload, err := s.begin(ctx, info)
	if err != nil {
		return nil, s.refuse(ctx, err)
	}
	return upload, nil
}

func (s tusStore) begin(ctx context.Context, info tus.FileInfo) (*receiver, error) {
	ref, name := info.MetaData["case"], info.MetaData["filename"]
	metadata, err := json.Marshal(info.MetaData)
	switch {
	case err != nil || len(metadata) > metadataBytesMax || ref == "" || name == "":
		return nil, errCase
	case info.Size < 1:
		return nil, errEmpty
	}
	id := uuid.NewString()
	// Asked before the key of the case is made: nobody makes keys for cases that are not theirs.
	if err := s.config.Steps.Allow(ctx, id, ref); err != nil {
		return nil, err
	}
	seal, err := s.store.NewSeal(ctx, "casefile-"+ref)
	if err != nil {
		return nil, err
	}
	r := row{id: id, ref: ref, keyID: seal.KeyID, bytes: info.Size, stage: receiving, touchedAt: s.config.Now()}
	if r.metadata, err = seal.Text("metadata|"+id, metadata); err != nil {
		return nil, err
	}
	if err := s.staging.add(ctx, r, r.touchedAt); err != nil {
		return nil, err
	}
	// The row comes first: whatever was begun has one, by which Sweep finds it. A crash before Begin leaves a row that
	// Abandon says was never begun; and it says so, or not, after an error that leaves open whether it was.
	if err := s.config.Steps.Begin(ctx, Begun{ID: id, Case: ref, Name: name, Bytes: info.Size}); err != nil {
		return nil, errors.Join(err, s.giveUp(ctx, r))
	}
	return s.receiver(ctx, r, seal), nil
}

// giveUp forgets an upload that could not begin. One that was begun all the same is left to Sweep, and so is one of which
// nobody can tell now.
func (s tusStore) giveUp(ctx context.Context, r row) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Grace) // the client may be gone
	defer cancel()
	if over, err := s.config.Steps.Abandon(ctx, r.id, r.ref, r.touchedAt); err != nil || !over {
		return err
	}
	return s.staging.forget(ctx, r.id)
}

// allow returns nil where who asks may go on with an upload.
func (u *Uploads) allow(ctx context.Context, id string) error {
	// A request that another one ended leaves its connection with a context that is done, and the client may ask how far
	// it came on that very connection.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), u.config.Grace)
	defer cancel()
	r, err := u.staging.get(ctx, id)
	if errors.Is(err, documents.ErrNotFound) {
		return errUnknown
	}
	if err != nil {
		return err
	}
	return u.config.Steps.Allow(ctx, id, r.ref)
}

// GetUpload finds an upload that who asks may go on with.
func (s tusStore) GetUpload(ctx context.Context, id string) (tus.Upload, error) {
	r, err := s.staging.get(ctx, id)
	if err == nil {
		err = s.config.Steps.Allow(ctx, id, r.ref)
	}
	var seal *documents.Seal
	if err == nil {
		seal, err = s.store.SealOf(ctx, r.keyID)
	}
	if errors.Is(err, documents.ErrNotFound) || errors.Is(err, documents.ErrErased) {
		err = errUnknown
	}
	if err != nil {
		return nil, s.refuse(ctx, err)
	}
	return s.receiver(ctx, r, seal), nil
}

// AsTerminatableUpload implements tus.TerminaterDataStore.
func (s tusStore) AsTerminatableUpload(upload tus.Upload) tus.TerminatableUpload {
	return upload.(*receiver)
}

func (s tusStore) receiver(ctx context.Context, r row, seal *documents.Seal) *receiver {
	if r.stage == receiving {
		callOf(ctx).expires = r.touchedAt.Add(s.config.IdleAfter)
	}
	return &receiver{Uploads: s.Uploads, row: r, seal: seal}
}

// refuse keeps an error for the answer, and notes what is nobody's fault.
func (u *Uploads) refuse(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		// The client is gone, or another request took the upload over and this one had its time to end.
		err = errors.Join(errWriter, err)
	}
	callOf(ctx).fault = err
	if _, refused := errors.AsType[*Refusal](err); !refused {
		u.config.Logger.DebugContext(ctx, "upload request not done", "error", err)
	}
	return forTus(err)
}

// receiver takes the bytes of one upload, during one request.
type receiver struct {
	*Uploads
	row  row
	seal *documents.Seal
}

// GetInfo says where the upload stands.
func (r *receiver) GetInfo(ctx context.Context) (tus.FileInfo, error) {
	info := tus.FileInfo{ID: r.row.id, Size: r.row.bytes, Offset: r.row.received}
	text, err := r.seal.OpenText("metadata|"+r.row.id, r.row.metadata)
	if err == nil {
		err = json.Unmarshal(text, &info.MetaData)
	}
	if err != nil {
		return tus.FileInfo{}, r.refuse(ctx, fmt.Errorf("open metadata: %w", err))
	}
	return info, nil
}

// WriteChunk keeps what comes, segment by segment, and returns how many bytes are durable.
func (r *receiver) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	writing, err := r.startWriting(ctx, offset, src)
	if err != nil {
		return 0, r.refuse(ctx, err)
	}
	err = writing.all(ctx)
	if err == nil && callOf(ctx).stopped.Load() {
		err = errWriter
	}
	if err != nil {
		return writing.noted - offset, r.refuse(ctx, err)
	}
	callOf(ctx).expires = time.Time{}
	if writing.noted < r.row.bytes {
		callOf(ctx).expires = r.config.Now().Add(r.config.IdleAfter)
	}
	return writing.noted - offset, nil
}

// FinishUpload is called when all bytes are there. They are durable, and so is that they are all: a worker does the rest.
func (r *receiver) FinishUpload(context.Context) error {
	r.wakeWorker()
	return nil
}

// GetReader is not part of the protocol.
func (r *receiver) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, tus.ErrNotImplemented
}

// Terminate gives the upload up.
func (r *receiver) Terminate(ctx context.Context) error {
	err := r.config.Steps.Cancel(ctx, r.row.id, r.row.ref)
	if err == nil {
		err = r.Remove(ctx, r.row.id)
	}
	if err != nil {
		return r.refuse(ctx, err)
	}
	return nil
}
