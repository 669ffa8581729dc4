// Package servicebus publishes to Azure Service Bus and subscribes to it, as Watermill's Publisher
// and Subscriber. It knows queues, topics, sessions and CloudEvents, and nothing of what is in them.
//
// It promises at least once: what Publish returned nil for is stored, and a message leaves a queue
// only after its handler acknowledged it. What is in doubt (an acknowledgement that was lost, a lock
// that ran out, a connection that broke in between) comes again, under the same UUID, so handlers
// must not mind repetitions. Messages are published under their UUID as message id, so that an entity
// with duplicate detection drops what is sent twice.
//
// The life of a message: fetched under a lock (peek-lock) → offered to the handler, while the lock is
// renewed → acknowledged: completed, or dead-lettered if [DeadLetter] was called; not acknowledged:
// offered again after a pause, by this process, in its place. A process that dies leaves its
// messages locked; the broker gives them to others when the locks run out, and counts it.
//
// Order: messages of one session are handled one at a time, in the broker's order, and many sessions
// at once. Without sessions, messages are in the queue's order only with InFlightMax 1 and a single
// subscriber.
//
// An outage stops nothing: receiving goes on trying, with pauses that grow, and settling has
// deadlines of its own, for the client's are about a minute. Locks that outlive a connection are
// settled over the next one.
//
// All of this is tested against the stand-in of package sbtest, and has not been run against the
// real service. TestRealNamespace does so for whoever has a namespace.
package servicebus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// ErrClosed is returned by what was closed.
var ErrClosed = errors.New("servicebus: closed")

// Connection says how a namespace is reached. Give ConnectionString or Namespace.
type Connection struct {
	// ConnectionString holds the address and a key: "Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…".
	ConnectionString ConnectionString
	// Namespace is the host name of a namespace that is used with an Azure identity:
	// "example.servicebus.windows.net". It needs the roles Azure Service Bus Data Sender or Receiver.
	Namespace string
	// Credential is the identity for Namespace. Default: azidentity's DefaultAzureCredential, which takes
	// what there is of environment variables, workload identity, managed identity, and the Azure
	// command line's.
	Credential azcore.TokenCredential
	// RetriesMax is how often the client tries an operation again before it gives up; default 3.
	// Receiving goes on in spite of that.
	RetriesMax int32
	// RetryPauseMin is the pause before the first of these, which then doubles; default 200 ms.
	RetryPauseMin time.Duration
	// RetryPauseMax is the longest of these pauses; default 5 s.
	RetryPauseMax time.Duration
}

// client makes a client. It connects when it is first used.
func (c Connection) client() (*sb.Client, error) {
	options := &sb.ClientOptions{RetryOptions: sb.RetryOptions{
		MaxRetries: orDefault(c.RetriesMax, 3), RetryDelay: orDefault(c.RetryPauseMin, 200*time.Millisecond), MaxRetryDelay: orDefault(c.RetryPauseMax, 5*time.Second),
	}}
	switch {
	case c.ConnectionString != "" && c.Namespace != "":
		return nil, errors.New("connect to Service Bus: both ConnectionString and Namespace are set: give one of them")
	case c.ConnectionString != "":
		client, err := sb.NewClientFromConnectionString(string(c.ConnectionString), options)
		if err != nil { // without the client's words, which may quote the key
			return nil, errors.New("connect to Service Bus: the connection string cannot be read: copy it again from the namespace's shared access policies")
		}
		return client, nil
	case c.Namespace == "":
		return nil, errors.New("connect to Service Bus: neither ConnectionString nor Namespace is set: give one of them")
	}
	credential := c.Credential
	if credential == nil {
		found, err := azidentity.NewDefaultAzureCredential(nil)
		if err != nil {
			return nil, fmt.Errorf("find an Azure identity: %w", err)
		}
		credential = found
	}
	client, err := sb.NewClient(c.Namespace, credential, options)
	if err != nil {
		return nil, fmt.Errorf("connect to Service Bus: %w", err)
	}
	return client, nil
}

// closeTimeout bounds saying goodbye to the broker, which may be gone.
const closeTimeout = 5 * time.Second

type closer interface {
	Close(ctx context.Context) error
}

// leave closes a link or a client, also when ctx has ended. Whether the broker hears of it changes nothing.
func leave(ctx context.Context, c closer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = c.Close(ctx)
}

// An Outcome is what became of a message, or of a connection, for those who count.
type Outcome string

// The outcomes.
const (
	Sent         Outcome = "sent"          // stored by the broker
	Received     Outcome = "received"      // fetched under a lock
	Completed    Outcome = "completed"     // acknowledged, and gone from the queue
	Nacked       Outcome = "nacked"        // not acknowledged; it is offered again
	DeadLettered Outcome = "dead_lettered" // moved to the dead-letter queue by this process
	Abandoned    Outcome = "abandoned"     // given back, because the process stops
	LockLost     Outcome = "lock_lost"     // it comes again, here or elsewhere
	SettleFailed Outcome = "settle_failed" // the broker was not reached in time; it comes again
	Unreadable   Outcome = "unreadable"    // the client cannot read it; it comes again
	Disconnected Outcome = "disconnected"  // receiving failed, and is tried again after a pause
)

// has reports whether an error of the client has one of these codes.
func has(err error, codes ...sb.Code) bool {
	var e *sb.Error
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

func orDefault[T int | int32 | time.Duration](value, standard T) T {
	if value <= 0 {
		return standard
	}
	return value
}

// backoff are pauses that double, spread by a quarter so that many do not come back at once.
type backoff struct{ next, first, longest time.Duration }

func newBackoff(first, longest time.Duration) *backoff {
	return &backoff{first, first, max(first, longest)}
}

func (b *backoff) reset() { b.next = b.first }

// pause is how long the next pause is.
func (b *backoff) pause() time.Duration {
	pause := b.next - rand.N(b.next/4+1)
	b.next = min(2*b.next, b.longest)
	return pause
}

// wait pauses; false says that ctx ended.
func (b *backoff) wait(ctx context.Context) bool {
	timer := time.NewTimer(b.pause())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
