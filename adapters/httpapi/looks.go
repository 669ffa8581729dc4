package httpapi

import (
	"context"
	"errors"
	"slices"
	"time"

	"casesync/adapters/commands"
	"casesync/projections"
	"casesync/projections/engine"
)

// Looks keep how far a person has seen a case's timeline ("what changed since I last looked"). A person
// sees and changes nobody's but his own.
type Looks interface {
	// Mark says that a person has seen a case up to an entry of its timeline. A mark never goes backwards.
	Mark(ctx context.Context, person, ref string, entry int64, at time.Time) error
	// Marks returns a person's marks of the cases named, by reference; none where he never looked.
	Marks(ctx context.Context, person string, refs ...string) (map[string]commands.Look, error)
	// All returns at most limit marks of a person, the latest look first.
	All(ctx context.Context, person string, limit int) ([]commands.Look, error)
}

// lookerOf is whose looks, notifications and changes a request is about: a person's, or those of whoever
// else carries a token, by the name that cases are allocated to.
func lookerOf(ctx context.Context) string {
	who := callerOf(ctx).principal
	if person := who.Person(); person != "" {
		return person
	}
	return who.ID
}

// Looked marks a case as looked at.
type Looked struct {
	_ struct{} `additionalProperties:"false"`

	Entry int64 `json:"entry,omitempty" minimum:"1" doc:"The number of the last entry of the timeline that you saw. Without it, or where there are fewer: the newest"`
}

// Mark is how far somebody has seen a case.
type Mark struct {
	Case  string    `json:"case"`
	Entry int64     `json:"entry" doc:"The number of the last entry seen: the highest that was ever marked"`
	At    time.Time `json:"at" doc:"When the case was last looked at"`
}

// markLooked marks a case that the caller sees. What the timeline has not yet cannot have been seen.
func (s *Server) markLooked(ctx context.Context, in *command[Looked]) (*present[Mark], error) {
	var row projections.CaseRow
	err := engine.Read(ctx, s.config.Store, projections.CasesName, func(view engine.View) (err error) {
		row, err = findCase(ctx, view, &in.request)
		return err
	})
	if errors.Is(err, engine.ErrNotBuilt) {
		return nil, problem(CodeUnavailable, "The read model is being built. Try again later.").retryAfter(retryUnavailable)
	}
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	entry := row.LastEntry
	if in.Body.Entry > 0 {
		entry = min(entry, in.Body.Entry)
	}
	who := lookerOf(ctx)
	if err := s.config.Looks.Mark(ctx, who, row.Ref, entry, s.config.Now()); err != nil {
		return nil, s.problemOf(ctx, err)
	}
	marks, err := s.config.Looks.Marks(ctx, who, row.Ref)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	mark := marks[row.Ref]
	return &present[Mark]{CacheControl: noStore, Body: Mark{Case: row.Ref, Entry: mark.Entry, At: mark.At}}, nil
}

// ChangedSince is what happened to a case since the caller last looked at it.
type ChangedSince struct {
	At    time.Time `json:"at" doc:"When you last looked"`
	Count int       `json:"count" doc:"How many entries of its timeline are new since"`
}

// changedSince returns, for those of the cases that the caller has looked at, what is new since.
func (s *Server) changedSince(ctx context.Context, view engine.View, refs ...string) (map[string]ChangedSince, error) {
	if s.config.Looks == nil || len(refs) == 0 {
		return nil, nil //nolint:nilnil // nothing is known, and nothing went wrong
	}
	looks, err := s.config.Looks.Marks(ctx, lookerOf(ctx), refs...)
	if err != nil || len(looks) == 0 {
		return nil, err
	}
	marks := make(map[string]int64, len(looks))
	for ref, look := range looks {
		marks[ref] = look.Entry
	}
	counts, err := projections.CaseChanges(ctx, view, scopeOf(ctx), marks)
	if err != nil {
		return nil, err
	}
	since := make(map[string]ChangedSince, len(counts))
	for ref, count := range counts {
		since[ref] = ChangedSince{looks[ref].At, count}
	}
	return since, nil
}

