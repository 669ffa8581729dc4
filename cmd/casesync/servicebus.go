package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"casesync/adapters/cms"
	"casesync/adapters/servicebus"
	queueintake "casesync/adapters/servicebus/intake"
	"casesync/domain/access"
)

// serviceBusSettings say which events are taken from Azure Service Bus.
type serviceBusSettings struct {
	ServiceBus         serviceBusAddress `name:"servicebus" help:"Take events from Azure Service Bus too: the host name of a namespace, which is used with the Azure identity of this process, or a connection string, best given as the variable CASESYNC_SERVICEBUS or in the configuration file." placeholder:"ADDRESS" group:"Service Bus"`
	ServiceBusQueue    string            `name:"servicebus-queue" help:"What events are taken from: a queue, or a topic's subscription as TOPIC/SUBSCRIPTION." placeholder:"NAME" group:"Service Bus"`
	ServiceBusSource   string            `name:"servicebus-source" help:"The CloudEvents source that may speak there. Events of any other are rejected." placeholder:"URI" group:"Service Bus"`
	ServiceBusSessions bool              `name:"servicebus-sessions" help:"The queue or subscription has sessions, one a case." default:"true" negatable:"" group:"Service Bus"`
	ServiceBusMax      int               `name:"servicebus-in-flight-max" help:"Most sessions, or messages of a queue without sessions, at a time." default:"256" group:"Service Bus"`
}

// serviceBusAddress is a host name or a connection string, whose key nobody is shown.
type serviceBusAddress string

func (a serviceBusAddress) isHost() bool { return !strings.Contains(string(a), "=") }

// String masks the key.
func (a serviceBusAddress) String() string {
	if a.isHost() {
		return string(a)
	}
	return servicebus.ConnectionString(a).String()
}

// connection is how the namespace is reached.
func (a serviceBusAddress) connection() servicebus.Connection {
	if a.isHost() {
		return servicebus.Connection{Namespace: string(a)}
	}
	return servicebus.Connection{ConnectionString: servicebus.ConnectionString(a)}
}

func (s *serviceBusSettings) check() error {
	switch {
	case s.ServiceBus == "" && (s.ServiceBusQueue != "" || s.ServiceBusSource != ""):
		return errors.New("--servicebus-queue and --servicebus-source are for --servicebus: give that too")
	case s.ServiceBus == "":
		return nil
	case s.ServiceBusQueue == "" || s.ServiceBusSource == "":
		return errors.New("--servicebus needs --servicebus-queue, what events are taken from, and --servicebus-source, who may speak there")
	case s.ServiceBusMax < 1:
		return fmt.Errorf("--servicebus-in-flight-max is %d: that is too little", s.ServiceBusMax)
	}
	return nil
}

// serviceBusHoldMax is how long a message is kept here while the database is down. Until then it is not
// given back, which would use up the deliveries that the broker allows it.
const serviceBusHoldMax = 24 * time.Hour

// fromServiceBus returns what takes events from Service Bus until its context ends; nil where none are
// taken from there.
func (s *serving) fromServiceBus(ctx context.Context) (func(context.Context) error, error) {
	settings := s.settings.serviceBusSettings
	if settings.ServiceBus == "" || !s.settings.has("ingest") {
		return nil, nil
	}
	ingester, err := s.ingester(ctx)
	if err != nil {
		return nil, err
	}
	topic, subscription, _ := strings.Cut(settings.ServiceBusQueue, "/")
	subscriber, err := servicebus.NewSubscriber(servicebus.SubscriberConfig{
		Connection: settings.ServiceBus.connection(), Subscription: subscription, Sessions: settings.ServiceBusSessions, SessionsMax: settings.ServiceBusMax,
		InFlightMax: settings.ServiceBusMax, HoldMax: serviceBusHoldMax, DrainMax: s.settings.StopTimeout, Logger: s.logger,
	})
	if err != nil {
		return nil, fmt.Errorf("--servicebus: %w", err)
	}
	sender := cms.Sender{Via: "servicebus", By: access.Principal{
		ID: "system:servicebus", Name: "servicebus", Kind: access.Machine, Roles: []access.Role{access.CMS}, Source: settings.ServiceBusSource,
	}}
	return func(ctx context.Context) error {
		return queueintake.Run(ctx, queueintake.Config{
			Subscriber: subscriber, Topic: topic, StopTimeout: s.settings.StopTimeout + 10*time.Second, Logger: s.logger,
			// What is rejected is kept as a dead letter of our own, and so taken.
			Take: func(ctx context.Context, event []byte) error {
				_, err := ingester.Take(ctx, sender, []cms.Message{ingester.Parse(event)})
				return err
			},
		})
	}, nil
}
