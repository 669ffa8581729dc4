package kurrenttest

import (
	"context"
	"math"
	"regexp"
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"casesync/eventstore"
)

// sendEventsMax is how many events are fetched at once to be sent.
const sendEventsMax = 512

// Read implements streams.StreamsServer: reads of all forwards and backwards, of a stream forwards,
// and subscriptions to all.
func (s *service) Read(request *streams.ReadReq, out streams.Streams_ReadServer) error {
	options := request.GetOptions()
	method, stream := "read", string(options.GetStream().GetStreamIdentifier().GetStreamName())
	_, subscription := options.GetCountOption().(*streams.ReadReq_Options_Subscription)
	if subscription {
		method = "subscribe"
	}
	if fault, err := s.gate(out.Context(), Request{method, stream}); err != nil || fault == LoseAnswer {
		return orLost(err)
	}
	backwards := options.GetReadDirection() == streams.ReadReq_Options_Backwards
	switch {
	case options.GetAll() != nil && subscription && !backwards:
		return s.subscribe(options, out)
	case options.GetAll() != nil && !subscription:
		return s.readAll(options, backwards, out)
	case options.GetStream() != nil && !subscription && !backwards:
		return s.readStream(options, stream, out)
	}
	return status.Error(codes.Unimplemented, "this peer does not read so")
}

func orLost(err error) error {
	if err != nil {
		return err
	}
	return status.Error(codes.Unavailable, "connection lost")
}

func (s *service) readAll(options *streams.ReadReq_Options, backwards bool, out streams.Streams_ReadServer) error {
	n, err := s.start(out.Context(), options.GetAll(), backwards)
	if err != nil {
		return err
	}
	if !backwards && n > 0 {
		n-- // forward reads include their position
	}
	for left := options.GetCount(); left > 0; {
		events, err := s.store.all(out.Context(), n, backwards, min(left, sendEventsMax))
		if err != nil || len(events) == 0 {
			return err
		}
		if err := send(out, events); err != nil {
			return err
		}
		left -= uint64(len(events))
		n = events[len(events)-1].Position.Major
	}
	return nil
}

// start returns the number of the event at the position that was asked for: 0 for the start, one
// past the last for the end.
func (s *service) start(ctx context.Context, all *streams.ReadReq_Options_AllOptions, backwards bool) (uint64, error) {
	head, err := s.store.head(ctx)
	switch at := all.GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_Position:
		return (at.Position.GetPreparePosition() + prepareStep - 1) / prepareStep, nil
	case *streams.ReadReq_Options_AllOptions_End:
		return head + 1, err
	}
	if backwards {
		return 1, nil
	}
	return 0, nil
}

func (s *service) readStream(options *streams.ReadReq_Options, stream string, out streams.Streams_ReadServer) error {
	if s.store.last(eventstore.StreamName(stream)) < 0 {
		return out.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{StreamNotFound: &streams.ReadResp_StreamNotFound{
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(stream)},
		}}})
	}
	from := int64(min(options.GetStream().GetRevision(), math.MaxInt64-1))
	for left := options.GetCount(); left > 0; {
		events, err := s.store.stream(out.Context(), eventstore.StreamName(stream), from, min(left, sendEventsMax))
		if err != nil || len(events) == 0 {
			return err
		}
		if err := send(out, events); err != nil {
			return err
		}
		left -= uint64(len(events))
		from += int64(len(events))
	}
	return nil
}

// subscribe sends what is behind the position and what comes, and says once that it has caught up.
func (s *service) subscribe(options *streams.ReadReq_Options, out streams.Streams_ReadServer) error {
	ctx := out.Context()
	wanted, err := compile(options.GetFilter())
	if err != nil {
		return err
	}
	n, err := s.start(ctx, options.GetAll(), false)
	if err != nil {
		return err
	}
	if options.GetAll().GetEnd() != nil {
		n-- // subscriptions exclude their position
	}
	confirmation := &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: uuid.NewString()}
	if err := out.Send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{Confirmation: confirmation}}); err != nil {
		return err
	}
	for caughtUp := false; ; {
		events, err := s.store.all(ctx, n, false, sendEventsMax)
		if err != nil {
			return status.FromContextError(err).Err()
		}
		for _, event := range events {
			n = event.Position.Major
			if !wanted(event) {
				continue
			}
			if err := send(out, []eventstore.Recorded{event}); err != nil {
				return err
			}
		}
		if len(events) > 0 {
			continue
		}
		if !caughtUp {
			caughtUp = true
			if err := out.Send(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}}); err != nil {
				return err
			}
		}
		if err := s.store.log.Wait(ctx, eventstore.Position{Major: n}); err != nil {
			return status.FromContextError(err).Err()
		}
	}
}

// compile returns what a filter lets through. Only filters of types by a regular expression are known.
func compile(filter *streams.ReadReq_Options_FilterOptions) (func(eventstore.Recorded) bool, error) {
	if filter == nil {
		return func(eventstore.Recorded) bool { return true }, nil
	}
	pattern := filter.GetEventType().GetRegex()
	if pattern == "" {
		return nil, status.Error(codes.Unimplemented, "this peer does not filter so")
	}
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return func(event eventstore.Recorded) bool { return compiled.MatchString(event.Type) }, nil
}

func send(out streams.Streams_ReadServer, events []eventstore.Recorded) error {
	for _, event := range events {
		commit, _ := position(event.Position.Major)
		read := &streams.ReadResp_ReadEvent{Event: onWire(event), Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: commit}}
		if err := out.Send(&streams.ReadResp{Content: &streams.ReadResp_Event{Event: read}}); err != nil {
			return err
		}
	}
	return nil
}

func onWire(recorded eventstore.Recorded) *streams.ReadResp_ReadEvent_RecordedEvent {
	event := unpack(recorded)
	commit, prepare := position(recorded.Position.Major)
	contentType := "application/octet-stream"
	if event.json {
		contentType = "application/json"
	}
	return &streams.ReadResp_ReadEvent_RecordedEvent{
		Id: wireUUID(event.id), StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(recorded.Stream)},
		StreamRevision: uint64(recorded.Revision), CommitPosition: commit, PreparePosition: prepare,
		Metadata: map[string]string{
			"type": event.name, "content-type": contentType,
			"created": strconv.FormatInt(recorded.RecordedAt.UnixNano()/100, 10), // ticks of 100 ns since 1970
		},
		CustomMetadata: event.metadata, Data: event.data,
	}
}
