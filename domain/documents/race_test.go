package documents_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/domain/catalog"
	"casesync/domain/documents"
	"casesync/eventstore"
	"casesync/eventstore/sqlitelog"
)

// noKeys: there is nothing to seal in the stream of a case's files.
type noKeys struct{}

func (noKeys) Ensure(context.Context, ...string) ([]eventstore.Key, error) {
	return nil, errors.New("nothing is to be sealed here")
}

func (noKeys) Lookup(context.Context, ...string) ([]eventstore.Key, error) { return nil, nil }

// TestTwoUploadsAtOnce: two processes finish to receive the same bytes in the same moment. One upload holds
// the digest, whichever; the other is told that it is a duplicate of that one.
func TestTwoUploadsAtOnce(t *testing.T) {
	t.Parallel()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	codec := eventstore.NewCodec(catalog.New(), noKeys{})
	for i := range 20 {
		stream := eventstore.StreamName(fmt.Sprint("documents-FOS-", i))
		answers := make([]error, 2)
		var wait sync.WaitGroup
		for n, id := range []string{"a", "b"} {
			handler := eventstore.NewHandler(log, codec, eventstore.Decider[*documents.State, documents.Command, documents.Event]{
				Initial: documents.Initial, Decide: documents.Decide, Evolve: documents.Evolve,
			}, 10)
			request := eventstore.Request{Stream: stream, CommandID: uuid.New(), Actor: "user:test", OccurredAt: time.Now(), Expected: eventstore.Any}
			wait.Go(func() { _, answers[n] = handler.Handle(t.Context(), request, claim(id, "d1", 50)) })
		}
		wait.Wait()
		won, lost, winner := answers[0], answers[1], "a"
		if won != nil {
			won, lost, winner = lost, won, "b"
		}
		var duplicate *documents.Duplicate
		if won != nil || !errors.As(lost, &duplicate) || duplicate.Of != winner {
			t.Fatalf("answers: got %v, want one success, and one duplicate of it", answers)
		}
	}
}
