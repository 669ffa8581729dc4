package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"casesync/adapters/documents/uploads"
	"casesync/adapters/mail"
	"casesync/adapters/outbox"
	"casesync/adapters/reactions"
	"casesync/adapters/scheduler"
	"casesync/adapters/state"
	"casesync/domain/calendar"
	"casesync/eventstore"
	"casesync/eventstore/follower"
	"casesync/eventstore/sqldb"
	"casesync/projections"
	"casesync/projections/engine"
)

// The names under which mail and the outbox follow the log, for ever.
const (
	mailFollower   = "mail"
	outboxFollower = "outbox"
)

// follows is what goes on in a process of the role publish beside the read models.
type follows struct {
	reactions *reactions.Reactions
	scheduler *scheduler.Scheduler
	mails     *mail.Mails
	queue     *follower.Follower
	outbox    *outbox.Outbox
	uploads   *uploads.Uploads
}

// following returns what does as events and the clock ask for, none where the process does not have the role.
func (s *serving) following(ctx context.Context) ([]func(context.Context) error, error) {
	if !s.settings.has("publish") {
		return nil, nil
	}
	checkpoints, err := s.checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	f := &follows{}
	if f.mails, err = s.mails(ctx); err != nil {
		return nil, err
	}
	if f.reactions, err = s.reactions(ctx); err != nil {
		return nil, err
	}
	if f.scheduler, err = s.scheduler(ctx, f.reactions); err != nil {
		return nil, err
	}
	f.queue, err = follower.New(follower.Config{
		Name: mailFollower, Log: s.openedLog, Checkpoints: checkpoints, Take: f.mails.Take, Wants: mail.Wants, Now: s.now, Logger: s.logger,
	})
	if err != nil {
		return nil, err
	}
	if f.outbox, err = s.outbox(ctx); err != nil {
		return nil, err
	}
	if f.uploads, err = s.uploads(ctx); err != nil {
		return nil, err
	}
	s.follows = f
	runs := []func(context.Context) error{f.reactions.Run, f.scheduler.Run, f.queue.Run, func(ctx context.Context) error { f.mails.Run(ctx); return nil }, f.outbox.Run, f.uploads.Run}
	for _, address := range s.settings.ActivityTo {
		runs = append(runs, func(ctx context.Context) error { return s.openedActivity.Forward(ctx, address) })
	}
	return runs, nil
}

func (s *system) checkpoints(ctx context.Context) (*state.Checkpoints, error) {
	return inState(ctx, s, &s.openedCheckpoints, func(db *sqldb.DB) (*state.Checkpoints, error) {
		return state.OpenCheckpoints(ctx, db, s.now)
	})
}

// reactions returns what continues what events begin.
func (s *system) reactions(ctx context.Context) (*reactions.Reactions, error) {
	mails, err := s.mails(ctx) // and with it the people, the log and the activity log
	if err != nil {
		return nil, err
	}
	ended, err := s.sessions(ctx)
	if err != nil {
		return nil, err
	}
	credentials, err := s.credentials(ctx)
	if err != nil {
		return nil, err
	}
	letters, err := s.letters(ctx)
	if err != nil {
		return nil, err
	}
	checkpoints, err := s.checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	people := s.openedPeople
	config := reactions.Config{
		Log: s.openedLog, Codec: s.openedCodec, Checkpoints: checkpoints,
		EndSessions: ended.EndAll, Credentials: credentials,
		SuspendMember: people.SuspendMember, RemoveMember: people.RemoveMember, FinishAcceptance: people.FinishAcceptance,
		ReleaseAddress: people.ReleaseAddress, FollowConfiguration: people.FollowConfiguration, NoteActive: people.NoteActive,
		ReturnCases: people.ReturnCases, CaughtUp: s.caughtUp, Memberships: s.membershipsOf, Allocations: s.allocations,
		PurgeMails: mails.PurgePerson, PurgeLetters: letters.Erase, DestroyKeys: s.openedKeys.DestroyTreeOnce,
		Now: s.now, Logger: s.logger,
	}
	if err := s.reactToCasework(ctx, &config); err != nil {
		return nil, err
	}
	return reactions.New(config)
}

