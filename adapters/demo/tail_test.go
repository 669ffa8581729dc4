package demo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	watermill "github.com/ThreeDotsLabs/watermill/message"

	"casesync/adapters/outbox"
)

// spool is a file of lines, and somebody who follows it.
type spool struct {
	t    *testing.T
	path string
	*tail
}

func newSpool(t *testing.T) *spool {
	t.Helper()
	s := &spool{t: t, path: filepath.Join(t.TempDir(), "outbox.jsonl")}
	s.restart(place{})
	t.Cleanup(func() { _ = s.close() })
	return s
}

// restart follows from a place, as after a start.
func (s *spool) restart(at place) {
	if s.tail != nil {
		_ = s.close()
	}
	s.tail = &tail{path: s.path, every: time.Millisecond, at: at}
}

// write puts text at the end of the file.
func (s *spool) write(text string) {
	s.t.Helper()
	file, err := os.OpenFile(s.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *spool) rename(to string) {
	s.t.Helper()
	if err := os.Rename(s.path, s.path+to); err != nil {
		s.t.Fatal(err)
	}
}

// wants reads the next line, and returns the place after it.
func (s *spool) wants(line string) place {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	got, after, err := s.next(ctx)
	if err != nil || string(got) != line+"\n" {
		s.t.Fatalf("got %q, %v, want %q", got, err, line)
	}
	return after
}

// wantsNone looks a few times, and finds nothing.
func (s *spool) wantsNone() {
	s.t.Helper()
	for range 3 {
		if line, err := s.read(); err != nil || line != nil {
			s.t.Fatalf("got %q, %v, want nothing yet", line, err)
		}
	}
}

// TestTailWaitsForWholeLines: before there is a file, and where a line is not whole yet, nothing is read.
func TestTailWaitsForWholeLines(t *testing.T) {
	t.Parallel()
	s := newSpool(t)
	s.wantsNone()
	s.write("one\ntw")
	s.wants("one")
	s.wantsNone()
	s.write("o")
	s.wantsNone()
	s.write("\nthree\n")
	s.wants("two")
	after := s.wants("three")
	s.restart(after)
	s.wantsNone()
	s.write("four\n")
	s.wants("four")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

// TestTailGoesOnWhereItWasRenamed: what was renamed is read to its end, also what is written to it by somebody who
// had it open then; and after it the new one.
func TestTailGoesOnWhereItWasRenamed(t *testing.T) {
	t.Parallel()
	s := newSpool(t)
	s.write("one\ntwo\n")
	s.wants("one")
	s.rename(".1")
	s.wants("two")
	s.wantsNone()
	s.write("three\n")
	if line, err := s.read(); line != nil || err != nil { // sees that it was renamed
		t.Fatalf("got %q, %v, want a pause first", line, err)
	}
	late, err := os.OpenFile(s.path+".1", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.WriteString("two and a half\n"); err != nil {
		t.Fatal(err)
	}
	if err := late.Close(); err != nil {
		t.Fatal(err)
	}
	s.wants("two and a half")
	s.wants("three")
}

// TestTailFindsWhatWasRenamedMeanwhile: between two starts as well; and where it is gone, what is there is read from its
// beginning.
func TestTailFindsWhatWasRenamedMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSpool(t)
	s.write("one\ntwo\n")
	after := s.wants("one")
	s.rename("-20261118")
	s.write("three\nfour\n")
	s.restart(after)
	s.wants("two")
	after = s.wants("three")
	if err := os.Remove(s.path + "-20261118"); err != nil {
		t.Fatal(err)
	}
	s.restart(after)
	s.wants("four")
	s.rename("")
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	s.restart(after)
	s.wantsNone()
	s.write("five\n")
	s.wants("five")
	s.write("six\n")
	s.wants("six")
}

// TestTailOfWhatWasCut: a file that is emptied in its place is read from its beginning.
func TestTailOfWhatWasCut(t *testing.T) {
	t.Parallel()
	s := newSpool(t)
	s.write("one\ntwo\n")
	s.wants("one")
	s.wants("two")
	if err := os.Truncate(s.path, 0); err != nil {
		t.Fatal(err)
	}
	s.wantsNone()
	s.write("three\n")
	s.wants("three")
}

// TestTailOfTheOutbox: the portal's own file is one that can be followed, with a part of a line in it.
func TestTailOfTheOutbox(t *testing.T) {
	t.Parallel()
	s := newSpool(t)
	publisher, err := outbox.NewFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	publish := func(text string) {
		t.Helper()
		if err := publisher.Publish("", watermill.NewMessage("1", []byte(text))); err != nil {
			t.Fatal(err)
		}
	}
	publish(`{"id":"1"}`)
	s.wants(`{"id":"1"}`)
	s.write(`{"id":"2`) // a crash, or a full disk
	s.wantsNone()
	publish(`{"id":"2"}`)
	s.wants(`{"id":"2`)
	s.wants(`{"id":"2"}`)
}
