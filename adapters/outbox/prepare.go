package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"

	"casesync/domain/outgoing"
	"casesync/domain/upload"
	"casesync/eventstore"
)

// Metadata of every message, beside Config.SessionMetadata: it can be filtered by without reading bodies.
const (
	// ContentTypeMetadata is the media type of the payload.
	ContentTypeMetadata = "content-type"
	// TypeMetadata and SubjectMetadata are the attributes of the CloudEvent.
	TypeMetadata    = "type"
	SubjectMetadata = "subject"
)

// ContentType is the media type of messages.
const ContentType = "application/cloudevents+json; charset=utf-8"

// item is an event that is to be published.
type item struct {
	eventstore.Recorded

	// key is what the event is kept in order with: a case's reference, else its stream.
	key string
	// message is what is published; fault says why there is none.
	message Message
	fault   *Fault
	// line, where it is not nil, has the say in whether attempt of the thing id goes out.
	line    *Line
	id      string
	attempt int
}

// prepare makes the message of an event. Its error is one of the log or the key ring, and passes; what is
// wrong with the event is the item's fault.
func (o *Outbox) prepare(ctx context.Context, recorded eventstore.Recorded) (item, error) {
	it := item{Recorded: recorded, key: keyOf(recorded.Stream)}
	rule, ruled := rules[recorded.Type]
	if !ruled {
		it.fault = errNewerNeeded
		return it, nil
	}
	var decoded eventstore.Decoded
	if decoded, it.fault = o.decode(recorded); it.fault != nil {
		return it, nil //nolint:nilerr // it is the item's
	}
	occasion := Occasion{Decoded: decoded}
	if strings.HasPrefix(string(recorded.Stream), uploadPrefix) {
		if err := o.lookBack(ctx, &occasion); err != nil {
			return item{}, err
		}
	}
	it.key = occasion.key()
	if rule.line != nil {
		line, attempt := rule.line(o.config, decoded.Event)
		_, it.id, _ = strings.Cut(string(recorded.Stream), "-")
		it.line, it.attempt = &line, attempt
	}
	if rule.sealed {
		if err := o.open(ctx, &occasion); errors.Is(err, eventstore.ErrAltered) {
			it.fault = &Fault{Blame: Refused, Code: "event-altered", Err: err}
			return it, nil
		} else if err != nil {
			return item{}, fmt.Errorf("open event %s: %w", recorded.ID, err)
		}
	}
	var err error
	it.message, _, err = Map(o.config.Source, occasion)
	switch {
	case errors.Is(err, ErrErased):
		it.fault = &Fault{Blame: Refused, Code: "content-erased", Err: err}
	case err != nil:
		it.fault = &Fault{Blame: Refused, Code: "event-unreadable", Err: err}
	}
	return it, nil
}

// decode decodes an event, and returns what is wrong with one that cannot be.
func (o *Outbox) decode(recorded eventstore.Recorded) (eventstore.Decoded, *Fault) {
	decoded, err := o.config.Codec.Decode(recorded)
	if err != nil {
		return decoded, &Fault{Blame: Refused, Code: "event-unreadable", Err: err}
	}
	return decoded, nil
}

// keyOf is what events of a stream are kept in order with, as far as the stream's name says.
func keyOf(stream eventstore.StreamName) string {
	if ref, is := strings.CutPrefix(string(stream), casePrefix); is {
		return ref
	}
	return string(stream)
}

// key is what an event is kept in order with.
func (o *Occasion) key() string {
	if event, is := o.Event.(outgoing.Concern); is {
		return outgoing.CaseOf(event)
	}
	return keyOf(o.Stream)
}

// lookBack finds what was recorded of an upload before the event.
func (o *Outbox) lookBack(ctx context.Context, occasion *Occasion) error {
	for recorded, err := range o.config.Log.ReadStream(ctx, occasion.Stream, 0) {
		switch {
		case err != nil:
			return fmt.Errorf("read %s: %w", occasion.Stream, err)
		case recorded.Revision >= occasion.Revision:
			return nil
		}
		decoded, err := o.config.Codec.Decode(recorded)
		if err != nil {
			continue // nothing that the message tells; where it is, it is missing, and the message cannot be made
		}
		switch event := decoded.Event.(type) {
		case *upload.Begun:
			occasion.Begun = event
		case *upload.Received:
			occasion.Received = event
		}
	}
	return nil
}

// open opens what the message tells.
func (o *Outbox) open(ctx context.Context, occasion *Occasion) error {
	events := []eventstore.Decoded{occasion.Decoded}
	if occasion.Begun != nil {
		events = append(events, eventstore.Decoded{Event: occasion.Begun})
	}
	if occasion.Received != nil {
		events = append(events, eventstore.Decoded{Event: occasion.Received})
	}
	return o.config.Codec.Open(ctx, events...)
}

// publish gives messages to the publisher, in their order.
func (o *Outbox) publish(ctx context.Context, items []item) error {
	messages := make([]*message.Message, len(items))
	for i, it := range items {
		m := message.NewMessageWithContext(ctx, it.message.ID, it.message.Body)
		m.Metadata[ContentTypeMetadata] = ContentType
		m.Metadata[TypeMetadata], m.Metadata[SubjectMetadata] = it.message.Type, it.message.Subject
		if o.config.SessionMetadata != "" {
			m.Metadata[o.config.SessionMetadata] = it.message.Session
		}
		messages[i] = m
	}
	err := o.config.Publisher.Publish(o.config.Topic, messages...)
	if _, told := errors.AsType[*Fault](err); err != nil && !told && o.config.Refuses(err) {
		return &Fault{Blame: Refused, Code: "refused-by-broker", Err: err}
	}
	return err
}
