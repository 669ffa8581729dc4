package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"casesync/eventstore"
	"casesync/projections"
	"casesync/projections/engine"
)

// changes tells clients which of the cases and tickets they may see have changed. One follower per process
// reads the log; once the read models have what a batch says, it asks for each kind of caller which
// of the changed cases he sees, and whose the changed tickets are, and puts what concerns a client into
// the queue of his stream. It starts with the
// first stream and ends when the server closes, or on an error, which ends all streams: clients
// come back, and are told from where they left off.
type changes struct {
	server  *Server
	streams *turnstile
	closing context.Context
	cancel  context.CancelFunc

	mu       sync.Mutex
	running  sync.WaitGroup
	followed bool                // a follower runs
	at       eventstore.Position // what the follower has told all clients of
	clients  map[*client]struct{}
}

// A client is one stream of changes.
type client struct {
	scope projections.Scope
	queue chan news
	gone  chan struct{} // closed when the client is dropped
}

// news is what one batch of the log means to one client.
type news struct {
	changes []change
	to      eventstore.Position // the end of the batch
}

// change says that something changed, last at a position: a case, by its reference, or a ticket, by its id.
type change struct {
	kind changeKind
	id   string
	at   eventstore.Position
}

// changeKind says what changed: it is the type of the server-sent event.
type changeKind string

const (
	caseChanged   changeKind = "case-changed"
	ticketChanged changeKind = "ticket-changed"
)

// changesBatchMax is how many events of the log are taken at a time; a batch's cases are asked for
// in one query.
const changesBatchMax = 500

func newChanges(s *Server) *changes {
	c := &changes{server: s, clients: map[*client]struct{}{}}
	c.closing, c.cancel = context.WithCancel(context.Background())
	c.streams = newTurnstile(s.limits.StreamsPerPrincipalMax, s.limits.StreamsMax)
	return c
}

// close ends all streams and waits for the follower.
func (c *changes) close() {
	c.cancel()
	c.running.Wait()
}

// join adds a client, and returns the position after which it will be told of everything.
func (c *changes) join(ctx context.Context, scope projections.Scope) (*client, eventstore.Position, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing.Err() != nil {
		return nil, eventstore.Position{}, problem(CodeUnavailable, "The service is being stopped. Come back in a moment.").retryAfter(retryUnavailable)
	}
	if !c.followed {
		head, err := headOf(ctx, c.server.config.Log)
		if err != nil {
			return nil, eventstore.Position{}, fmt.Errorf("find the end of the log: %w", err)
		}
		c.at, c.followed = head, true
		c.running.Add(1)
		go c.follow(head)
	}
	joined := &client{scope: scope, queue: make(chan news, c.server.limits.StreamQueueMax), gone: make(chan struct{})}
	c.clients[joined] = struct{}{}
	return joined, c.at, nil
}

func (c *changes) leave(left *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(left)
}

// drop needs the lock.
func (c *changes) drop(dropped *client) {
	if _, there := c.clients[dropped]; there {
		delete(c.clients, dropped)
		close(dropped.gone)
	}
}

func headOf(ctx context.Context, log eventstore.Log) (eventstore.Position, error) {
	if header, ok := log.(eventstore.Header); ok {
		head, err := header.Head(ctx)
		return head.Position, err
	}
	var at eventstore.Position
	for recorded, err := range log.ReadAll(ctx, at) {
		if err != nil {
			return at, err
		}
		at = recorded.Position
	}
	return at, nil
}

// follow runs until the server closes or something fails.
func (c *changes) follow(after eventstore.Position) {
	defer c.running.Done()
	err := c.tellAll(after)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.followed = false
	for client := range c.clients {
		c.drop(client)
	}
	if err != nil && c.closing.Err() == nil {
		c.server.logger.Error("following the log for streams of changes failed; clients will come back", "error", err)
	}
}

func (c *changes) tellAll(after eventstore.Position) error {
	for batch, err := range eventstore.Follow(c.closing, c.server.config.Log, after, changesBatchMax) {
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			continue
		}
		to := batch[len(batch)-1].Position
		cases, tickets := changedIn(batch)
		if err := c.tell(cases, tickets, to); err != nil {
			return err
		}
	}
	return c.closing.Err()
}

// waitFor waits for a read model as long as it takes.
func (c *changes) waitFor(ctx context.Context, projection string, to eventstore.Position) error {
	for {
		waiting, cancel := context.WithTimeout(ctx, time.Minute)
		err := engine.WaitFor(waiting, c.server.config.Store, projection, to)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, engine.ErrBehind) {
			return err
		}
	}
}

