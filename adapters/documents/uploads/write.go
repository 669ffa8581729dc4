package uploads

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // the protocol's; a checksum against accidents
	"crypto/sha256"
	"encoding"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"casesync/adapters/documents"
)

// writing is one request's writing to an upload.
type writing struct {
	*receiver
	writer string // who writes, for staging
	src    io.Reader
	digest hash.Hash // SHA-256 of the file so far
	noted  int64     // up to where it is durable and known
	// at is where the writing stands, and pending what is written and not noted.
	at      int64
	pending []documents.Segment
	// checksum is of what this request sends, nil where none was said; sum is what it has to be.
	checksum hash.Hash
	sum      []byte
}

// startWriting makes this request the one that writes.
func (r *receiver) startWriting(ctx context.Context, offset int64, src io.Reader) (*writing, error) {
	w := &writing{receiver: r, writer: uuid.NewString(), at: offset, noted: offset}
	var err error
	if w.checksum, w.sum, err = parseChecksum(callOf(ctx).checksum); err != nil {
		return nil, err
	}
	claimed, err := r.staging.claim(ctx, r.row.id, w.writer, offset)
	if err == nil && !claimed {
		err = errOffset
	}
	if err != nil {
		return nil, err
	}
	if w.digest, err = r.openDigest(); err != nil {
		return nil, err
	}
	sinks := []io.Writer{w.digest}
	if w.checksum != nil {
		sinks = append(sinks, w.checksum)
	}
	w.src = io.TeeReader(stoppable{callOf(ctx), src}, io.MultiWriter(sinks...))
	return w, nil
}

// all writes what comes to its end.
func (w *writing) all(ctx context.Context) error {
	for {
		// What holds now may not hold any more in the middle of a large file.
		if err := w.config.Steps.Allow(ctx, w.row.id, w.row.ref); err != nil {
			return w.drop(ctx, err)
		}
		segment, err := w.store.WriteSegment(ctx, w.row.id, w.seal, w.at, w.src)
		if err != nil {
			return w.drop(ctx, err)
		}
		if segment.Bytes == 0 {
			return w.end(ctx)
		}
		w.pending = append(w.pending, segment)
		w.at += segment.Bytes
		// With a checksum everything waits for the end, for it counts whole or not at all.
		if w.checksum == nil {
			if err := w.note(ctx); err != nil {
				return err
			}
		}
	}
}

func (w *writing) end(ctx context.Context) error {
	if w.checksum != nil && !bytes.Equal(w.checksum.Sum(nil), w.sum) {
		return w.drop(ctx, errChecksum)
	}
	if len(w.pending) == 0 {
		return nil
	}
	return w.note(ctx)
}

// note makes what is pending part of the upload. A crash before it leaves blobs that nobody reads.
func (w *writing) note(ctx context.Context) error {
	p := progress{id: w.row.id, writer: w.writer, from: w.noted, to: w.at, segments: w.pending, whole: w.at == w.row.bytes}
	var err error
	if p.digest, err = w.sealDigest(); err != nil {
		return w.drop(ctx, err)
	}
	noted, err := w.staging.note(ctx, p, w.config.Now())
	if err != nil {
		return err // it may have been noted: the blobs stay
	}
	if !noted {
		return w.drop(ctx, errWriter)
	}
	w.noted, w.pending = w.at, nil
	return nil
}

// drop deletes what is pending, and returns err.
func (w *writing) drop(ctx context.Context, err error) error {
	for _, segment := range w.pending {
		if fault := w.store.DropSegment(context.WithoutCancel(ctx), w.row.id, segment); fault != nil {
			w.config.Logger.WarnContext(ctx, "segment left", "upload", w.row.id, "error", fault)
		}
	}
	w.pending = nil
	return err
}

// The state of SHA-256 holds up to 63 bytes of the file: it is noted sealed.
func (w *writing) sealDigest() (string, error) {
	state, err := w.digest.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return "", fmt.Errorf("note digest: %w", err)
	}
	return w.seal.Text(digestPlace(w.row.id, w.at), state)
}

func (r *receiver) openDigest() (hash.Hash, error) {
	digest := sha256.New()
	if r.row.received == 0 {
		return digest, nil
	}
	return digest, restoreDigest(digest, r.seal, r.row)
}

func restoreDigest(digest hash.Hash, seal *documents.Seal, r row) error {
	state, err := seal.OpenText(digestPlace(r.id, r.received), r.digest)
	if err == nil {
		err = digest.(encoding.BinaryUnmarshaler).UnmarshalBinary(state)
	}
	if err != nil {
		return fmt.Errorf("open digest: %w", err)
	}
	return nil
}

func digestPlace(id string, offset int64) string {
	return "digest|" + id + "|" + strconv.FormatInt(offset, 10)
}

// parseChecksum reads the header Upload-Checksum: an algorithm and a checksum in Base64.
func parseChecksum(header string) (hash.Hash, []byte, error) {
	if header == "" {
		return nil, nil, nil
	}
	name, text, _ := strings.Cut(header, " ")
	var checksum hash.Hash
	switch name {
	case "sha1":
		checksum = sha1.New() //nolint:gosec // see above
	case "sha256":
		checksum = sha256.New()
	default:
		return nil, nil, errChecksumUnknown
	}
	sum, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sum) != checksum.Size() {
		return nil, nil, errors.Join(errChecksumUnknown, err)
	}
	return checksum, sum, nil
}
