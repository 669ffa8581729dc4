package projections

import (
	"time"

	"casesync/domain/casefile"
)

// foldSuppression takes what hides a case from all business users, and shows it again: the source's
// decisions and the operators' stand apart, and either is enough (requirement 48). Whoever shows it again has
// decided about both.
func (f *caseFold) foldSuppression() error {
	switch e := f.e.Event.(type) {
	case *casefile.Suppressed:
		f.suppress(true, f.row.SuppressedByOperator, e.Origin.Time)
		return f.fact(e.Origin, entry{kind: "suppressed", internal: true, sealed: e.Reason.Envelope()})
	case *casefile.Unsuppressed:
		f.suppress(false, false, e.Origin.Time)
		return f.fact(e.Origin, entry{kind: "unsuppressed", internal: true, sealed: e.Reason.Envelope()})
	case *casefile.SuppressionExecuted:
		f.suppress(f.row.SuppressedBySource, true, f.e.Meta.OccurredAt)
		return f.done(entry{kind: "suppression-executed", about: e.Request, internal: true, sealed: f.e.Meta.Reason})
	case *casefile.SuppressionReversed:
		f.suppress(false, false, f.e.Meta.OccurredAt)
		return f.done(entry{kind: "suppression-reversed", internal: true, sealed: f.e.Meta.Reason})
	}
	return f.foldDesk()
}

// suppress says who hides the case from now on. Since when it is hidden stays as long as it is.
func (f *caseFold) suppress(bySource, byOperator bool, at time.Time) {
	row := f.row
	row.SuppressedBySource, row.SuppressedByOperator = bySource, byOperator
	switch hidden := bySource || byOperator; {
	case hidden && !row.Suppressed:
		row.Suppressed, row.SuppressedAt = true, micros(at)
	case !hidden:
		row.Suppressed, row.SuppressedAt = false, 0
	}
}
