// Package identity finds out who asks. Machines, and in demonstrations and tests also people,
// carry bearer tokens:
//
//	casesync_<environment>_<id>_<secret>
//
// The environment names the installation that issued the token, the id its row, and the secret
// is 32 random bytes in base64url. Tokens live in the state database, which keeps of a secret its
// SHA-256 alone: a stolen database signs nobody in, and a lost token can only be replaced.
//
// A revocation takes effect at once in the process that makes it, and within a second everywhere
// else. Business users' tokens are a stand-in for their sign-in: a store that was not opened with
// AllowUserTokens neither issues nor accepts them.
package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"casesync/domain/access"
	"casesync/eventstore/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationsTable keeps the state of this package's migrations, apart from other parts' of the
// same database.
const migrationsTable = "goose_tokens"

// The limits of tokens.
const (
	secretBytes       = 32
	nameLengthMax     = 100 // characters
	textLengthMax     = 256 // characters of a token
	cacheAgeMax       = time.Second
	cacheEntriesMax   = 1000
	environmentLength = 8 // characters
)

// Errors that callers act on. All but ErrNotFound are access.ErrUnauthenticated.
var (
	// ErrMalformed: the text is no token.
	ErrMalformed = fmt.Errorf("%w: not a token of this service", access.ErrUnauthenticated)
	// ErrOtherEnvironment: another installation issued the token.
	ErrOtherEnvironment = fmt.Errorf("%w: the token belongs to another installation", access.ErrUnauthenticated)
	// ErrUnknown: there is no such token, or its secret is wrong.
	ErrUnknown = fmt.Errorf("%w: the token is not valid", access.ErrUnauthenticated)
	// ErrExpired: the token's time is over.
	ErrExpired = fmt.Errorf("%w: the token has expired", access.ErrUnauthenticated)
	// ErrRevoked: somebody revoked the token.
	ErrRevoked = fmt.Errorf("%w: the token was revoked", access.ErrUnauthenticated)
	// ErrUserToken: the token stands for a business user, whom this installation signs in otherwise.
	ErrUserToken = fmt.Errorf("%w: this installation takes no tokens of business users", access.ErrUnauthenticated)

	// ErrNotFound is returned where a token to revoke does not exist.
	ErrNotFound = errors.New("no such token")
)

// Config says where tokens are kept and how.
type Config struct {
	// DB is the state database; Open brings its tables up to date.
	DB *sqldb.DB
	// AllowUserTokens permits tokens of business users, for demonstrations and tests. Default
	// false, and it must stay so in production.
	AllowUserTokens bool
	// Now tells the time. Default time.Now.
	Now func() time.Time
}

// Tokens issues and checks tokens. It is safe for concurrent use.
type Tokens struct {
	db          *sqldb.DB
	environment string
	allowUsers  bool
	now         func() time.Time
	cache       cache
}

// Open returns the tokens kept in a state database. The caller keeps owning the database.
func Open(ctx context.Context, config Config) (*Tokens, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	tables, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open tokens: %w", err)
	}
	if err := sqldb.Migrate(ctx, config.DB, tables, migrationsTable); err != nil {
		return nil, fmt.Errorf("open tokens: %w", err)
	}
	t := &Tokens{db: config.DB, allowUsers: config.AllowUserTokens, now: config.Now}
	t.cache.rows = map[string]cached{}
	// The first process to come names the installation; all others read what it wrote.
	name := randomText(environmentLength)
	if _, err := t.db.ExecContext(ctx, `INSERT INTO token_environment (one, name) VALUES (1, $1) ON CONFLICT (one) DO NOTHING`, name); err != nil {
		return nil, fmt.Errorf("name the installation for tokens: %w", err)
	}
	if err := t.db.QueryRowContext(ctx, `SELECT name FROM token_environment WHERE one = 1`).Scan(&t.environment); err != nil {
		return nil, fmt.Errorf("read the installation's name for tokens: %w", err)
	}
	return t, nil
}

// Authenticate returns who carries a token. Every refusal Is access.ErrUnauthenticated; any other error
// is a fault of the database.
func (t *Tokens) Authenticate(ctx context.Context, text string) (access.Principal, error) {
	environment, id, secret, err := parse(text)
	if err != nil {
		return access.Principal{}, err
	}
	if environment != t.environment {
		return access.Principal{}, ErrOtherEnvironment
	}
	row, err := t.load(ctx, id)
	if err != nil {
		return access.Principal{}, err
	}
	// A row that does not exist has an empty hash, which no secret has; comparing all the same
	// keeps the answer's time from telling which ids exist.
	hash := hashSecret(secret)
	if subtle.ConstantTimeCompare([]byte(hash), []byte(row.secretSHA256)) != 1 {
		return access.Principal{}, ErrUnknown
	}
	switch {
	case !row.RevokedAt.IsZero():
		return access.Principal{}, ErrRevoked
	case !row.ExpiresAt.IsZero() && !t.now().Before(row.ExpiresAt):
		return access.Principal{}, ErrExpired
	case row.Principal.Kind != access.Machine && !t.allowUsers:
		return access.Principal{}, ErrUserToken
	}
	return row.Principal, nil
}

// parse takes a token apart. The secret comes last because base64url may hold underscores.
func parse(text string) (environment, id, secret string, err error) {
	parts := strings.SplitN(text, "_", 4)
	if len(text) > textLengthMax || len(parts) != 4 || parts[0] != "casesync" || parts[1] == "" || parts[2] == "" {
		return "", "", "", ErrMalformed
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil || len(raw) != secretBytes {
		return "", "", "", ErrMalformed
	}
	return parts[1], parts[2], parts[3], nil
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// randomText returns random lower-case letters and digits.
func randomText(length int) string {
	raw := make([]byte, length)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the program instead
	return strings.ToLower(base32.StdEncoding.EncodeToString(raw))[:length]
}
