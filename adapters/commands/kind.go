package commands

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"casesync/domain"
	"casesync/domain/account"
	"casesync/domain/casefile"
	"casesync/domain/connection"
	"casesync/domain/membership"
	"casesync/domain/onboarding"
	"casesync/domain/reservation"
	"casesync/domain/terms"
	"casesync/eventstore"
)

// kinds are the kinds of streams that the commands of people decide on.
type kinds struct {
	accounts    kind[*account.State, account.Command, account.Event]
	memberships kind[*membership.State, membership.Command, membership.Event]
	emails      kind[*reservation.State, reservation.Command, reservation.Event]
	domains     kind[*reservation.State, reservation.Command, reservation.Event]
	requests    kind[*onboarding.State, onboarding.Command, onboarding.Event]
	documents   kind[*terms.State, terms.Command, terms.Event]
	connections kind[*connection.State, connection.Command, connection.Event]
	cases       kind[*casefile.State, casefile.Command, casefile.Event]
}

// How many states of each kind are kept in memory. An account's takes about 1 kB, a business's that
// and 200 bytes for each person who ever had a part in it.
const (
	accountStatesMax     = 10_000
	businessStatesMax    = 1_000
	reservationStatesMax = 1_000
	requestStatesMax     = 100
	connectionStatesMax  = 1_000
	deskStatesMax        = 1_000 // of cases, which are read for what people ask of them
)

func newKinds(log eventstore.Log, codec *eventstore.Codec) kinds {
	return kinds{
		accounts:    newKind(log, codec, "account-", idPattern, account.Initial, account.Decide, account.Evolve, accountStatesMax),
		memberships: newKind(log, codec, "access-", frnPattern, membership.Initial, membership.Decide, membership.Evolve, businessStatesMax),
		emails:      newKind(log, codec, "email-", idPattern, reservation.Initial, reservation.Decide, reservation.Evolve, reservationStatesMax),
		domains:     newKind(log, codec, "emaildomain-", idPattern, reservation.Initial, reservation.Decide, reservation.Evolve, reservationStatesMax),
		requests:    newKind(log, codec, "onboarding-", idPattern, onboarding.Initial, onboarding.Decide, onboarding.Evolve, requestStatesMax),
		documents:   newKind(log, codec, "terms", noID, terms.Initial, terms.Decide, terms.Evolve, 1),
		connections: newKind(log, codec, "connection-", idPattern, connection.Initial, connection.Decide, connection.Evolve, connectionStatesMax),
		cases:       newKind(log, codec, casePrefix, idPattern, casefile.Initial, casefile.Decide, casefile.Evolve, deskStatesMax),
	}
}

// kind runs one decider on the streams whose names begin with a prefix.
type kind[State, Command, Event any] struct {
	prefix  string
	ids     *regexp.Regexp
	decide  func(State, Command) ([]Event, error)
	handler *eventstore.Handler[State, Command, Event]
}

func newKind[State, Command, Event any](log eventstore.Log, codec *eventstore.Codec, prefix string, ids *regexp.Regexp,
	initial func() State, decide func(State, Command) ([]Event, error), evolve func(State, Event) State, statesMax int,
) kind[State, Command, Event] {
	decider := eventstore.Decider[State, Command, Event]{Initial: initial, Decide: decide, Evolve: evolve}
	return kind[State, Command, Event]{prefix, ids, decide, eventstore.NewHandler(log, codec, decider, statesMax)}
}

// What ids in names of streams are made of: firm reference numbers, all others, and that of the one
// stream that has none. Whatever else somebody asks for does not exist.
var (
	frnPattern = regexp.MustCompile(`^[0-9]{6,7}$`)
	idPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`)
	noID       = regexp.MustCompile(`^$`)
)

// stream returns the name of the stream with an id, and ErrUnknown for an id that nothing can have.
func (k kind[State, Command, Event]) stream(id string) (eventstore.StreamName, error) {
	if !k.ids.MatchString(id) {
		return "", ErrUnknown
	}
	return eventstore.StreamName(k.prefix + id), nil
}

// look calls see with the state of a stream as it is in the log now; see must not keep it.
func (k kind[State, Command, Event]) look(ctx context.Context, id string, see func(State, eventstore.Revision)) error {
	stream, err := k.stream(id)
	if err != nil {
		return err
	}
	return k.handler.State(ctx, stream, see)
}

// since is look for who asked already where the stream ends; see eventstore.Handler.Since.
func (k kind[State, Command, Event]) since(ctx context.Context, id string, end eventstore.Revision, see func(State, eventstore.Revision)) error {
	stream, err := k.stream(id)
	if err != nil {
		return err
	}
	return k.handler.Since(ctx, stream, end, see)
}

// check returns what refuses a command now, without recording anything: so a command that spans
// streams is refused before it has changed any. The stream decides again when its turn comes. What
// was decided before, under the same id, is not refused.
func (k kind[State, Command, Event]) check(ctx context.Context, o order, id string, command Command) error {
	_, err := k.would(ctx, o, id, command)
	return err
}

// would is check, and reports whether there would be anything to record.
func (k kind[State, Command, Event]) would(ctx context.Context, o order, id string, command Command) (news bool, err error) {
	var refused error
	err = k.look(ctx, id, func(state State, revision eventstore.Revision) {
		if expected := o.expects(); !expected.Matches(revision) {
			refused = fmt.Errorf("check command on %s%s: %w: expected %s, it is at %d",
				k.prefix, id, eventstore.ErrWrongExpectedRevision, expected, revision)
			return
		}
		var events []Event
		events, refused = k.decide(state, command)
		news = len(events) > 0
	})
	if err != nil || refused == nil {
		return news, err
	}
	before, err := k.handler.Decided(ctx, o.request(eventstore.StreamName(k.prefix+id)))
	if err != nil || before {
		return false, err
	}
	return false, answered(refused)
}

// decided reports whether something was recorded of an order on a stream before: it gets the same answer again,
// whatever has changed since.
func (k kind[State, Command, Event]) decided(ctx context.Context, o order, id string) (bool, error) {
	stream, err := k.stream(id)
	if err != nil {
		return false, err
	}
	return k.handler.Decided(ctx, o.request(stream))
}

// do decides a command and records what comes of it.
func (k kind[State, Command, Event]) do(ctx context.Context, o order, id string, command Command) (eventstore.Answer[Event], error) {
	stream, err := k.stream(id)
	if err != nil {
		return eventstore.Answer[Event]{}, err
	}
	answer, err := k.handler.Handle(ctx, o.request(stream), command)
	return answer, answered(err)
}

// done is do, for who needs to know only where the log ended.
func (k kind[State, Command, Event]) done(ctx context.Context, o order, id string, command Command) (Done, error) {
	answer, err := k.do(ctx, o, id, command)
	return Done{answer.Position}, err
}

// absent are the codes of refusals by which a decider says that there is no such thing.
var absent = map[string]bool{
	"account-unknown": true, "not-member": true, "invitation-unknown": true, "request-unknown": true,
	"connection-unknown": true, "ticket-unknown": true, "notification-unknown": true, "upload-unknown": true,
	casefile.CodeUnknownCase: true,
}

// answered gives what a decider refused, because it knows nothing of it, the error for that, too.
func answered(err error) error {
	if absent[refusalCode(err)] {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return err
}

// refusalCode returns the code of the refusal that err is, "" if it is none.
func refusalCode(err error) string {
	if refusal, is := errors.AsType[*domain.Refusal](err); is {
		return refusal.Code
	}
	return ""
}
