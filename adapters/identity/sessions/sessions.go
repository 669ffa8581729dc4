// Package sessions keeps people signed in, on the server: the browser has a random token in a
// cookie, the state database the token's SHA-256. It promises that a session ends when it is idle
// or old, that signing in gives it a new token, and that ending all sessions of a person takes
// effect in every process with the next request, and within a second for answers under way.
//
// The states of a session: anonymous → signed in (a new token, the old one gone) → ended. It is
// ended by signing out, by time, one by one, or with all of its user's: these count the user's
// epoch up, and a session of an earlier epoch is over wherever it turns up. A request that was
// under way cannot bring an ended session back: what was loaded is only ever updated.
//
// Nothing is cached, so no process has to be told. What a session holds of a person is an opaque
// user id; no name or address should be put into it.
package sessions

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"casesync/eventstore/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

const migrationsTable = "goose_sessions"

// CookieName is the session's cookie. A cookie of this prefix is set by this very host over HTTPS,
// or not at all.
const CookieName = "__Host-casesync-session"

// Config is the manual of sessions.
type Config struct {
	// DB is the state database; Open brings its tables up to date.
	DB *sqldb.DB
	// Idle ends a session without a request for so long; 20 minutes by default. It may end one
	// twentieth of that earlier, because not every request is written down.
	Idle time.Duration
	// Absolute ends a session so long after signing in, whatever happens; 10 hours by default, a
	// working day.
	Absolute time.Duration
	// CheckEvery is how often answers under way ask whether their session still stands; half a
	// second by default.
	CheckEvery time.Duration
	// Now tells the time. Default time.Now.
	Now func() time.Time
	// Logger takes faults. Default slog.Default.
	Logger *slog.Logger
	// Unavailable answers a request whose session cannot be read, with 503. There is a plain default.
	Unavailable http.HandlerFunc
}

func (c Config) orDefault() Config {
	c.Idle = cmp.Or(c.Idle, 20*time.Minute)
	c.Absolute = cmp.Or(c.Absolute, 10*time.Hour)
	c.CheckEvery = cmp.Or(c.CheckEvery, 500*time.Millisecond)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Unavailable == nil {
		c.Unavailable = func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "Sessions cannot be read now. Try again later.", http.StatusServiceUnavailable)
		}
	}
	return c
}

// Sessions are the sessions of people. They are safe for concurrent use.
type Sessions struct {
	config  Config
	store   *store
	manager *scs.SessionManager
	watch   watch
}

// Open returns the sessions kept in a state database. The caller keeps owning the database.
func Open(ctx context.Context, config Config) (*Sessions, error) {
	config = config.orDefault()
	if config.Idle < time.Minute || config.Absolute < config.Idle {
		return nil, fmt.Errorf("open sessions: idle %s must be at least a minute, and absolute %s not less", config.Idle, config.Absolute)
	}
	tables, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open sessions: %w", err)
	}
	if err := sqldb.Migrate(ctx, config.DB, tables, migrationsTable); err != nil {
		return nil, fmt.Errorf("open sessions: %w", err)
	}
	s := &Sessions{config: config, store: &store{db: config.DB, now: config.Now, idle: config.Idle, absolute: config.Absolute}}
	// Not scs.New, which starts a goroutine, for a store in memory, that nothing ends for sure. What
	// it sets beside is a key that tells several managers of one request apart: there is this one.
	s.manager = &scs.SessionManager{
		Store:       s.store,
		Codec:       codec{},
		Lifetime:    config.Absolute,
		IdleTimeout: config.Idle, // so that every request comes by the store, which counts
		Cookie:      scs.SessionCookie{Name: CookieName, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode},
		ErrorFunc: func(w http.ResponseWriter, r *http.Request, err error) {
			config.Logger.ErrorContext(r.Context(), "session failed", "error", err)
			config.Unavailable(w, r)
		},
	}
	s.watch.live = map[string]map[*live]struct{}{}
	return s, nil
}

// Middleware gives each request its session, and keeps what the request changed in it before the
// answer's first byte. An anonymous session is kept only if something was put into it.
func (s *Sessions) Middleware(next http.Handler) http.Handler {
	inner := s.manager.LoadAndSave(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), loadedKey{}, &loaded{})))
	})
}

// Ticket lets a user be signed in as long as nobody ends his sessions in the meantime. It is to be
// taken before his account and credentials are looked at, so that an account that is disabled
// between the look and the sign-in gets no session.
type Ticket struct {
	user  string
	epoch int64
}

// Ticket returns a ticket for a user, by his opaque id.
func (s *Sessions) Ticket(ctx context.Context, user string) (Ticket, error) {
	epoch, err := s.store.epoch(ctx, user)
	if err != nil {
		return Ticket{}, fmt.Errorf("take ticket to sign in: %w", err)
	}
	return Ticket{user: user, epoch: epoch}, nil
}

// SignIn makes the request's session the ticket's user's, under a new token; what was in it before
// is gone. The method says how he signed in, for his own list ("local", "oidc", "saml"). The
// session begins with the answer: if his sessions were ended since the ticket was taken, it does
// not begin, and the browser is anonymous.
func (s *Sessions) SignIn(ctx context.Context, ticket Ticket, method string) error {
	if ticket.user == "" {
		return fmt.Errorf("sign in: the ticket names no user")
	}
	for _, key := range s.manager.Keys(ctx) {
		s.manager.Remove(ctx, key)
	}
	if err := s.manager.RenewToken(ctx); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	s.manager.Put(ctx, keyUser, ticket.user)
	s.manager.Put(ctx, keyEpoch, ticket.epoch)
	s.manager.Put(ctx, keyMethod, method)
	return nil
}

// SignOut ends the request's session.
func (s *Sessions) SignOut(ctx context.Context) error {
	if err := s.manager.Destroy(ctx); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// User returns the opaque id of who is signed in by the request's session, "" for nobody.
func (s *Sessions) User(ctx context.Context) string { return s.manager.GetString(ctx, keyUser) }

// Put keeps a short text in the request's session, until it ends or somebody signs in.
func (s *Sessions) Put(ctx context.Context, key, value string) {
	s.manager.Put(ctx, "app."+key, value)
}

// Take returns what Put kept under key, "" for nothing, and removes it.
func (s *Sessions) Take(ctx context.Context, key string) string {
	return s.manager.PopString(ctx, "app."+key)
}
