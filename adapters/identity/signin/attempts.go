package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"casesync/eventstore/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

const migrationsTable = "goose_signin"

// Attempts keeps the attempts under way and what was spent. It is safe for concurrent use.
type Attempts struct {
	db  *sqldb.DB
	now func() time.Time
}

// Open returns the attempts kept in a state database, whose tables it brings up to date. The
// caller keeps owning the database. Without now it tells the time by time.Now.
func Open(ctx context.Context, db *sqldb.DB, now func() time.Time) (*Attempts, error) {
	if now == nil {
		now = time.Now
	}
	tables, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open sign-in attempts: %w", err)
	}
	if err := sqldb.Migrate(ctx, db, tables, migrationsTable); err != nil {
		return nil, fmt.Errorf("open sign-in attempts: %w", err)
	}
	return &Attempts{db: db, now: now}, nil
}

// Begin keeps data, as JSON, for whoever comes back within age with both the key and the handle it
// returns, which belongs into the browser's cookie ([Cookie]). A crash after it leaves an attempt
// that expires.
func (a *Attempts) Begin(ctx context.Context, key string, data any, age time.Duration) (handle string, err error) {
	text, err := json.Marshal(data)
	if err != nil {
		return "", fmt.Errorf("begin sign-in: %w", err)
	}
	handle = rand.Text()
	_, err = a.db.ExecContext(ctx, `INSERT INTO signin_attempts (key_sha256, handle_sha256, data, expires_at) VALUES ($1, $2, $3, $4)`,
		digest(key), digest(handle), string(text), a.now().Add(age).UnixMicro())
	if err != nil {
		return "", fmt.Errorf("begin sign-in: %w", err)
	}
	return handle, nil
}

// Take ends the attempt with this key and handle, and reads its data into data. There is one Take
// for each Begin, however many processes try: all others are refused with AttemptOver. A crash
// after it means that the person starts again.
func (a *Attempts) Take(ctx context.Context, key, handle string, data any) error {
	var text string
	var expiresAt int64
	err := a.db.QueryRowContext(ctx, `DELETE FROM signin_attempts WHERE key_sha256 = $1 AND handle_sha256 = $2 RETURNING data, expires_at`,
		digest(key), digest(handle)).Scan(&text, &expiresAt)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Refuse(AttemptOver, "there is no such attempt of this browser")
	case err != nil:
		return fmt.Errorf("take sign-in: %w", err)
	case a.now().UnixMicro() >= expiresAt:
		return Refuse(AttemptOver, "the attempt had expired")
	}
	if err := json.Unmarshal([]byte(text), data); err != nil {
		return fmt.Errorf("take sign-in: %w", err)
	}
	return nil
}

// Spend records that id was used, and refuses with Replayed if it had been before. It is
// remembered until the given time, after which whatever it belongs to must be refused as expired.
func (a *Attempts) Spend(ctx context.Context, id string, until time.Time) error {
	result, err := a.db.ExecContext(ctx, `INSERT INTO signin_spent (id_sha256, expires_at) VALUES ($1, $2) ON CONFLICT (id_sha256) DO NOTHING`,
		digest(id), until.UnixMicro())
	if err != nil {
		return fmt.Errorf("spend sign-in answer: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil {
		return fmt.Errorf("spend sign-in answer: %w", err)
	} else if n == 0 {
		return Refuse(Replayed, "the same answer was used before")
	}
	return nil
}

// Purge deletes what has expired. It is to be called now and then; nothing depends on when.
func (a *Attempts) Purge(ctx context.Context) error {
	now := a.now().UnixMicro()
	for _, statement := range []string{
		`DELETE FROM signin_attempts WHERE expires_at <= $1`,
		`DELETE FROM signin_spent WHERE expires_at <= $1`,
	} {
		if _, err := a.db.ExecContext(ctx, statement, now); err != nil {
			return fmt.Errorf("purge sign-in attempts: %w", err)
		}
	}
	return nil
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
