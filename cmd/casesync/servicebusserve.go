package main

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"casesync/adapters/cms"
	"casesync/adapters/httpapi"
	"casesync/adapters/servicebus"
	queueintake "casesync/adapters/servicebus/intake"
	"casesync/adapters/telemetry"
	"casesync/domain/access"
)

// serviceBusHoldMax is how long a message is kept here while the database is down. Until then it is not
// given back, which would use up the deliveries that the broker allows it.
const serviceBusHoldMax = 24 * time.Hour

// deadLettersAtOnceMax is how many messages of a dead-letter queue are moved at a time. Nobody waits for them.
const deadLettersAtOnceMax = 8

// The ways that messages come over Service Bus, as dead letters tell them.
const (
	viaServiceBus            = "servicebus"
	viaServiceBusDeadLetters = "servicebus-dead-letter"
)

// fromServiceBus returns what takes events from Service Bus until its context ends; nil where none are
// taken from there. Each feed speaks for its own source alone, and none waits for another.
func (s *serving) fromServiceBus(ctx context.Context) (func(context.Context) error, error) {
	feeds, err := s.settings.feeds()
	if err != nil || len(feeds) == 0 || !s.settings.has("ingest") {
		return nil, err
	}
	ingester, err := s.ingester(ctx)
	if err != nil {
		return nil, err
	}
	var runs []func(context.Context) error
	for _, feed := range feeds {
		connection, err := s.settings.connection(feed, s.system.settings.Secrets)
		if err != nil {
			return nil, fmt.Errorf("--servicebus-feed %s: %w", feed.name(), err)
		}
		run, err := s.takeFeed(feed, connection, ingester)
		if err != nil {
			return nil, fmt.Errorf("--servicebus-feed %s: %w", feed.name(), err)
		}
		runs = append(runs, run)
		if s.settings.ServiceBusDeadLetters {
			if run, err = s.moveDeadLetters(feed, connection, ingester); err != nil {
				return nil, fmt.Errorf("--servicebus-feed %s: %w", feed.name(), err)
			}
			runs = append(runs, run)
		}
	}
	return func(ctx context.Context) error {
		var group errgroup.Group
		for _, run := range runs {
			group.Go(func() error { return run(ctx) })
		}
		return group.Wait()
	}, nil
}

// sender is who hands in the messages of a feed.
func (f serviceBusFeed) sender(via string) cms.Sender {
	return cms.Sender{Via: via, By: access.Principal{
		ID: "system:servicebus", Name: "servicebus", Kind: access.Machine, Roles: []access.Role{access.CMS}, Source: f.source,
	}}
}

// takeFeed returns what takes the events of a feed. What is rejected is kept as a dead letter of our own, and so taken.
func (s *serving) takeFeed(feed serviceBusFeed, connection servicebus.Connection, ingester *cms.Ingester) (func(context.Context) error, error) {
	sender := feed.sender(viaServiceBus)
	config := servicebus.SubscriberConfig{Sessions: feed.sessions, SessionsMax: s.settings.ServiceBusMax, InFlightMax: s.settings.ServiceBusMax}
	return s.receive(feed, connection, config, queueintake.Config{
		Take: func(ctx context.Context, event []byte) error {
			_, err := ingester.Take(ctx, sender, []cms.Message{ingester.Parse(event)})
			return err
		},
	})
}

// moveDeadLetters returns what moves the messages of a feed's dead-letter queue to our own dead letters. A crash after
// one was kept, and before it was completed at the broker, has it come again, which only counts.
func (s *serving) moveDeadLetters(feed serviceBusFeed, connection servicebus.Connection, ingester *cms.Ingester) (func(context.Context) error, error) {
	sender := feed.sender(viaServiceBusDeadLetters)
	config := servicebus.SubscriberConfig{DeadLetters: true, InFlightMax: deadLettersAtOnceMax}
	return s.receive(feed, connection, config, queueintake.Config{
		Keep: func(ctx context.Context, event []byte, reason, description string) error {
			return ingester.Bury(ctx, sender, ingester.Parse(event), brokersReason(reason, description))
		},
	})
}

