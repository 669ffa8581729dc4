package httpapi

import (
	"context"
	"fmt"

	"casesync/domain/casefile"
	"casesync/projections"
)

// opening collects the envelopes of an answer, so that one call opens them all, and then hands
// each to whoever waits for it. What was erased stays empty.
type opening struct {
	envelopes []string
	take      []func(data []byte) error
}

// add asks for an envelope, "" for none; take is called if it opens.
func (o *opening) add(envelope string, take func(data []byte) error) {
	if envelope != "" {
		o.envelopes = append(o.envelopes, envelope)
		o.take = append(o.take, take)
	}
}

// opened asks for an envelope that read makes sense of, and hands what it read to take.
func opened[T any](o *opening, envelope string, read func(data []byte) (T, error), take func(T)) {
	o.add(envelope, func(data []byte) error {
		value, err := read(data)
		if err == nil {
			take(value)
		}
		return err
	})
}

// open opens all at once.
func (o *opening) open(ctx context.Context, s *Server) error {
	if len(o.envelopes) == 0 {
		return nil
	}
	opened, err := s.config.Codec.OpenEnvelopes(ctx, o.envelopes...)
	if err != nil {
		return fmt.Errorf("open personal fields: %w", err)
	}
	for i, data := range opened {
		if data == nil {
			continue
		}
		if err := o.take[i](data); err != nil {
			return fmt.Errorf("open personal fields: %w", err)
		}
	}
	return nil
}

// openCases shows rows with their personal fields.
func (s *Server) openCases(ctx context.Context, rows []projections.CaseRow, today projections.Day) ([]Case, error) {
	cases := make([]Case, len(rows))
	var o opening
	for i, row := range rows {
		cases[i] = caseOf(row, today)
		addCase(&o, &cases[i], row)
	}
	return cases, o.open(ctx, s)
}

func addCase(o *opening, c *Case, row projections.CaseRow) {
	opened(o, row.SealedBusinessReference, projections.OpenedBusinessReference, func(reference string) { c.BusinessReference = reference })
	opened(o, row.SealedHandler, projections.OpenedHandler, func(handler string) { c.Handler = handler })
	opened(o, row.SealedConsumer, projections.OpenedParty, func(p casefile.Party) { c.Consumer = &Party{p.Name, p.Email, p.Phone} })
	opened(o, row.SealedRepresentative, projections.OpenedParty, func(p casefile.Party) { c.Representative = &Party{p.Name, p.Email, p.Phone} })
}

func addAction(o *opening, a *Action, row projections.ActionRow) {
	read := func(data []byte) (casefile.Action, error) { return projections.OpenedAction(data, row.ActionID) }
	opened(o, row.Sealed, read, func(action casefile.Action) { a.Description = action.Description })
}

func addDocument(o *opening, d *Document, row projections.DocumentRow) {
	read := func(data []byte) (casefile.Document, error) { return projections.OpenedDocument(data, row.DocumentID) }
	opened(o, row.Sealed, read, func(document casefile.Document) { d.Title = document.Title })
}
