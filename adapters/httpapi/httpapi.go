// Package httpapi is the HTTP interface: it answers questions from the read models, tells clients
// what changes, and gives operators their levers. It promises:
//
//   - Every route passes one authoriser, which refuses whatever its table does not name; it alone
//     makes the scope that every query must have. What a caller may not see answers exactly like
//     what does not exist. What a person may do is asked anew for each request, and an answer that
//     stays open ends within a second of the session, account or role that it relies on.
//   - What was asked and refused is recorded for Security Operations; exports, downloads and the
//     reading of those records are refused where they cannot be recorded.
//   - An answer from a read model comes from one snapshot, and says which (asOf and the header
//     Casesync-Position). A request may ask to wait for a position (Casesync-Min-Position).
//   - Personal fields are opened here, at the edge, a page at a time, and nowhere below.
//   - Errors are problem details (RFC 9457) with a stable code.
//
// The routes that stream stand on the router itself, all others on huma; both are described in
// the OpenAPI document, which schemas/api keeps.
package httpapi

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"

	"casesync/adapters/commands"
	"casesync/domain/connection"
	"casesync/eventstore"
	"casesync/eventstore/sharedread"
	"casesync/projections"
	"casesync/projections/engine"
)

// Config is what a Server needs. All fields are required but those that name a default.
type Config struct {
	// Log is followed for the stream of changes.
	Log eventstore.Log
	// Store holds the read models.
	Store engine.Store
	// Codec opens personal fields.
	Codec *eventstore.Codec
	// Keys is the key ring, which keeps the key of cursors.
	Keys eventstore.Keys
	// Tokens finds out who asks.
	Tokens Tokens
	// SearchWords turns search text into hashed words, one for each word of the text.
	SearchWords func(text string) []string
	// Ingest takes the events of case management systems at POST /cms/v1/events. Default: the
	// route does not exist.
	Ingest http.Handler
	// Letters keeps the dead letters, Desk decides on them, Commands gives up sequences that are
	// waited for, and Projections are the read models to look after: operators' levers. Default:
	// the routes that need one do not exist.
	Letters     commands.DeadLetters
	Desk        *commands.Desk
	Commands    *commands.Commands
	Projections []engine.Config
	// People are the accounts, roles and terms that decide what a person may do; Gate signs people in
	// (it needs People). Default: only tokens say who asks, and the routes of people do not exist.
	People *commands.People
	Gate   Gate
	// Casework is what people send and ask about cases; it needs People. Default: its routes do not exist.
	Casework *commands.Casework
	// Looks keep when a person last looked at a case. Default: the routes that need them do not exist,
	// and no answer says what changed since.
	Looks Looks
	// Outbox is where messages to case management systems wait that could not be published. Default: the
	// routes that need it do not exist.
	Outbox Outbox
	// Uploads takes files by the resumable upload protocol tus 1.0 under UploadsPath, which stays in the
	// address; it finds who asks by PrincipalOf, and answers with the errors that FaultOfUpload writes.
	// OpenUpload opens the bytes of an upload, and OpenDocument those of a key document of a case, as it
	// was published; reading them ends with ctx, and their errors are those of ContentFault. All three need
	// Casework. Default: the routes that need one do not exist.
	Uploads      http.Handler
	OpenUpload   func(ctx context.Context, id string) (Content, error)
	OpenDocument func(ctx context.Context, ref, document string, published PublishedDocument) (Content, error)
	// Pages are what people see in a browser. Default: there are none.
	Pages Pages
	// RecoveryCodesLeft counts the recovery codes that a person with a local account has left.
	// Default: it is not shown.
	RecoveryCodesLeft func(ctx context.Context, person string) (int, error)
	// CheckAnswers checks a person's answers to the security questions, an extra step before an
	// administrator's reset; its refusal is one that Refused made. Default: no answers are asked for.
	CheckAnswers func(ctx context.Context, person string, answers []string, address string) error
	// Questions returns a person's security questions, in the order in which CheckAnswers wants the
	// answers; none for who has none. Default: they are not shown.
	Questions func(ctx context.Context, person string) ([]string, error)
	// CheckConnection tries the settings of an identity provider before they are recorded, and says
	// what is wrong with them, in a sentence fit to be shown. Default: they are taken as they are.
	CheckConnection func(ctx context.Context, settings connection.Settings) error
	// ExportPerson writes all that is kept about a person, as JSON. Default: the route does not exist.
	ExportPerson func(ctx context.Context, w io.Writer, person string) error
	// Activity takes what is done and refused here, for Security Operations. Default: nothing is
	// recorded.
	Activity commands.ActivityLog
	// Activities is what GET /api/v1/activity reads. Default: the route does not exist.
	Activities ActivityReader
	// LimitAddresses bounds requests of an address that come of nobody known: to open routes but the
	// probes, and without a session or token that is taken. LimitPrincipals bounds those of a principal
	// (see PrincipalOf). They refuse with RefuseLimited. Default: no limit.
	LimitAddresses, LimitPrincipals func(http.Handler) http.Handler
	// Allowances bound what one sender has kept here. Default: no limit but those of requests.
	Allowances Allowances
	// HSTS tells browsers to come over TLS alone, where a proxy in front ends TLS. Where TLS ends
	// here they are always told.
	HSTS bool
	// HeldLimits say which of what is held is marked as over a limit. Default: nothing.
	HeldLimits projections.HeldLimits
	// Health takes the measures of readiness. Default: none, always ready.
	Health Health
	// Metrics serves GET /metrics. Default: the route does not exist.
	Metrics http.Handler
	// MetricsPublic serves the metrics to whoever reaches the address. Default: they need the
	// permission metrics:read.
	MetricsPublic bool
	// Version is shown in the OpenAPI document. Default "dev".
	Version string
	// Now tells the time. Default time.Now.
	Now func() time.Time
	// Logger takes what goes wrong here. Default slog.Default().
	Logger *slog.Logger
	// Limits bound what one request, client or process may use. Default DefaultLimits().
	Limits Limits
}

