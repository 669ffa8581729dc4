package kurrenttest

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"casesync/eventstore"
)

// service answers on the wire.
type service struct {
	streams.UnimplementedStreamsServer
	serverfeatures.UnimplementedServerFeaturesServer
	config Config
	store  *store
}

// openService opens the store and writes a system event to it, as a server does when it starts.
func openService(ctx context.Context, config Config) (*service, error) {
	store, err := openStore(ctx, config.Path)
	if err != nil {
		return nil, err
	}
	started := proposed{id: uuid.New(), name: "$peer-started", json: true, data: []byte("{}")}
	if _, _, err := store.append(ctx, "$peer", eventstore.Any, []proposed{started}); err != nil {
		return nil, errors.Join(err, store.log.Close())
	}
	return &service{config: config, store: store}, nil
}

func (s *service) close() { _ = s.store.log.Close() } // nobody is there to be told

// GetSupportedMethods names the version in three numbers, which is all that the client can read.
func (s *service) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	const streams = "event_store.client.streams.streams" // in lower case
	return &serverfeatures.SupportedMethods{EventStoreServerVersion: "23.10.6", Methods: []*serverfeatures.SupportedMethod{
		{ServiceName: streams, MethodName: "read", Features: []string{"position", "events"}},
		{ServiceName: streams, MethodName: "append"},
		{ServiceName: "event_store.client.gossip.gossip", MethodName: "read"},
	}}, nil
}

type gossiping struct {
	gossip.UnimplementedGossipServer
	service *service
}

// Read says that this peer is the cluster.
func (g gossiping) Read(context.Context, *shared.Empty) (*gossip.ClusterInfo, error) {
	host, port, err := splitAddress(g.service.config.Address)
	if err != nil {
		return nil, err
	}
	return &gossip.ClusterInfo{Members: []*gossip.MemberInfo{{
		State: gossip.MemberInfo_Leader, IsAlive: true, InstanceId: wireUUID(uuid.Nil), TimeStamp: time.Now().UnixNano() / 100,
		HttpEndPoint: &gossip.EndPoint{Address: host, Port: uint32(port)},
	}}}, nil
}

func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}

// refuse is an error by which clients tell what happened: by the trailers, not by the text.
func refuse(ctx context.Context, code codes.Code, text, exception string, more ...string) error {
	_ = grpc.SetTrailer(ctx, metadata.Pairs(append([]string{"exception", exception}, more...)...)) // only fails outside a call
	return status.Error(code, text)
}

// gate lets a request in, or fails it.
func (s *service) gate(ctx context.Context, request Request) (Fault, error) {
	if leader := s.config.Leader(); leader != "" {
		if incoming, _ := metadata.FromIncomingContext(ctx); len(incoming.Get("requires-leader")) > 0 {
			host, port, err := splitAddress(leader)
			if err != nil {
				return 0, err
			}
			return 0, refuse(ctx, codes.NotFound, "Leader info available", "not-leader",
				"leader-endpoint-host", host, "leader-endpoint-port", strconv.Itoa(port))
		}
	}
	if s.config.Fault == nil {
		return NoFault, nil
	}
	switch fault := s.config.Fault(request); fault {
	case RefuseEarly:
		return fault, refuse(ctx, codes.PermissionDenied, "Access Denied", "access-denied")
	case Unavailable:
		return fault, status.Error(codes.Unavailable, "Server Is Not Ready")
	default:
		return fault, nil
	}
}

// Append implements streams.StreamsServer.
func (s *service) Append(in streams.Streams_AppendServer) error {
	ctx := in.Context()
	request, err := in.Recv()
	if err != nil {
		return err
	}
	options := request.GetOptions()
	stream := eventstore.StreamName(options.GetStreamIdentifier().GetStreamName())
	fault, err := s.gate(ctx, Request{"append", string(stream)})
	if err != nil {
		return err
	}
	expected, wrong, err := expectation(options)
	if err != nil {
		return err
	}
	events, err := s.receive(in)
	if err != nil {
		return err
	}
	// A server goes on with what it has taken in when the client goes away.
	revision, n, err := s.store.append(context.WithoutCancel(ctx), stream, expected, events)
	var at wrongRevisionError
	switch {
	case fault == LoseAnswer:
		return status.Error(codes.Unavailable, "connection lost")
	case errors.As(err, &at):
		wrong.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: uint64(at)}
		if at < 0 {
			wrong.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &shared.Empty{}}
		}
		return in.SendAndClose(&streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: wrong}})
	case err != nil:
		return status.Error(codes.Aborted, "Operation timed out: "+err.Error())
	}
	commit, prepare := position(n)
	return in.SendAndClose(&streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{
		CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: uint64(revision)},
		PositionOption:        &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{CommitPosition: commit, PreparePosition: prepare}},
	}}})
}

// expectation reads the expected revision, and prepares the answer to a wrong one.
func expectation(options *streams.AppendReq_Options) (eventstore.ExpectedRevision, *streams.AppendResp_WrongExpectedVersion, error) {
	wrong := &streams.AppendResp_WrongExpectedVersion{}
	switch expected := options.GetExpectedStreamRevision().(type) {
	case *streams.AppendReq_Options_Revision:
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: expected.Revision}
		return eventstore.ExpectedRevision(expected.Revision), wrong, nil
	case *streams.AppendReq_Options_NoStream:
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &shared.Empty{}}
		return eventstore.NoStream, wrong, nil
	case *streams.AppendReq_Options_StreamExists:
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &shared.Empty{}}
		return eventstore.StreamExists, wrong, nil
	case *streams.AppendReq_Options_Any:
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedAny{ExpectedAny: &shared.Empty{}}
		return eventstore.Any, wrong, nil
	}
	return 0, nil, status.Error(codes.InvalidArgument, "no expected revision")
}

// receive reads the events of an append, up to the limit.
func (s *service) receive(in streams.Streams_AppendServer) (events []proposed, err error) {
	for size := 0; ; {
		request, err := in.Recv()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		message := request.GetProposedMessage()
		id, err := esdb.ParseUUIDFromInt64(message.GetId().GetStructured().GetMostSignificantBits(), message.GetId().GetStructured().GetLeastSignificantBits())
		name, contentType := message.GetMetadata()["type"], message.GetMetadata()["content-type"]
		if err != nil || name == "" || contentType == "" {
			return nil, refuse(in.Context(), codes.InvalidArgument, "Required Metadata Property is missing", "missing-required-metadata-property")
		}
		if size += len(message.GetData()) + len(message.GetCustomMetadata()) + 2*len(name); size > s.config.AppendBytesMax {
			return nil, refuse(in.Context(), codes.InvalidArgument, "Maximum Append Size of "+strconv.Itoa(s.config.AppendBytesMax)+" Exceeded.",
				"maximum-append-size-exceeded", "maximum-append-size", strconv.Itoa(s.config.AppendBytesMax))
		}
		events = append(events, proposed{id, name, contentType == "application/json", message.GetData(), message.GetCustomMetadata()})
	}
}

func wireUUID(id uuid.UUID) *shared.UUID {
	most, least := esdb.UUIDAsInt64(id)
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{MostSignificantBits: most, LeastSignificantBits: least}}}
}
