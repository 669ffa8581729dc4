package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"casesync/projections/engine"
)

// FindCase returns the case ref; false if there is none that scope sees. View is of CasesName.
func FindCase(ctx context.Context, view engine.View, scope Scope, ref string) (CaseRow, bool, error) {
	s := &statement{}
	rows, err := fullRows(ctx, view, "SELECT "+list(cases.Columns, "c.")+", "+sealedColumns+
		" FROM {cases} c LEFT JOIN {case_sealed} s ON s.ref = c.ref WHERE c.ref = "+s.arg(ref)+" AND "+s.visible(scope), s)
	if err != nil || len(rows) == 0 {
		return CaseRow{}, false, err
	}
	return rows[0].public(), true, nil
}

// seen is true for a row of a case's own tables, named t in the text, that belongs to case ref, if
// scope sees that.
func (s *statement) seen(scope Scope, ref string) string {
	return "t.ref = " + s.arg(ref) + " AND EXISTS (SELECT 1 FROM {cases} c WHERE c.ref = t.ref AND " + s.visible(scope) + ")"
}

// TimelineRow is one thing that happened to a case.
type TimelineRow struct {
	// N counts 1, 2, 3 … in the order of the log; numbers of what may not be shown are left out.
	N int64
	// Kind is the event's short name: "converted", "stage-changed", "action-requested" …
	Kind string
	// At is when it happened at the source.
	At time.Time
	// FRN is the business whose upload or notification it is about, "" for what is the case's own.
	FRN string
	// About is the action, document, upload or notification concerned, "" else.
	About string
	// Data is what may be shown in clear, a JSON object.
	Data json.RawMessage
	// Sealed is the envelope of the event's confidential part, or "": see OpenedAction, OpenedDocument; of a
	// suppression, and of an answer of the source, the reason, read by OpenedReason; of a notification that
	// was sent what OpenedNotification reads, of another entry about an upload what OpenedFile reads.
	Sealed string
	// Contradicts says what it contradicts of what was known before.
	Contradicts []string
	// Internal marks what only auditors see: suppression, legal holds, hand-overs between sources.
	Internal   bool
	RecordedAt time.Time
}

// Timeline returns at most limit (up to PageRowsMax) things that happened to case ref, after
// number after, in order; nothing if scope does not see the case. A document that may not be
// shown (any more) is not in it, and what is about an upload or a notification stands only in the timeline of
// the business that sent it, while the case is with that.
func Timeline(ctx context.Context, view engine.View, scope Scope, ref string, after int64, limit int) ([]TimelineRow, error) {
	s := &statement{}
	rows, err := rowsOf(ctx, view, timeline, "SELECT "+list(timeline.Columns, "t.")+" FROM {case_timeline} t WHERE t.ref = "+s.arg(ref)+
		" AND t.n > "+s.arg(after)+" AND "+s.shown(scope)+" ORDER BY t.n"+s.limit(limit), s)
	shown := make([]TimelineRow, len(rows))
	for i, r := range rows {
		shown[i] = TimelineRow{
			N: r.N, FRN: r.FRN, Kind: r.Kind, At: instant(r.At), About: r.About, Data: json.RawMessage(r.Data), Sealed: r.Sealed,
			Contradicts: strings.Fields(r.Contradicts), Internal: r.Internal, RecordedAt: instant(r.RecordedAt),
		}
	}
	return shown, err
}

// shown is true for an entry of a timeline, named t in the text, that scope sees.
func (s *statement) shown(scope Scope) string {
	shown := s.sent(scope) +
		" AND (t.kind <> 'document-published' OR EXISTS (SELECT 1 FROM {case_documents} d" +
		" WHERE d.ref = t.ref AND d.document_id = t.about AND d.confidential = FALSE))"
	if !scope.suppressed {
		shown += " AND t.internal = FALSE"
	}
	return shown
}

// limit is a LIMIT clause of at most PageRowsMax rows.
func (s *statement) limit(rows int) string {
	return " LIMIT " + s.arg(int64(max(0, min(rows, PageRowsMax))))
}

// ActionRow is something the ombudsman service asked of the business.
type ActionRow struct {
	ActionID string
	Kind     string // "" if unknown
	DueDay   Day    // NoDay if unknown
	// Result is "" while the action is open, else "completed" or "withdrawn".
	Result                string
	RequestedAt, ClosedAt time.Time // zero if unknown
	// Sealed is an envelope that OpenedAction reads once opened, or "".
	Sealed string
}

