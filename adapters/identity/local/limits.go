package local

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"casesync/adapters/identity/signin"
)

// Limit is how attempts are slowed down. An attempt counts from before it is checked, so that
// many at once are no way around; a right one takes itself back.
type Limit struct {
	// Free is how many wrong attempts have no effect; the next one locks.
	Free int
	// Base is how long the first lock lasts; each further wrong attempt doubles it.
	Base time.Duration
	// Max is the longest lock.
	Max time.Duration
	// Forget is how long without an attempt until all is forgotten.
	Forget time.Duration
}

func (l Limit) orDefault(free int) Limit {
	l.Free = cmp.Or(l.Free, free)
	l.Base = cmp.Or(l.Base, 30*time.Second)
	l.Max = cmp.Or(l.Max, time.Hour)
	l.Forget = cmp.Or(l.Forget, 24*time.Hour)
	return l
}

// lock returns how long an attempt locks that makes it n that were not right.
func (l Limit) lock(n int64) time.Duration {
	over := n - int64(l.Free) - 1
	if over < 0 {
		return 0
	}
	for lock := l.Base; ; lock *= 2 {
		if over == 0 || lock >= l.Max {
			return min(lock, l.Max)
		}
		over--
	}
}

// The kinds of what attempts are counted by.
const (
	byAccount   = "account"
	byAddress   = "address"
	byQuestions = "questions"
	byEnrolment = "enrolment"
)

// attemptKey names the account or address without telling it: accounts are e-mail addresses.
func (c *Credentials) attemptKey(kind, name string) string {
	mac := hmac.New(sha256.New, c.attemptsKey)
	mac.Write([]byte(kind + "\x00" + name))
	return kind + ":" + hex.EncodeToString(mac.Sum(nil))
}

// attempt is one that has been counted and awaits its outcome.
type attempt struct {
	c     *Credentials
	locks map[string]int64 // by key, until when this very attempt locked it; 0: it did not
}

// begin counts an attempt on each key, or refuses with Limited where one is locked. A crash after
// it leaves the attempt counted as wrong.
func (c *Credentials) begin(ctx context.Context, limits map[string]Limit) (*attempt, error) {
	a := &attempt{c: c, locks: map[string]int64{}}
	for key, limit := range limits {
		lock, err := c.count(ctx, key, limit)
		if err != nil {
			// What was counted on the other keys is taken back: the attempt is not heard.
			return nil, errors.Join(err, a.takeBack(ctx))
		}
		a.locks[key] = lock
	}
	return a, nil
}

// count adds an attempt to a key, unless it is locked, and returns until when that locks it.
func (c *Credentials) count(ctx context.Context, key string, limit Limit) (lockedUntil int64, err error) {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("count attempt: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	now := c.now()
	var failures int64
	// The row stays locked until the commit, so that attempts on one key are counted one by one.
	err = tx.QueryRowContext(ctx, `INSERT INTO local_attempts (attempt_key, failures, last_at, locked_until) VALUES ($1, 1, $2, 0)
		ON CONFLICT (attempt_key) DO UPDATE SET last_at = $2,
			failures = CASE WHEN local_attempts.last_at <= $3 THEN 1 ELSE local_attempts.failures + 1 END
		WHERE local_attempts.locked_until <= $2 RETURNING failures`, key, now.UnixMicro(), now.Add(-limit.Forget).UnixMicro()).Scan(&failures)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, c.limited(ctx, tx, key, now)
	}
	if err != nil {
		return 0, fmt.Errorf("count attempt: %w", err)
	}
	if lock := limit.lock(failures); lock > 0 {
		lockedUntil = now.Add(lock).UnixMicro()
		if _, err := tx.ExecContext(ctx, `UPDATE local_attempts SET locked_until = $1 WHERE attempt_key = $2`, lockedUntil, key); err != nil {
			return 0, fmt.Errorf("lock attempts: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("count attempt: %w", err)
	}
	return lockedUntil, nil
}

func (c *Credentials) limited(ctx context.Context, tx *sql.Tx, key string, now time.Time) error {
	var until int64
	if err := tx.QueryRowContext(ctx, `SELECT locked_until FROM local_attempts WHERE attempt_key = $1`, key).Scan(&until); err != nil {
		return fmt.Errorf("read lock of attempts: %w", err)
	}
	kind, _, _ := strings.Cut(key, ":")
	refusal := signin.Refuse(signin.Limited, "the %s is locked", kind)
	refusal.RetryAfter = max(time.UnixMicro(until).Sub(now), time.Microsecond)
	return refusal
}

// takeBack makes the attempt not have been: it was right, or could not be checked. A lock that
// another attempt set in the meantime stays.
func (a *attempt) takeBack(ctx context.Context) error {
	for key, lock := range a.locks {
		_, err := a.c.db.ExecContext(ctx, `UPDATE local_attempts SET
			locked_until = CASE WHEN locked_until = $1 THEN 0 ELSE locked_until END,
			failures = CASE WHEN failures > 0 THEN failures - 1 ELSE 0 END WHERE attempt_key = $2`, lock, key)
		if err != nil {
			return fmt.Errorf("take attempt back: %w", err)
		}
	}
	return nil
}

// forget forgets all attempts on a key, after somebody has signed in.
func (c *Credentials) forget(ctx context.Context, key string) error {
	if _, err := c.db.ExecContext(ctx, `DELETE FROM local_attempts WHERE attempt_key = $1`, key); err != nil {
		return fmt.Errorf("forget attempts: %w", err)
	}
	return nil
}

// loadAttemptsKey returns the key of the hashes that attempts are counted by. The first process to
// come makes it; all others read what it wrote.
func (c *Credentials) loadAttemptsKey(ctx context.Context) error {
	const origin = "local|attempts"
	fresh := make([]byte, sha256.Size)
	_, _ = rand.Read(fresh) // never fails: crypto/rand ends the program instead
	var sealed string
	err := c.db.QueryRowContext(ctx, `SELECT sealed FROM local_attempts_key WHERE one = 1`).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		if sealed, err = c.seal(ctx, attemptsSubject, origin, fresh); err != nil {
			return err
		}
		if _, err := c.db.ExecContext(ctx, `INSERT INTO local_attempts_key (one, sealed) VALUES (1, $1) ON CONFLICT (one) DO NOTHING`, sealed); err != nil {
			return err
		}
		err = c.db.QueryRowContext(ctx, `SELECT sealed FROM local_attempts_key WHERE one = 1`).Scan(&sealed)
	}
	if err != nil {
		return err
	}
	c.attemptsKey, err = c.open(ctx, origin, sealed)
	if err == nil && len(c.attemptsKey) != sha256.Size {
		err = errors.New("the key that attempts are counted by was destroyed; restore the key ring, or empty table local_attempts_key")
	}
	return err
}
