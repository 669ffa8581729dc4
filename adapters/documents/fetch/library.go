package fetch

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"casesync/adapters/documents"
	"casesync/adapters/documents/inspect"
	"casesync/eventstore/sqldb"
)

// LibraryConfig is what a Library needs. All fields are required but those that name a default.
type LibraryConfig struct {
	Fetcher *Fetcher
	Store   *documents.Store
	DB      *sqldb.DB // the state database, of which the caller keeps the ownership
	// KeepFor is how long a document is kept after somebody last opened it. Default 30 days.
	KeepFor time.Duration
	// FetchesMax is how many documents are fetched at once by this process. Default 4.
	FetchesMax int
	// Now tells the time. Default time.Now.
	Now func() time.Time
}

// Library gives published documents, from the store where they were fetched before. It is safe for concurrent use, and
// several processes may share store and database: at worst each fetches a document once.
//
// A row is written before a fetch begins, and finished after the document is in the store. A crash between leaves a
// row that was never finished, which Sweep removes with whatever is in the store under its id.
type Library struct {
	config LibraryConfig
	flight singleflight.Group
	slots  chan struct{}
}

//go:embed migrations/*.sql
var migrations embed.FS

const migrationsTable = "fetch_migrations"

// NewLibrary returns a library, whose tables it brings up to date.
func NewLibrary(ctx context.Context, config LibraryConfig) (*Library, error) {
	if config.Fetcher == nil || config.Store == nil || config.DB == nil {
		return nil, errors.New("library: Fetcher, Store and DB are required")
	}
	setDefault(&config.KeepFor, 30*24*time.Hour)
	if config.FetchesMax == 0 {
		config.FetchesMax = 4
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open library: %w", err)
	}
	if err := sqldb.Migrate(ctx, config.DB, files, migrationsTable); err != nil {
		return nil, fmt.Errorf("open library: %w", err)
	}
	return &Library{config: config, slots: make(chan struct{}, config.FetchesMax)}, nil
}

// Open opens the document of a case, by the id under which it was published, and fetches it where that was not done
// yet; close it after use. Its errors are those of this package and of package documents: documents.ErrErased, for
// example, where the case was.
func (l *Library) Open(ctx context.Context, ref, document string, wanted Wanted) (*documents.Document, error) {
	wanted.SHA256 = strings.ToLower(wanted.SHA256)
	opened, err := l.find(ctx, ref, document, wanted)
	if err != nil || opened != nil {
		return opened, err
	}
	// Who waits may go; the fetch goes on, for the others and the next.
	result := l.flight.DoChan(strings.Join([]string{ref, document, wanted.SHA256}, "\x00"), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.config.Fetcher.config.Timeout)
		defer cancel()
		return nil, l.fetch(ctx, ref, document, wanted)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case done := <-result:
		if done.Err != nil {
			return nil, done.Err
		}
	}
	opened, err = l.find(ctx, ref, document, wanted)
	if err == nil && opened == nil {
		err = fmt.Errorf("open document: %w", documents.ErrNotFound) // forgotten meanwhile
	}
	return opened, err
}

// find opens a document that is in the store, nil where it is not.
func (l *Library) find(ctx context.Context, ref, document string, wanted Wanted) (*documents.Document, error) {
	ids, err := l.ids(ctx, `case_ref = $1 AND document = $2 AND sha256 = $3 AND fetched_at > 0 ORDER BY fetched_at DESC`, ref, document, wanted.SHA256)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		opened, err := l.config.Store.Document(ctx, id)
		switch {
		case errors.Is(err, documents.ErrNotFound), errors.Is(err, documents.ErrAltered):
			// The store was damaged, or restored: the source still has it.
			if err := l.remove(ctx, id); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, err
		default:
			return opened, l.use(ctx, id)
		}
	}
	return nil, nil
}

// fetch brings a document into the store.
func (l *Library) fetch(ctx context.Context, ref, document string, wanted Wanted) error {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
		return fmt.Errorf("%w: too many fetches at once", ErrUnavailable)
	}
	body, err := l.config.Fetcher.Fetch(ctx, wanted)
	if err != nil {
		return err
	}
	defer body.Close()
	id, now := uuid.NewString(), l.config.Now().UnixMicro()
	if err := l.exec(ctx, `INSERT INTO fetched_documents (id, case_ref, document, sha256, begun_at, fetched_at, used_at) VALUES ($1, $2, $3, $4, $5, 0, $5)`,
		id, ref, document, wanted.SHA256, now); err != nil {
		return err
	}
	_, err = l.config.Store.Put(ctx, "casefile-"+ref, id, body, wanted.Bytes)
	if err == nil {
		err = l.checkType(ctx, id, wanted)
	}
	if err == nil {
		err = l.exec(ctx, `UPDATE fetched_documents SET fetched_at = $1 WHERE id = $2`, l.config.Now().UnixMicro(), id)
	}
	if err != nil {
		return errors.Join(err, l.remove(context.WithoutCancel(ctx), id))
	}
	return nil
}

// checkType compares what a document is with what was said. Kinds of text are not told apart with certainty.
func (l *Library) checkType(ctx context.Context, id string, wanted Wanted) error {
	document, err := l.config.Store.Document(ctx, id)
	if err != nil {
		return err
	}
	defer document.Close() //nolint:errcheck // it was read
	found, err := inspect.MediaType(document, document.Bytes)
	if err != nil {
		return err
	}
	said, _, _ := strings.Cut(strings.ToLower(wanted.MediaType), ";")
	said = strings.TrimSpace(said)
	if found != said && (!strings.HasPrefix(found, "text/") || !strings.HasPrefix(said, "text/") || found == "text/html") {
		return fmt.Errorf("%w: it is %s", ErrType, found)
	}
	return nil
}

// Forget removes what was fetched for a case, after it was erased. It may be done again.
func (l *Library) Forget(ctx context.Context, ref string) error {
	return l.removeAll(ctx, `case_ref = $1`, ref)
}

// Sweep removes what nobody has opened for LibraryConfig.KeepFor, and what a crash left.
func (l *Library) Sweep(ctx context.Context) error {
	now := l.config.Now()
	if err := l.removeAll(ctx, `used_at < $1`, now.Add(-l.config.KeepFor).UnixMicro()); err != nil {
		return err
	}
	return l.removeAll(ctx, `fetched_at = 0 AND begun_at < $1`, now.Add(-2*l.config.Fetcher.config.Timeout).UnixMicro())
}

func (l *Library) removeAll(ctx context.Context, where string, args ...any) error {
	ids, err := l.ids(ctx, where, args...)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := l.remove(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a document; the row goes last, so that a crash leaves what says that there is more to do.
func (l *Library) remove(ctx context.Context, id string) error {
	if err := l.config.Store.Delete(ctx, id); err != nil {
		return err
	}
	return l.exec(ctx, `DELETE FROM fetched_documents WHERE id = $1`, id)
}

// use notes that a document is in use, once an hour at most.
func (l *Library) use(ctx context.Context, id string) error {
	now := l.config.Now()
	return l.exec(ctx, `UPDATE fetched_documents SET used_at = $1 WHERE id = $2 AND used_at < $3`, now.UnixMicro(), id, now.Add(-time.Hour).UnixMicro())
}

func (l *Library) ids(ctx context.Context, where string, args ...any) ([]string, error) {
	rows, err := l.config.DB.QueryContext(ctx, `SELECT id FROM fetched_documents WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("look up documents: %w", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("look up documents: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func (l *Library) exec(ctx context.Context, query string, args ...any) error {
	if _, err := l.config.DB.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("note fetched document: %w", err)
	}
	return nil
}
