package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"casesync/adapters/servicebus"
)

// serviceBusSettings say which events are taken from Azure Service Bus.
type serviceBusSettings struct {
	ServiceBus            serviceBusAddress `name:"servicebus" help:"Azure Service Bus, to take events from and to publish to: the host name of a namespace, which is used with the Azure identity of this process, or a connection string, best given as the variable CASESYNC_SERVICEBUS or in the configuration file." placeholder:"ADDRESS" group:"Service Bus"`
	ServiceBusQueue       string            `name:"servicebus-queue" help:"What events are taken from: a queue, or a topic's subscription as TOPIC/SUBSCRIPTION." placeholder:"NAME" group:"Service Bus"`
	ServiceBusSource      string            `name:"servicebus-source" help:"The CloudEvents source that may speak there. Events of any other are rejected." placeholder:"URI" group:"Service Bus"`
	ServiceBusSessions    bool              `name:"servicebus-sessions" help:"The queue or subscription has sessions, one a case." default:"true" negatable:"" group:"Service Bus"`
	ServiceBusFeeds       []string          `name:"servicebus-feed" help:"One more queue or subscription that events are taken from, as of another case management system: NAME,source=URI[,sessions=false][,namespace=HOST][,credential=FILE]. Without a namespace it is one of --servicebus; the credential is the name of a file in --secrets with a connection string. May be given several times." placeholder:"FEED" sep:"none" group:"Service Bus"`
	ServiceBusMax         int               `name:"servicebus-in-flight-max" help:"Most sessions, or messages of a queue without sessions, at a time, of each feed." default:"256" group:"Service Bus"`
	ServiceBusDeadLetters bool              `name:"servicebus-dead-letters" help:"Move what is in the dead-letter queues of these feeds to the dead letters here, where it is listed, retried and discarded like any other." default:"true" negatable:"" group:"Service Bus"`
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

// serviceBusFeed is what events of one case management system are taken from.
type serviceBusFeed struct {
	topic, subscription string // a queue has no subscription
	source              string
	sessions            bool
	namespace           string // "" where it is that of --servicebus
	credential          string // the file in --secrets with a connection string
}

// name is what the feed is called in settings and measures.
func (f serviceBusFeed) name() string {
	if f.subscription == "" {
		return f.topic
	}
	return f.topic + "/" + f.subscription
}

// parseFeed reads a feed as --servicebus-feed names it.
func parseFeed(text string) (serviceBusFeed, error) {
	name, rest, _ := strings.Cut(text, ",")
	feed := serviceBusFeed{sessions: true}
	feed.topic, feed.subscription, _ = strings.Cut(name, "/")
	for part := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "source":
			feed.source = value
		case "namespace":
			feed.namespace = value
		case "credential":
			feed.credential = value
		case "sessions":
			var err error
			if feed.sessions, err = strconv.ParseBool(value); err != nil {
				return serviceBusFeed{}, errors.New("sessions: want true or false")
			}
		default:
			return serviceBusFeed{}, fmt.Errorf("%q is neither source=, sessions=, namespace= nor credential=", key)
		}
	}
	return feed, nil
}

// check finds what cannot be. standard says that there is a --servicebus.
func (f serviceBusFeed) check(standard bool) error {
	if err := servicebus.CheckEntity(f.topic, f.subscription); err != nil {
		return err
	}
	source, err := url.Parse(f.source)
	switch {
	case f.source == "":
		return errors.New("want the source that may speak there: source=URI")
	case err != nil || source.Scheme == "":
		return fmt.Errorf("source %s: want a URI, such as https://cases.example.org", f.source)
	case f.namespace != "" && f.credential != "":
		return errors.New("both namespace= and credential= are there: the connection string in the credential names the namespace")
	case f.credential != "" && !filepath.IsLocal(f.credential):
		return fmt.Errorf("credential %s: want the name of a file in --secrets", f.credential)
	case f.namespace != "":
		return servicebus.Connection{Namespace: f.namespace}.Check()
	case f.credential == "" && !standard:
		return errors.New("no namespace is named: give --servicebus, or namespace= or credential= with the feed")
	}
	return nil
}

// feeds returns what events are taken from.
func (s *serviceBusSettings) feeds() (list []serviceBusFeed, err error) {
	if s.ServiceBusQueue != "" {
		feed := serviceBusFeed{source: s.ServiceBusSource, sessions: s.ServiceBusSessions}
		feed.topic, feed.subscription, _ = strings.Cut(s.ServiceBusQueue, "/")
		list = append(list, feed)
	}
	for _, text := range s.ServiceBusFeeds {
		feed, err := parseFeed(text)
		if err != nil {
			return nil, fmt.Errorf("--servicebus-feed %s: %w", text, err)
		}
		list = append(list, feed)
	}
	return list, nil
}

// check finds what would not work. publishes says that messages go to --servicebus too.
func (s *serviceBusSettings) check(publishes bool) error {
	single := s.ServiceBusQueue != "" || s.ServiceBusSource != ""
	switch {
	case s.ServiceBus == "" && single:
		return errors.New("--servicebus-queue and --servicebus-source are for --servicebus: give that too")
	case s.ServiceBus != "" && !single && len(s.ServiceBusFeeds) == 0 && !publishes, single && (s.ServiceBusQueue == "" || s.ServiceBusSource == ""):
		return errors.New("--servicebus needs --servicebus-queue, what events are taken from, and --servicebus-source, who may speak there")
	case s.ServiceBusMax < 1:
		return fmt.Errorf("--servicebus-in-flight-max is %d: that is too little", s.ServiceBusMax)
	}
	if s.ServiceBus != "" {
		if err := s.ServiceBus.connection().Check(); err != nil {
			return fmt.Errorf("--servicebus: %w", err)
		}
	}
	feeds, err := s.feeds()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, feed := range feeds {
		flag := "--servicebus-feed " + feed.name()
		if err := feed.check(s.ServiceBus != ""); err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
		place := strings.ToLower(feed.namespace + " " + feed.credential + " " + feed.name())
		if seen[place] {
			return fmt.Errorf("%s: it is named twice, and only one system can speak there", flag)
		}
		seen[place] = true
	}
	return nil
}

// connection is how a feed is reached.
func (s *serviceBusSettings) connection(feed serviceBusFeed, secrets string) (servicebus.Connection, error) {
	switch {
	case feed.namespace != "":
		return servicebus.Connection{Namespace: feed.namespace}, nil
	case feed.credential == "":
		return s.ServiceBus.connection(), nil
	}
	text, err := os.ReadFile(filepath.Join(secrets, feed.credential))
	if err != nil {
		return servicebus.Connection{}, fmt.Errorf("read credential: %w", err)
	}
	connection := servicebus.Connection{ConnectionString: servicebus.ConnectionString(strings.TrimSpace(string(text)))}
	return connection, connection.Check()
}
