package keyring

import (
	"strconv"
	"sync"

	"casesync/eventstore"
	"casesync/eventstore/lru"
)

// cache keeps unwrapped keys in memory. Nil is the secret of a key known to be destroyed, which
// it stays.
//
// A key may be destroyed between being read and being put here. So whoever reads takes the epoch
// first, and what was read in an earlier epoch than the present one is not kept.
type cache struct {
	mu      sync.Mutex
	epoch   uint64
	secrets *lru.Cache[string, []byte] // by id
}

func newCache(keysMax int) *cache { return &cache{secrets: lru.New[string, []byte](keysMax)} }

// get returns the secret of a key, and false if nothing is known of it.
func (c *cache) get(id string) (secret []byte, known bool) { return c.secrets.Get(id) }

// live returns the live key of subject, and false if that is not known. A generation is only made
// when the one before was destroyed, so the first that is not is the live one.
func (c *cache) live(subject string) (eventstore.Key, bool) {
	for generation := int64(1); ; generation++ {
		id := keyID(subject, generation)
		secret, known := c.secrets.Get(id)
		if !known || secret != nil {
			return eventstore.Key{ID: id, Secret: secret}, known
		}
	}
}

// now returns the epoch.
func (c *cache) now() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// put keeps keys that were read in the given epoch.
func (c *cache) put(epoch uint64, keys map[string]dataKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	for id, key := range keys {
		c.secrets.Put(id, key.secret)
	}
}

// forget drops keys that were, or may have been, destroyed, and begins a new epoch.
func (c *cache) forget(ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	for _, id := range ids {
		c.secrets.Delete(id)
	}
}

// keyID returns the id of a generation of a subject's key.
func keyID(subject string, generation int64) string {
	if generation == 1 {
		return subject
	}
	return subject + "#" + strconv.FormatInt(generation, 10)
}
