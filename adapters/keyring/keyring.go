// Package keyring keeps the data keys that private values are sealed under, in SQLite or
// PostgreSQL, outside the log. It promises that a key is durable before anybody seals under it,
// that all processes get the same key for a subject, and that a destroyed key is gone for good.
//
// There are three levels. A data key belongs to one subject: a case, a party, a person. It is
// wrapped (AES-256-GCM, bound to its id) under the current ring key, and that under the
// key-encryption key, which is outside the database ([KEK]). Only wrapped keys are stored.
//
// Destroying a data key overwrites it, at once; but copies of the wrapped key live on in the
// database's write-ahead log and in backups. So erasing is finished by [Ring.Rotate], which wraps
// the surviving keys under a new ring key and destroys the old one, and by deleting backups of the
// ring that are older than that.
//
// The states of a data key: missing → live → destroyed; then the subject's next generation, whose
// id has "#2", "#3" … after the subject, is missing → live → destroyed. Of a ring key: current →
// superseded → destroyed.
//
// Whoever destroys keys because an event orders it may come again, much later, when the subject has another
// generation that is in use: [Ring.DestroyTreeOnce] carries each order out once.
//
// A process keeps unwrapped keys in memory. One that was destroyed by another process is
// forgotten within [Config].DestructionsCheckEvery; where the database cannot be asked in time,
// keys are not given out at all.
package keyring

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"casesync/eventstore"
	"casesync/eventstore/groupcommit"
	"casesync/eventstore/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationTable is where goose keeps its account of this component.
const migrationTable = "goose_keyring"

// Config is the manual of the ring. The zero Config is a good one.
type Config struct {
	// MustExist makes Open fail where the database holds no ring, instead of making one: to be set
	// where the log already holds events, which a new ring could not open.
	MustExist bool
	// KeysCachedMax is the most unwrapped keys in memory, about 300 bytes each; 100,000 by default.
	KeysCachedMax int
	// DestructionsCheckEvery is how long a key that another process destroyed may still be used by
	// this one; 2 s by default.
	DestructionsCheckEvery time.Duration
	// RewrapKeysMax is the most keys that Rotate wraps in one transaction; 1,000 by default. New
	// keys wait that long.
	RewrapKeysMax int
	// Now is the clock of the times kept with keys; time.Now by default.
	Now func() time.Time
}

func (c Config) orDefault() Config {
	c.KeysCachedMax = cmp.Or(c.KeysCachedMax, 100_000)
	c.DestructionsCheckEvery = cmp.Or(c.DestructionsCheckEvery, 2*time.Second)
	c.RewrapKeysMax = cmp.Or(c.RewrapKeysMax, 1000)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Ring is an open key ring. It may be used by several goroutines at once.
type Ring struct {
	db     *sqldb.DB
	kek    KEK
	config Config
	cache  *cache
	writer *groupcommit.Writer[[]string, []eventstore.Key]

	loading  sync.Mutex
	ringKeys atomic.Pointer[ringKeys]

	checking     sync.Mutex
	checked      atomic.Pointer[time.Time] // when destructions were last asked for
	destructions int64                     // how many are known of; guarded by checking
}

var _ eventstore.Keys = (*Ring)(nil)

// Limits of one transaction that makes keys.
const (
	batchRequestsMax = 1000
	batchBytesMax    = 1 << 20     // of subjects
	commitTimeout    = time.Minute // so that a database that hangs does not do so for ever
)

// Open opens the key ring in db, and makes it where there is none. It fails where kek does not
// fit the ring. The database stays the caller's to close, after the ring.
func Open(ctx context.Context, db *sqldb.DB, kek KEK, config Config) (*Ring, error) {
	r := &Ring{db: db, kek: kek, config: config.orDefault()}
	r.cache = newCache(r.config.KeysCachedMax)
	if err := r.prepare(ctx); err != nil {
		return nil, fmt.Errorf("open key ring: %w", err)
	}
	r.writer = groupcommit.New(groupcommit.Config[[]string, []eventstore.Key]{
		Commit:           r.commit,
		Size:             sizeOf,
		BatchRequestsMax: batchRequestsMax,
		BatchBytesMax:    batchBytesMax,
	})
	return r, nil
}

func (r *Ring) prepare(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := sqldb.Migrate(ctx, r.db, files, migrationTable); err != nil {
		return err
	}
	if err := r.makeIfMissing(ctx); err != nil {
		return err
	}
	return r.check(ctx)
}

// Close finishes the writes that wait. Afterwards no keys are made.
func (r *Ring) Close() { r.writer.Close() }

// Ensure implements eventstore.Keys. Calls that come while one is being written share the next
// transaction. The secrets are shared: they must not be changed.
func (r *Ring) Ensure(ctx context.Context, subjects ...string) ([]eventstore.Key, error) {
	if err := r.check(ctx); err != nil {
		return nil, fmt.Errorf("key ring: %w", err)
	}
	keys := make([]eventstore.Key, len(subjects))
	var missing []string
	var places []int
	for i, subject := range subjects {
		if err := eventstore.CheckSubject(subject); err != nil {
			return nil, err
		}
		var known bool
		if keys[i], known = r.cache.live(subject); !known {
			missing, places = append(missing, subject), append(places, i)
		}
	}
	if len(missing) == 0 {
		return keys, nil
	}
	made, err := r.writer.Submit(ctx, missing)
	if err != nil {
		return nil, fmt.Errorf("key ring: %w", err)
	}
	for i, key := range made {
		keys[places[i]] = key
	}
	return keys, nil
}

// Lookup implements eventstore.Keys.
func (r *Ring) Lookup(ctx context.Context, ids ...string) ([]eventstore.Key, error) {
	if err := r.check(ctx); err != nil {
		return nil, fmt.Errorf("look up data keys: %w", err)
	}
	keys := make([]eventstore.Key, len(ids))
	var missing []string
	for i, id := range ids {
		secret, known := r.cache.get(id)
		if keys[i] = (eventstore.Key{ID: id, Secret: secret}); !known {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return keys, nil
	}
	found, err := r.load(ctx, "id", missing)
	if err != nil {
		return nil, fmt.Errorf("look up data keys: %w", err)
	}
	for i := range keys {
		if key, ok := found[keys[i].ID]; ok {
			keys[i].Secret = key.secret
		}
	}
	return keys, nil
}

func sizeOf(subjects []string) int {
	bytes := 0
	for _, subject := range subjects {
		bytes += len(subject)
	}
	return bytes
}
