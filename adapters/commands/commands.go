// Package commands is the one place that authorises a principal and runs a decider. Whatever
// changes the log comes through here, over HTTP, from a file, from a queue or from an operator.
//
// It promises that a principal without the permission changes nothing, that a command that was
// decided is durable when its method returns, and that the same command again gives the same
// answer and has no second effect: the ids of commands are derived from what asks for them.
//
// A verdict is an answer; an error is a fault (the database is down, say) that leaves the outcome
// unknown: the same command may be given again.
package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"casesync/domain/access"
	"casesync/domain/business"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/notification"
	"casesync/domain/upload"
	"casesync/eventstore"
)

// The names of streams begin with what they are of.
const (
	casePrefix     = "casefile-"
	businessPrefix = "business-"
)

// CaseStream returns the stream of the case with a reference.
func CaseStream(reference string) eventstore.StreamName {
	return eventstore.StreamName(casePrefix + reference)
}

// BusinessStream returns the stream of the business with an FRN.
func BusinessStream(frn string) eventstore.StreamName {
	return eventstore.StreamName(businessPrefix + frn)
}

// Errors that callers act on.
var (
	// ErrForbidden: the principal does not have the permission.
	ErrForbidden = errors.New("not permitted")
	// ErrNoReason: an operator's decision needs a reason.
	ErrNoReason = errors.New("a reason is needed: say why, for those who read the log later")
	// ErrNoStream: the stream is of nothing that case management systems speak of.
	ErrNoStream = errors.New("not the stream of a case, business, upload or notification")
)

// Commands runs the deciders of what case management systems speak of over one log: cases and businesses, and
// the uploads and notifications that they answer. It is safe for concurrent use.
type Commands struct {
	cases         subjects[*casefile.State, casefile.Command, casefile.Event]
	businesses    subjects[*business.State, business.Command, business.Event]
	uploads       subjects[*upload.State, upload.Command, upload.Event]
	notifications subjects[*notification.State, notification.Command, notification.Event]
}

// Config says what Commands works on.
type Config struct {
	Log   eventstore.Log
	Codec *eventstore.Codec
	// CaseStatesMax is how many cases' states are kept in memory, 1 to 5 kB each. Default 20,000.
	CaseStatesMax int
	// BusinessStatesMax is how many businesses' states are kept in memory. Default 1,000.
	BusinessStatesMax int
}

// New returns the commands on a log.
func New(config Config) *Commands {
	if config.CaseStatesMax == 0 {
		config.CaseStatesMax = 20_000
	}
	if config.BusinessStatesMax == 0 {
		config.BusinessStatesMax = 1_000
	}
	log, codec := config.Log, config.Codec
	return &Commands{
		cases: newSubjects(log, codec, casefile.Initial, casefile.Decide, casefile.Evolve, config.CaseStatesMax,
			func(factsMax int) casefile.Command { return casefile.Release{FactsMax: factsMax} }),
		businesses: newSubjects(log, codec, business.Initial, business.Decide, business.Evolve, config.BusinessStatesMax,
			func(factsMax int) business.Command { return business.Release{FactsMax: factsMax} }),
		uploads: newSubjects(log, codec, upload.Initial, upload.Decide, upload.Evolve, caseworkStatesMax,
			func(factsMax int) upload.Command { return upload.Release{FactsMax: factsMax} }),
		notifications: newSubjects(log, codec, notification.Initial, notification.Decide, notification.Evolve, caseworkStatesMax,
			func(factsMax int) notification.Command { return notification.Release{FactsMax: factsMax} }),
	}
}

// Allow returns ErrForbidden unless the principal has permission for every business.
func Allow(by access.Principal, permission access.Permission) error {
	if !by.Everywhere(permission) {
		return fmt.Errorf("%w: %s needs %s", ErrForbidden, by.ID, permission)
	}
	return nil
}

// Retry says that a fact is a dead letter tried again by an operator, and why.
type Retry struct{ Reason string }

// RecordCase records what a case management system says of the case with a reference. A retry
// needs the permission to operate feeds, everything else that to publish events.
func (c *Commands) RecordCase(ctx context.Context, by access.Principal, reference string, origin feed.Origin, fact casefile.Event, retry *Retry) (Verdict, error) {
	return record(by, CaseStream(reference), origin, retry, func(request eventstore.Request) (eventstore.Answer[casefile.Event], error) {
		return c.cases.handle(ctx, request, func(alone bool) casefile.Command {
			return casefile.Record{Fact: fact, Retry: retry != nil, Alone: alone}
		})
	})
}

// RecordBusiness records what a case management system says of the business with an FRN; see
// RecordCase.
func (c *Commands) RecordBusiness(ctx context.Context, by access.Principal, frn string, origin feed.Origin, fact business.Event, retry *Retry) (Verdict, error) {
	return record(by, BusinessStream(frn), origin, retry, func(request eventstore.Request) (eventstore.Answer[business.Event], error) {
		return c.businesses.handle(ctx, request, func(alone bool) business.Command {
			return business.Record{Fact: fact, Retry: retry != nil, Alone: alone}
		})
	})
}

