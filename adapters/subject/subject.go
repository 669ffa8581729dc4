// Package subject is about one data subject: everything that is kept about a person, out and away
// (UK GDPR, Articles 15 and 17). It promises that an export holds what every part of the system
// keeps about the person, opened, without secrets and without other people; and that when a person is
// said to be erased nothing that was sealed for that person can be opened any more.
//
// There are two kinds of persons: who works for a business has an account; who complained is a party
// of a case. An export is one JSON document; where it breaks off, it is no JSON.
//
// An erasure is an event first, of which package reactions does the rest. A crash in between, or
// somebody who does not wait for the end, changes nothing of that: it is done all the same.
package subject

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"casesync/adapters/commands"
	"casesync/domain/account"
	"casesync/eventstore"
)

// ErrNotErased is returned by WaitErased where nobody has asked for the erasure yet.
var ErrNotErased = errors.New("this person is not erased: ask for it first")

// Credentials is what a person signs in with here; no secret is part of it.
type Credentials struct {
	PasswordSetAt     time.Time `json:"passwordSetAt,omitzero"`
	SecondFactor      bool      `json:"secondFactor"`
	RecoveryCodesLeft int       `json:"recoveryCodesLeft"`
	// Questions are the security questions that the person chose. The answers are kept as hashes alone.
	Questions []string `json:"securityQuestions,omitempty"`
}

// Session is where the person is signed in.
type Session struct {
	Method    string    `json:"method"`
	StartedAt time.Time `json:"startedAt"`
	SeenAt    time.Time `json:"seenAt"`
}

// Mail is a mail to the person: that there was one, and what became of it. What it said is not kept.
type Mail struct {
	Kind     string    `json:"kind"`
	Status   string    `json:"status"`
	QueuedAt time.Time `json:"queuedAt"`
	EndedAt  time.Time `json:"endedAt,omitzero"`
}

// Config is what the parts of the system keep about people. All fields are required.
type Config struct {
	Log   eventstore.Log
	Codec *eventstore.Codec

	// Account returns an account, opened; commands.ErrUnknown where there is none (People.Account).
	Account func(ctx context.Context, person string) (commands.AccountView, error)
	// Memberships returns the FRNs of the businesses at which the person is or was invited, and may
	// name too many.
	Memberships func(ctx context.Context, person string) (frns []string, err error)
	// Allocations returns the references of the cases allocated to the person.
	Allocations func(ctx context.Context, person string) (refs []string, err error)
	Credentials func(ctx context.Context, person string) (Credentials, error)
	Sessions    func(ctx context.Context, person string) ([]Session, error)
	Mails       func(ctx context.Context, person string) ([]Mail, error)
	// Activities calls each with everything that the activity log has of an actor, in order, until
	// each returns an error, which it returns.
	Activities func(ctx context.Context, actor string, each func(commands.Activity) error) error

	// Tickets returns the ids of the tickets that the person opened, erased ones included or not.
	Tickets func(ctx context.Context, person string) (ids []string, err error)
	// Views returns what the person saved (commands.Casework.Views).
	Views func(ctx context.Context, person string) ([]commands.SavedView, error)
	// Uploads and Notifications call each with what was sent, suppressed cases included, until each returns an
	// error, which they return.
	Uploads       func(ctx context.Context, of Sent, each func(Upload) error) error
	Notifications func(ctx context.Context, of Sent, each func(Notification) error) error

	// EraseAccount and EraseParty are those of commands.People.
	EraseAccount func(ctx context.Context, ask commands.Ask, person string) (commands.Done, error)
	EraseParty   func(ctx context.Context, ask commands.Ask, ref, party string) (commands.Done, error)
	// Reacted returns nil as soon as everything that the event at position asks for is done
	// (reactions.Reacted), and an error when ctx ends.
	Reacted func(ctx context.Context, position eventstore.Position) error
}

// Subjects is what can be asked about data subjects. Whether somebody may is for the caller to
// know, but for the erasures, which are commands.
type Subjects struct{ config Config }

// New returns the subjects, and an error that names the missing setting.
func New(config Config) (*Subjects, error) {
	for field, value := range reflect.ValueOf(config).Fields() {
		if value.IsNil() {
			return nil, fmt.Errorf("configure subjects: %s must be set", field.Name)
		}
	}
	return &Subjects{config}, nil
}

const (
	accountStreams = "account-"
	accessStreams  = "access-"
	caseStreams    = "casefile-"
	ticketStreams  = "ticket-"
	viewStreams    = "savedviews-"
)

// Erase erases a person's account, and returns when nothing that was sealed for the person can be
// opened any more. Where ctx ends before that the erasure goes on all the same.
func (s *Subjects) Erase(ctx context.Context, ask commands.Ask, person string) error {
	if _, err := s.config.EraseAccount(ctx, ask, person); err != nil {
		return fmt.Errorf("erase account: %w", err)
	}
	return s.WaitErased(ctx, person)
}

// WaitErased returns nil as soon as an erased person's key is destroyed and all else that is kept of
// the person is gone, and ErrNotErased where the account is not erased.
func (s *Subjects) WaitErased(ctx context.Context, person string) error {
	stream := eventstore.StreamName(accountStreams + person)
	position, err := s.lastOf(ctx, stream, func(event any) bool { _, is := event.(*account.Erased); return is })
	if err != nil {
		return err
	}
	if err := s.config.Reacted(ctx, position); err != nil {
		return fmt.Errorf("wait for the erasure: %w", err)
	}
	others, err := s.ownStreams(ctx, person)
	if err != nil {
		return err
	}
	for _, stream := range append(others, stream) {
		if err := s.closed(ctx, stream, func(string) bool { return true }); err != nil {
			return err
		}
	}
	return nil
}

// lastOf returns the position of the last event of a stream that is one, and ErrNotErased for none.
func (s *Subjects) lastOf(ctx context.Context, stream eventstore.StreamName, is func(event any) bool) (position eventstore.Position, err error) {
	for recorded, err := range s.config.Log.ReadStream(ctx, stream, 0) {
		if err != nil {
			return position, fmt.Errorf("read %s: %w", stream, err)
		}
		decoded, err := s.config.Codec.Decode(recorded)
		if err != nil {
			return position, fmt.Errorf("read %s: %w", stream, err)
		}
		if is(decoded.Event) {
			position = recorded.Position
		}
	}
	if position.IsZero() {
		return position, ErrNotErased
	}
	return position, nil
}
