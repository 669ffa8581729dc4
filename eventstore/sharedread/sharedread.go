// Package sharedread lets many who read small things by their keys share the reading: one read is
// under way at a time, for all who wait, and each key is in it once. It promises that what a caller
// gets was read after he asked, so that nobody is told what had ended before.
package sharedread

import (
	"context"
	"time"

	"casesync/eventstore/groupcommit"
)

// The limits of one read.
const (
	callersMax  = 1000
	readTimeout = 10 * time.Second
)

// Reader reads values by their keys. It is safe for concurrent use.
type Reader[Key comparable, Value any] struct {
	read   func(ctx context.Context, keys []Key) ([]Value, error)
	writer *groupcommit.Writer[[]Key, []Value]
}

// New returns a reader, to be closed with Close. A read is for callers who ask for at most keysMax keys
// together, those that are the same counted each time, unless one alone asks for more. Read is given
// keys that differ, and returns their values in their order; callers share those, and
// must not change them.
func New[Key comparable, Value any](keysMax int, read func(ctx context.Context, keys []Key) ([]Value, error)) *Reader[Key, Value] {
	r := &Reader[Key, Value]{read: read}
	r.writer = groupcommit.New(groupcommit.Config[[]Key, []Value]{
		Commit:           r.readFor,
		Size:             func(keys []Key) int { return len(keys) },
		BatchRequestsMax: callersMax,
		BatchBytesMax:    keysMax,
	})
	return r
}

// Close lets who waits get what he asked for, and then reads nothing any more.
func (r *Reader[Key, Value]) Close() { r.writer.Close() }

// Read returns the values of keys, in their order.
func (r *Reader[Key, Value]) Read(ctx context.Context, keys ...Key) ([]Value, error) {
	if len(keys) == 0 {
		return nil, ctx.Err()
	}
	values, err := r.writer.Submit(ctx, keys)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return values, err
}

// readFor reads once for all callers of a batch. No caller's context may end what others wait for; the
// time that it may take is bounded instead.
func (r *Reader[Key, Value]) readFor(batch [][]Key) []groupcommit.Result[[]Value] {
	places := make(map[Key]int)
	var keys []Key
	for _, asked := range batch {
		for _, key := range asked {
			if _, there := places[key]; !there {
				places[key] = len(keys)
				keys = append(keys, key)
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	found, err := r.read(ctx, keys)
	results := make([]groupcommit.Result[[]Value], len(batch))
	for i, asked := range batch {
		if err != nil {
			results[i].Err = err
			continue
		}
		values := make([]Value, len(asked))
		for j, key := range asked {
			values[j] = found[places[key]]
		}
		results[i].Answer = values
	}
	return results
}
