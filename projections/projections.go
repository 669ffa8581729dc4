package projections

import "casesync/projections/engine"

// The stored names of the read models, for engine.Read.
const (
	CasesName      = "cases"
	BusinessesName = "businesses"
	FeedsName      = "feeds"
	PeopleName     = "people"
	TicketsName    = "tickets"
)

// All lists every read model. A new one is a file here and a line in this list.
func All() []engine.Projection {
	return []engine.Projection{
		Cases(),
		Businesses(),
		Feeds(),
		People(),
		Tickets(),
	}
}
