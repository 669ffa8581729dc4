package identity

import (
	"sync"
	"time"
)

// cache keeps rows for at most cacheAgeMax, so that a busy client does not cost a query each time.
type cache struct {
	mu      sync.Mutex
	rows    map[string]cached
	forgets int // counts forget, so that a row read before a revocation is not kept after it
}

type cached struct {
	token    Token
	loadedAt time.Time
}

func (c *cache) get(id string, now time.Time) (Token, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row, ok := c.rows[id]
	if age := now.Sub(row.loadedAt); !ok || age < 0 || age >= cacheAgeMax {
		return Token{}, false
	}
	return row.token, true
}

func (c *cache) put(token Token, now time.Time, generation int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forgets != generation {
		return
	}
	if len(c.rows) >= cacheEntriesMax {
		clear(c.rows)
	}
	c.rows[token.ID] = cached{token: token, loadedAt: now}
}

func (c *cache) generation() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.forgets
}

func (c *cache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgets++
	delete(c.rows, id)
}
