package projections

import (
	"math"
	"slices"
	"sort"
	"strings"

	"casesync/domain/feed"
	"casesync/eventstore"
	"casesync/projections/engine"
)

// feedRow is what is known of one source's messages about one subject.
type feedRow struct {
	Stream, Source               string
	Next                         int64 // the sequence that is waited for
	Held, MissingFrom, MissingTo int64 // the first gap; 0 where the turn of all that is held has come
	Unrecognised                 int64
	// Skipped are the runs of sequences that were given up but not reached yet: "5-7 9-9".
	Skipped   string
	HeldSince int64
}

var feeds = &engine.Table[feedRow]{
	Spec: engine.Spec{
		Name: "feeds", Key: 2,
		Columns: join(texts("stream", "source"), numbers("next", "held", "missing_from", "missing_to", "unrecognised"),
			texts("skipped"), numbers("held_since")),
		Indexes: []string{"stream, source WHERE held > 0"},
		Aside:   []string{"held_since"},
	},
	Fields: func(r *feedRow) []any {
		return []any{&r.Stream, &r.Source, &r.Next, &r.Held, &r.MissingFrom, &r.MissingTo, &r.Unrecognised,
			&r.Skipped, &r.HeldSince}
	},
}

// heldRow is a fact that waits for its turn.
type heldRow struct {
	Stream, Source string
	Sequence       int64
	Type           string
	RecordedAt     int64
}

var heldFacts = &engine.Table[heldRow]{
	Spec: engine.Spec{
		Name: "held_facts", Key: 3,
		Columns: join(texts("stream", "source"), numbers("sequence"), texts("type"), numbers("recorded_at")),
		Aside:   []string{"recorded_at"},
	},
	Fields: func(r *heldRow) []any { return []any{&r.Stream, &r.Source, &r.Sequence, &r.Type, &r.RecordedAt} },
}

// contradictionRow is a fact that contradicted what was known before it.
type contradictionRow struct {
	Stream      string
	N           int64
	Source, ID  string
	Sequence    int64
	Type        string
	At          int64
	Contradicts string // joined by spaces
	RecordedAt  int64
}

var contradictions = &engine.Table[contradictionRow]{
	Spec: engine.Spec{
		Name: "contradictions", Key: 2,
		Columns: join(texts("stream"), numbers("n"), texts("source", "id"), numbers("sequence"), texts("type"),
			numbers("at"), texts("contradicts"), numbers("recorded_at")),
		Aside: []string{"recorded_at"},
	},
	Fields: func(r *contradictionRow) []any {
		return []any{&r.Stream, &r.N, &r.Source, &r.ID, &r.Sequence, &r.Type, &r.At, &r.Contradicts, &r.RecordedAt}
	},
}

// Feeds is the read model of what operators watch: per subject and source what is waited for,
// what is held until it comes, what was not recognised, and what facts contradicted.
func Feeds() engine.Projection {
	return engine.Projection{
		Name: FeedsName, Version: 2,
		Tables: []engine.AnyTable{feeds, heldFacts, contradictions},
		Key:    feedKey,
		Fold:   foldFeed,
		Streams: func(stream string) []eventstore.StreamName {
			return []eventstore.StreamName{eventstore.StreamName(stream)}
		},
		Prefixes: feedStreams,
	}
}

// feedStreams begin the names of the streams of what case management systems speak of.
var feedStreams = []string{caseStreams, businessStreams, uploadStreams, notificationStreams}

func feedKey(e engine.Event) (key string, wanted bool) {
	key = string(e.Stream)
	return key, slices.ContainsFunc(feedStreams, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// foldFeed follows the sequence of a source as feed.Tracker does, which decided on the events.
func foldFeed(rows *engine.Rows, e engine.Event) error {
	m, err := messageOf(e.Event)
	if err != nil {
		return err
	}
	stream, sequence := string(e.Stream), m.origin.Sequence
	contradict(rows, e, m.origin)
	if sequence == 0 && m.skipped == (feed.Span{}) && !m.unrecognised {
		return nil // it has no place in a sequence
	}
	row := feeds.Get(rows, stream, m.origin.Source)
	if row == nil {
		row = feeds.Put(rows, feedRow{Stream: stream, Source: m.origin.Source, Next: 1})
	}
	switch {
	case m.held != "":
		row.hold(rows, heldRow{stream, m.origin.Source, sequence, m.held, micros(e.RecordedAt)})
	case m.skipped != feed.Span{}:
		row.skip(rows, m.skipped)
	default:
		if m.unrecognised {
			row.Unrecognised++
		}
		row.pass(rows, sequence)
	}
	return nil
}

func contradict(rows *engine.Rows, e engine.Event, origin feed.Origin) {
	if len(origin.Contradicts) == 0 {
		return
	}
	stream := string(e.Stream)
	// They are numbered from 1: the next number is the first that is free. All would sort them each time.
	before := sort.Search(math.MaxInt32, func(n int) bool { return contradictions.Get(rows, stream, int64(n+1)) == nil })
	contradictions.Put(rows, contradictionRow{
		Stream: stream, N: int64(before) + 1,
		Source: origin.Source, ID: origin.ID, Sequence: origin.Sequence, Type: e.Type, At: micros(origin.Time),
		Contradicts: strings.Join(origin.Contradicts, " "), RecordedAt: micros(e.RecordedAt),
	})
}
