package sessions

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"casesync/eventstore/sqldb"
)

// textBytesMax bounds what one session holds, so that nobody fills the database through his own.
const textBytesMax = 8 << 10

// store implements scs.Store and scs.CtxStore. It measures time itself, by its own clock: scs's
// expiry is only the cookie's.
type store struct {
	db             *sqldb.DB
	now            func() time.Time
	idle, absolute time.Duration
}

// loaded remembers which rows a request loaded, so that saving knows a new session from one that
// was ended in the meantime.
type loaded struct {
	mu   sync.Mutex
	rows map[string]row // by token_sha256
}

type loadedKey struct{}

type row struct {
	id     string
	data   string
	seenAt int64
}

func (l *loaded) get(hash string) (row, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.rows[hash]
	return r, ok
}

func (l *loaded) put(hash string, r row) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rows == nil {
		l.rows = map[string]row{}
	}
	l.rows[hash] = r
}

func loadedOf(ctx context.Context) *loaded {
	if l, ok := ctx.Value(loadedKey{}).(*loaded); ok {
		return l
	}
	return &loaded{}
}

// liveRow is what a row must be to count as a session; its arguments are since's.
const liveRow = `seen_at > $1 AND started_at > $2
	AND (user_id = '' OR epoch = COALESCE((SELECT e.epoch FROM session_epochs e WHERE e.user_id = sessions.user_id), 0))`

// since returns the latest times that are too long ago, for a request and for signing in.
func (s *store) since() (idle, absolute int64) {
	now := s.now()
	return now.Add(-s.idle).UnixMicro(), now.Add(-s.absolute).UnixMicro()
}

// FindCtx implements scs.CtxStore.
func (s *store) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	hash := digest(token)
	idle, absolute := s.since()
	var r row
	err = s.db.QueryRowContext(ctx, `SELECT id, data, seen_at FROM sessions WHERE `+liveRow+` AND token_sha256 = $3`,
		idle, absolute, hash).Scan(&r.id, &r.data, &r.seenAt)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("find session: %w", err)
	}
	loadedOf(ctx).put(hash, r)
	return []byte(r.data), true, nil
}

// CommitCtx implements scs.CtxStore. What was loaded is updated if it is still there; what was not
// is new. A write that would change but the time is left out for a twentieth of the idle limit.
func (s *store) CommitCtx(ctx context.Context, token string, data []byte, _ time.Time) error {
	if len(data) > textBytesMax {
		return fmt.Errorf("save session: %d bytes are more than %d", len(data), textBytesMax)
	}
	hash, now := digest(token), s.now().UnixMicro()
	if old, known := loadedOf(ctx).get(hash); known {
		if old.data == string(data) && now-old.seenAt < (s.idle/20).Microseconds() {
			return nil
		}
		// Of two requests at once the later time counts, so that none makes the session older.
		_, err := s.db.ExecContext(ctx, `UPDATE sessions SET data = $1, seen_at = CASE WHEN seen_at > $2 THEN seen_at ELSE $2 END
			WHERE token_sha256 = $3`, string(data), now, hash)
		if err != nil {
			return fmt.Errorf("save session: %w", err)
		}
		return nil
	}
	r, err := decode(data)
	if err != nil {
		return err
	}
	return s.insert(ctx, hash, r, string(data), now)
}

func (s *store) insert(ctx context.Context, hash string, r record, data string, now int64) error {
	id := strings.ToLower(rand.Text())
	// A ticket from before the user's sessions were ended is stored with its old epoch, so that
	// the session is over before it begins, however this races with EndAll.
	_, err := s.db.ExecContext(ctx, `INSERT INTO sessions (token_sha256, id, user_id, epoch, data, method, started_at, seen_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`, hash, id, r.User, r.Epoch, data, r.Method, now)
	if err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	loadedOf(ctx).put(hash, row{id: id, data: data, seenAt: now})
	return nil
}

// DeleteCtx implements scs.CtxStore.
func (s *store) DeleteCtx(ctx context.Context, token string) error {
	if _, err := s.db.ExecContext(ctx, `DELETE FROM sessions WHERE token_sha256 = $1`, digest(token)); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// Find, Commit and Delete complete scs.Store, which calls their variants with a context instead.
func (s *store) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit implements scs.Store.
func (s *store) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete implements scs.Store.
func (s *store) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

func (s *store) epoch(ctx context.Context, user string) (epoch int64, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT epoch FROM session_epochs WHERE user_id = $1`, user).Scan(&epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return epoch, err
}

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
