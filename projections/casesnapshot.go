package projections

import "casesync/domain/casefile"

// snapshot replaces everything that is known of the case: the source says how it stands. Only its
// history stays: the timeline, and where it was before.
func (f *caseFold) snapshot(e *casefile.SnapshotTaken) error {
	f.convertedAs(e.FRN, e.Product, e.ConvertedAt, e.Origin.Time)
	f.row.Stage, f.row.ReopenedAt = e.Stage, micros(e.ReopenedAt)
	f.suppress(e.Suppressed, f.row.SuppressedByOperator, e.Origin.Time)
	if f.open(); e.Closed() {
		f.closed(e.Outcome, e.DecisionReference, e.ClosedAt)
	}
	content, opened := e.Content.Get()
	f.row.Priority, f.row.PriorityReason = content.Priority.Priority, content.Priority.Reason
	f.snapshotPeople(e, content)
	if err := f.snapshotActions(e, content); err != nil {
		return err
	}
	f.snapshotDocuments(e, content, opened)
	return f.fact(e.Origin, entry{kind: "snapshot", data: stageData{Stage: e.Stage, Outcome: e.Outcome}})
}

func (f *caseFold) snapshotPeople(e *casefile.SnapshotTaken, content casefile.SnapshotContent) {
	f.row.Issue, f.row.SmallBusiness, f.row.HasRepresentative = "", false, false
	caseSealed.Put(f.rows, sealedRow{Ref: f.row.Ref})
	f.setDetails(content.Details, e.Content.Envelope())
	f.parties(e.Consumer, e.Representative)
}

func (f *caseFold) snapshotActions(e *casefile.SnapshotTaken, content casefile.SnapshotContent) error {
	known := map[string]actionRow{}
	for _, action := range actions.All(f.rows, f.row.Ref) {
		known[action.ActionID] = *action
		actions.Delete(f.rows, f.row.Ref, action.ActionID)
	}
	for _, action := range e.Actions {
		due, err := dueDay(action.DueDate)
		if err != nil {
			return err
		}
		row := actionRow{
			Ref: f.row.Ref, ActionID: action.ActionID, Kind: content.Actions[action.ActionID].Kind,
			DueDay: due, Result: action.Result, Sealed: e.Content.Envelope(),
			RequestedAt: known[action.ActionID].RequestedAt, ClosedAt: known[action.ActionID].ClosedAt,
		}
		if row.Result == "" {
			row.ClosedAt = 0
		}
		actions.Put(f.rows, row)
	}
	f.settleActions()
	return nil
}

func (f *caseFold) snapshotDocuments(e *casefile.SnapshotTaken, content casefile.SnapshotContent, opened bool) {
	for _, document := range documents.All(f.rows, f.row.Ref) {
		documents.Delete(f.rows, f.row.Ref, document.DocumentID)
	}
	for _, document := range e.Documents {
		described, present := content.Documents[document.DocumentID]
		f.putDocument(documentRow{DocumentID: document.DocumentID, PublishedAt: micros(document.PublishedAt)},
			described, opened && present, e.Content.Envelope())
	}
}
