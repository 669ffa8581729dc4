package kurrentlog

import (
	"context"
	"sync"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"casesync/eventstore"
)

// notifier follows the end of the log by a subscription, once somebody waits, and wakes the watch.
// It only makes waiting shorter: what it loses is found by polling, so its errors are nobody's.
type notifier struct {
	log     *Log
	ctx     context.Context
	cancel  context.CancelFunc
	listen  func()
	running sync.WaitGroup
}

func newNotifier(log *Log) *notifier {
	n := &notifier{log: log}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.listen = sync.OnceFunc(func() {
		if n.ctx.Err() == nil {
			n.running.Go(n.follow)
		}
	})
	return n
}

func (n *notifier) stop() {
	n.cancel()
	n.listen() // from here on it starts nothing
	n.running.Wait()
}

// Wait implements eventstore.Notifier.
func (l *Log) Wait(ctx context.Context, after eventstore.Position) error {
	l.notifier.listen()
	return l.watch.Wait(ctx, after, l.config.PollInterval, l.Head)
}

// follow subscribes for as long as the log is open. A subscription that is lost does not come back
// by itself.
func (n *notifier) follow() {
	for n.ctx.Err() == nil {
		_, _ = call(n.ctx, n.log.client, n.followUntilLost)
		_ = sleep(n.ctx, pauseShortest) // the loss itself makes nobody pause
	}
}

func (n *notifier) followUntilLost(ctx context.Context, client *esdb.Client) (struct{}, error) {
	subscription, err := client.SubscribeToAll(ctx, esdb.SubscribeToAllOptions{From: esdb.End{}, Filter: esdb.ExcludeSystemEventsFilter()})
	if err != nil {
		return struct{}{}, err
	}
	defer func() { _ = subscription.Close() }() // always nil
	n.log.watch.Look()                          // for what was appended while nobody listened
	for {
		event := subscription.Recv()
		if event.SubscriptionDropped != nil {
			return struct{}{}, nil
		}
		if event.EventAppeared == nil {
			continue
		}
		recorded := event.EventAppeared.OriginalEvent()
		if _, ok := n.log.ofLog(recorded.StreamID); ok {
			n.log.watch.Moved(eventstore.Position{Major: recorded.Position.Commit, Minor: recorded.Position.Prepare})
		}
	}
}
