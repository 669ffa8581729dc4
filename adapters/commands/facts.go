package commands

import (
	"context"
	"fmt"

	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/notification"
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
		owner, err := ownerOf(ctx, c.cases.handler, c.uploads.handler, request.Stream)
		if err != nil {
			return eventstore.Answer[upload.Event]{}, err
		}
		return c.uploads.handle(ctx, request, func(alone bool) upload.Command {
			return upload.Record{Fact: fact, Owner: owner, Retry: retry != nil, Alone: alone}
		})
	})
}

// RecordNotification records what a case management system answers to the notification with an id; see
// RecordUpload.
func (c *Commands) RecordNotification(ctx context.Context, by access.Principal, id string, origin feed.Origin, fact notification.Event, retry *Retry) (Verdict, error) {
	return record(by, NotificationStream(id), origin, retry, func(request eventstore.Request) (eventstore.Answer[notification.Event], error) {
		owner, err := ownerOf(ctx, c.cases.handler, c.notifications.handler, request.Stream)
		if err != nil {
			return eventstore.Answer[notification.Event]{}, err
		}
		return c.notifications.handle(ctx, request, func(alone bool) notification.Command {
			return notification.Record{Fact: fact, Owner: owner, Retry: retry != nil, Alone: alone}
		})
	})
}

// ownerOf returns the source that speaks for the case of what was sent, as the log has it now; "" for what
// there is not, which the decider says.
func ownerOf[State interface{ Case() string }, Command, Event any](ctx context.Context,
	cases *eventstore.Handler[*casefile.State, casefile.Command, casefile.Event],
	things *eventstore.Handler[State, Command, Event], stream eventstore.StreamName,
) (owner string, err error) {
	var ref string
	err = things.State(ctx, stream, func(s State, _ eventstore.Revision) { ref = s.Case() })
	if err != nil || ref == "" {
		return "", err
	}
	err = cases.State(ctx, CaseStream(ref), func(s *casefile.State, _ eventstore.Revision) { owner = s.Owner() })
	if err != nil {
		return "", fmt.Errorf("find who speaks for the case of %s: %w", stream, err)
	}
	return owner, nil
}
