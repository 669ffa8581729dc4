package commands

import (
	"context"
	"fmt"

	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/upload"
	"casesync/eventstore"
)

// UploadStream returns the stream of the upload with an id.
func UploadStream(id string) eventstore.StreamName {
	return eventstore.StreamName(uploadPrefix + id)
}

// NotificationStream returns the stream of the notification with an id.
func NotificationStream(id string) eventstore.StreamName {
	return eventstore.StreamName(notificationPrefix + id)
}

// RecordUpload records what a case management system answers to the upload with an id; see RecordCase. The
// source that speaks for the upload's case is heard, and no other, whichever case the answer names. An answer
// under an id that was never given out here is rejected: there is nothing that it could be about.
func (c *Commands) RecordUpload(ctx context.Context, by access.Principal, id string, origin feed.Origin, fact upload.Event, retry *Retry) (Verdict, error) {
	return record(by, UploadStream(id), origin, retry, func(request eventstore.Request) (eventstore.Answer[upload.Event], error) {
		return recordAnswer(ctx, c, c.uploads, request, func(owner string, alone bool) upload.Command {
			return upload.Record{Fact: fact, Owner: owner, Retry: retry != nil, Alone: alone}
		})
	})
}

// RecordNotification records what a case management system answers to the notification with an id; see
// RecordUpload.
func (c *Commands) RecordNotification(ctx context.Context, by access.Principal, id string, origin feed.Origin, fact notification.Event, retry *Retry) (Verdict, error) {
	return record(by, NotificationStream(id), origin, retry, func(request eventstore.Request) (eventstore.Answer[notification.Event], error) {
		return recordAnswer(ctx, c, c.notifications, request, func(owner string, alone bool) notification.Command {
			return notification.Record{Fact: fact, Owner: owner, Retry: retry != nil, Alone: alone}
		})
	})
}

// recordAnswer runs a command that records what the owner of a case answers to what was sent about it.
func recordAnswer[State interface{ Case() string }, Command, Event any](ctx context.Context, c *Commands,
	things subjects[State, Command, Event], request eventstore.Request, command func(owner string, alone bool) Command,
) (eventstore.Answer[Event], error) {
	about, err := caseOf(ctx, things.handler, request.Stream)
	if err != nil {
		return eventstore.Answer[Event]{}, err
	}
	owner, err := c.ownerOf(ctx, about)
	if err != nil {
		return eventstore.Answer[Event]{}, err
	}
	request.ReasonOf = about
	return things.handle(ctx, request, func(alone bool) Command { return command(owner, alone) })
}

// caseOf returns the subject of the key of the case that something was sent about: reasons that operators give go
// with it. It is "" for what there is not.
func caseOf[State interface{ Case() string }, Command, Event any](ctx context.Context,
	things *eventstore.Handler[State, Command, Event], stream eventstore.StreamName,
) (subject string, err error) {
	err = things.State(ctx, stream, func(s State, _ eventstore.Revision) {
		if ref := s.Case(); ref != "" {
			subject = outgoing.Subject(ref)
		}
	})
	return subject, err
}

// ownerOf returns the source that speaks for a case, as the log has it now; "" for no case, which the decider
// refuses.
func (c *Commands) ownerOf(ctx context.Context, subject string) (owner string, err error) {
	if subject == "" {
		return "", nil
	}
	err = c.cases.handler.State(ctx, eventstore.StreamName(subject), func(s *casefile.State, _ eventstore.Revision) { owner = s.Owner() })
	if err != nil {
		return "", fmt.Errorf("find who speaks for the case: %w", err)
	}
	return owner, nil
}
