package domaintest_test

import (
	"errors"
	"strings"
	"testing"

	"casesync/domain/domaintest"
)

type counter struct{ N int }

// adds counts commands; decide is what is wrong with it in a test, or right.
func adds(decide func(*counter, int) ([]int, error)) domaintest.Decider[*counter, int, int] {
	return domaintest.Decider[*counter, int, int]{
		Initial: func() *counter { return new(counter) },
		Decide:  decide,
		Evolve:  func(c *counter, event int) *counter { c.N += event; return c },
	}
}

func TestCheckFindsBrokenPromises(t *testing.T) {
	t.Parallel()
	calls := 0
	for want, decide := range map[string]func(*counter, int) ([]int, error){
		"the state was changed": func(c *counter, n int) ([]int, error) { c.N++; return []int{n}, nil },
		"decide int again":      func(*counter, int) ([]int, error) { calls++; return []int{calls}, nil },
	} {
		decider := adds(decide)
		_, err := decider.Check(decider.State(1, 2), decider.State(1, 2), 7)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("check: got %v, want an error that says %q", err, want)
		}
	}
}

func TestCheckGivesTheDecision(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	decider := adds(func(c *counter, n int) ([]int, error) {
		if n < 0 {
			return nil, refused
		}
		return []int{c.N + n}, nil
	})
	events, err := decider.Check(decider.State(1, 2), decider.State(1, 2), 7)
	if err != nil || len(events) != 1 || events[0] != 10 {
		t.Errorf("check: got %v, %v, want 10", events, err)
	}
	if _, err := decider.Check(decider.State(), decider.State(), -1); !errors.Is(err, refused) {
		t.Errorf("check: got %v, want %v", err, refused)
	}
	if got, want := domaintest.Describe(events), "\n\tint10(1 events)"; got != want {
		t.Errorf("described: got %q, want %q", got, want)
	}
}