// Actions returns the actions of case ref (at most PageRowsMax), open ones first by due day;
// nothing if scope does not see the case.
func Actions(ctx context.Context, view engine.View, scope Scope, ref string) ([]ActionRow, error) {
	s := &statement{}
	rows, err := rowsOf(ctx, view, actions, "SELECT "+list(actions.Columns, "t.")+" FROM {case_actions} t WHERE "+
		s.seen(scope, ref)+" ORDER BY CASE WHEN t.result = '' THEN 0 ELSE 1 END, t.due_day, t.action_id"+s.limit(PageRowsMax), s)
	shown := make([]ActionRow, len(rows))
	for i, r := range rows {
		shown[i] = ActionRow{
			ActionID: r.ActionID, Kind: r.Kind, DueDay: Day(r.DueDay), Result: r.Result,
			RequestedAt: instant(r.RequestedAt), ClosedAt: instant(r.ClosedAt), Sealed: r.Sealed,
		}
	}
	return shown, err
}

// DocumentRow is a key document. Documents given in confidence are in no answer (requirement 71).
type DocumentRow struct {
	DocumentID      string
	Kind, MediaType string
	Size            int64 // bytes
	SHA256          string
	PublishedAt     time.Time
	// Sealed is an envelope that OpenedDocument reads once opened: title and address too.
	Sealed string
}

// Documents returns the key documents of case ref (at most PageRowsMax), latest first
// (requirement 65); nothing if scope does not see the case.
func Documents(ctx context.Context, view engine.View, scope Scope, ref string) ([]DocumentRow, error) {
	s := &statement{}
	return documentRows(ctx, view, s.seen(scope, ref)+" ORDER BY t.published_at DESC, t.document_id"+s.limit(PageRowsMax), s)
}

// FindDocument returns one key document of case ref; false if there is none that scope sees.
func FindDocument(ctx context.Context, view engine.View, scope Scope, ref, documentID string) (DocumentRow, bool, error) {
	s := &statement{}
	rows, err := documentRows(ctx, view, s.seen(scope, ref)+" AND t.document_id = "+s.arg(documentID), s)
	if err != nil || len(rows) == 0 {
		return DocumentRow{}, false, err
	}
	return rows[0], true, nil
}

func documentRows(ctx context.Context, view engine.View, rest string, s *statement) ([]DocumentRow, error) {
	rows, err := rowsOf(ctx, view, documents, "SELECT "+list(documents.Columns, "t.")+
		" FROM {case_documents} t WHERE t.confidential = FALSE AND "+rest, s)
	shown := make([]DocumentRow, len(rows))
	for i, r := range rows {
		shown[i] = DocumentRow{
			DocumentID: r.DocumentID, Kind: r.Kind, MediaType: r.MediaType, Size: r.Size, SHA256: r.SHA256,
			PublishedAt: instant(r.PublishedAt), Sealed: r.Sealed,
		}
	}
	return shown, err
}

// EarlierBusiness is a business that a case was with before it was transferred.
type EarlierBusiness struct {
	FRN   string
	Until time.Time // when it left, at the source
}

// EarlierBusinesses returns where case ref was before, first one first; nothing if scope does not
// see the case. The earlier businesses themselves see it no more (requirement 61).
func EarlierBusinesses(ctx context.Context, view engine.View, scope Scope, ref string) ([]EarlierBusiness, error) {
	s := &statement{}
	rows, err := rowsOf(ctx, view, earlierBusinesses, "SELECT "+list(earlierBusinesses.Columns, "t.")+
		" FROM {case_earlier_businesses} t WHERE "+s.seen(scope, ref)+" ORDER BY t.n"+s.limit(PageRowsMax), s)
	shown := make([]EarlierBusiness, len(rows))
	for i, r := range rows {
		shown[i] = EarlierBusiness{FRN: r.FRN, Until: instant(r.Until)}
	}
	return shown, err
}

// Change is the last change of a case.
type Change struct {
	Ref, FRN   string
	Revision   int64 // of its stream
	RecordedAt time.Time
}

// VisibleChanges returns those of the cases refs (at most PageRowsMax) that scope sees, by
// reference: what a stream of changes may tell. View is of CasesName.
func VisibleChanges(ctx context.Context, view engine.View, scope Scope, refs []string) ([]Change, error) {
	if len(refs) > PageRowsMax {
		return nil, fmt.Errorf("look up %d changes: at most %d at a time", len(refs), PageRowsMax)
	}
	s := &statement{}
	query := "SELECT c.ref, c.frn, c.revision, c.recorded_at FROM {cases} c WHERE " + s.in("c.ref", refs) +
		" AND " + s.visible(scope) + " ORDER BY c.ref"
	return collect(ctx, view, "look up changes", query, s, func(scan func(...any) error) (c Change, err error) {
		var recordedAt int64
		err = scan(&c.Ref, &c.FRN, &c.Revision, &recordedAt)
		c.RecordedAt = instant(recordedAt)
		return c, err
	})
}

// Mark is a number that grows with every change of what scope's businesses show in lists, details
// and figures: for entity tags, together with the view's Generation, the scope's businesses, the
// query and the day. View is of CasesName.
func Mark(ctx context.Context, view engine.View, scope Scope) (int64, error) {
	s := &statement{}
	return number(ctx, view, "read mark", "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM {dashboard_cells} WHERE "+
		s.cells(scope)+" AND measure = "+s.arg(measureChanges), s)
}