// lookedTag is a part of entity tags of lists: it changes when the caller marks a case as looked at.
func (s *Server) lookedTag(ctx context.Context) ([]commands.Look, error) {
	if s.config.Looks == nil {
		return nil, nil
	}
	return s.config.Looks.All(ctx, lookerOf(ctx), 1)
}

// ChangedCase is a case that changed since the caller last looked at it.
type ChangedCase struct {
	Reference     string     `json:"reference"`
	Changed       int        `json:"changed" doc:"How many entries of its timeline are new"`
	LookedAt      *time.Time `json:"lookedAt,omitempty" doc:"When you last looked; absent where you never did"`
	AllocatedToMe bool       `json:"allocatedToMe"`
}

// ChangedCases are the cases that changed.
type ChangedCases struct {
	AsOf  AsOf          `json:"asOf"`
	Items []ChangedCase `json:"items" nullable:"false" doc:"Those first that you looked at last; then those that are allocated to you and that you never looked at"`
	Total int           `json:"total" doc:"How many there are; more than the items where the limit cuts them off"`
}

// The most cases that changes are looked for in: those looked at last, and those allocated.
const (
	changesLookedMax    = 2_000
	changesAllocatedMax = 500
)

var changeParameters = []parameter[pageQuery]{
	{name: "limit", doc: "Cases at most", schema: simplePageParameters[0].schema,
		set: setNumber(func(q *pageQuery) *int { return &q.limit }, 1, simplePageItemsMax)},
}

func (s *Server) showChanges(ctx context.Context, in *request) (*output[ChangedCases], error) {
	page := pageQuery{limit: pageItemsMax}
	if refusal := parseParameters(in.http.URL.RawQuery, changeParameters, &page); refusal != nil {
		return nil, refusal
	}
	looks, err := s.config.Looks.All(ctx, lookerOf(ctx), changesLookedMax)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	return answer(s, in, question[ChangedCases]{
		projection: projections.CasesName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (ChangedCases, error), error) {
			changed, err := changedCasesOf(ctx, view, looks)
			body := ChangedCases{asOf(view), changed[:min(len(changed), page.limit)], len(changed)}
			return func(context.Context) (ChangedCases, error) { return body, nil }, err
		},
	})
}

// changedCasesOf returns, of the cases that were looked at and those that are allocated to the caller, those
// that he sees and that changed.
func changedCasesOf(ctx context.Context, view engine.View, looks []commands.Look) ([]ChangedCase, error) {
	scope := scopeOf(ctx)
	allocated, err := projections.ListCases(ctx, view, scope, projections.CaseQuery{Limit: changesAllocatedMax, CaseFilter: projections.CaseFilter{
		Status: projections.StatusOpen,
		In:     map[projections.Field][]string{projections.FieldAllocatedTo: {projections.AllocatedToMe}},
	}})
	if err != nil {
		return nil, err
	}
	mine := map[string]bool{}
	for _, row := range allocated.Items {
		mine[row.Ref] = true
		if !slices.ContainsFunc(looks, func(look commands.Look) bool { return look.Case == row.Ref }) {
			looks = append(looks, commands.Look{Case: row.Ref})
		}
	}
	changed := []ChangedCase{}
	for chunk := range slices.Chunk(looks, projections.PageRowsMax) {
		marks := make(map[string]int64, len(chunk))
		for _, look := range chunk {
			marks[look.Case] = look.Entry
		}
		counts, err := projections.CaseChanges(ctx, view, scope, marks)
		if err != nil {
			return nil, err
		}
		for _, look := range chunk {
			if counts[look.Case] > 0 {
				changed = append(changed, ChangedCase{look.Case, counts[look.Case], instant(look.At), mine[look.Case]})
			}
		}
	}
	return changed, nil
}
