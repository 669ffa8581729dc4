// Package uploads takes files by the resumable upload protocol tus 1.0, keeps them sealed from the first byte, and
// sees each through to the scanner's answer. It promises (requirements 5, 6, 40, 48 and 54):
//
//   - What a client was told was received is durable, whatever is killed or cut: it goes on at that offset, and the
//     file arrives byte for byte. A connection that breaks loses nothing that came over it; a process that is killed, at
//     most one segment of 8 MiB that it had not answered for.
//   - Nothing of a file is ever in clear outside of memory, its name included.
//   - Requests for one upload at once, to however many processes, write it as if one had come after the other: the last
//     that came goes on, and the others end with an error.
//   - A file that is all there is looked at, and scanned, whatever crashes meanwhile; again and again until an answer is
//     there. Without a clear answer it goes nowhere; what waits, since when and why, is to be seen in Status.
//   - What the client may do is asked before each request, and during one again before each segment: a case that is
//     suppressed ends an upload that is running.
//
// What is decided about an upload is decided elsewhere, by Steps. This package knows bytes.
//
// # The protocol
//
// tus 1.0.0 with the extensions creation, creation-with-upload, expiration, checksum (sha1, sha256) and termination.
// The metadata of a creation holds case, the reference of the case, and filename. A length is needed at once, as limits
// are told before a byte comes. A PATCH with a checksum counts whole, or not at all. Method overriding is off: it would pass
// by an authoriser that goes by the method.
//
// # Stages
//
//	receiving → whole → scan → kept
//	    └──────────┴──────┴─────┴──→ gone
//
// receiving: bytes come. whole: they are all there; a worker writes the manifest, finds out the type, and tells
// Steps.Complete. scan: a worker asks the scanner, with back-off while that is unreachable, and tells Steps.NoteScan.
// kept: there is nothing more to do here; the row is forgotten after a while, the document stays. gone: it is being
// deleted. Rescan leads from kept back to scan. A worker takes a row for Lease, and renews that; where it dies, another takes it
// after that, and does the step again: each step of Steps may be told more than once, and must come to the same.
//
// # Where a crash leaves it
//
//	before a segment is noted              its blob is never read; it goes with the upload. The client sends it again
//	after, before the answer               the client asks for the offset, and goes on there
//	after the last segment                 stage whole: the client may never know, the file goes its way
//	after the manifest, before Complete    the same manifest is written again, and the rest is done
//	after Complete or NoteScan             they are told again
//	in the middle of a removal             stage gone: Sweep goes on
//	after the row, before Begin            a row of an upload that nobody began: it is swept away after IdleAfter
package uploads

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"casesync/adapters/documents"
	"casesync/adapters/documents/clamd"
	"casesync/adapters/documents/inspect"
	"casesync/eventstore/sqldb"
)

// Scanner says whether a file is harmful; it is a *clamd.Scanner.
type Scanner interface {
	// Scan has size bytes scanned; its errors are those of clamd.Scanner.Scan.
	Scan(ctx context.Context, r io.Reader, size int64) (clamd.Result, error)
	// Version returns what the scanner calls itself, and an error where it is not there.
	Version(ctx context.Context) (string, error)
}

// Steps decide about uploads. All are required. Those that get the context of a request find its principal there.
type Steps struct {
	// Allow says whether who asks may send to the case now, as far as id is theirs; a refusal ends the request.
	Allow func(ctx context.Context, id, ref string) error
	// Begin takes a place for a file that is about to come, or refuses it.
	Begin func(ctx context.Context, begun Begun) error
	// Cancel gives an upload up because who asks wants to, or refuses that. Its bytes are deleted after it.
	Cancel func(ctx context.Context, id, ref string) error
	// Complete takes what was received, and says whether it is to be scanned: not, where it is a duplicate, or refused.
	Complete func(ctx context.Context, id, ref string, content Content) (scan bool, err error)
	// BeginScan says that the scanner is about to be asked, and returns which attempt it is; wanted is false where
	// nobody waits for an answer any more.
	BeginScan func(ctx context.Context, id string) (attempt int, wanted bool, err error)
	// NoteScan takes what came of an attempt.
	NoteScan func(ctx context.Context, id string, attempt int, finding Finding) error
	// Abandon says that nothing came since lastByte, for longer than Config.IdleAfter, and returns whether the upload
	// is over, or was never begun. Its bytes are deleted then.
	Abandon func(ctx context.Context, id, ref string, lastByte time.Time) (over bool, err error)
}

// Begun is what is known of a file before its first byte.
type Begun struct {
	ID    string // a UUID
	Case  string
	Name  string // as the client has it
	Bytes int64
}

// Content is what was received.
type Content struct {
	SHA256    string // 64 lower-case hexadecimal digits
	MediaType string // found out from the bytes
	Bytes     int64
}

// Finding is what came of a scan: Clean; or Harmful, with what the scanner calls it; or neither, with a Code.
type Finding struct {
	Clean   bool
	Harmful string
	Code    string
	Scanner string // with its signatures, as it calls itself
}