// brokersReason is why a message was dead-lettered, in a sentence.
func brokersReason(reason, description string) string {
	text := strings.Join(strings.Fields(reason+": "+description), " ")
	if text = strings.Trim(text, ": "); text == "" {
		return "The broker dead-lettered it and does not say why."
	}
	return "The broker dead-lettered it: " + text
}

// receive returns what receives from a feed, and has its standing measured.
func (s *serving) receive(feed serviceBusFeed, connection servicebus.Connection, from servicebus.SubscriberConfig, to queueintake.Config) (func(context.Context) error, error) {
	standing := &feedStanding{feed: feed, deadLetters: from.DeadLetters, now: s.now, counts: map[servicebus.Outcome]int64{}}
	from.Connection, from.Subscription, from.HoldMax, from.DrainMax = connection, feed.subscription, serviceBusHoldMax, s.settings.StopTimeout
	from.Count, from.Trouble, from.Logger = standing.count, standing.trouble, s.logger
	subscriber, err := servicebus.NewSubscriber(from)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.feeds = append(s.feeds, standing)
	s.mu.Unlock()
	to.Subscriber, to.Topic, to.StopTimeout, to.Logger = subscriber, feed.topic, s.settings.StopTimeout+10*time.Second, s.logger
	return func(ctx context.Context) error { return queueintake.Run(ctx, to) }, nil
}

// feedStanding is how a feed, or its dead-letter queue, stands.
type feedStanding struct {
	feed        serviceBusFeed
	deadLetters bool
	now         func() time.Time

	mu     sync.Mutex
	err    error // why nothing can be received
	since  time.Time
	counts map[servicebus.Outcome]int64
}

func (f *feedStanding) count(_ string, what servicebus.Outcome, messages int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[what] += int64(messages)
}

func (f *feedStanding) trouble(_ string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.since = f.now()
	}
	if f.err = err; err == nil {
		f.since = time.Time{}
	}
}

// feedHelp says what to do, by the cause that measures tell.
var feedHelp = map[string]string{
	"missing":      "there is no such queue or subscription: create it, or correct its name",
	"unauthorised": "access is refused: mend the credentials, or the rights of the identity",
	"unreachable":  "it cannot be received from: see that the namespace can be reached from here, and the log lines",
}

// cause is a stable word for why nothing can be received, "" where it works.
func cause(err error) string {
	switch {
	case err == nil:
		return ""
	case servicebus.IsMissing(err):
		return "missing"
	case servicebus.IsUnauthorised(err):
		return "unauthorised"
	}
	return "unreachable"
}

func (f *feedStanding) health() telemetry.FeedHealth {
	f.mu.Lock()
	defer f.mu.Unlock()
	messages := map[string]int64{}
	for what, n := range maps.All(f.counts) {
		messages[string(what)] = n
	}
	return telemetry.FeedHealth{
		Name: f.feed.name(), Source: f.feed.source, DeadLetters: f.deadLetters, Cause: cause(f.err), FailingSince: f.since, Messages: messages,
	}
}

// feedsHealth is how all feeds stand.
func (s *serving) feedsHealth() (list []telemetry.FeedHealth) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, feed := range s.feeds {
		list = append(list, feed.health())
	}
	return list
}

// feedFindings are the feeds that nothing can be received from, for readiness. It takes nothing away from who asks here,
// and events wait at the broker: the process is ready all the same.
func (s *serving) feedFindings() (list []httpapi.Finding) {
	for _, f := range s.feedsHealth() {
		if f.Cause == "" {
			continue
		}
		name := "Service Bus " + f.Name
		if f.DeadLetters {
			name += " (dead letters)"
		}
		list = append(list, httpapi.Finding{Name: name + ": " + f.Cause, Ready: true, Value: moment(f.FailingSince), Help: feedHelp[f.Cause]})
	}
	return list
}
