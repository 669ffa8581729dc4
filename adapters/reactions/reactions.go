// Package reactions continues what an event began: sessions end, credentials are removed, members are
// suspended, cases return, addresses are released, what is in line about a case is stopped, bytes are
// removed, and data keys are destroyed. It promises that whatever an event asks for is done, however
// often the process crashes on the way, and that a data key is destroyed only after everything else that
// the erasure asks for.
//
// Three subscriptions of the log do it, each with its own checkpoint (package follower):
//
//	reactions-sessions   ends sessions and voids credentials: within a second of the event, whatever
//	                     keeps the others waiting
//	reactions-cases      stops what is in line about cases; it waits for read models once for a batch,
//	                     and nobody waits for it while a case system loads its cases
//	reactions            all the rest, some of which waits for read models
//
// Each event is reacted to at least once, and in order. Every reaction is therefore idempotent: it
// asks for a state of affairs, not for a change, and where something later may have overtaken the
// event it looks at the log as it is now before it takes anything away. One that fails is tried again
// for ever; what comes after it waits, and Statuses shows it. Events that no table names are passed over.
// Data keys are destroyed once for each event, however often it is reacted to: what a source says of a case
// after its erasure is sealed under another key, which a late repetition leaves alone.
//
// What a crash leaves: the effects that were finished, and a checkpoint before the event. The next
// start reacts to the whole event again, and finds the first effects done.
package reactions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"casesync/adapters/commands"
	"casesync/domain/account"
	"casesync/domain/casefile"
	"casesync/domain/membership"
	"casesync/eventstore"
	"casesync/eventstore/follower"
)

// The names of the subscriptions; their checkpoints stand under them.
const (
	Name         = "reactions"
	SessionsName = "reactions-sessions"
	CasesName    = "reactions-cases"
)

// Credentials are what local accounts sign in with; a *local.Credentials.
type Credentials interface {
	// Remove removes all credentials of a person; nothing happens where there is none.
	Remove(ctx context.Context, person string) error
	// Void removes those of generations before the present ones, by a zero none of the kind: never
	// what was enrolled since it was voided last.
	Void(ctx context.Context, person string, present account.Generations) error
}

// The commands of people that reactions give, methods of commands.People; the second or third
// argument is the user id.
type (
	personCommand func(ctx context.Context, person string) (commands.Done, error)
	memberCommand func(ctx context.Context, frn, person string) (commands.Done, error)
)

