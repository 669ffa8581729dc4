package business

import "casesync/domain/feed"

// OriginOf returns where event came from; false for one that came from no source's message.
func OriginOf(event Event) (feed.Origin, bool) {
	if origin := event.origin(); origin != nil {
		return *origin, true
	}
	return feed.Origin{}, false
}
