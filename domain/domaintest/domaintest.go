// Package domaintest runs deciders as tables of given, when, then. Beside what each row says, it
// holds every decider to its promises: Decide changes neither state nor command, and decides the
// same again; Evolve takes what was decided.
package domaintest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"casesync/domain"
)

// Decider is a decider's three functions.
type Decider[State, Command, Event any] struct {
	Initial func() State
	Decide  func(State, Command) ([]Event, error)
	Evolve  func(State, Event) State
}

// Case is one row: given what happened, when a command comes, then events, or a refusal.
type Case[Command, Event any] struct {
	Name  string
	Given []Event
	When  Command
	// Then are the events that come of it; nil where nothing happens.
	Then []Event
	// Refused is the code of the refusal, "" if there is none.
	Refused string
}

// Run runs each row as a subtest.
func Run[State, Command, Event any](t *testing.T, decider Decider[State, Command, Event], cases []Case[Command, Event]) {
	t.Helper()
	for _, row := range cases {
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			got, err := decider.Check(decider.State(row.Given...), decider.State(row.Given...), row.When)
			var refusal *domain.Refusal
			switch {
			case errors.As(err, &refusal):
				if refusal.Code != row.Refused || refusal.Reason == "" {
					t.Errorf("refused: got %v, want code %q and a reason", refusal, row.Refused)
				}
			case err != nil:
				t.Fatal(err)
			case row.Refused != "":
				t.Errorf("refused: got %v, want %s", Describe(got), row.Refused)
			}
			if len(got) != len(row.Then) || len(got) > 0 && !reflect.DeepEqual(got, row.Then) {
				t.Errorf("then:\ngot  %v\nwant %v", Describe(got), Describe(row.Then))
			}
		})
	}
}

// State folds events into a new state.
func (d Decider[State, Command, Event]) State(events ...Event) State {
	state := d.Initial()
	for _, event := range events {
		state = d.Evolve(state, event)
	}
	return state
}

// Check decides command on state, and fails where Decide changes the state, of which same is
// another copy, or decides otherwise the second time.
func (d Decider[State, Command, Event]) Check(state, same State, command Command) ([]Event, error) {
	events, err := d.Decide(state, command)
	if !reflect.DeepEqual(state, same) {
		return nil, fmt.Errorf("decide %T: the state was changed", command)
	}
	again, errAgain := d.Decide(state, command)
	first, second := Describe(events)+fmt.Sprint(err), Describe(again)+fmt.Sprint(errAgain)
	if !reflect.DeepEqual(events, again) || first != second {
		return nil, fmt.Errorf("decide %T again: got %s, want %s", command, second, first)
	}
	return events, err
}

// Describe returns events as text for messages of failed tests.
func Describe[Event any](events []Event) string {
	lines := make([]string, 0, len(events))
	for _, event := range events {
		text, err := json.Marshal(event)
		if err != nil { // a private value that is open
			text = fmt.Appendf(nil, "%+v", event)
		}
		lines = append(lines, fmt.Sprintf("\n\t%T%s", event, text))
	}
	return strings.Join(append(lines, fmt.Sprintf("(%d events)", len(events))), "")
}
