package sqlitelog

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"
)

// explain adds to an error of SQLite what to do about it.
func explain(err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultFull:
		return fmt.Errorf("the disk is full: %w; make room, then appends work again; reads are not affected", err)
	case sqlite.ResultBusy:
		return fmt.Errorf("another process holds the log's write lock: %w; try again, and look for one that hangs", err)
	case sqlite.ResultReadOnly, sqlite.ResultPerm, sqlite.ResultCantOpen:
		return fmt.Errorf("the log cannot be written: %w; the file and its directory must belong to this user", err)
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return fmt.Errorf("the log's file is damaged: %w; stop, keep a copy, and restore a backup", err)
	case sqlite.ResultIOErr:
		return fmt.Errorf("the disk failed: %w; check it before anything else", err)
	}
	return err
}

// explainRead prefers the reader's own end to what SQLite says when it was interrupted by it.
func explainRead(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	return explain(err)
}

// isFlush reports whether err is a disk that failed to flush. The kernel may have dropped what it
// could not write, and a second flush that succeeds proves nothing.
func isFlush(err error) bool {
	code := sqlite.ErrCode(err)
	return code == sqlite.ResultIOErrFsync || code == sqlite.ResultIOErrDirFsync
}
