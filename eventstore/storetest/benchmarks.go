package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"casesync/eventstore"
)

// Sizes of an event as it was measured in feeds, in bytes.
const (
	benchDataBytes     = 400
	benchMetadataBytes = 150
)

// BenchmarkAppend measures events appended per second: one event per call at an expected revision
// by 1 and by 32 writers, and appends of 100 and of 1,000 events.
func BenchmarkAppend(b *testing.B, fresh func(b *testing.B) Handle) {
	for _, writers := range []int{1, 32} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) { benchWriters(b, fresh(b), writers) })
	}
	for _, size := range []int{100, 1000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) { benchBatches(b, fresh(b), size) })
	}
}

// benchWriters appends b.N events to streams of ten, each writer to its own.
func benchWriters(b *testing.B, log Handle, writers int) {
	defer log.Close()
	work := benchEvents(b.N)
	var next atomic.Int64
	b.ResetTimer()
	done := make(chan error)
	for range writers {
		go func() {
			for {
				from := int(next.Add(10)) - 10
				if from >= len(work) {
					done <- nil
					return
				}
				stream := eventstore.StreamName("bench-" + work[from].ID.String())
				for i, event := range work[from:min(from+10, len(work))] {
					if _, err := log.Append(context.Background(), stream, eventstore.ExpectedRevision(i-1), event); err != nil {
						done <- err
						return
					}
				}
			}
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	report(b, b.N)
}

func benchBatches(b *testing.B, log Handle, size int) {
	defer log.Close()
	for i := range b.N {
		b.StopTimer()
		work := benchEvents(size)
		b.StartTimer()
		if _, err := log.Append(context.Background(), streamName(i), eventstore.NoStream, work...); err != nil {
			b.Fatal(err)
		}
	}
	report(b, b.N*size)
}

// BenchmarkReadAll measures events per second of whole reads of a log of 100,000.
func BenchmarkReadAll(b *testing.B, fresh func(b *testing.B) Handle) {
	const total = 100_000
	log := fresh(b)
	defer log.Close()
	for i := range total / 1000 {
		if _, err := log.Append(context.Background(), streamName(i), eventstore.NoStream, benchEvents(1000)...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		n := 0
		for _, err := range log.ReadAll(context.Background(), eventstore.Position{}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != total {
			b.Fatalf("events: got %d, want %d", n, total)
		}
	}
	report(b, b.N*total)
}

func benchEvents(n int) []eventstore.Event {
	bytes := make([]byte, benchDataBytes+benchMetadataBytes)
	for i := range bytes {
		bytes[i] = byte(' ' + rand.N(90))
	}
	made := make([]eventstore.Event, n)
	for i := range made {
		made[i] = eventstore.Event{
			ID: uuid.New(), Type: "storetest.happened.v1", Data: bytes[:benchDataBytes], Metadata: bytes[benchDataBytes:],
		}
	}
	return made
}

func report(b *testing.B, events int) {
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}
