package documents

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sort"
	"sync"
)

// Document reads a finished document, from any place in it. Methods may be called by several goroutines; they take
// turns.
type Document struct {
	ctx    context.Context // reading ends with it; a reader belongs to one request
	bucket *bucket
	id     string
	seal   *Seal
	Manifest
	starts []int64 // of the segments

	mu     sync.Mutex
	offset int64 // of Read and Seek
	// open is the reader of the segment that the last read was in, and at is where it stands.
	open struct {
		blob    io.ReadCloser
		plain   io.Reader
		segment int
		at      int64
	}
	// digest is of all bytes before digested, as long as they were read in order.
	digest   hash.Hash
	digested int64
}

func newDocument(ctx context.Context, bucket *bucket, id string, seal *Seal, manifest Manifest) *Document {
	d := &Document{ctx: ctx, bucket: bucket, id: id, seal: seal, Manifest: manifest, digest: sha256.New()}
	d.starts = make([]int64, len(manifest.Segments))
	var start int64
	for i, segment := range manifest.Segments {
		d.starts[i] = start
		start += segment.Bytes
	}
	return d
}

// ID returns the id of the document.
func (d *Document) ID() string { return d.id }

// Read implements io.Reader. At the end of a document that was read from its start it returns ErrAltered, and not
// io.EOF, where its SHA-256 is another than it was when it was written.
func (d *Document) Read(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.readAt(p, d.offset)
	d.offset += int64(n)
	return n, err
}

// ReadAt implements io.ReaderAt. Reading onwards is cheap; reading backwards opens a segment anew.
func (d *Document) ReadAt(p []byte, offset int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if offset < 0 {
		return 0, errors.New("read document: negative offset")
	}
	read := 0
	for read < len(p) {
		n, err := d.readAt(p[read:], offset+int64(read))
		read += n
		if err != nil {
			return read, err
		}
	}
	return read, nil
}

// Seek implements io.Seeker.
func (d *Document) Seek(offset int64, whence int) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += d.offset
	case io.SeekEnd:
		offset += d.Bytes
	}
	if offset < 0 {
		return 0, errors.New("seek in document: before its start")
	}
	d.offset = offset
	return offset, nil
}

// Close closes the document.
func (d *Document) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closeSegment()
}

func (d *Document) readAt(p []byte, offset int64) (int, error) {
	if offset >= d.Bytes {
		return 0, d.end()
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := d.ctx.Err(); err != nil {
		return 0, fmt.Errorf("read document: %w", err) // a folder does not look at it
	}
	if err := d.goTo(offset); err != nil {
		return 0, err
	}
	end := d.starts[d.open.segment] + d.Segments[d.open.segment].Bytes
	n, err := d.open.plain.Read(p[:min(int64(len(p)), end-offset)])
	d.note(p[:n], offset)
	d.open.at += int64(n)
	switch {
	case err == nil && d.open.at == end:
		err = d.endSegment()
	case errors.Is(err, io.EOF) && d.open.at < end:
		err = fmt.Errorf("read document: %w: a segment is shorter than it was", ErrAltered)
	case errors.Is(err, io.EOF):
		err = d.closeSegment()
	case err != nil:
		err = fmt.Errorf("read document: %w", err)
	}
	return n, err
}

// note takes those bytes into the digest that are the next.
func (d *Document) note(p []byte, offset int64) {
	if known := d.digested - offset; known >= 0 && known < int64(len(p)) {
		d.digest.Write(p[known:])
		d.digested += int64(len(p)) - known
	}
}

// end returns what a read at the end of the document returns.
func (d *Document) end() error {
	if d.digested == d.Bytes && hex.EncodeToString(d.digest.Sum(nil)) != d.SHA256 {
		return fmt.Errorf("read document: %w: its SHA-256 differs", ErrAltered)
	}
	return io.EOF
}

// endSegment has the end of the segment checked, at which Tink finds out whether something was cut off or added.
func (d *Document) endSegment() error {
	var more [1]byte
	n, err := d.open.plain.Read(more[:])
	if n > 0 || err == nil {
		return fmt.Errorf("read document: %w: a segment is longer than it was", ErrAltered)
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("read document: %w", err)
	}
	return d.closeSegment()
}

// goTo has the segment open that holds offset, and at it.
func (d *Document) goTo(offset int64) error {
	segment := sort.Search(len(d.starts), func(i int) bool { return d.starts[i] > offset }) - 1
	if d.open.blob == nil || d.open.segment != segment || d.open.at > offset {
		if err := d.openSegment(segment); err != nil {
			return err
		}
	}
	// There is no way into the middle of what is sealed in one piece; it is at most one segment.
	skipped, err := io.CopyN(io.Discard, d.open.plain, offset-d.open.at)
	d.open.at += skipped
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: a segment is shorter than it was", ErrAltered)
	}
	if err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	return nil
}

func (d *Document) openSegment(i int) error {
	if err := d.closeSegment(); err != nil {
		return err
	}
	segment := d.Segments[i]
	sealed, err := d.bucket.read(d.ctx, segmentName(d.id, segment))
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("read document: %w: a segment is missing", ErrAltered)
	}
	if err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	plain, err := d.seal.reader(sealed, segmentPlace(d.id, segment.Name, d.starts[i]))
	if err != nil {
		return errors.Join(fmt.Errorf("read document: %w", err), sealed.Close())
	}
	d.open.blob, d.open.plain, d.open.segment, d.open.at = sealed, plain, i, d.starts[i]
	return nil
}

func (d *Document) closeSegment() error {
	if d.open.blob == nil {
		return nil
	}
	blob := d.open.blob
	d.open.blob, d.open.plain = nil, nil
	if err := blob.Close(); err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	return nil
}
