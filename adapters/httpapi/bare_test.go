package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/identity/gate"
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/sessions"
	"casesync/adapters/identity/signin"
	"casesync/adapters/portal"
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

// shut is a gate with all its routes, by which nobody comes in.
type shut struct{ *gate.Gate }

func (shut) Middleware(next http.Handler) http.Handler { return next }
func (shut) Person(context.Context) string             { return "" }

func shutGate(t *testing.T) shut {
	t.Helper()
	g, err := gate.New(gate.Config{
		People: &commands.People{}, Local: &local.Credentials{}, Attempts: &signin.Attempts{}, Sessions: &sessions.Sessions{},
		Activity: struct{ commands.ActivityLog }{}, PublicURL: "https://casesync.test", AddressDigest: func(string) string { return "" },
		Refused: func(string, string, time.Duration) error { return nil }, Fault: func(context.Context, error) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return shut{g}
}

// blankPages are pages of which those that ask nobody can be shown.
func blankPages(t *testing.T) *portal.Portal {
	t.Helper()
	pages, err := portal.New(portal.Config{
		People: &commands.People{}, Casework: &commands.Casework{}, Store: struct{ engine.Store }{}, Codec: eventstore.NewCodec(catalog.New(), oneKey{}),
		PublicURL: "https://casesync.test", Mails: func(context.Context) ([]portal.Message, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
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
		People: &commands.People{}, Gate: shutGate(t), Pages: blankPages(t), Activities: struct{ ActivityReader }{},
		Questions:    func(context.Context, string) ([]string, error) { return nil, nil },
		ExportPerson: func(context.Context, io.Writer, string) error { return nil },
		Casework:     &commands.Casework{},
		Looks:        struct{ Looks }{},
		Outbox:       struct{ Outbox }{},
		Uploads:      http.NotFoundHandler(),
		OpenUpload:   func(context.Context, string) (Content, error) { return nil, ContentFault(CodeNotFound, nil) },
		OpenDocument: func(context.Context, string, string, PublishedDocument) (Content, error) {
			return nil, ContentFault(CodeNotFound, nil)
		},
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
