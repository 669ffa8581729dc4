package documents

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // for addresses that begin with azblob:
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"
)

// bucket is a blob bucket whose writes are durable when they return.
type bucket struct {
	*blob.Bucket
	dir string // of a folder; "" for a bucket elsewhere
}

// openBucket opens the bucket at an address; see Open.
func openBucket(ctx context.Context, address string) (*bucket, error) {
	dir, folder := strings.CutPrefix(address, "file:")
	switch {
	case folder && dir != "":
		return openFolder(dir)
	case strings.HasPrefix(address, "azblob://"):
		opened, err := blob.OpenBucket(ctx, address)
		if err != nil {
			return nil, fmt.Errorf("open documents: %w", err)
		}
		return &bucket{Bucket: opened}, nil
	}
	return nil, fmt.Errorf("open documents: the address %q is neither file:DIR nor azblob://CONTAINER", address)
}

// openFolder opens a folder, which it makes, readable by this user alone, where it is missing.
func openFolder(dir string) (*bucket, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open documents: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open documents: %w", err)
	}
	// Temporary files stand beside the others, so that a rename never crosses file systems; they hold sealed bytes
	// too, and one that a crash left goes with its document.
	opened, err := fileblob.OpenBucket(dir, &fileblob.Options{DirFileMode: 0o700, NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, fmt.Errorf("open documents: %w", err)
	}
	return &bucket{Bucket: opened, dir: dir}, nil
}

// write makes a blob of what fill writes, all or nothing, and returns when it is durable.
func (b *bucket) write(ctx context.Context, name string, fill func(io.Writer) error) error {
	if b.dir == "" {
		return b.upload(ctx, name, fill)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var file *os.File
	w, err := b.NewWriter(ctx, name, &blob.WriterOptions{
		ContentType:                 contentType,
		DisableContentTypeDetection: true,
		BeforeWrite: func(as func(any) bool) error {
			as(&file)
			return nil
		},
	})
	if err != nil {
		return err
	}
	if err := fill(w); err != nil {
		cancel() // a writer whose context has ended keeps nothing
		return errors.Join(err, ignoreCancel(w.Close()))
	}
	if file != nil {
		if err := file.Sync(); err != nil {
			cancel()
			return errors.Join(err, ignoreCancel(w.Close()))
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return b.syncFolders(name)
}

// contentType is that of all blobs; else their first bytes would be looked at.
const contentType = "application/octet-stream"

// upload is write on Azure, whose answer says that it is durable; a fault of fill leaves nothing there. It reads from a
// pipe of ours, for the library's own writer loses its pipe to another goroutine when an upload fails, and panics when
// it is closed then (azureblob.writer, v0.47).
func (b *bucket) upload(ctx context.Context, name string, fill func(io.Writer) error) error {
	r, w := io.Pipe()
	filled := make(chan error, 1)
	go func() {
		err := fill(w)
		_ = w.CloseWithError(err) // always nil
		filled <- err
	}()
	err := b.Upload(ctx, name, r, &blob.WriterOptions{ContentType: contentType, DisableContentTypeDetection: true})
	_ = r.CloseWithError(errors.Join(io.ErrClosedPipe, err)) // always nil; ends a fill that is not done
	if fault := <-filled; fault != nil && !errors.Is(fault, io.ErrClosedPipe) {
		return fault
	}
	return err
}

func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) || gcerrors.Code(err) == gcerrors.Canceled {
		return nil
	}
	return err
}

// syncFolders makes the name of a blob in a folder durable, and with it the folders above, which the write may have made.
func (b *bucket) syncFolders(name string) error {
	for dir := filepath.Dir(filepath.FromSlash(name)); ; dir = filepath.Dir(dir) {
		if err := syncFolder(filepath.Join(b.dir, dir)); err != nil {
			return err
		}
		if dir == "." {
			return nil
		}
	}
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// read opens a blob; ErrNotFound where there is none.
func (b *bucket) read(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := b.NewReader(ctx, name, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// remove deletes a blob, if it is there.
func (b *bucket) remove(ctx context.Context, name string) error {
	if err := b.Delete(ctx, name); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return err
	}
	return nil
}

// removeAll deletes all blobs under a folder of the bucket.
func (b *bucket) removeAll(ctx context.Context, folder string) error {
	blobs := b.List(&blob.ListOptions{Prefix: folder})
	for {
		object, err := blobs.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := b.remove(ctx, object.Key); err != nil {
			return err
		}
	}
	if b.dir == "" {
		return nil
	}
	path := filepath.Join(b.dir, filepath.FromSlash(folder))
	// A folder that is not empty belongs to somebody who writes there now; nobody needs an empty one.
	if err := os.Remove(path); err != nil {
		return nil //nolint:nilerr // see above; or there is none
	}
	return syncFolder(filepath.Dir(filepath.Clean(path)))
}
