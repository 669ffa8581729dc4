package eventstore_test

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	es "casesync/eventstore"
)

// slowLog lets a test hold its appends, and counts the streams that are read.
type slowLog struct {
	es.Log
	es.Ender
	appending, goOn chan struct{}
	reads           atomic.Int64
}

func (s *slowLog) Append(ctx context.Context, stream es.StreamName, expected es.ExpectedRevision, events ...es.Event) (es.Appended, error) {
	if s.appending != nil {
		s.appending <- struct{}{}
		<-s.goOn
	}
	return s.Log.Append(ctx, stream, expected, events...)
}

func (s *slowLog) ReadStream(ctx context.Context, stream es.StreamName, from es.Revision) iter.Seq2[es.Recorded, error] {
	s.reads.Add(1)
	return s.Log.ReadStream(ctx, stream, from)
}

// Many look at once, also from within a look, and while a command is about to append: they see what
// there is before it, and the command's events as soon as it is answered.
func TestLookingWaitsForNobody(t *testing.T) {
	t.Parallel()
	log := newLog(t)
	slow := &slowLog{Log: log, Ender: log}
	h := newHandler(slow, newCodec(newKeys()))
	handle(t, h, ask("box-1"), command{count: 1})
	slow.appending, slow.goOn = make(chan struct{}), make(chan struct{})
	want := func(what string, total int) {
		t.Helper()
		err := h.State(t.Context(), "box-1", func(b *box, r es.Revision) {
			if b.Total != total || r != es.Revision(total-1) {
				t.Errorf("%s: got total %d at revision %d, want %d at %d", what, b.Total, r, total, total-1)
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		handle(t, h, ask("box-1"), command{count: 1})
	}()
	<-slow.appending // the command owns the stream, and waits
	for range 3 {
		want("while a command appends", 1)
	}
	slow.goOn <- struct{}{}
	<-answered
	want("after it", 2)
	if got := slow.reads.Load(); got != 1 {
		t.Errorf("the stream was read %d times, want once, before the first command", got)
	}
}

// What another process appended is seen by every look that begins after it was answered.
func TestLookingIsNeverStale(t *testing.T) {
	t.Parallel()
	path, codec := filepath.Join(t.TempDir(), "log.db"), newCodec(newKeys())
	h, other := newHandler(openLog(t, path), codec), newHandler(openLog(t, path), codec)
	const commands, lookers = 100, 8
	var answered atomic.Int64
	var group sync.WaitGroup
	for range lookers {
		group.Go(func() {
			for least := int64(0); least < commands; {
				least = answered.Load()
				err := h.State(t.Context(), "box-1", func(b *box, r es.Revision) {
					if int64(b.Total) < least || r != es.Revision(b.Total-1) || b.Seen != b.Total {
						t.Errorf("got total %d at revision %d after %d events, want at least %d", b.Total, r, b.Seen, least)
					}
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range commands {
		handle(t, []*handler{h, other}[i%2], ask("box-1"), command{count: 1})
		answered.Add(1)
	}
	group.Wait()
}

// A stream that many want to see for the first time is read once for all of them.
func TestFirstLookIsShared(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	handle(t, newHandler(log, codec), ask("box-1"), command{count: 3})
	slow := &slowLog{Log: log, Ender: log}
	h := newHandler(slow, codec)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			err := h.Since(t.Context(), "box-1", 2, func(b *box, _ es.Revision) {
				if b.Total != 3 {
					t.Errorf("looker %d: got %d, want 3", i, b.Total)
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := slow.reads.Load(); got != 1 {
		t.Errorf("the stream was read %d times, want once", got)
	}
}

// A log that cannot tell its ends is read by everyone who looks.
func TestLookingWithoutEnds(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	h := newHandler(&movingLog{Log: log}, codec)
	for i := range 3 {
		handle(t, newHandler(log, codec), ask("box-1"), command{count: 1})
		check(t, h, log, codec, "box-1", i+1)
	}
	ends, err := es.EndsOf(t.Context(), &movingLog{Log: log}, "box-1", "box-2")
	if fmt.Sprint(ends) != fmt.Sprint([]es.Revision{es.Newest, es.Newest}) || err != nil {
		t.Errorf("ends: got %v, %v, want the newest of each", ends, err)
	}
}
