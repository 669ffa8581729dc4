package sessions

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrNotFound is returned where a session to end is not one of the user's.
var ErrNotFound = errors.New("no such session")

// Session is what is shown of a session to its own user. Its token is not.
type Session struct {
	ID        string
	Method    string // how he signed in
	StartedAt time.Time
	SeenAt    time.Time // the last request, to a twentieth of the idle limit
	Current   bool      // the one that asks
}

// List returns a user's live sessions, the last seen first.
func (s *Sessions) List(ctx context.Context, user string) ([]Session, error) {
	idle, absolute := s.store.since()
	rows, err := s.store.db.QueryContext(ctx, `SELECT id, token_sha256, method, started_at, seen_at FROM sessions
		WHERE `+liveRow+` AND user_id = $3 AND user_id <> '' ORDER BY seen_at DESC, id`, idle, absolute, user)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	defer rows.Close()
	current := s.currentHash(ctx)
	var all []Session
	for rows.Next() {
		var session Session
		var hash string
		var startedAt, seenAt int64
		if err := rows.Scan(&session.ID, &hash, &session.Method, &startedAt, &seenAt); err != nil {
			return nil, fmt.Errorf("list sessions: %w", err)
		}
		session.StartedAt, session.SeenAt = time.UnixMicro(startedAt).UTC(), time.UnixMicro(seenAt).UTC()
		session.Current = hash == current
		all = append(all, session)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return all, nil
}

// currentHash returns the hash of the token of the request's session, "" outside a request.
func (s *Sessions) currentHash(ctx context.Context) string {
	if _, inRequest := ctx.Value(loadedKey{}).(*loaded); !inRequest {
		return ""
	}
	token := s.manager.Token(ctx)
	if token == "" {
		return ""
	}
	return digest(token)
}

// End ends one of a user's sessions. It returns ErrNotFound for one that is not his.
func (s *Sessions) End(ctx context.Context, user, id string) error {
	result, err := s.store.db.ExecContext(ctx, `DELETE FROM sessions WHERE id = $1 AND user_id = $2 AND user_id <> ''`, id, user)
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil {
		return fmt.Errorf("end session: %w", err)
	} else if n == 0 {
		return fmt.Errorf("end session: %w", ErrNotFound)
	}
	return nil
}

// EndAll ends all sessions of a user, in every process, and those for which a ticket was taken
// before. Nothing of them is left in the tables but the count.
func (s *Sessions) EndAll(ctx context.Context, user string) error {
	if user == "" {
		return errors.New("end all sessions: no user is named")
	}
	tx, err := s.store.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("end all sessions: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	for _, statement := range []string{
		`INSERT INTO session_epochs (user_id, epoch) VALUES ($1, 1) ON CONFLICT (user_id) DO UPDATE SET epoch = session_epochs.epoch + 1`,
		`DELETE FROM sessions WHERE user_id = $1`,
	} {
		if _, err := tx.ExecContext(ctx, statement, user); err != nil {
			return fmt.Errorf("end all sessions: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("end all sessions: %w", err)
	}
	return nil
}

// Purge deletes sessions that are over. It is to be called now and then; nothing depends on when.
func (s *Sessions) Purge(ctx context.Context) error {
	idle, absolute := s.store.since()
	if _, err := s.store.db.ExecContext(ctx, `DELETE FROM sessions WHERE NOT (`+liveRow+`)`, idle, absolute); err != nil {
		return fmt.Errorf("purge sessions: %w", err)
	}
	return nil
}
