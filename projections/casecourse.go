package projections

import (
	"casesync/domain/casefile"
	"casesync/domain/private"
)

// actionRequested asks something of the business; an action that is there is asked for anew.
func (f *caseFold) actionRequested(e *casefile.ActionRequested) error {
	action, _ := e.Action.Get()
	due, err := dueDay(e.DueDate)
	if err != nil {
		return err
	}
	actions.Put(f.rows, actionRow{
		Ref: f.row.Ref, ActionID: e.ActionID, Kind: action.Kind, DueDay: due,
		RequestedAt: micros(e.Origin.Time), Sealed: e.Action.Envelope(),
	})
	f.settleActions()
	return f.fact(e.Origin, entry{
		kind: "action-requested", about: e.ActionID, sealed: e.Action.Envelope(),
		data: actionData{DueDate: e.DueDate, Kind: action.Kind},
	})
}

// actionExtended moves a due date. An action that is not known is one whose request is missing.
func (f *caseFold) actionExtended(e *casefile.ActionExtended) error {
	due, err := dueDay(e.DueDate)
	if err != nil {
		return err
	}
	f.action(e.ActionID).DueDay = due
	f.settleActions()
	return f.fact(e.Origin, entry{kind: "action-extended", about: e.ActionID, data: actionData{DueDate: e.DueDate}})
}

// actionClosed ends an action: the source confirms it (requirement 58).
func (f *caseFold) actionClosed(e *casefile.ActionClosed) error {
	action := f.action(e.ActionID)
	action.Result, action.ClosedAt = e.Result, micros(e.Origin.Time)
	f.settleActions()
	return f.fact(e.Origin, entry{kind: "action-closed", about: e.ActionID, data: actionData{Result: e.Result}})
}

func (f *caseFold) action(id string) *actionRow {
	if row := actions.Get(f.rows, f.row.Ref, id); row != nil {
		return row
	}
	return actions.Put(f.rows, actionRow{Ref: f.row.Ref, ActionID: id, DueDay: int64(NoDay)})
}

// settleActions computes what the case row says of the actions.
func (f *caseFold) settleActions() {
	f.row.ActionsOpen, f.row.DueDay = 0, int64(NoDay)
	for _, action := range actions.All(f.rows, f.row.Ref) {
		if action.Result == "" {
			f.row.ActionsOpen++
			f.row.DueDay = min(f.row.DueDay, action.DueDay)
		}
	}
}

// documentPublished shows a key document, or a new version of one.
func (f *caseFold) documentPublished(e *casefile.DocumentPublished) error {
	row := f.document(documentRow{DocumentID: e.DocumentID, PublishedAt: micros(e.PublishedAt)}, e.Document)
	if row.Confidential {
		return f.fact(e.Origin, entry{})
	}
	return f.fact(e.Origin, entry{
		kind: "document-published", about: e.DocumentID, sealed: row.Sealed,
		data: documentData{Kind: row.Kind, MediaType: row.MediaType, Size: row.Size, SHA256: row.SHA256,
			PublishedAt: e.PublishedAt.UTC()},
	})
}

// document completes row and keeps it. Of a document given in confidence nothing is kept but that
// it is there, which hides an earlier version too (requirement 71); one that cannot be opened is
// taken for confidential.
func (f *caseFold) document(row documentRow, sealed private.Value[casefile.Document]) documentRow {
	document, opened := sealed.Get()
	return f.putDocument(row, document, opened, sealed.Envelope())
}

func (f *caseFold) putDocument(row documentRow, document casefile.Document, opened bool, envelope string) documentRow {
	row.Ref = f.row.Ref
	if row.Confidential = !opened || document.Confidential; !row.Confidential {
		row.Kind, row.MediaType, row.Size, row.SHA256 = document.Kind, document.MediaType, document.Size, document.SHA256
		row.Sealed = envelope
	}
	documents.Put(f.rows, row)
	return row
}

// dueDay reads a full-date; "" is none.
func dueDay(text string) (int64, error) {
	if text == "" {
		return int64(NoDay), nil
	}
	day, err := ParseDay(text)
	return int64(day), err
}
