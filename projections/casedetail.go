package projections

import (
	"context"
	"encoding/json"
	"time"

	"casesync/projections/engine"
)

// FindCase returns the case ref; false if there is none that scope sees. View is of CasesName.
func FindCase(ctx context.Context, view engine.View, scope Scope, ref string) (CaseRow, bool, error) {
	panic("not built yet")
}

// TimelineRow is one thing that happened to a case.
type TimelineRow struct {
	// N counts 1, 2, 3 … in the order of the log; numbers of what may not be shown are left out.
	N int64
	// Kind is the event's short name: "converted", "stage-changed", "action-requested" …
	Kind string
	// At is when it happened at the source.
	At time.Time
	// About is the action or document concerned, "" else.
	About string
	// Data is what may be shown in clear, a JSON object.
	Data json.RawMessage
	// Sealed is the envelope of the event's confidential part (of Kind's type), or "".
	Sealed string
	// Contradicts says what it contradicts of what was known before.
	Contradicts []string
	// Internal marks what only auditors see: suppression and hand-overs between sources.
	Internal   bool
	RecordedAt time.Time
}

// Timeline returns at most limit (up to PageRowsMax) things that happened to case ref, after
// number after, in order; nothing if scope does not see the case.
func Timeline(ctx context.Context, view engine.View, scope Scope, ref string, after int64, limit int) ([]TimelineRow, error) {
	panic("not built yet")
}

// ActionRow is something the ombudsman service asked of the business.
type ActionRow struct {
	ActionID string
	Kind     string // "" if unknown
	DueDay   Day    // NoDay if unknown
	// Result is "" while the action is open, else "completed" or "withdrawn".
	Result      string
	RequestedAt time.Time
	ClosedAt    time.Time
	// Sealed is the envelope of a casefile.Action (kind and description) or, where SealedIn is
	// "snapshot", of a casefile.SnapshotContent.
	Sealed   string
	SealedIn string
}

// Actions returns the actions of case ref, open ones first by due day; nothing if scope does not
// see the case.
func Actions(ctx context.Context, view engine.View, scope Scope, ref string) ([]ActionRow, error) {
	panic("not built yet")
}

// DocumentRow is a key document. Documents given in confidence are in no answer (requirement 71).
type DocumentRow struct {
	DocumentID  string
	Kind        string
	MediaType   string
	Size        int64 // bytes
	SHA256      string
	PublishedAt time.Time
	// Sealed is the envelope of a casefile.Document (title and address too) or, where SealedIn is
	// "snapshot", of a casefile.SnapshotContent.
	Sealed   string
	SealedIn string
}

// Documents returns the key documents of case ref, latest first (requirement 65); nothing if
// scope does not see the case.
func Documents(ctx context.Context, view engine.View, scope Scope, ref string) ([]DocumentRow, error) {
	panic("not built yet")
}

// FindDocument returns one key document of case ref.
func FindDocument(ctx context.Context, view engine.View, scope Scope, ref, documentID string) (DocumentRow, bool, error) {
	panic("not built yet")
}

// EarlierBusiness is a business that a case was with before it was transferred.
type EarlierBusiness struct {
	FRN   string
	Until time.Time // when it left, at the source
}

// EarlierBusinesses returns where case ref was before, first one first; nothing if scope does not
// see the case. The earlier businesses themselves see it no more (requirement 61).
func EarlierBusinesses(ctx context.Context, view engine.View, scope Scope, ref string) ([]EarlierBusiness, error) {
	panic("not built yet")
}

// Change is the last change of a case.
type Change struct {
	Ref, FRN   string
	Revision   int64 // of its stream
	RecordedAt time.Time
}

// VisibleChanges returns those of the cases refs (at most PageRowsMax) that scope sees: what a
// stream of changes may tell.
func VisibleChanges(ctx context.Context, view engine.View, scope Scope, refs []string) ([]Change, error) {
	panic("not built yet")
}

// Mark is a number that grows with every change of what scope's businesses show in lists, details
// and figures: for entity tags, together with the view's Generation, the query and the day.
func Mark(ctx context.Context, view engine.View, scope Scope) (int64, error) {
	panic("not built yet")
}
