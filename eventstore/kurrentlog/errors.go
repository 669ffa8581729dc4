package kurrentlog

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"casesync/eventstore"
)

// errNoAnswer is the cause of an end by Config.Timeout.
var errNoAnswer = errors.New("KurrentDB did not answer in time")

// is reports whether err is the client's error of that code.
func is(err error, code esdb.ErrorCode) bool {
	var of *esdb.Error
	return errors.As(err, &of) && of.Code() == code
}

// isMoved reports whether the server said that the stream is not at the expected revision.
func isMoved(err error) bool { return is(err, esdb.ErrorCodeWrongExpectedVersion) }

// isRefused reports whether the server said no, and would say it again.
func isRefused(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented, codes.FailedPrecondition:
		return true
	}
	return is(err, esdb.ErrorCodeStreamDeleted) || errors.Is(err, errClosed)
}

// isMissing reports whether the server said that there is no such stream. NotFound as a status says
// something else: a node without a leader answers so.
func isMissing(err error) bool {
	return is(err, esdb.ErrorCodeResourceNotFound) && status.Code(err) == codes.Unknown
}

// isUnknown reports whether err says nothing about what the server did: it is to be asked again.
// Defect: what the server refuses before it has read the whole request comes as code 0 and EOF,
// without the reason, and so counts as that.
func isUnknown(err error) bool {
	return err != nil && !isMoved(err) && !isRefused(err) && !isMissing(err)
}

// explain adds to an error of the client what to do about it.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "Maximum Append Size"):
		return fmt.Errorf("%w: %w; tell the address the server's setting, maxAppendSize=BYTES", eventstore.ErrTooLarge, err)
	case is(err, esdb.ErrorCodeAccessDenied), is(err, esdb.ErrorCodeUnauthenticated):
		return fmt.Errorf("KurrentDB refuses the user of the address: %w; it must read $all and write streams", err)
	case is(err, esdb.ErrorCodeStreamDeleted):
		return fmt.Errorf("the stream was deleted in KurrentDB: %w; a log keeps everything: restore a backup", err)
	}
	return err
}

// unanswered is the error of a call whose context has ended, the caller's own end or the time-out,
// with what went wrong before.
func unanswered(ctx context.Context, last error) error {
	if last == nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w; before that: %w", context.Cause(ctx), last)
}
