package main

import (
	"errors"
	"fmt"
	"syscall"

	"casesync/adapters/commands"
	"casesync/projections/engine"
)

// explain says what to do about an error whose own text does not.
func explain(err error) string {
	for _, known := range []struct {
		is     error
		advice string
	}{
		{syscall.ENOSPC, "the disk is full: make room, then give the same command again; what was accepted is kept"},
		{syscall.EROFS, "the disk is read-only: name another place with --data"},
		{syscall.EACCES, "this user may not read or write there: run as the user that owns the data, or name another place with --data"},
		{engine.ErrNotBuilt, "start a serve with the role project, or give casesync projections rebuild"},
		{commands.ErrNoStream, "streams that hear case systems are named casefile-REFERENCE, business-FRN, upload-ID and notification-ID"},
	} {
		if errors.Is(err, known.is) {
			return fmt.Sprintf("%s: %s", err, known.advice)
		}
	}
	return err.Error()
}
