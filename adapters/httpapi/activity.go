package httpapi

import (
	"context"
	"time"

	"casesync/adapters/commands"
)

// ActivityReader reads the activity log.
type ActivityReader interface {
	// ListActivities returns at most limit entries that filter takes, the newest first, from before
	// the entry numbered before; 0 begins with the newest of all.
	ListActivities(ctx context.Context, filter ActivityFilter, before int64, limit int) ([]ActivityEntry, error)
}

// ActivityFilter narrows what is read of the activity log; an empty field does not.
type ActivityFilter struct {
	// Since and Until bound the time: Since included, Until not.
	Since, Until time.Time
	Actor        string
	Kind         commands.ActivityKind
	Subject      string
	// Failed leaves only what was refused or failed.
	Failed bool
}

// ActivityEntry is an activity under its number, which orders the log.
type ActivityEntry struct {
	Number int64
	commands.Activity
}
