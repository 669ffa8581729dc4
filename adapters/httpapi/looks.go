package httpapi

import (
	"context"
	"time"

	"casesync/adapters/commands"
)

// Looks keep how far a person has seen a case's timeline ("what changed since I last looked"). A person
// sees and changes nobody's but his own.
type Looks interface {
	// Mark says that a person has seen a case up to an entry of its timeline. A mark never goes backwards.
	Mark(ctx context.Context, person, ref string, entry int64, at time.Time) error
	// Marks returns a person's marks of the cases named, by reference; none where he never looked.
	Marks(ctx context.Context, person string, refs ...string) (map[string]commands.Look, error)
	// All returns at most limit marks of a person, the latest look first.
	All(ctx context.Context, person string, limit int) ([]commands.Look, error)
}
