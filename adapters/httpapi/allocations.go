package httpapi

import (
	"context"
	"net/http"

	"casesync/adapters/commands"
)

// CaseResult is what becomes of a command on one of many cases (requirement 68).
type CaseResult struct {
	Case   string `json:"case" doc:"The reference, as it was sent"`
	Status string `json:"status" enum:"sent,updated,skipped,failed" doc:"skipped: nothing was to be done, or it may not be done. failed: it is not known what became of it; send the same again under the same Idempotency-Key"`
	ID     string `json:"id,omitempty" doc:"Of the notification that was sent"`
	Code   string `json:"code,omitempty" doc:"Why it was skipped or failed; stable" example:"case-closed"`
	Reason string `json:"reason,omitempty" doc:"The same in a sentence"`
}

// What a command on many cases is called where it is done.
const (
	resultSent    = "sent"
	resultUpdated = "updated"
)

// resultsOf shows results; done is what those are called that are done.
func resultsOf(results []commands.Result, done string) []CaseResult {
	shown := make([]CaseResult, len(results))
	for i, result := range results {
		shown[i] = CaseResult{Case: result.Case, Status: string(result.Status), ID: result.ID, Code: result.Code, Reason: result.Reason}
		if result.Status == commands.ResultDone {
			shown[i].Status = done
		}
	}
	return shown
}

// noCondition refuses If-Match where many streams are changed, or a new one is made: there is no
// revision to compare it with.
func noCondition(r *http.Request) error {
	if r.Header.Get(headerIfMatch) != "" {
		return problem(CodeBadRequest, "%s is not taken here: each case is decided as it stands. Leave it out.", headerIfMatch)
	}
	return nil
}

// Allocations gives cases to somebody (requirements 57 and 68).
type Allocations struct {
	_ struct{} `additionalProperties:"false"`

	Why
	To    string   `json:"to" minLength:"1" maxLength:"36" doc:"me, none, or the user id of somebody who works on cases of their businesses" example:"me"`
	Cases []string `json:"cases" minItems:"1" maxItems:"500" nullable:"false" doc:"References"`
}

// AllocationResults is the answer to allocations.
type AllocationResults struct {
	Outcome
	Results []CaseResult `json:"results" nullable:"false" doc:"One for each case, in the order in which they were sent"`
}

func (s *Server) allocateMany(ctx context.Context, ask commands.Ask, in *command[Allocations]) (*acted[AllocationResults], error) {
	if err := noCondition(in.http); err != nil {
		return nil, err
	}
	results, done, err := s.config.Casework.AllocateMany(ctx, ask, in.Body.Cases, in.Body.To)
	return told(done, AllocationResults{outcomeOf(done), resultsOf(results, resultUpdated)}), err
}
