package main

import (
	"errors"
	"fmt"
	"net"
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
		{syscall.ECONNREFUSED, "the database does not answer: start it, or correct its address"},
		{engine.ErrNotBuilt, "no serve has built this read model yet: start one with the role project"},
		{commands.ErrNoStream, "streams are named casefile-REFERENCE and business-FRN"},
	} {
		if errors.Is(err, known.is) {
			return fmt.Sprintf("%s: %s", err, known.advice)
		}
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		return fmt.Sprintf("%s: there is no such host: correct the database's address", err)
	}
	return err.Error()
}
