package projections

import (
	"context"
	"math"
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
	// Held facts wait for sequences MissingFrom to MissingTo (the first gap), both 0 where nothing
	// is missing: then their turn has come, and they are about to be released.
	Held, MissingFrom, MissingTo int64
	// HeldSince is when the oldest held fact was recorded; zero if none is held. While facts are
	// released it stays that of the oldest before.
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

// HeldLimits say past which point what a subject holds of a source is reported. Nothing is dropped
// or refused there. A zero field sets no limit.
type HeldLimits struct {
	// EventsMax is how many facts may be held.
	EventsMax int64
	// AgeMax is how long the oldest of them may be held.
	AgeMax time.Duration
}

// Over reports whether a feed is over a limit at now.
func (l HeldLimits) Over(f FeedRow, now time.Time) bool {
	return f.Held > 0 && (l.EventsMax > 0 && f.Held > l.EventsMax || l.AgeMax > 0 && now.Sub(f.HeldSince) > l.AgeMax)
}

// over is Over as a condition on rows.
func (l HeldLimits) over(s *statement, now time.Time) string {
	most, since := int64(math.MaxInt64), int64(0)
	if l.EventsMax > 0 {
		most = l.EventsMax
	}
	if l.AgeMax > 0 {
		since = micros(now.Add(-l.AgeMax))
	}
	return "(held > 0 AND (held > " + s.arg(most) + " OR held_since < " + s.arg(since) + "))"
}

// ListHeldOver returns at most limit (up to PageRowsMax) feeds that are over limits, those that
// hold the oldest facts first.
func ListHeldOver(ctx context.Context, view engine.View, scope Scope, limits HeldLimits, now time.Time, limit int) ([]FeedRow, error) {
	s := &statement{}
	return feedRows(ctx, view, watched(scope)+" AND "+limits.over(s, now)+" ORDER BY held_since, stream, source"+s.limit(limit), s)
}

// HeldCount sums up what is held.
type HeldCount struct {
	Feeds, Facts int64
	Oldest       time.Time // zero if nothing is held
	// StreamsOver counts the cases and businesses that are over the limits.
	StreamsOver int64
}

// CountHeld counts what is held over all feeds.
func CountHeld(ctx context.Context, view engine.View, scope Scope, limits HeldLimits, now time.Time) (HeldCount, error) {
	var count HeldCount
	var oldest int64
	s := &statement{}
	query := "SELECT COUNT(*), CAST(COALESCE(SUM(held), 0) AS BIGINT), CAST(COALESCE(MIN(held_since), 0) AS BIGINT)," +
		" COUNT(DISTINCT CASE WHEN " + limits.over(s, now) + " THEN stream END) FROM {feeds} WHERE held > 0 AND " + watched(scope)
	_, err := collect(ctx, view, "count held", query, s, func(scan func(...any) error) (struct{}, error) {
		return struct{}{}, scan(&count.Feeds, &count.Facts, &oldest, &count.StreamsOver)
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
