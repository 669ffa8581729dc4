package outbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
)

// File is a publisher to a file of JSON lines: each message is a line. It may be renamed at any time, to rotate it
// or to take what is in it: the next messages are put into a new one. What is published is on the disk.
//
// A crash, or a full disk, in the middle of a line leaves a part of one. It was not published: the message comes
// again, on a line of its own, and readers pass over what is no JSON.
type File struct {
	path string
	mu   sync.Mutex
}

// NewFile returns a publisher to the file at path, whose directory it makes.
func NewFile(path string) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make directory of the outbox: %w", err)
	}
	return &File{path: path}, nil
}

// Publish puts messages at the end of the file, whatever the topic. After an error some may be there.
func (f *File) Publish(_ string, messages ...*message.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open file of the outbox: %w", err)
	}
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return errors.Join(fmt.Errorf("find end of the outbox's file: %w", err), file.Close())
	}
	text, err := f.beginning(file, end)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	for _, m := range messages {
		text = append(append(text, m.Payload...), '\n')
	}
	if _, err := file.Write(text); err != nil {
		return errors.Join(fmt.Errorf("write to the outbox's file: %w", err), file.Close())
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("put the outbox's file on the disk: %w", err)
	}
	if end == 0 {
		return f.syncDirectory()
	}
	return nil
}

// beginning returns what ends a line that was not written whole, nothing after a whole one.
func (f *File) beginning(file *os.File, end int64) ([]byte, error) {
	if end == 0 {
		return nil, nil
	}
	last := []byte{0}
	if _, err := file.ReadAt(last, end-1); err != nil {
		return nil, fmt.Errorf("read end of the outbox's file: %w", err)
	}
	if last[0] == '\n' {
		return nil, nil
	}
	return []byte{'\n'}, nil
}

// syncDirectory has a file that was just made survive a power cut.
func (f *File) syncDirectory() error {
	directory, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return fmt.Errorf("open directory of the outbox: %w", err)
	}
	if err := errors.Join(directory.Sync(), directory.Close()); err != nil {
		return fmt.Errorf("put directory of the outbox on the disk: %w", err)
	}
	return nil
}

// Close does nothing: the file is open only while it is written to.
func (f *File) Close() error { return nil }
