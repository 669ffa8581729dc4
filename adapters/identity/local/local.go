// Package local signs people in who have no identity provider: by password and one-time code,
// both always (requirement 38). It promises that neither a wrong answer nor the work it takes
// tells whether an account exists; that guessing gets slower and slower, by account and by
// address; that a one-time code works once, in its own 30 seconds; and that a stolen database
// signs nobody in: passwords, recovery codes and answers are hashed, seeds of codes are sealed
// under the person's key, and so unusable once that is destroyed.
//
// A sign-in: CheckPassword → a challenge, for five minutes → AnswerCode or AnswerRecoveryCode →
// signed in, and the challenge is gone. Enrolment: SetPassword, BeginTOTP → the app shows codes →
// ConfirmTOTP with one of them → recovery codes, shown once. An account without a confirmed
// second factor signs in nobody: enrolment is reached by an invitation or reset link, whose
// checking, like that of the account's state, is the caller's.
//
// Security questions are an extra step before an administrator's reset and never a way in: OWASP
// ASVS 6.4.2 forbids that, and the service's description asks for them.
//
// A person is known here by an opaque user id. Nothing here says who he is. What is kept has the
// generation of its kind that was the present one when it was enrolled, as the log counts them
// (account.Generations): so whoever hears late that a credential was voided removes that, and not one
// that was enrolled since.
package local

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"casesync/eventstore/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

const migrationsTable = "goose_local"

// attemptsSubject is the data key that the key of attempts is sealed under.
const attemptsSubject = "sign-in-attempts"

// userBytesMax bounds a user's id.
const userBytesMax = 100

// Sealer seals data under a subject's data key; eventstore.Codec is one.
type Sealer interface {
	// SealBytes returns an envelope: origin, "|" and the sealed data.
	SealBytes(ctx context.Context, subject, origin string, data []byte) (string, error)
	// OpenEnvelopes opens envelopes again; nil where the key was destroyed.
	OpenEnvelopes(ctx context.Context, envelopes ...string) ([][]byte, error)
}

// Config is the manual of local accounts.
type Config struct {
	// DB is the state database; Open brings its tables up to date.
	DB *sqldb.DB
	// Sealer seals seeds of one-time codes.
	Sealer Sealer
	// SubjectOf returns the subject whose key a user's secrets are sealed under, which erasing him
	// destroys. Default "person-" and the user's id.
	SubjectOf func(user string) string
	// Issuer is the service's name in authenticator apps. Default "Casesync".
	Issuer string
	// Hashing is how passwords are hashed.
	Hashing Hashing
	// Account limits attempts on one account: 5 free, then locks of 30 s doubling to an hour,
	// forgotten after a day. At that pace a million codes of six digits take a century.
	Account Limit
	// Address limits attempts from one address, behind which a whole office may be: 50 free.
	Address Limit
	// ChallengeAge is how long after the password the code may come; 5 minutes by default.
	ChallengeAge time.Duration
	// Now tells the time. Default time.Now.
	Now func() time.Time
}

// Credentials checks and keeps the credentials of local accounts. It is safe for concurrent use.
type Credentials struct {
	db          *sqldb.DB
	config      Config
	now         func() time.Time
	hasher      *hasher
	nobody      string // a hash that nothing has, to be compared for who does not exist
	attemptsKey []byte
}

// Open returns the credentials kept in a state database. The caller keeps owning the database.
func Open(ctx context.Context, config Config) (*Credentials, error) {
	config.Issuer = cmp.Or(config.Issuer, "Casesync")
	config.Account, config.Address = config.Account.orDefault(5), config.Address.orDefault(50)
	config.ChallengeAge = cmp.Or(config.ChallengeAge, 5*time.Minute)
	if config.SubjectOf == nil {
		config.SubjectOf = func(user string) string { return "person-" + user }
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	c := &Credentials{db: config.DB, config: config, now: config.Now}
	if err := c.prepare(ctx); err != nil {
		return nil, fmt.Errorf("open local credentials: %w", err)
	}
	return c, nil
}

func (c *Credentials) prepare(ctx context.Context) error {
	tables, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := sqldb.Migrate(ctx, c.db, tables, migrationsTable); err != nil {
		return err
	}
	if c.hasher, err = newHasher(c.config.Hashing); err != nil {
		return err
	}
	if c.nobody, err = c.hasher.hash(ctx, randomCode()); err != nil {
		return err
	}
	return c.loadAttemptsKey(ctx)
}

// seal returns the sealed data without its origin, which open puts before it again: so what was
// copied into another's row does not open there.
func (c *Credentials) seal(ctx context.Context, subject, origin string, data []byte) (string, error) {
	envelope, err := c.config.Sealer.SealBytes(ctx, subject, origin, data)
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(envelope, origin+"|"), nil
}

// open returns what was sealed, nil where the key was destroyed.
func (c *Credentials) open(ctx context.Context, origin, sealed string) ([]byte, error) {
	opened, err := c.config.Sealer.OpenEnvelopes(ctx, origin+"|"+sealed)
	if err != nil {
		return nil, err
	}
	return opened[0], nil
}

func checkUser(user string) error {
	if user == "" || len(user) > userBytesMax {
		return fmt.Errorf("a user's id has 1 to %d bytes", userBytesMax)
	}
	return nil
}

// Status is what is known of a user's credentials.
type Status struct {
	PasswordSetAt     time.Time // zero: he has none
	SecondFactor      bool
	RecoveryCodesLeft int
	Questions         []string // in the order in which answers are given; nil: he has none
}

// Status returns what is known of a user's credentials.
func (c *Credentials) Status(ctx context.Context, user string) (Status, error) {
	var status Status
	var setAt, factors int64
	err := c.db.QueryRowContext(ctx, `SELECT
		COALESCE((SELECT set_at FROM local_passwords WHERE user_id = $1), 0),
		(SELECT count(*) FROM local_totp WHERE user_id = $1 AND sealed <> ''),
		(SELECT count(*) FROM local_recovery_codes WHERE user_id = $1)`, user).Scan(&setAt, &factors, &status.RecoveryCodesLeft)
	if err != nil {
		return Status{}, fmt.Errorf("read credentials: %w", err)
	}
	if setAt != 0 {
		status.PasswordSetAt = time.UnixMicro(setAt).UTC()
	}
	status.SecondFactor = factors > 0
	questions, err := c.questions(ctx, user)
	if err != nil {
		return Status{}, err
	}
	for _, q := range questions {
		status.Questions = append(status.Questions, q.text)
	}
	return status, nil
}

// execution runs a statement and returns how many rows it changed.
type execution func(query string, args ...any) (changed int64, err error)

// inTransaction runs statements of which all take effect or none.
func (c *Credentials) inTransaction(ctx context.Context, do func(run execution) error) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	err = do(func(query string, args ...any) (changed int64, err error) {
		result, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	})
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Purge deletes challenges that have expired and attempts that are forgotten. It is to be called
// now and then; nothing depends on when.
func (c *Credentials) Purge(ctx context.Context) error {
	now, forget := c.now(), max(c.config.Account.Forget, c.config.Address.Forget)
	return c.inTransaction(ctx, func(run execution) error {
		if _, err := run(`DELETE FROM local_challenges WHERE expires_at <= $1`, now.UnixMicro()); err != nil {
			return fmt.Errorf("purge challenges: %w", err)
		}
		if _, err := run(`DELETE FROM local_attempts WHERE last_at <= $1 AND locked_until <= $2`, now.Add(-forget).UnixMicro(), now.UnixMicro()); err != nil {
			return fmt.Errorf("purge attempts: %w", err)
		}
		return nil
	})
}