// record runs a command that records a message, under an id that is the same for the same
// (source, id). Under that id it may be recorded that the message's type was unknown: then a retry
// has an id of its own.
func record[Event any](by access.Principal, stream eventstore.StreamName, origin feed.Origin, retry *Retry,
	handle func(eventstore.Request) (eventstore.Answer[Event], error),
) (Verdict, error) {
	request := eventstore.Request{
		Stream: stream, CommandID: messageID(origin, ""), CorrelationID: origin.ID, CausationID: origin.ID,
		Actor: "cms:" + origin.Source, OccurredAt: origin.Time, Expected: eventstore.Any,
	}
	if retry == nil {
		if err := Allow(by, access.PublishEvents); err != nil {
			return Verdict{}, err
		}
		return verdict(handle(request))
	}
	if err := Allow(by, access.OperateFeeds); err != nil {
		return Verdict{}, err
	}
	request.Actor, request.Reason = by.ID, retry.Reason
	answer, err := handle(request)
	if err == nil && answer.Repeated && unrecognised(answer.Events) {
		request.CommandID = messageID(origin, "\nretry")
		answer, err = handle(request)
	}
	return verdict(answer, err)
}

// commandSpace is the namespace of command ids that are derived from messages.
var commandSpace = uuid.MustParse("5b0c2c1c-3f0e-5d0f-9a63-2f5a1c9b7e41")

// messageID is the id of the command that records a message: the same for the same (source, id).
func messageID(origin feed.Origin, suffix string) uuid.UUID {
	return uuid.NewSHA1(commandSpace, []byte(origin.Source+"\n"+origin.ID+suffix))
}

// Skip gives up waiting for the sequences From to To of Source on a stream.
type Skip struct {
	Stream eventstore.StreamName
	Source string
	// From and To are the first and the last sequence given up.
	From, To int64
	// Reason is why; it must not be empty.
	Reason string
	// At is when it was decided.
	At time.Time
}

// Skip gives sequences up, and so releases what is held behind them. It needs the permission to
// operate feeds. A *domain.Refusal is returned as an error: there is nothing to give up. So is
// eventstore.ErrWrongExpectedRevision for a stream that does not exist.
func (c *Commands) Skip(ctx context.Context, by access.Principal, skip Skip) (Verdict, error) {
	return c.skip(ctx, by, skip, eventstore.StreamExists)
}

func (c *Commands) skip(ctx context.Context, by access.Principal, skip Skip, expected eventstore.ExpectedRevision) (Verdict, error) {
	if err := Allow(by, access.OperateFeeds); err != nil {
		return Verdict{}, err
	}
	if strings.TrimSpace(skip.Reason) == "" {
		return Verdict{}, ErrNoReason
	}
	// What was given up may be given up again without effect, so the id need not be derived.
	request := eventstore.Request{
		Stream: skip.Stream, CommandID: uuid.New(), Actor: by.ID, Reason: skip.Reason, OccurredAt: skip.At, Expected: expected,
	}
	var err error
	switch prefixOf(skip.Stream) {
	case casePrefix:
		return skipped(c.cases.handle(ctx, request, func(alone bool) casefile.Command {
			return casefile.Skip{Source: skip.Source, From: skip.From, To: skip.To, Alone: alone}
		}))
	case businessPrefix:
		return skipped(c.businesses.handle(ctx, request, func(alone bool) business.Command {
			return business.Skip{Source: skip.Source, From: skip.From, To: skip.To, Alone: alone}
		}))
	case uploadPrefix:
		if request.ReasonOf, err = caseOf(ctx, c.uploads.handler, skip.Stream); err != nil {
			return Verdict{}, fmt.Errorf("give sequences up: %w", err)
		}
		return skipped(c.uploads.handle(ctx, request, func(alone bool) upload.Command {
			return upload.Skip{Source: skip.Source, From: skip.From, To: skip.To, Alone: alone}
		}))
	case notificationPrefix:
		if request.ReasonOf, err = caseOf(ctx, c.notifications.handler, skip.Stream); err != nil {
			return Verdict{}, fmt.Errorf("give sequences up: %w", err)
		}
		return skipped(c.notifications.handle(ctx, request, func(alone bool) notification.Command {
			return notification.Skip{Source: skip.Source, From: skip.From, To: skip.To, Alone: alone}
		}))
	}
	return Verdict{}, ErrNoStream
}

// prefixOf returns what a stream's name begins with, "" if it is of nothing that case management systems speak of.
func prefixOf(stream eventstore.StreamName) string {
	for _, prefix := range []string{casePrefix, businessPrefix, uploadPrefix, notificationPrefix} {
		if strings.HasPrefix(string(stream), prefix) {
			return prefix
		}
	}
	return ""
}
