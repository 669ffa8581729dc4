// Package kurrentlog is the log in KurrentDB, or EventStoreDB, over its gRPC interface. It promises
// what eventstore.Log does, for any number of processes, except for what the server cannot give:
//
//   - An event id is unique within its stream only. Where the other logs answer ErrEventIDTaken for
//     an id that is in another stream, this one appends it.
//   - Recorded times are the server's. They never go backwards along positions as long as the
//     server's clock does not, nor that of the next leader: nodes need a time service.
//   - An append is bounded by the server's MaxAppendSize, 1 MiB unless it was set higher.
//
// Revisions are the server's, positions its commit and prepare positions, data its data, and
// metadata its custom metadata, to which a mark of 32 characters of white space is appended that
// tells who wrote it. Reads and appends go to the leader. Streams whose name begins with $ are the
// server's own: nothing is appended there, and ReadAll passes them over. The log's identity is
// the one event of the stream casesync-log-identity, which ReadAll passes over too. On a server
// that others use, streamPrefix in the address gives the log streams of its own, and whatever else
// is there is passed over.
//
// The server checks an expected revision, and knows an append again at that revision alone, without
// saying so. So each append here goes to the exact revision up to which the stream was read, and
// what is read afterwards decides what it came to: whether the ids are there, where, and who wrote
// them. Where an answer was lost, that is how the outcome becomes known.
//
// While no server answers, calls wait for Timeout and their context, whichever is shorter, and go
// on when it is back. Nothing may be deleted, truncated or given a maximum age in the server.
package kurrentlog

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"casesync/eventstore"
	"casesync/eventstore/headwatch"
	"casesync/eventstore/lru"
)

// Config is the manual of the log. The zero Config is a good one.
type Config struct {
	// Limits bounds one append, beside the server's MaxAppendSize, which the address tells.
	Limits eventstore.Limits
	// Timeout is how long an append, a page of a read or the opening may take, waiting for a server
	// that is away included; 10 s by default. An append that ends so has an unknown outcome.
	Timeout time.Duration
	// PollInterval is how often a waiting reader looks for itself while the subscription that wakes
	// it is lost; 500 ms by default.
	PollInterval time.Duration
	// CallsMax is how many calls are under way at once, those that nobody waits for any more
	// included; 256 by default. More wait their turn.
	CallsMax int
	// StreamsMax is of how many streams the event ids are kept in memory, about 100 bytes an event,
	// so that an append need not read the stream; 10,000 by default.
	StreamsMax int
}

func (c Config) orDefault() Config {
	c.Limits = c.Limits.OrDefault()
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.PollInterval = cmp.Or(c.PollInterval, 500*time.Millisecond)
	c.CallsMax = cmp.Or(c.CallsMax, 256)
	c.StreamsMax = cmp.Or(c.StreamsMax, 10_000)
	return c
}

// Log is an open log.
type Log struct {
	config         Config
	appendBytesMax int    // the server's MaxAppendSize
	prefix         string // of the log's streams in the server
	client         *client
	streams        *lru.Cache[eventstore.StreamName, *stream]
	lastHead       lastHead
	watch          headwatch.Watch
	notifier       *notifier
	close          func() error
}

var (
	_ eventstore.Log        = (*Log)(nil)
	_ eventstore.Notifier   = (*Log)(nil)
	_ eventstore.Header     = (*Log)(nil)
	_ eventstore.Identifier = (*Log)(nil)
)

// Open opens the log in the server at address, and names it where it has no name yet. Address is
// kurrentdb://[USER:PASSWORD@]HOST[:2113][,HOST…][?NAME=VALUE&…], or esdb:// or with +discover, as the
// server's documentation has it. Two settings are this package's: maxAppendSize, what the server was
// set to, in bytes, and streamPrefix.
func Open(ctx context.Context, address string, config Config) (*Log, error) {
	parsed, err := parse(address)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &Log{config: config.orDefault(), appendBytesMax: parsed.appendBytesMax, prefix: parsed.streamPrefix}
	if l.client, err = newClient(parsed.config, l.config.CallsMax); err != nil {
		return nil, fmt.Errorf("open log %s: %w", Redact(address), err)
	}
	l.streams = lru.New[eventstore.StreamName, *stream](l.config.StreamsMax)
	l.notifier = newNotifier(l)
	l.close = sync.OnceValue(l.shut)
	if err := l.ensureIdentity(ctx); err != nil {
		_ = l.Close() // what matters is why it cannot be used
		return nil, fmt.Errorf("open log %s: %w", Redact(address), err)
	}
	return l, nil
}

// inServer is what the server calls a stream of the log.
func (l *Log) inServer(stream eventstore.StreamName) string { return l.prefix + string(stream) }

// ofLog is what the log calls a stream of the server; false for one that holds none of the log's events.
func (l *Log) ofLog(name string) (eventstore.StreamName, bool) {
	stream, found := strings.CutPrefix(name, l.prefix)
	return eventstore.StreamName(stream), found && stream != identityStream && !strings.HasPrefix(name, "$")
}

// Close waits, for a few seconds at most, for the calls under way, and closes the connection. It may
// be called more than once.
func (l *Log) Close() error { return l.close() }

func (l *Log) shut() error {
	l.notifier.stop()
	l.client.close()
	return nil
}
