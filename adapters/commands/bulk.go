package commands

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"casesync/domain"
	"casesync/domain/access"
	"casesync/domain/casefile"
)

// AllocateMany gives up to CasesMax cases to a person (Me, Nobody or a user id), each decided by itself
// (requirements 57 and 68), and returns a result for each of refs, in their order. Whether the person works on
// cases is asked case by case: they may be of several businesses.
//
// A crash in it leaves some allocated; the same command again, under the same ask.ID, gives those the same answer,
// and goes on with the others. Revisions (If-Match) are of one case, and mean nothing here.
func (c *Casework) AllocateMany(ctx context.Context, ask Ask, refs []string, to string) ([]Result, Done, error) {
	switch {
	case !ask.By.Somewhere(access.AllocateSelf) && !ask.By.Somewhere(access.AllocateOthers):
		return nil, Done{}, refusedTo(ask.By, "casefile.allocate", "")
	case ask.By.Person() == "" && (to == Me || to == Nobody):
		return nil, Done{}, refusedTo(ask.By, "casefile.allocate", "")
	}
	ask.ID, ask.Expected = idOr(ask.ID), nil
	return manyCases(ctx, refs, func(ctx context.Context, ref string) (string, Done, error) {
		// The id of the command on each case is derived from ask.ID and the name of the case's stream.
		done, err := c.people.Allocate(ctx, ask, ref, to, "")
		return "", done, err
	})
}

// Codes of results that are not a decider's refusals.
const (
	// CodeRepeated: the case stands in the list more than once; the first one counts.
	CodeRepeated = "repeated"
	// CodeNothingToDo: all was as asked already.
	CodeNothingToDo = "nothing-to-do"
	// CodeNotPermitted: the roles at the business of the case do not allow it.
	CodeNotPermitted = "forbidden"
	// CodeInDoubt: it is not known what became of it.
	CodeInDoubt = "in-doubt"
)

// casesAtOnceMax is how many of the cases of one command are decided at the same time: enough for their appends to
// share a transaction, and few enough to leave room for others.
const casesAtOnceMax = 8

// manyCases runs a command on each of refs, several at a time, and returns what became of each, in their order. It
// fails as a whole where refs are none or too many. do returns the id of what it made, if it made something.
func manyCases(ctx context.Context, refs []string, do func(ctx context.Context, ref string) (id string, done Done, err error)) ([]Result, Done, error) {
	if len(refs) == 0 || len(refs) > CasesMax {
		return nil, Done{}, &domain.Refusal{Code: "cases-count", Reason: fmt.Sprintf("Choose at least one case, and at most %d.", CasesMax)}
	}
	results, dones := make([]Result, len(refs)), make([]Done, len(refs))
	slots := make(chan struct{}, casesAtOnceMax)
	seen := make(map[string]bool, len(refs))
	var group sync.WaitGroup
	for i, ref := range refs {
		if seen[ref] {
			results[i] = Result{Case: ref, Status: ResultSkipped, Code: CodeRepeated, Reason: "This case stands in the list more than once."}
			continue
		}
		seen[ref] = true
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			id, done, err := do(ctx, ref)
			results[i], dones[i] = resultOf(ref, id, done, err), done
		})
	}
	group.Wait()
	var end Done
	for _, done := range dones {
		end = later(end, done)
	}
	return results, end, nil
}

// resultOf is the result of a command on one case. A case that the principal may not know of has the code and the
// words of one that does not exist (requirement 47).
func resultOf(ref, id string, done Done, err error) Result {
	refusal, refused := errors.AsType[*domain.Refusal](err)
	skipped := func(code, reason string) Result {
		return Result{Case: ref, Status: ResultSkipped, Code: code, Reason: reason}
	}
	switch {
	case err == nil && done.Position.IsZero():
		return skipped(CodeNothingToDo, "Nothing was to be done: all is so already.")
	case err == nil:
		return Result{Case: ref, Status: ResultDone, ID: id}
	case errors.Is(err, ErrUnknown):
		return skipped(casefile.CodeUnknownCase, "There is no such case among those you may see.")
	case refused:
		return skipped(refusal.Code, sentence(refusal.Reason))
	case errors.Is(err, ErrForbidden):
		return skipped(CodeNotPermitted, "Your roles at the business of this case do not allow this.")
	}
	return Result{
		Case: ref, Status: ResultFailed, Code: CodeInDoubt,
		Reason: "It is not known what became of this case. Give the same command again: what was done is not done twice.",
	}
}