// Pages are the portal. Its routes stand in the table like all others, and it bounds the size of its
// forms and sets its own Content-Security-Policy.
type Pages interface {
	// Register registers the pages on a router, behind the authoriser.
	Register(router chi.Router)
}

// Server answers HTTP requests until it is closed.
type Server struct {
	config  Config
	limits  Limits
	logger  *slog.Logger
	router  chi.Router
	cursors cursors
	changes *changes
	// exports, downloads and uploads bound what goes on at one time.
	exports, downloads, uploads *turnstile

	readiness *sharedread.Reader[struct{}, measured]
	// rebuilds go on after the request that asked for them.
	rebuilds *rebuilds
	// rights end open answers; refused and unrecorded bound and count what is recorded.
	rights     *rights
	refused    firsts
	unrecorded atomic.Int64
}

// New returns a server. It makes the key of cursors if the key ring has none yet, and starts to
// follow the log when the first client asks for changes.
func New(ctx context.Context, config Config) (*Server, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	sealed, err := newCursors(ctx, config.Keys)
	if err != nil {
		return nil, fmt.Errorf("start HTTP interface: %w", err)
	}
	s := &Server{config: config, limits: config.Limits, logger: config.Logger, cursors: sealed, rebuilds: newRebuilds()}
	s.changes = newChanges(s)
	s.rights = newRights(s)
	s.exports = newTurnstile(s.limits.ExportsPerPrincipalMax, s.limits.ExportsMax)
	s.downloads = newTurnstile(s.limits.DownloadsPerPrincipalMax, s.limits.DownloadsMax)
	s.uploads = newTurnstile(s.limits.UploadsPerPrincipalMax, s.limits.UploadsMax)
	s.route()
	s.readiness = newReadiness(config.Health)
	return s, nil
}

func (c *Config) complete() error {
	for name, missing := range map[string]bool{
		"Log": c.Log == nil, "Store": c.Store == nil, "Codec": c.Codec == nil, "Keys": c.Keys == nil,
		"Tokens": c.Tokens == nil, "SearchWords": c.SearchWords == nil, "People": c.People == nil && (c.Gate != nil || c.Casework != nil),
	} {
		if missing {
			return fmt.Errorf("start HTTP interface: Config.%s is missing", name)
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Limits == (Limits{}) {
		c.Limits = DefaultLimits()
	}
	return nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A routing context that was put there in front, to read the pattern from afterwards, is used as
	// it is found: it must know the router, which looks routes up in it to answer HEAD.
	if found := chi.RouteContext(r.Context()); found != nil && found.Routes == nil {
		found.Routes = s.router
	}
	s.router.ServeHTTP(w, r)
}

// Close ends the streams of changes, the following of the log and the rebuilds that were asked for
// here. Requests that run go on: shut the http.Server down, after Close, to wait for them.
func (s *Server) Close() {
	s.changes.close()
	s.rights.close()
	s.rebuilds.close()
	s.readiness.Close()
}

// today is the day that due dates are seen from.
func (s *Server) today() projections.Day { return projections.DayOf(s.config.Now()) }
