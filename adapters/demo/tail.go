package demo

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// tail follows a file of lines that another process writes: it may be renamed at any time, and is then written anew
// (schemas/portal says so). What was renamed is read to its end first. A line is read once it is whole.
type tail struct {
	path string
	// every is the pause between two looks for more.
	every time.Duration
	at    place

	file   *os.File // nil before there is one
	reader *bufio.Reader
	// renamed is true once another file stands under the path: what was being written to this one gets
	// one more pause to end.
	renamed bool
}

// place is how far a file of lines was read.
type place struct {
	First string // the SHA-256 of the file's first line, "" where nothing was read
	Bytes int64
}

// next waits for a line, and returns it with the place after it.
func (t *tail) next(ctx context.Context) (line []byte, after place, err error) {
	for {
		line, err := t.read()
		if err != nil || line != nil {
			return line, t.at, err
		}
		if err := wait(ctx, t.every); err != nil {
			return nil, t.at, err
		}
	}
}

func (t *tail) close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}

// read returns the next whole line, nil where there is none yet.
func (t *tail) read() ([]byte, error) {
	if t.file == nil {
		if err := t.open(); err != nil || t.file == nil {
			return nil, err
		}
	}
	line, err := t.reader.ReadBytes('\n')
	if err == nil {
		if t.at.First == "" {
			t.at.First = fingerprint(line)
		}
		t.at.Bytes += int64(len(line))
		return line, nil
	}
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the portal's messages: %w", err)
	}
	return nil, t.atEnd()
}

// atEnd looks what is to be read after what was read to its end, or to a part of a line, which is read again.
func (t *tail) atEnd() error {
	mine, err := t.file.Stat()
	if err != nil {
		return fmt.Errorf("read the portal's messages: %w", err)
	}
	present, err := os.Stat(t.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return t.seek() // renamed, and not written anew yet
	case err != nil:
		return fmt.Errorf("read the portal's messages: %w", err)
	case os.SameFile(mine, present) && mine.Size() >= t.at.Bytes:
		return t.seek()
	case !t.renamed && !os.SameFile(mine, present):
		t.renamed = true
		return t.seek()
	}
	return t.leave()
}

// seek goes back to the end of the last whole line.
func (t *tail) seek() error {
	if _, err := t.file.Seek(t.at.Bytes, io.SeekStart); err != nil {
		return fmt.Errorf("read the portal's messages: %w", err)
	}
	t.reader = bufio.NewReader(t.file)
	return nil
}

// leave goes on with the beginning of whatever stands under the path.
func (t *tail) leave() error {
	err := t.file.Close()
	t.file, t.renamed, t.at = nil, false, place{}
	return err
}

// open opens the file in which the last line was read, under its path or, where it was renamed meanwhile, whatever
// it is called now; and where it is gone, or nothing was read, the one under the path.
func (t *tail) open() error {
	candidates := []string{t.path}
	if t.at.First != "" {
		others, err := filepath.Glob(t.path + "?*")
		if err != nil {
			return fmt.Errorf("find the portal's messages: %w", err)
		}
		candidates = append(candidates, others...)
	}
	for _, path := range candidates {
		if found, err := t.take(path); found || err != nil {
			return err
		}
	}
	if t.at.First == "" {
		return nil
	}
	t.at = place{} // it is gone: what is there is read from its beginning, which does no harm
	_, err := t.take(t.path)
	return err
}

// take opens a file if it is there, and the one that was read last.
func (t *tail) take(path string) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open the portal's messages: %w", err)
	}
	if t.at.First != "" {
		line, err := bufio.NewReader(file).ReadBytes('\n')
		if err != nil || fingerprint(line) != t.at.First {
			return false, file.Close()
		}
	}
	t.file = file
	return true, t.seek()
}

func fingerprint(line []byte) string {
	sum := sha256.Sum256(bytes.TrimSpace(line))
	return hex.EncodeToString(sum[:])
}
