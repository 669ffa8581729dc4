package pglog

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"casesync/eventstore"
	"casesync/eventstore/headwatch"
)

// channel is where processes tell each other, by NOTIFY, how far the log has come.
const channel = "casesync_log"

// listenRetry is how long a listener whose connection was lost waits before it connects again.
const listenRetry = time.Second

// notifier tells other processes of appends, and listens for theirs once somebody waits. It only
// makes waiting shorter: what it loses is found by polling, so its errors are nobody's.
type notifier struct {
	pool     *pgxpool.Pool
	config   *pgx.ConnConfig // of the listening connection
	watch    *headwatch.Watch
	interval time.Duration
	dirty    chan struct{} // holds one token when there is something to tell
	ctx      context.Context
	cancel   context.CancelFunc
	listen   func()
	running  sync.WaitGroup
}

func startNotifier(pool *pgxpool.Pool, config *pgx.ConnConfig, watch *headwatch.Watch, interval time.Duration) *notifier {
	n := &notifier{pool: pool, config: config, watch: watch, interval: interval, dirty: make(chan struct{}, 1)}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.listen = sync.OnceFunc(func() {
		if n.ctx.Err() == nil {
			n.running.Go(n.receive)
		}
	})
	n.running.Go(n.send)
	return n
}

func (n *notifier) stop() {
	n.cancel()
	n.listen() // from here on it starts nothing
	n.running.Wait()
}

// appended has the others told, soon.
func (n *notifier) appended() {
	select {
	case n.dirty <- struct{}{}:
	default:
	}
}

// send notifies at most once an interval, outside the transactions of appends: a transaction that
// notifies takes a lock on all others that do. It waits for no flush, as it writes nothing.
func (n *notifier) send() {
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-n.dirty:
		}
		_, _ = n.pool.Exec(n.ctx, `SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, position::text) FROM log_head`, channel)
		n.sleep(n.interval)
	}
}

// receive listens for as long as the log is open, and connects again when it has to.
func (n *notifier) receive() {
	for n.ctx.Err() == nil {
		_ = n.receiveUntilLost()
		n.sleep(listenRetry)
	}
}

func (n *notifier) receiveUntilLost() error {
	conn, err := pgx.ConnectConfig(n.ctx, n.config)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx) // it is lost or no longer wanted
	}()
	if _, err := conn.Exec(n.ctx, "LISTEN "+channel); err != nil {
		return err
	}
	n.watch.Look() // for what was appended while nobody listened
	for {
		notification, err := conn.WaitForNotification(n.ctx)
		if err != nil {
			return err
		}
		head, err := eventstore.ParsePosition(notification.Payload)
		if err != nil {
			n.watch.Look() // somebody else's notification
			continue
		}
		n.watch.Moved(head)
	}
}

func (n *notifier) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-n.ctx.Done():
	case <-timer.C:
	}
}
