package engine

import "sync"

// Broadcast tells all who wait that something changed. Its zero value is ready. A Store that
// embeds one wakes, in its own process, whoever waits for a read model; those in other processes
// poll.
type Broadcast struct {
	mu      sync.Mutex
	changed chan struct{}
}

// Changed returns a channel that is closed at the next change.
func (b *Broadcast) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// Announce says that something changed.
func (b *Broadcast) Announce() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// changed returns store's channel of changes, or nil where it has none: a nil channel never wakes.
func changed(store Store) <-chan struct{} {
	if s, ok := store.(interface{ Changed() <-chan struct{} }); ok {
		return s.Changed()
	}
	return nil
}

func announce(store Store) {
	if s, ok := store.(interface{ Announce() }); ok {
		s.Announce()
	}
}
