package membership_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/domain"
	"casesync/domain/catalog"
	"casesync/domain/membership"
	"casesync/eventstore"
	"casesync/eventstore/sqlitelog"
)

// noKeys: there is nothing to seal in the stream of a business's people.
type noKeys struct{}

func (noKeys) Ensure(_ context.Context, subjects ...string) ([]eventstore.Key, error) {
	return nil, errors.New("nothing is to be sealed here")
}

func (noKeys) Lookup(context.Context, ...string) ([]eventstore.Key, error) { return nil, nil }

// TestTwoAdministratorsAtOnce: two processes handle the commands of two administrators who disable
// each other in the same moment. One wins, whichever; the other is told that he is no administrator
// any more; and the business keeps one.
func TestTwoAdministratorsAtOnce(t *testing.T) {
	t.Parallel()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	codec := eventstore.NewCodec(catalog.New(), noKeys{})
	request := func(stream eventstore.StreamName) eventstore.Request {
		return eventstore.Request{Stream: stream, CommandID: uuid.New(), Actor: "user:test", OccurredAt: time.Now(), Expected: eventstore.Any}
	}
	for i := range 20 {
		stream := eventstore.StreamName("access-" + string(rune('a'+i)))
		encoded, err := codec.Encode(t.Context(), stream, eventstore.Metadata{CommandID: uuid.New()}, asAny(business(bob))...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Append(t.Context(), stream, eventstore.NoStream, encoded...); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		answers := make([]error, 2)
		commands := []membership.Disable{{By: by("ann"), Person: "bob"}, {By: by("bob"), Person: "ann"}}
		for n, command := range commands {
			handler := eventstore.NewHandler(log, codec, eventstore.Decider[*membership.State, membership.Command, membership.Event]{
				Initial: membership.Initial, Decide: membership.Decide, Evolve: membership.Evolve,
			}, 10)
			wait.Go(func() { _, answers[n] = handler.Handle(t.Context(), request(stream), command) })
		}
		wait.Wait()
		won, lost := answers[0], answers[1]
		if won != nil {
			won, lost = lost, won
		}
		var refusal *domain.Refusal
		if won != nil || !errors.As(lost, &refusal) || refusal.Code != "not-administrator" {
			t.Fatalf("answers: got %v, want one success and one refusal: not-administrator", answers)
		}
	}
}

func asAny(events []membership.Event) []any {
	list := make([]any, len(events))
	for i, event := range events {
		list[i] = event
	}
	return list
}
