package httpapi

import (
	"encoding/json"
	"slices"
	"strings"

	"casesync/domain/outgoing"
	"casesync/eventstore"
)

// sentPrefixes begin the names of the streams of what people send about cases: what happens there changes what
// the case shows.
var sentPrefixes = []string{"upload-", "notification-"}

func ofSent(event eventstore.Recorded) bool {
	return slices.ContainsFunc(sentPrefixes, func(prefix string) bool { return strings.HasPrefix(string(event.Stream), prefix) })
}

// caseIn returns the reference of the case that an event is about: of a case's own stream, or of what was sent
// about one, where it stands in clear; "" for all others.
func caseIn(event eventstore.Recorded) string {
	if ref, is := strings.CutPrefix(string(event.Stream), casePrefix); is {
		return ref
	}
	var about outgoing.About
	if !ofSent(event) || json.Unmarshal(event.Data, &about) != nil {
		return ""
	}
	return about.Case
}

// lean is an event without what it says, where that is not needed to tell which case it is about: of those
// that a client missed there may be many.
func lean(event eventstore.Recorded) eventstore.Recorded {
	if event.Metadata = nil; !ofSent(event) {
		event.Data = nil
	}
	return event
}
