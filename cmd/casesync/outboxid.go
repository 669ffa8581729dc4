package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/adapters/outbox"
	"casesync/domain/access"
)

// messageID is the id of a message on the command line.
type messageID uuid.UUID

// UnmarshalText reads what "outbox list" prints.
func (id *messageID) UnmarshalText(text []byte) error {
	parsed, err := uuid.ParseBytes(text)
	if err != nil {
		return fmt.Errorf("%q is no id of a message: casesync outbox list shows the ids", text)
	}
	*id = messageID(parsed)
	return nil
}

func (id messageID) String() string { return uuid.UUID(id).String() }

// resolving is an operator's decision on a parked message.
type resolving func(o *outbox.Outbox, ctx context.Context, by access.Principal, eventID uuid.UUID, reason string) error

// decide takes a decision. That it was asked for is recorded first; the reason is kept with the message alone, sealed.
func (id messageID) decide(ctx context.Context, p *program, operation string, d decision, resolve resolving) error {
	if strings.TrimSpace(d.Reason) == "" {
		return usage("--reason is empty: say why")
	}
	s := p.installed()
	defer s.close()
	box, err := s.outbox(ctx)
	if err != nil {
		return err
	}
	activities, err := s.activity(ctx)
	if err != nil {
		return err
	}
	err = activities.Record(ctx, commands.Activity{
		At: s.now(), Kind: commands.CommandGiven, Actor: d.Actor, Operation: operation, Subject: id.String(),
	})
	if err != nil {
		return err
	}
	err = resolve(box, ctx, d.principal(), uuid.UUID(id), d.Reason)
	if errors.Is(err, outbox.ErrNotParked) {
		return fmt.Errorf("no message %s is parked: casesync outbox list shows those that are, with those that were skipped", id)
	}
	return err
}