// changedIn names the cases and the tickets that events are about, each with its last position, in order.
func changedIn(events []eventstore.Recorded) (cases, tickets []change) {
	last := map[change]eventstore.Position{}
	for _, event := range events {
		if ref := caseIn(event); ref != "" {
			last[change{kind: caseChanged, id: ref}] = event.Position
		} else if id, ok := strings.CutPrefix(string(event.Stream), ticketPrefix); ok {
			last[change{kind: ticketChanged, id: id}] = event.Position
		}
	}
	for what, at := range last {
		what.at = at
		if what.kind == caseChanged {
			cases = append(cases, what)
		} else {
			tickets = append(tickets, what)
		}
	}
	inOrder(cases)
	inOrder(tickets)
	return cases, tickets
}

func inOrder(changed []change) {
	slices.SortFunc(changed, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
}

// The names of the streams of cases and of tickets begin so.
const (
	casePrefix   = "casefile-"
	ticketPrefix = "ticket-"
)

// tell puts what a batch means into every client's queue, once the read models have it. A client whose queue is
// full is dropped.
func (c *changes) tell(cases, tickets []change, to eventstore.Position) error {
	if err := c.waitFor(c.closing, projections.CasesName, to); err != nil {
		return err
	}
	owned, err := c.owned(c.closing, tickets, to)
	if err != nil {
		return err
	}
	visible := map[string][]change{} // by scopeKey
	for {
		// The lock is not held while the read model is asked; who joined meanwhile is asked for
		// in the next round.
		unasked := c.hand(visible, owned, to)
		if len(unasked) == 0 {
			return nil
		}
		for key, scope := range unasked {
			seen, err := c.visible(c.closing, scope, cases)
			if err != nil {
				return err
			}
			visible[key] = seen
		}
	}
}

// hand gives all clients what they see of a batch that ends at to. If it is not known for all of
// them, nobody gets anything, and hand returns the scopes to ask for.
func (c *changes) hand(visible map[string][]change, owned []ticketChange, to eventstore.Position) (unasked map[string]projections.Scope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	unasked = map[string]projections.Scope{}
	for client := range c.clients {
		if key := scopeKey(client.scope); visible[key] == nil {
			unasked[key] = client.scope
		}
	}
	if len(unasked) > 0 {
		return unasked
	}
	c.at = to
	for client := range c.clients {
		select {
		case client.queue <- news{withTickets(visible[scopeKey(client.scope)], owned, client.scope), to}:
		default:
			c.drop(client)
		}
	}
	return nil
}

// scopeKey is the same for scopes that see the same cases.
func scopeKey(scope projections.Scope) string {
	return fmt.Sprint(scope.Every(), scope.SeesSuppressed(), scope.FRNs())
}

// visible returns those of the changed cases that scope sees now. What it does not see is not
// mentioned at all.
func (c *changes) visible(ctx context.Context, scope projections.Scope, changed []change) ([]change, error) {
	seen := []change{}
	for chunk := range slices.Chunk(changed, projections.PageRowsMax) {
		refs := make([]string, len(chunk))
		for i, change := range chunk {
			refs[i] = change.id
		}
		found := map[string]bool{}
		err := engine.Read(ctx, c.server.config.Store, projections.CasesName, func(view engine.View) error {
			rows, err := projections.VisibleChanges(ctx, view, scope, refs)
			for _, row := range rows {
				found[row.Ref] = true
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("ask which changed cases are visible: %w", err)
		}
		for _, change := range chunk {
			if found[change.id] {
				seen = append(seen, change)
			}
		}
	}
	return seen, nil
}

// errTooFar says that a client has missed more than is told again.
var errTooFar = errors.New("too far behind to be told again")

// missed returns what a client missed between two positions, if that is not too much. A position
// that the log never had (after a restore, say) is too far as well.
func (c *changes) missed(ctx context.Context, scope projections.Scope, after, to eventstore.Position) ([]change, error) {
	if after.Compare(to) > 0 {
		return nil, errTooFar
	}
	var events []eventstore.Recorded
	for event, err := range c.server.config.Log.ReadAll(ctx, after) {
		if err != nil {
			return nil, fmt.Errorf("read what a client missed: %w", err)
		}
		if event.Position.Compare(to) > 0 {
			break
		}
		if len(events) == c.server.limits.ReplayEventsMax {
			return nil, errTooFar
		}
		events = append(events, lean(event))
	}
	if err := c.waitFor(ctx, projections.CasesName, to); err != nil {
		return nil, err
	}
	cases, tickets := changedIn(events)
	owned, err := c.owned(ctx, tickets, to)
	if err != nil {
		return nil, err
	}
	seen, err := c.visible(ctx, scope, cases)
	return withTickets(seen, owned, scope), err
}
