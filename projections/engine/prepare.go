package engine

import (
	"context"
	"encoding/json"
	"errors"

	"casesync/eventstore"
)

// NewPrepare returns the Prepare of codec: it decodes a batch and opens its private values, with one
// look-up of keys. Words is given to the folds as it is.
func NewPrepare(codec *eventstore.Codec, words func(text string) []string) Prepare {
	return func(ctx context.Context, recorded []eventstore.Recorded) ([]Event, error) {
		events := make([]Event, len(recorded))
		decoded := make([]eventstore.Decoded, len(recorded))
		for i, r := range recorded {
			var err error
			decoded[i], err = codec.Decode(r)
			events[i] = Event{Decoded: decoded[i], Words: words}
			if err != nil {
				events[i].Event, decoded[i].Event = nil, nil
				if !errors.Is(err, eventstore.ErrUnknownType) {
					events[i].Err = err
				}
			}
		}
		err := codec.Open(ctx, decoded...)
		if err == nil {
			return events, nil
		}
		if !ofEvent(err) {
			return nil, err
		}
		return events, openEach(ctx, codec, events)
	}
}

// openEach finds out which events of a batch cannot be opened.
func openEach(ctx context.Context, codec *eventstore.Codec, events []Event) error {
	for i := range events {
		err := codec.Open(ctx, events[i].Decoded)
		switch {
		case err == nil:
		case ofEvent(err):
			events[i].Err = err
		default:
			return err
		}
	}
	return nil
}

// ofEvent reports whether an error of Open is the event's own, and would come again.
func ofEvent(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.Is(err, eventstore.ErrAltered) || errors.As(err, &syntax) || errors.As(err, &kind)
}