// Config is what reactions work on. All fields but those that name a default are required.
type Config struct {
	Log         eventstore.Log
	Codec       *eventstore.Codec
	Checkpoints follower.Checkpoints

	// EndSessions ends all sessions of a person, everywhere.
	EndSessions func(ctx context.Context, person string) error
	Credentials Credentials

	// SuspendMember, RemoveMember and FinishAcceptance are those of commands.People, as are the others
	// of these names.
	SuspendMember, RemoveMember, FinishAcceptance memberCommand
	ReleaseAddress                                personCommand
	FollowConfiguration                           func(ctx context.Context, frn string) (commands.Done, error)
	NoteActive                                    func(ctx context.Context, requestID, frn string) (commands.Done, error)
	ReturnCases                                   func(ctx context.Context, ref, person string) (commands.Done, error)

	// StopUploads and StopNotification stop what the case of uploads and of a notification bars by now;
	// EraseUploads ends all of a case's, and returns the ids of all that there ever were. They are those of
	// commands.Casework, and do nothing the second time.
	StopUploads      func(ctx context.Context, ref string) error
	StopNotification func(ctx context.Context, id string) error
	EraseUploads     func(ctx context.Context, ref string) (ids []string, err error)
	// NotificationsInLine returns the ids of the notifications about a case that did not go out yet. It is
	// asked only after CaughtUp.
	NotificationsInLine func(ctx context.Context, ref string) (ids []string, err error)
	// RemoveUpload deletes the bytes of an upload, and nothing where there are none; RescanUpload has those
	// of one of the case ref scanned again; ForgetDocuments deletes what was fetched of a case's key documents.
	RemoveUpload    func(ctx context.Context, id string) error
	RescanUpload    func(ctx context.Context, id, ref string) error
	ForgetDocuments func(ctx context.Context, ref string) error

	// CaughtUp returns nil as soon as the read models of people and of cases have reached position,
	// and an error that says which has not when ctx ends.
	CaughtUp func(ctx context.Context, position eventstore.Position) error
	// Memberships returns the FRNs of the businesses at which a person is a member or invited, and
	// Allocations the references of the cases allocated to a person: of the business frn, or of all
	// where that is "". Both are asked only after CaughtUp.
	Memberships func(ctx context.Context, person string) (frns []string, err error)
	Allocations func(ctx context.Context, person, frn string) (refs []string, err error)

	// PurgeMails removes what is kept of mails about a person, an access request or a ticket, by its id; it
	// fails while one is being sent. PurgeSaved removes what a person saved, such as views of lists;
	// by default there is no such thing. PurgeLetters removes the contents of dead letters of a stream.
	PurgeMails   func(ctx context.Context, id string) error
	PurgeSaved   func(ctx context.Context, person string) error
	PurgeLetters func(ctx context.Context, stream eventstore.StreamName) error
	// DestroyKeys destroys the data keys of subjects and of all below them, once for each order
	// (keyring.Ring.DestroyTreeOnce).
	DestroyKeys func(ctx context.Context, order string, subjects ...string) error

	// CatchUpTimeout is how long read models are waited for before a reaction counts as failed, and is
	// tried again; 30 s by default.
	CatchUpTimeout time.Duration
	// LeaseTTL, RetryPauseFirst and RetryPauseMax are those of follower.Config.
	LeaseTTL, RetryPauseFirst, RetryPauseMax time.Duration
	// Now is the clock; time.Now by default. Logger is slog.Default() by default.
	Now    func() time.Time
	Logger *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	if c.PurgeSaved == nil {
		c.PurgeSaved = func(context.Context, string) error { return nil }
	}
	if c.CatchUpTimeout <= 0 {
		c.CatchUpTimeout = 30 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	// What is still nil is required. There are many, and one that was forgotten would do damage only
	// on the day when it is needed.
	for field, value := range reflect.ValueOf(c).Fields() {
		switch value.Kind() { //nolint:exhaustive // the kinds that can be nil
		case reflect.Func, reflect.Interface, reflect.Pointer:
			if value.IsNil() {
				return c, fmt.Errorf("configure reactions: %s must be set", field.Name)
			}
		}
	}
	return c, nil
}

// Reactions are the subscriptions in this process. Any number of processes may run them: one
// works.
type Reactions struct {
	config    Config
	accounts  *eventstore.Handler[*account.State, account.Command, account.Event]
	members   *eventstore.Handler[*membership.State, membership.Command, membership.Event]
	cases     *eventstore.Handler[*casefile.State, casefile.Command, casefile.Event]
	followers []*follower.Follower
}

// statesMax is how many states of each kind are kept in memory. They are read, never changed here.
const statesMax = 256

// New returns the reactions to the events of a log, and an error that names the missing setting.
func New(config Config) (*Reactions, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Reactions{
		config: config,
		accounts: eventstore.NewHandler(config.Log, config.Codec, eventstore.Decider[*account.State, account.Command, account.Event]{
			Initial: account.Initial, Decide: account.Decide, Evolve: account.Evolve,
		}, statesMax),
		members: eventstore.NewHandler(config.Log, config.Codec, eventstore.Decider[*membership.State, membership.Command, membership.Event]{
			Initial: membership.Initial, Decide: membership.Decide, Evolve: membership.Evolve,
		}, statesMax),
		cases: eventstore.NewHandler(config.Log, config.Codec, eventstore.Decider[*casefile.State, casefile.Command, casefile.Event]{
			Initial: casefile.Initial, Decide: casefile.Decide, Evolve: casefile.Evolve,
		}, statesMax),
	}
	for _, part := range []struct {
		name  string
		wants func(eventType string) bool
		take  func(ctx context.Context, batch []eventstore.Recorded) error
	}{
		{SessionsName, sessionReactions.wants, r.reacting(sessionReactions)},
		{Name, slowReactions.wants, r.reacting(slowReactions)},
		{CasesName, stopping.wants, r.stop},
	} {
		f, err := follower.New(follower.Config{
			Name: part.name, Log: config.Log, Checkpoints: config.Checkpoints, Take: part.take, Wants: part.wants,
			LeaseTTL: config.LeaseTTL, RetryPauseFirst: config.RetryPauseFirst, RetryPauseMax: config.RetryPauseMax,
			Now: config.Now, Logger: config.Logger,
		})
		if err != nil {
			return nil, err
		}
		r.followers = append(r.followers, f)
	}
	return r, nil
}

// Run reacts until ctx ends, and then returns nil. It ends before that only with an error that Is
// follower.ErrLogReplaced.
func (r *Reactions) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(r.followers))
	var group sync.WaitGroup
	for i, f := range r.followers {
		group.Go(func() {
			defer stop()
			errs[i] = f.Run(ctx)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// Statuses tells how the subscriptions stand.
func (r *Reactions) Statuses(ctx context.Context) ([]follower.Status, error) {
	list := make([]follower.Status, len(r.followers))
	for i, f := range r.followers {
		var err error
		if list[i], err = f.Status(ctx); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Reacted returns nil as soon as everything that the event at position asks for is done, in
// whatever process, and the context's error if that ends first.
func Reacted(ctx context.Context, checkpoints follower.Checkpoints, position eventstore.Position) error {
	for _, name := range []string{SessionsName, Name, CasesName} {
		if err := follower.WaitFor(ctx, checkpoints, name, position); err != nil {
			return err
		}
	}
	return nil
}
