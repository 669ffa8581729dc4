package projections

import (
	"context"
	"strings"
	"time"

	"casesync/projections/engine"
)

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

// watched is true for all rows if scope sees what operators watch, and for none else.
func watched(scope Scope) string {
	if scope.feeds {
		return "1 = 1"
	}
	return "1 = 0"
}

// ListHeld returns at most limit (up to PageRowsMax) feeds that hold facts, after after, by
// stream and source. A scope that is no operator's or auditor's sees none. View is of FeedsName.
func ListHeld(ctx context.Context, view engine.View, scope Scope, after FeedCursor, limit int) ([]FeedRow, error) {
	s := &statement{}
	return feedRows(ctx, view, watched(scope)+" AND held > 0 AND (stream, source) > ("+s.arg(after.Stream)+", "+
		s.arg(after.Source)+") ORDER BY stream, source"+s.limit(limit), s)
}

// FindFeeds returns the feeds of one stream (at most PageRowsMax), by source.
func FindFeeds(ctx context.Context, view engine.View, scope Scope, stream string) ([]FeedRow, error) {
	s := &statement{}
	return feedRows(ctx, view, watched(scope)+" AND stream = "+s.arg(stream)+" ORDER BY source"+s.limit(PageRowsMax), s)
}

func feedRows(ctx context.Context, view engine.View, rest string, s *statement) ([]FeedRow, error) {
	rows, err := rowsOf(ctx, view, feeds, "SELECT "+list(feeds.Columns, "")+" FROM {feeds} WHERE "+rest, s)
	shown := make([]FeedRow, len(rows))
	for i, r := range rows {
		shown[i] = FeedRow{
			Stream: r.Stream, Source: r.Source, Next: r.Next, Held: r.Held, MissingFrom: r.MissingFrom,
			MissingTo: r.MissingTo, HeldSince: instant(r.HeldSince), Unrecognised: r.Unrecognised,
		}
	}
	return shown, err
}

// HeldCount sums up what is held.
type HeldCount struct {
	Feeds, Facts int64
	Oldest       time.Time // zero if nothing is held
}

// CountHeld counts what is held over all feeds.
func CountHeld(ctx context.Context, view engine.View, scope Scope) (HeldCount, error) {
	var count HeldCount
	var oldest int64
	query := "SELECT COUNT(*), CAST(COALESCE(SUM(held), 0) AS BIGINT), CAST(COALESCE(MIN(held_since), 0) AS BIGINT)" +
		" FROM {feeds} WHERE held > 0 AND " + watched(scope)
	_, err := collect(ctx, view, "count held", query, &statement{}, func(scan func(...any) error) (struct{}, error) {
		return struct{}{}, scan(&count.Feeds, &count.Facts, &oldest)
	})
	count.Oldest = instant(oldest)
	return count, err
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
	s := &statement{}
	rows, err := rowsOf(ctx, view, heldFacts, "SELECT "+list(heldFacts.Columns, "")+" FROM {held_facts} WHERE "+
		watched(scope)+" AND stream = "+s.arg(stream)+" AND source = "+s.arg(source)+" AND sequence > "+s.arg(after)+
		" ORDER BY sequence"+s.limit(limit), s)
	shown := make([]HeldFact, len(rows))
	for i, r := range rows {
		shown[i] = HeldFact{r.Stream, r.Source, r.Sequence, r.Type, instant(r.RecordedAt)}
	}
	return shown, err
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
	s := &statement{}
	rows, err := rowsOf(ctx, view, contradictions, "SELECT "+list(contradictions.Columns, "")+
		" FROM {contradictions} WHERE "+watched(scope)+" AND (stream, n) > ("+s.arg(after.Stream)+", "+s.arg(after.N)+
		") ORDER BY stream, n"+s.limit(limit), s)
	shown := make([]Contradiction, len(rows))
	for i, r := range rows {
		shown[i] = Contradiction{r.Stream, r.N, r.Source, r.ID, r.Sequence, r.Type, instant(r.At),
			strings.Fields(r.Contradicts), instant(r.RecordedAt)}
	}
	return shown, err
}
