// Package lru is a bounded map that forgets what was used least recently. It promises never to
// hold more than its bound, and may be used by several goroutines at once.
package lru

import (
	"container/list"
	"sync"
)

// Cache is a bounded map from K to V.
type Cache[K comparable, V any] struct {
	mu      sync.Mutex
	max     int
	entries map[K]*list.Element
	recent  *list.List // of pair[K, V], the most recently used in front
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

// New returns a cache of at most entriesMax entries; with 0 or less it holds none.
func New[K comparable, V any](entriesMax int) *Cache[K, V] {
	return &Cache[K, V]{max: entriesMax, entries: map[K]*list.Element{}, recent: list.New()}
}

// Get returns the value of key, and whether there is one.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.entries[key]
	if element == nil {
		return value, false
	}
	c.recent.MoveToFront(element)
	return element.Value.(pair[K, V]).value, true
}

// Put sets the value of key, and forgets the entry used least recently if there are too many.
func (c *Cache[K, V]) Put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element := c.entries[key]; element != nil {
		element.Value = pair[K, V]{key, value}
		c.recent.MoveToFront(element)
		return
	}
	c.entries[key] = c.recent.PushFront(pair[K, V]{key, value})
	for len(c.entries) > max(c.max, 0) {
		oldest := c.recent.Back()
		delete(c.entries, c.recent.Remove(oldest).(pair[K, V]).key)
	}
}

// Delete forgets key.
func (c *Cache[K, V]) Delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element := c.entries[key]; element != nil {
		c.recent.Remove(element)
		delete(c.entries, key)
	}
}

// Len returns the number of entries.
func (c *Cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}