// The codes of a Finding that is neither clean nor harmful.
const (
	CodeUnreachable = "scanner-unreachable"
	CodeUnclear     = "scanner-unclear"
	CodeBeyond      = "beyond-scanner"
	CodeArchive     = "archive-beyond-limits"
)

// Config says how uploads are taken. All fields are required but those that name a default.
type Config struct {
	Store   *documents.Store
	DB      *sqldb.DB // the state database, of which the caller keeps the ownership
	Scanner Scanner
	Steps   Steps
	// BasePath is the path that Handler is reached under: "/api/v1/uploads".
	BasePath string
	// FileBytesMax is the size in bytes above which a file is refused before Steps are asked. Clients are told.
	FileBytesMax int64
	// Archives bounds what an archive may hold to be scanned at all. Default: inspect's.
	Archives inspect.Limits
	// IdleAfter is how long an upload may stand still before it is abandoned. Default 24 hours.
	IdleAfter time.Duration
	// KeptFor is how long a finished upload answers a client that asks whether it is. Default 7 days.
	KeptFor time.Duration
	// UnreachableAfter is how long the scanner may be unreachable before the file is quarantined. Default 24 hours.
	UnreachableAfter time.Duration
	// Workers is how many files are looked at, at once. Default 2.
	Workers int
	// Lease is how long a step stays with a worker that was not heard of: one that is at work renews it, and after a crash
	// another takes the step. StepTimeout bounds a step, above the scanner's own time limit. Defaults 30 seconds, 15 minutes.
	Lease, StepTimeout time.Duration
	// Poll is how often workers look for what other processes left, and SweepEvery how often Run sweeps. Defaults 2 seconds, 10 minutes.
	Poll, SweepEvery time.Duration
	// NetworkTimeout is how long a client may send nothing in a request. Grace is how long a request that broke off may
	// take to keep what it received. Defaults 1 minute, 10 seconds.
	NetworkTimeout, Grace time.Duration
	// Fault answers a request with an error: a *Refusal, or one of Steps. Default: problem details of a Refusal, and 500.
	Fault func(w http.ResponseWriter, r *http.Request, err error)
	// Now tells the time. Default time.Now.
	Now func() time.Time
	// Logger gets what went wrong. Default: nobody does.
	Logger *slog.Logger
}

func (c *Config) setDefaults() {
	for _, field := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&c.IdleAfter, 24 * time.Hour}, {&c.KeptFor, 7 * 24 * time.Hour}, {&c.UnreachableAfter, 24 * time.Hour},
		{&c.Lease, 30 * time.Second}, {&c.StepTimeout, 15 * time.Minute}, {&c.Poll, 2 * time.Second}, {&c.SweepEvery, 10 * time.Minute},
		{&c.NetworkTimeout, time.Minute}, {&c.Grace, 10 * time.Second},
	} {
		*field.value = cmp.Or(*field.value, field.standard)
	}
	c.Workers = cmp.Or(c.Workers, 2)
	c.BasePath = strings.TrimSuffix(c.BasePath, "/")
	if c.Fault == nil {
		c.Fault = writeProblem
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// Uploads takes files. It is safe for concurrent use, and several processes may share store and database.
type Uploads struct {
	config  Config
	store   *documents.Store
	staging staging
	handler http.Handler
	wake    chan struct{}
}

//go:embed migrations/*.sql
var migrations embed.FS

const migrationsTable = "uploads_migrations"

// New returns uploads, whose tables it brings up to date. Nothing is looked at or scanned before Run.
func New(ctx context.Context, config Config) (*Uploads, error) {
	config.setDefaults()
	switch steps := config.Steps; {
	case config.Store == nil || config.DB == nil || config.Scanner == nil:
		return nil, errors.New("uploads: Store, DB and Scanner are required")
	case steps.Allow == nil || steps.Begin == nil || steps.Cancel == nil || steps.Complete == nil || steps.BeginScan == nil ||
		steps.NoteScan == nil || steps.Abandon == nil:
		return nil, errors.New("uploads: all of Steps are required")
	case config.FileBytesMax < 1 || config.BasePath == "":
		return nil, errors.New("uploads: FileBytesMax and BasePath are required")
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open uploads: %w", err)
	}
	if err := sqldb.Migrate(ctx, config.DB, files, migrationsTable); err != nil {
		return nil, fmt.Errorf("open uploads: %w", err)
	}
	u := &Uploads{config: config, store: config.Store, staging: staging{db: config.DB}, wake: make(chan struct{}, 1)}
	if u.handler, err = newHandler(u); err != nil {
		return nil, fmt.Errorf("open uploads: %w", err)
	}
	return u, nil
}

// ServeHTTP speaks tus under Config.BasePath. Who asks must be known before, and be found in the request's context by Steps.
func (u *Uploads) ServeHTTP(w http.ResponseWriter, r *http.Request) { u.handler.ServeHTTP(w, r) }
