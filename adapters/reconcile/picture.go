package reconcile

import (
	"maps"
	"time"

	"casesync/domain/casefile"
	"casesync/projections"
)

// picture is a case in the words of snapshots: what the two sides are compared by.
type picture struct {
	basics
	details
	actions   map[string]action
	documents map[string]document
}

// basics are the decision and basic data, which stay when everything else is erased.
type basics struct {
	frn                        string
	product                    casefile.Product
	stage                      string
	convertedAt                time.Time
	outcome, decisionReference string
	closedAt, reopenedAt       time.Time
	suppressed                 bool
}

// details are what of a case goes with its key, but for lists.
type details struct {
	issue                    string
	priority, smallBusiness  bool
	priorityReason           string
	reference, handler       string
	consumer, representative casefile.Party
}

type action struct{ kind, due, result, description string }

type document struct {
	kind, mediaType, sha256, title, url string
	size                                int64
	publishedAt                         time.Time
	confidential                        bool
}

func (p *picture) equals(q *picture) bool {
	return p.basics == q.basics && p.details == q.details && maps.Equal(p.actions, q.actions) && maps.Equal(p.documents, q.documents)
}

// there is the picture of a snapshot. A case that was reopened since it was closed is open, and nothing is
// known of how it was closed, as the read model has it.
func there(s *casefile.SnapshotTaken) *picture {
	content, _ := s.Content.Get()
	p := &picture{basics: basics{
		frn: s.FRN, product: s.Product, stage: s.Stage, convertedAt: s.ConvertedAt, reopenedAt: s.ReopenedAt, suppressed: s.Suppressed,
	}, details: details{
		issue: deref(content.Details.Issue), smallBusiness: deref(content.Details.SmallBusiness),
		priority: content.Priority.Priority, priorityReason: content.Priority.Reason,
		reference: deref(content.Details.BusinessReference), handler: deref(content.Details.Handler),
	}, actions: map[string]action{}, documents: map[string]document{}}
	if s.Closed() {
		p.outcome, p.closedAt, p.decisionReference = s.Outcome, s.ClosedAt, s.DecisionReference
	}
	p.consumer, _ = s.Consumer.Get()
	p.representative, _ = s.Representative.Get()
	for _, a := range s.Actions {
		told := content.Actions[a.ActionID]
		p.actions[a.ActionID] = action{kind: told.Kind, due: a.DueDate, result: a.Result, description: told.Description}
	}
	for _, d := range s.Documents {
		told := content.Documents[d.DocumentID]
		p.documents[d.DocumentID] = document{publishedAt: d.PublishedAt, confidential: told.Confidential}
		if !told.Confidential {
			p.documents[d.DocumentID] = document{
				kind: told.Kind, mediaType: told.MediaType, sha256: told.SHA256, title: told.Title, url: told.URL,
				size: told.Size, publishedAt: d.PublishedAt,
			}
		}
	}
	return p
}

// here is the picture of a known case, as far as it is known in clear; opening fills in the rest.
func here(k *projections.KnownCase) *picture {
	p := &picture{basics: basics{
		frn: k.FRN, product: casefile.Product{Sector: k.Sector, Group: k.Group, Product: k.Product}, stage: k.Stage,
		convertedAt: k.ConvertedAt, closedAt: k.ClosedAt, reopenedAt: k.ReopenedAt, outcome: k.Outcome,
		decisionReference: k.DecisionReference, suppressed: k.SuppressedBySource,
	}, details: details{
		issue: k.Issue, smallBusiness: k.SmallBusiness, priority: k.Priority, priorityReason: k.PriorityReason,
	}, actions: make(map[string]action, len(k.Actions)), documents: make(map[string]document, len(k.Documents))}
	for _, a := range k.Actions {
		p.actions[a.ActionID] = action{kind: a.Kind, due: a.DueDay.String(), result: a.Result}
	}
	for _, d := range k.Documents {
		p.documents[d.DocumentID] = document{
			kind: d.Kind, mediaType: d.MediaType, sha256: d.SHA256, size: d.Size, publishedAt: d.PublishedAt, confidential: d.Confidential,
		}
	}
	return p
}

func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
