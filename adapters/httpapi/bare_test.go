package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"testing"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/catalog"
	"casesync/eventstore"
	"casesync/projections"
	"casesync/projections/engine"
)

// nobody refuses every token.
type nobody struct{}

func (nobody) Authenticate(context.Context, string) (access.Principal, error) {
	return access.Principal{}, access.ErrUnauthenticated
}

// bareServer has all routes and no storage behind them: nothing that needs any may be called.
func bareServer(t *testing.T) *Server {
	t.Helper()
	log := struct{ eventstore.Log }{}
	letters := struct{ commands.DeadLetters }{}
	s, err := New(context.Background(), Config{
		Log: log, Store: struct{ engine.Store }{}, Codec: eventstore.NewCodec(catalog.New(), oneKey{}), Keys: oneKey{}, Tokens: nobody{},
		SearchWords: someWords, Ingest: http.NotFoundHandler(), Letters: letters, Desk: &commands.Desk{}, Commands: &commands.Commands{},
		Projections: []engine.Config{{Projection: projections.Cases()}}, Metrics: http.NotFoundHandler(),
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := New(context.Background(), Config{}); err == nil {
		t.Error("New without anything: got no error")
	}
}
