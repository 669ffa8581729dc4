package documents

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"gocloud.dev/gcerrors"

	"casesync/eventstore"
)

// Store keeps documents. It is safe for concurrent use, and several processes may share what is behind it.
type Store struct {
	bucket *bucket
	keys   eventstore.Keys
}

// Open opens the store at an address: "file:DIR", a folder that is made where it is missing; or
// "azblob://CONTAINER?storage_account=NAME", a container of Azure Blob Storage that must be there, with the credentials
// of the environment (gocloud.dev/blob/azureblob says which). The keys that documents are sealed under come of keys.
func Open(ctx context.Context, address string, keys eventstore.Keys) (*Store, error) {
	bucket, err := openBucket(ctx, address)
	if err != nil {
		return nil, err
	}
	return &Store{bucket: bucket, keys: keys}, nil
}

// Close closes the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Ready returns nil while the store is there and can be reached.
func (s *Store) Ready(ctx context.Context) error {
	there, err := s.bucket.IsAccessible(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("reach documents: %w", err)
	case !there:
		return errors.New("reach documents: there is no such folder or container: make it, or mend the address")
	}
	return nil
}

// WriteSegment reads up to SegmentBytesMax bytes of r into a new segment of a draft, which is to stand at offset, and
// returns when it is durable. A segment of no bytes is returned, and nothing written, where r is at its end. A fault
// of r is returned, and nothing kept. A crash before the caller has noted the segment leaves a blob that nobody reads.
func (s *Store) WriteSegment(ctx context.Context, id string, seal *Seal, offset int64, r io.Reader) (Segment, error) {
	if !validID(id) {
		return Segment{}, fmt.Errorf("write segment: %w", ErrNotFound)
	}
	start := make([]byte, 32<<10)
	n, err := io.ReadFull(r, start)
	if errors.Is(err, io.EOF) {
		return Segment{}, nil
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Segment{}, fmt.Errorf("write segment: %w", err)
	}
	segment := Segment{Name: uuid.NewString()}
	source := io.MultiReader(bytes.NewReader(start[:n]), io.LimitReader(r, SegmentBytesMax-int64(n)))
	err = s.bucket.write(ctx, segmentName(id, segment), func(w io.Writer) error {
		sealing, err := seal.writer(w, segmentPlace(id, segment.Name, offset))
		if err != nil {
			return err
		}
		if segment.Bytes, err = io.Copy(sealing, source); err != nil {
			return err
		}
		return sealing.Close()
	})
	if err != nil {
		return Segment{}, fmt.Errorf("write segment: %w", err)
	}
	return segment, nil
}

// DropSegment deletes a segment that was not noted, and that nobody will read.
func (s *Store) DropSegment(ctx context.Context, id string, segment Segment) error {
	if !validID(id) || !validID(segment.Name) {
		return nil
	}
	if err := s.bucket.remove(ctx, segmentName(id, segment)); err != nil {
		return fmt.Errorf("drop segment: %w", err)
	}
	return nil
}

// Finish makes a document of a draft, and returns when it is durable. Finishing again with the same manifest changes
// nothing: after a crash it may be done anew.
func (s *Store) Finish(ctx context.Context, id string, seal *Seal, manifest Manifest) error {
	data, err := manifest.encode(id, seal)
	if err == nil {
		err = s.bucket.write(ctx, manifestName(id), func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("finish document: %w", err)
	}
	return nil
}

// Put keeps what r holds as the document id, sealed under the key of subject, and returns what it is made of. It
// returns ErrTooLarge where there are more than bytesMax, and then keeps nothing.
func (s *Store) Put(ctx context.Context, subject, id string, r io.Reader, bytesMax int64) (Manifest, error) {
	seal, err := s.NewSeal(ctx, subject)
	if err != nil {
		return Manifest{}, fmt.Errorf("put document: %w", err)
	}
	manifest, err := s.fill(ctx, id, seal, r, bytesMax)
	if err == nil {
		err = s.Finish(ctx, id, seal, manifest)
	}
	if err != nil {
		return Manifest{}, errors.Join(fmt.Errorf("put document: %w", err), s.Delete(context.WithoutCancel(ctx), id))
	}
	return manifest, nil
}

func (s *Store) fill(ctx context.Context, id string, seal *Seal, r io.Reader, bytesMax int64) (Manifest, error) {
	hash := sha256.New()
	r = io.TeeReader(r, hash)
	var manifest Manifest
	for {
		segment, err := s.WriteSegment(ctx, id, seal, manifest.Bytes, r)
		if err != nil {
			return Manifest{}, err
		}
		if segment.Bytes == 0 {
			manifest.SHA256 = hex.EncodeToString(hash.Sum(nil))
			return manifest, nil
		}
		manifest.Bytes += segment.Bytes
		manifest.Segments = append(manifest.Segments, segment)
		if manifest.Bytes > bytesMax {
			return Manifest{}, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, bytesMax)
		}
	}
}

// Document opens a finished document; close it after use. It returns ErrNotFound where there is none, ErrErased where
// its key was destroyed, ErrAltered where it is not what was written. Reading ends when ctx does.
func (s *Store) Document(ctx context.Context, id string) (*Document, error) {
	if !validID(id) {
		return nil, fmt.Errorf("open document: %w", ErrNotFound)
	}
	r, err := s.bucket.read(ctx, manifestName(id))
	if err != nil {
		return nil, fmt.Errorf("open document: %w", err)
	}
	defer r.Close()
	manifest, seal, err := readManifest(r, id, func(keyID string) (*Seal, error) { return s.SealOf(ctx, keyID) })
	if err != nil {
		return nil, fmt.Errorf("open document: %w", err)
	}
	return newDocument(ctx, s.bucket, id, seal, manifest), nil
}

// Delete deletes a document or a draft. Deleting what is not there is no error, so that it can be done again.
func (s *Store) Delete(ctx context.Context, id string) error {
	if !validID(id) {
		return nil
	}
	// The manifest goes first: without it there is no document, whatever a crash leaves of the rest.
	err := s.bucket.remove(ctx, manifestName(id))
	if err == nil {
		err = s.bucket.removeAll(ctx, folder(id))
	}
	if err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("delete document: %w", err)
	}
	return nil
}
