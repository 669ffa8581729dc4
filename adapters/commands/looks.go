package commands

import "time"

// Look is when a person last looked at a case, and how far its timeline had come by then. It is a bookmark
// and no event: it says nothing about the case, and goes with the person.
type Look struct {
	Case string
	// Entry is the number of the last entry of the timeline that the person saw.
	Entry int64
	At    time.Time
}
