package keyring

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"casesync/eventstore"
	"casesync/eventstore/groupcommit"
)

const (
	dataKeyBytes = 32
	// attemptsMax bounds how often something is tried anew because ring keys were rotated meanwhile.
	// Rotations come once a day; even one after the other they must keep nobody from a key.
	attemptsMax = 100
)

// dataKey is a row of data keys.
type dataKey struct {
	id, subject string
	generation  int64
	wrapped     []byte
	ringVersion int64  // 0 once destroyed
	secret      []byte // nil until unwrapped, and once destroyed
}

func (k dataKey) destroyed() bool { return k.ringVersion == 0 }

// commit answers a batch of Ensure calls together.
func (r *Ring) commit(batch [][]string) []groupcommit.Result[[]eventstore.Key] {
	// The callers' contexts must not end the transaction that others share.
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	all := slices.Concat(batch...)
	slices.Sort(all)
	live, err := r.ensure(ctx, slices.Compact(all))
	results := make([]groupcommit.Result[[]eventstore.Key], len(batch))
	for i, subjects := range batch {
		if results[i].Err = err; err != nil {
			continue
		}
		for _, subject := range subjects {
			key := live[subject]
			results[i].Answer = append(results[i].Answer, eventstore.Key{ID: key.id, Secret: key.secret})
		}
	}
	return results
}

// ensure returns the live keys of subjects, by subject.
func (r *Ring) ensure(ctx context.Context, subjects []string) (map[string]dataKey, error) {
	// After a restart most are there: then no transaction is needed.
	epoch := r.cache.now()
	keys, err := r.load(ctx, "subject", subjects)
	if err != nil {
		return nil, err
	}
	live := liveOf(keys)
	missing := slices.DeleteFunc(slices.Clone(subjects), func(subject string) bool { return live[subject].id != "" })
	if len(missing) == 0 {
		return live, nil
	}
	for range attemptsMax {
		made, err := r.create(ctx, missing)
		if err == nil {
			// The keys are durable. A crash from here leaves keys that nothing is sealed under yet.
			err = r.unwrap(made)
		}
		var unknown unknownVersionError
		if errors.Is(err, errRotated) || errors.As(err, &unknown) {
			if err := r.loadRingKeys(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("make data keys: %w", err)
		}
		r.cache.put(epoch, made)
		maps.Copy(live, liveOf(made))
		return live, nil
	}
	return nil, fmt.Errorf("make data keys: %w; try again later", errRotated)
}

// errRotated: another process has made a new ring key current.
var errRotated = errors.New("ring key is being rotated")

// create makes a key for each of subjects that has no live one, and returns all their keys.
func (r *Ring) create(ctx context.Context, subjects []string) (keys map[string]dataKey, err error) {
	ring := r.ringKeys.Load()
	err = r.inTransaction(ctx, func(tx *sql.Tx) error {
		version, err := lock(ctx, tx)
		if err != nil {
			return err
		}
		if version != ring.current {
			return errRotated // what were wrapped under the old one might be lost with it
		}
		if keys, err = queryKeys(ctx, tx, "subject", subjects); err != nil {
			return err
		}
		generations, live := generationsOf(keys), liveOf(keys)
		var fresh []dataKey
		for _, subject := range subjects {
			if live[subject].id != "" {
				continue // another process made it after we looked
			}
			key := ring.newKey(subject, generations[subject]+1)
			fresh = append(fresh, key)
			keys[key.id] = key
		}
		return insertKeys(ctx, tx, fresh, r.config.Now().UnixMicro())
	})
	return keys, err
}

// load reads the keys whose column (id or subject) is one of values, by id, unwrapped.
func (r *Ring) load(ctx context.Context, column string, values []string) (map[string]dataKey, error) {
	var missing error
	for range attemptsMax {
		epoch := r.cache.now()
		keys, err := queryKeys(ctx, r.db, column, values)
		if err != nil {
			return nil, fmt.Errorf("read data keys: %w", err)
		}
		if err = r.unwrap(keys); err == nil {
			r.cache.put(epoch, keys)
			return keys, nil
		}
		var unknown unknownVersionError
		if missing = err; !errors.As(err, &unknown) {
			return nil, err
		}
		// Rotated by another process: read its ring key, and the rows again, as the rotation may
		// have got to them only now.
		if err := r.loadRingKeys(ctx); err != nil {
			return nil, err
		}
	}
	return nil, missing
}

type unknownVersionError struct {
	id      string
	version int64
}

func (e unknownVersionError) Error() string {
	return fmt.Sprintf("data key %s is wrapped under version %d of the ring key, which is not there: restore the key ring from backup", e.id, e.version)
}

// unwrap sets the secrets of keys that are not destroyed.
func (r *Ring) unwrap(keys map[string]dataKey) error {
	ring := r.ringKeys.Load()
	for id, key := range keys {
		if key.destroyed() || key.secret != nil {
			continue
		}
		secret, err := ring.unwrap(key)
		if err != nil {
			return err
		}
		key.secret = secret
		keys[id] = key
	}
	return nil
}

// newKey returns a new data key, wrapped under the current ring key.
func (k *ringKeys) newKey(subject string, generation int64) dataKey {
	key := dataKey{
		id:          keyID(subject, generation),
		subject:     subject,
		generation:  generation,
		ringVersion: k.current,
		secret:      make([]byte, dataKeyBytes),
	}
	rand.Read(key.secret)
	key.wrapped = k.byVersion[k.current].Seal(nil, nil, key.secret, []byte(key.id))
	return key
}

func (k *ringKeys) unwrap(key dataKey) ([]byte, error) {
	aead := k.byVersion[key.ringVersion]
	if aead == nil {
		return nil, unknownVersionError{key.id, key.ringVersion}
	}
	secret, err := aead.Open(nil, nil, key.wrapped, []byte(key.id))
	if err != nil {
		return nil, fmt.Errorf("data key %s was altered: restore the key ring from backup", key.id)
	}
	return secret, nil
}

// liveOf returns the keys that are not destroyed, by subject; there is one of each at most.
func liveOf(keys map[string]dataKey) map[string]dataKey {
	live := make(map[string]dataKey, len(keys))
	for _, key := range keys {
		if !key.destroyed() {
			live[key.subject] = key
		}
	}
	return live
}

// generationsOf returns the latest generation of each subject.
func generationsOf(keys map[string]dataKey) map[string]int64 {
	generations := map[string]int64{}
	for _, key := range keys {
		generations[key.subject] = max(generations[key.subject], key.generation)
	}
	return generations
}

// treeOf returns the part of a subject up to its first "/".
func treeOf(subject string) string {
	tree, _, _ := strings.Cut(subject, "/")
	return tree
}
