package httpapi

import (
	"context"
	"errors"
	"time"

	"casesync/adapters/commands"
	"casesync/domain"
	"casesync/eventstore"
	"casesync/projections"
	"casesync/projections/engine"
)

// HeldFeed is what one source's messages about one subject wait for.
type HeldFeed struct {
	Stream       string     `json:"stream" example:"casefile-1234"`
	Source       string     `json:"source"`
	Next         int64      `json:"next" doc:"The sequence that is waited for"`
	Held         int64      `json:"held" doc:"How many facts wait"`
	MissingFrom  int64      `json:"missingFrom" doc:"The first gap; 0 where nothing is missing, and what is held is about to be released"`
	MissingTo    int64      `json:"missingTo"`
	HeldSince    *time.Time `json:"heldSince" nullable:"true"`
	OverLimit    bool       `json:"overLimit" doc:"More is held, or for longer, than the configured limits say. It is reported, and nothing is dropped"`
	Unrecognised int64      `json:"unrecognised" doc:"Messages of types that were unknown when they came"`
}

// HeldPage is a page of what is held.
type HeldPage struct {
	AsOf  AsOf       `json:"asOf"`
	Items []HeldFeed `json:"items" nullable:"false" doc:"By stream and source"`
	Next  *string    `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

func (s *Server) listHeld(ctx context.Context, in *request) (*output[HeldPage], error) {
	page, refusal := parsePage(in)
	if refusal != nil {
		return nil, refusal
	}
	var after projections.FeedCursor
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(page, list, &after); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[HeldPage]{
		projection: projections.FeedsName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (HeldPage, error), error) {
			rows, err := projections.ListHeld(ctx, view, scopeOf(ctx), after, page.limit+1)
			if err != nil {
				return nil, err
			}
			body := HeldPage{AsOf: asOf(view), Items: []HeldFeed{}}
			rows, body.Next, err = cut(s, rows, page, list, func(last projections.FeedRow) any {
				return projections.FeedCursor{Stream: last.Stream, Source: last.Source}
			})
			for _, row := range rows {
				body.Items = append(body.Items, HeldFeed{
					Stream: row.Stream, Source: row.Source, Next: row.Next, Held: row.Held,
					MissingFrom: row.MissingFrom, MissingTo: row.MissingTo, HeldSince: instant(row.HeldSince),
					OverLimit: s.config.HeldLimits.Over(row, s.config.Now()), Unrecognised: row.Unrecognised,
				})
			}
			return func(context.Context) (HeldPage, error) { return body, err }, nil
		},
	})
}

// SkipSequences gives up waiting for sequences, which releases what is held behind them.
type SkipSequences struct {
	_ struct{} `additionalProperties:"false"`

	Source string `json:"source" minLength:"1" maxLength:"500"`
	From   int64  `json:"from" minimum:"1" doc:"The first sequence given up: missingFrom"`
	To     int64  `json:"to" minimum:"1" doc:"The last sequence given up: missingTo, or less"`
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, for those who read the log later. No personal data, please"`
}

func (s *Server) skipSequences(ctx context.Context, in *command[SkipSequences]) (*output[Done], error) {
	if in.Body.To < in.Body.From {
		p := problem(CodeInvalidBody, "The last sequence, %d, is before the first, %d.", in.Body.To, in.Body.From)
		p.Errors = []Fault{{Location: "body.to", Message: "must not be less than from"}}
		return nil, p
	}
	verdict, err := s.config.Commands.Skip(ctx, callerOf(ctx).principal, commands.Skip{
		Stream: eventstore.StreamName(pathValue(in.http, "stream")), Source: in.Body.Source,
		From: in.Body.From, To: in.Body.To, Reason: in.Body.Reason, At: s.config.Now(),
	})
	if errors.Is(err, eventstore.ErrWrongExpectedRevision) {
		return nil, notFound() // there is no such stream
	}
	if err != nil {
		return nil, s.commandProblem(ctx, err)
	}
	return doneOf(verdict), nil
}

func refusalOf(err error) *domain.Refusal {
	refusal, _ := errors.AsType[*domain.Refusal](err)
	return refusal
}
