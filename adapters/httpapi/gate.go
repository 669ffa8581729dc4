package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

// Gate signs people in and out. Its own routes stand behind the authoriser like all others.
type Gate interface {
	// Middleware gives each request its session, and refuses what a page of another site sent.
	Middleware(next http.Handler) http.Handler
	// Person returns the bare id of who is signed in by the request's session, "" for nobody. Whether
	// the account may be used now is not its matter.
	Person(ctx context.Context) string
	// Until returns a context that is cancelled when the request's session ends, for answers that go
	// on. The caller calls done when the answer ends.
	Until(ctx context.Context) (until context.Context, done func())
	// Register registers the gate's routes, each of which has a row in the table of routes. Who may
	// use them, and in which chapter they stand, comes from there.
	Register(api huma.API, router chi.Router)
}
