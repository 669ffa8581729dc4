package projections

import (
	"fmt"

	"casesync/domain/business"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/notification"
	"casesync/domain/upload"
)

// message is what the feeds see of an event.
type message struct {
	origin       feed.Origin
	held         string // the held fact's stored name
	unrecognised bool
	skipped      feed.Span
}

func held(origin feed.Origin, name string) message { return message{origin: origin, held: name} }

func unrecognised(origin feed.Origin) message { return message{origin: origin, unrecognised: true} }

func gaveUp(source string, from, to int64) message {
	return message{origin: feed.Origin{Source: source}, skipped: feed.Span{From: from, To: to}}
}

// heard is for all other events: of those that are no facts of a source the origin is empty.
func heard(origin feed.Origin, _ bool) message { return message{origin: origin} }

func messageOf(event any) (message, error) {
	switch e := event.(type) {
	case casefile.Event:
		return ofCase(e), nil
	case business.Event:
		return ofBusiness(e), nil
	case upload.Event:
		return ofUpload(e), nil
	case notification.Event:
		return ofNotification(e), nil
	}
	return message{}, fmt.Errorf("fold feed: no fold for a %T", event)
}

func ofCase(event casefile.Event) message {
	switch e := event.(type) {
	case *casefile.FactHeld:
		return held(e.Origin, e.Type)
	case *casefile.FactUnrecognised:
		return unrecognised(e.Origin)
	case *casefile.SequenceSkipped:
		return gaveUp(e.Source, e.From, e.To)
	}
	return heard(casefile.OriginOf(event))
}

func ofBusiness(event business.Event) message {
	switch e := event.(type) {
	case *business.FactHeld:
		return held(e.Origin, e.Type)
	case *business.FactUnrecognised:
		return unrecognised(e.Origin)
	case *business.SequenceSkipped:
		return gaveUp(e.Source, e.From, e.To)
	}
	return heard(business.OriginOf(event))
}

func ofUpload(event upload.Event) message {
	switch e := event.(type) {
	case *upload.FactHeld:
		return held(e.Origin, e.Type)
	case *upload.FactUnrecognised:
		return unrecognised(e.Origin)
	case *upload.SequenceSkipped:
		return gaveUp(e.Source, e.From, e.To)
	}
	return heard(upload.OriginOf(event))
}

func ofNotification(event notification.Event) message {
	switch e := event.(type) {
	case *notification.FactHeld:
		return held(e.Origin, e.Type)
	case *notification.FactUnrecognised:
		return unrecognised(e.Origin)
	case *notification.SequenceSkipped:
		return gaveUp(e.Source, e.From, e.To)
	}
	return heard(notification.OriginOf(event))
}
