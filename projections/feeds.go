package projections

import (
	"context"
	"time"

	"casesync/projections/engine"
)

// Feeds is the read model of what operators watch: per subject and source what is waited for,
// what is held until it comes, what was not recognised, and what facts contradicted.
func Feeds() engine.Projection { return engine.Projection{Name: FeedsName, Version: 1} }

// FeedRow is what is known of one source's messages about one subject.
type FeedRow struct {
	// Stream is the subject's: "casefile-1234", "business-123456".
	Stream, Source string
	// Next is the sequence that is waited for.
	Next int64
	// Held facts wait for sequences MissingFrom to MissingTo (the first gap); all 0 if none do.
	Held, MissingFrom, MissingTo int64
	// HeldSince is when the oldest held fact was recorded; zero if none is held.
	HeldSince time.Time
	// Unrecognised counts messages of types that were unknown when they came.
	Unrecognised int64
}

// FeedCursor is a place in a list of feeds.
type FeedCursor struct{ Stream, Source string }

// ListHeld returns at most limit (up to PageRowsMax) feeds that hold facts, after after, by
// stream and source. A scope that is no operator's or auditor's sees none. View is of FeedsName.
func ListHeld(ctx context.Context, view engine.View, scope Scope, after FeedCursor, limit int) ([]FeedRow, error) {
	panic("not built yet")
}

// FindFeeds returns the feeds of one stream, by source.
func FindFeeds(ctx context.Context, view engine.View, scope Scope, stream string) ([]FeedRow, error) {
	panic("not built yet")
}

// HeldCount sums up what is held.
type HeldCount struct {
	Feeds, Facts int64
	Oldest       time.Time // zero if nothing is held
}

// CountHeld counts what is held over all feeds.
func CountHeld(ctx context.Context, view engine.View, scope Scope) (HeldCount, error) {
	panic("not built yet")
}

// HeldFact is a fact that waits for a gap before it to close.
type HeldFact struct {
	Stream, Source string
	Sequence       int64
	Type           string // the fact's stored name
	RecordedAt     time.Time
}

// ListHeldFacts returns at most limit (up to PageRowsMax) of the facts that stream holds of
// source after a sequence, in order.
func ListHeldFacts(ctx context.Context, view engine.View, scope Scope, stream, source string, after int64, limit int) ([]HeldFact, error) {
	panic("not built yet")
}

// Contradiction is a fact that contradicted what was known before it. The source won (requirement 9).
type Contradiction struct {
	Stream      string
	N           int64 // counts the stream's contradictions from 1
	Source, ID  string
	Sequence    int64
	Type        string    // the fact's stored name
	At          time.Time // at the source
	Contradicts []string
	RecordedAt  time.Time
}

// ContradictionCursor is a place in a list of contradictions.
type ContradictionCursor struct {
	Stream string
	N      int64
}

// ListContradictions returns at most limit (up to PageRowsMax) contradictions after after, by
// stream and number.
func ListContradictions(ctx context.Context, view engine.View, scope Scope, after ContradictionCursor, limit int) ([]Contradiction, error) {
	panic("not built yet")
}
