package projections

import (
	"context"
	"fmt"
	"time"

	"casesync/domain/casefile"
	"casesync/projections/engine"
)

// KnownCase is what is known of a case as far as a snapshot of its source speaks of it.
type KnownCase struct {
	CaseRow
	// SuppressedBySource: its source said so; an operator's suppression is none of the source's.
	SuppressedBySource bool
	Actions            []ActionRow
	Documents          []KnownDocument
}

// KnownDocument is a key document, also one given in confidence, of which nothing is known but that it is
// there.
type KnownDocument struct {
	DocumentRow
	Confidential bool
}

// errNotWhole is returned to who compares without seeing every case.
var errNotWhole = fmt.Errorf("compare cases: whoever compares must see the cases of every business, suppressed ones too")

// KnownCases returns what is known of the cases refs (at most PageRowsMax), by reference; what is not known
// is not in it. Scope must see every case. View is of CasesName.
func KnownCases(ctx context.Context, view engine.View, scope Scope, refs []string) (map[string]*KnownCase, error) {
	if len(refs) > PageRowsMax {
		return nil, fmt.Errorf("look up %d cases: at most %d at a time", len(refs), PageRowsMax)
	}
	if !scope.every || !scope.suppressed {
		return nil, errNotWhole
	}
	known := make(map[string]*KnownCase, len(refs))
	s := &statement{}
	rows, err := fullRows(ctx, view, "SELECT "+list(cases.Columns, "c.")+", "+sealedColumns+
		" FROM {cases} c LEFT JOIN {case_sealed} s ON s.ref = c.ref WHERE "+s.in("c.ref", refs)+" AND "+s.visible(scope), s)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		known[rows[i].caseRow.Ref] = &KnownCase{CaseRow: rows[i].public(), SuppressedBySource: rows[i].SuppressedBySource}
	}
	s = &statement{}
	asked, err := rowsOf(ctx, view, actions, "SELECT "+list(actions.Columns, "t.")+" FROM {case_actions} t WHERE "+s.in("t.ref", refs), s)
	if err != nil {
		return nil, err
	}
	s = &statement{}
	published, err := rowsOf(ctx, view, documents, "SELECT "+list(documents.Columns, "t.")+" FROM {case_documents} t WHERE "+s.in("t.ref", refs), s)
	if err != nil {
		return nil, err
	}
	for i := range asked {
		known[asked[i].Ref].addAction(&asked[i])
	}
	for i := range published {
		known[published[i].Ref].addDocument(&published[i])
	}
	return known, nil
}

// addAction adds an action; that of a case that nobody has converted is added to none.
func (k *KnownCase) addAction(r *actionRow) {
	if k == nil {
		return
	}
	k.Actions = append(k.Actions, ActionRow{
		ActionID: r.ActionID, Kind: r.Kind, DueDay: Day(r.DueDay), Result: r.Result,
		RequestedAt: instant(r.RequestedAt), ClosedAt: instant(r.ClosedAt), Sealed: r.Sealed,
	})
}

// addDocument adds a document; see addAction.
func (k *KnownCase) addDocument(r *documentRow) {
	if k == nil {
		return
	}
	k.Documents = append(k.Documents, KnownDocument{DocumentRow: DocumentRow{
		DocumentID: r.DocumentID, Kind: r.Kind, MediaType: r.MediaType, Size: r.Size, SHA256: r.SHA256,
		PublishedAt: instant(r.PublishedAt), Sealed: r.Sealed,
	}, Confidential: r.Confidential})
}

// ReplayedCase returns what the events of the case ref, those of its own stream from the first on, say of
// it: what KnownCases returns of a read model that has folded them; nil for a case that nobody has converted.
func ReplayedCase(ref string, events []engine.Event) (*KnownCase, error) {
	rows := engine.NewRows(Cases().Tables...)
	for _, e := range events {
		if e.Err != nil {
			return nil, fmt.Errorf("replay case %s: %w", ref, e.Err)
		}
		if _, wanted := caseKey(e); !wanted {
			continue
		}
		if err := foldCase(rows, e); err != nil {
			return nil, fmt.Errorf("replay: %w", err)
		}
	}
	row := cases.Get(rows, ref)
	if row == nil || !row.Converted {
		return nil, nil
	}
	full := fullRow{caseRow: *row}
	if sealed := caseSealed.Get(rows, ref); sealed != nil {
		full.sealedRow = *sealed
	}
	known := &KnownCase{CaseRow: full.public(), SuppressedBySource: row.SuppressedBySource}
	for _, action := range actions.All(rows, ref) {
		known.addAction(action)
	}
	for _, document := range documents.All(rows, ref) {
		known.addDocument(document)
	}
	return known, nil
}

// OpenedItems is what the envelope of an action or document holds, read once: that of a snapshot may hold
// thousands of both.
type OpenedItems struct {
	// Of a snapshot.
	Actions   map[string]casefile.Action   `json:"actions"`
	Documents map[string]casefile.Document `json:"documents"`

	plain []byte
}

// OpenItems reads what ActionRow.Sealed and DocumentRow.Sealed hold.
func OpenItems(plain []byte) (*OpenedItems, error) {
	items := &OpenedItems{plain: plain}
	return items, read(plain, items)
}

// Action returns the action id; see OpenedAction.
func (o *OpenedItems) Action(id string) (casefile.Action, error) {
	if action, ofSnapshot := o.Actions[id]; ofSnapshot || len(o.Actions)+len(o.Documents) > 0 {
		return action, nil
	}
	return OpenedAction(o.plain, id)
}

// Document returns the document id; see OpenedDocument.
func (o *OpenedItems) Document(id string) (casefile.Document, error) {
	if document, ofSnapshot := o.Documents[id]; ofSnapshot || len(o.Actions)+len(o.Documents) > 0 {
		return document, nil
	}
	return OpenedDocument(o.plain, id)
}

// CaseStub is the least that tells whether a case should be in an extract of its source.
type CaseStub struct {
	Ref         string
	Open        bool
	DataErased  bool
	ConvertedAt time.Time
}

// CaseStubs returns at most limit (up to PageRowsMax) of all cases with a reference after after, by
// reference. Scope must see every case. View is of CasesName.
func CaseStubs(ctx context.Context, view engine.View, scope Scope, after string, limit int) ([]CaseStub, error) {
	if !scope.every || !scope.suppressed {
		return nil, errNotWhole
	}
	s := &statement{}
	query := "SELECT c.ref, c.open, c.data_erased, c.converted_at FROM {cases} c WHERE c.ref > " + s.arg(after) +
		" AND " + s.visible(scope) + " ORDER BY c.ref" + s.limit(limit)
	return collect(ctx, view, "walk cases", query, s, func(scan func(...any) error) (stub CaseStub, err error) {
		var convertedAt int64
		err = scan(&stub.Ref, &stub.Open, &stub.DataErased, &convertedAt)
		stub.ConvertedAt = instant(convertedAt)
		return stub, err
	})
}