// caughtUp waits until the read models of people and of cases have reached position.
func (s *system) caughtUp(ctx context.Context, position eventstore.Position) error {
	for _, name := range []string{projections.PeopleName, projections.CasesName} {
		for {
			err := engine.WaitFor(ctx, s.openedStore, name, position)
			if err == nil {
				break
			}
			if !errors.Is(err, engine.ErrNotBuilt) || ctx.Err() != nil {
				return fmt.Errorf("wait for read model %s: %w", name, err)
			}
			select { // its runner makes it at its start
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}

// allocations returns the cases allocated to a person: of the business frn, or of all where that is "".
func (s *system) allocations(ctx context.Context, person, frn string) (refs []string, err error) {
	scope := projections.SystemScope("reactions")
	err = engine.Read(ctx, s.openedStore, projections.CasesName, func(view engine.View) error {
		for after := ""; ; {
			page, err := projections.CasesAllocatedTo(ctx, view, scope, person, frn, after, projections.PageRowsMax)
			if err != nil || len(page) == 0 {
				return err
			}
			refs, after = append(refs, page...), page[len(page)-1]
		}
	})
	return refs, err
}

// scheduler returns the sweeps of what the clock makes due.
func (s *system) scheduler(ctx context.Context, reacts *reactions.Reactions) (*scheduler.Scheduler, error) {
	db, err := s.stateDB(ctx)
	if err != nil {
		return nil, err
	}
	runs, err := state.OpenSweeps(ctx, db)
	if err != nil {
		return nil, err
	}
	attempts, err := s.attempts(ctx)
	if err != nil {
		return nil, err
	}
	people := s.openedPeople
	sweeps := []scheduler.Sweep{
		scheduler.Retention("accounts", s.due(projections.PeopleName, projections.DueAccounts), people.TickAccount),
		scheduler.Retention("access requests", s.due(projections.PeopleName, projections.DueRequests), people.TickRequest),
		scheduler.Retention("case data", s.due(projections.CasesName, projections.DueCases), people.TickCase),
		scheduler.Members(s.inactiveMembers, people.SuspendMember, people.RemoveMember),
		scheduler.Allocations(scheduler.Allocated{
			Holders: s.holders, Works: reacts.Works, Cases: s.allocations, Return: people.ReturnCases,
		}),
		scheduler.Purge("sign-in", func(ctx context.Context) error {
			return errors.Join(s.openedSessions.Purge(ctx), attempts.Purge(ctx), s.openedLocal.Purge(ctx))
		}),
		scheduler.Purge("activity log", func(ctx context.Context) error { _, err := s.openedActivity.Purge(ctx); return err }),
		scheduler.Rotation(runs, s.openedKeys.DestroyedSince, s.openedKeys.Rotate),
	}
	return scheduler.New(scheduler.Config{
		Sweeps: append(sweeps, s.caseworkSweeps()...), Leases: s.openedCheckpoints, Runs: runs, Every: s.settings.Serve.SweepEvery, Now: s.now, Logger: s.logger,
	})
}

type dueQuery func(ctx context.Context, view engine.View, scope projections.Scope, today calendar.Day, after projections.Due, limit int) ([]projections.Due, error)

// due asks a read model what may be due. One that is not built yet knows of nothing.
func (s *system) due(name string, query dueQuery) func(context.Context, calendar.Day, projections.Due, int) ([]projections.Due, error) {
	return func(ctx context.Context, today calendar.Day, after projections.Due, limit int) (list []projections.Due, err error) {
		err = s.look(ctx, name, func(view engine.View, scope projections.Scope) error {
			list, err = query(ctx, view, scope, today, after, limit)
			return err
		})
		return list, err
	}
}

func (s *system) inactiveMembers(ctx context.Context, after projections.InactiveMemberCursor, limit int) (list []projections.InactiveMember, err error) {
	err = s.look(ctx, projections.PeopleName, func(view engine.View, scope projections.Scope) error {
		list, err = projections.MembersInactive(ctx, view, scope, after, limit)
		return err
	})
	return list, err
}

func (s *system) holders(ctx context.Context) (list []projections.Allocatee, err error) {
	err = s.look(ctx, projections.CasesName, func(view engine.View, scope projections.Scope) error {
		list, err = projections.Allocatees(ctx, view, scope)
		return err
	})
	return list, err
}

// look reads a read model for the clock's sweeps. One that is not built yet has nothing to show.
func (s *system) look(ctx context.Context, name string, look func(engine.View, projections.Scope) error) error {
	err := engine.Read(ctx, s.openedStore, name, func(view engine.View) error {
		return look(view, projections.SystemScope("scheduler"))
	})
	if errors.Is(err, engine.ErrNotBuilt) {
		return nil
	}
	return err
}
