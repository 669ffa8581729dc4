package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"casesync/domain/access"
)

// Spec describes a token to be issued: of one role of the Financial Ombudsman Service's side, or
// of a business user.
type Spec struct {
	// Role makes the token a machine's. It must not be a business user's role.
	Role access.Role
	// Name says what the token is for, to whoever lists tokens. No personal data, please.
	Name string
	// Source limits a token of role cms to events of this CloudEvents source; "" does not.
	Source string

	// Businesses makes the token a business user's: roles by FRN. It excludes Role and Source.
	Businesses map[string][]access.Role
	// User is the id of that user, which allocatedTo=me stands for. Default: the token's id.
	User string

	// ExpiresAt ends the token; zero never does.
	ExpiresAt time.Time
}

// Token is what is known of an issued token. Its text is not.
type Token struct {
	ID        string
	Name      string
	Principal access.Principal
	IssuedAt  time.Time
	ExpiresAt time.Time // zero = never
	RevokedAt time.Time // zero = not revoked

	secretSHA256 string
}

// Issue makes a token and returns its text, which is shown this once. It is durable when Issue
// returns; after an error there may be a token that nobody knows, which is harmless.
func (t *Tokens) Issue(ctx context.Context, spec Spec) (text string, err error) {
	if err := t.check(spec); err != nil {
		return "", fmt.Errorf("issue token: %w", err)
	}
	id := randomText(16)
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the program instead
	secret := base64.RawURLEncoding.EncodeToString(raw)
	principal, err := json.Marshal(spec.grant())
	if err != nil {
		return "", fmt.Errorf("issue token: %w", err)
	}
	_, err = t.db.ExecContext(ctx, `INSERT INTO tokens (id, name, secret_sha256, principal, issued_at, expires_at, revoked_at)
		VALUES ($1, $2, $3, $4, $5, $6, 0)`, id, spec.Name, hashSecret(secret), string(principal), micros(t.now()), micros(spec.ExpiresAt))
	if err != nil {
		return "", fmt.Errorf("issue token: %w", err)
	}
	return "casesync_" + t.environment + "_" + id + "_" + secret, nil
}

var frnPattern = regexp.MustCompile(`^[0-9]{6,7}$`)

func (t *Tokens) check(spec Spec) error {
	switch {
	case utf8.RuneCountInString(spec.Name) > nameLengthMax:
		return fmt.Errorf("the name has more than %d characters", nameLengthMax)
	case !spec.ExpiresAt.IsZero() && !spec.ExpiresAt.After(t.now()):
		return errors.New("the token would have expired already; choose a later time")
	case len(spec.Businesses) > 0:
		return t.checkUser(spec)
	case !spec.Role.Known():
		return fmt.Errorf("there is no role %q; choose one of %v", spec.Role, access.Roles())
	case spec.Role.OfBusiness():
		return fmt.Errorf("%s is a role of business users, held per business; name the businesses", spec.Role)
	case spec.Source != "" && spec.Role != access.CMS:
		return fmt.Errorf("a source limits tokens of role cms only, not of %s", spec.Role)
	case spec.User != "":
		return errors.New("a user needs businesses")
	}
	return nil
}

func (t *Tokens) checkUser(spec Spec) error {
	if !t.allowUsers {
		return errors.New("this installation issues no tokens to business users: they sign in")
	}
	if spec.Role != "" || spec.Source != "" {
		return errors.New("a business user's token has roles per business, and neither a role nor a source of its own")
	}
	for frn, roles := range spec.Businesses {
		if !frnPattern.MatchString(frn) {
			return fmt.Errorf("%q is not an FRN: six or seven digits", frn)
		}
		if len(roles) == 0 || slices.ContainsFunc(roles, func(r access.Role) bool { return !r.OfBusiness() }) {
			return fmt.Errorf("business %s needs roles of business users, not %v", frn, roles)
		}
	}
	return nil
}

// grant is what a token stands for, as it is stored.
type grant struct {
	Role       access.Role              `json:"role,omitzero"`
	Source     string                   `json:"source,omitzero"`
	Businesses map[string][]access.Role `json:"businesses,omitempty"`
	User       string                   `json:"user,omitzero"`
}

func (s Spec) grant() grant {
	return grant{Role: s.Role, Source: s.Source, Businesses: s.Businesses, User: s.User}
}

func (g grant) principal(id, name string) access.Principal {
	if len(g.Businesses) == 0 {
		return access.Principal{ID: "token:" + id, Name: name, Kind: access.Machine, Roles: []access.Role{g.Role}, Source: g.Source}
	}
	return access.Principal{ID: "user:" + cmp.Or(g.User, id), Name: name, Kind: access.User, Grants: g.Businesses}
}

const selectTokens = `SELECT id, name, secret_sha256, principal, issued_at, expires_at, revoked_at FROM tokens` //nolint:gosec // a query, no secret

// List returns all tokens, the newest first, those that no longer work included.
func (t *Tokens) List(ctx context.Context) ([]Token, error) {
	rows, err := t.db.QueryContext(ctx, selectTokens+` ORDER BY issued_at DESC, id`)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	defer rows.Close()
	var all []Token
	for rows.Next() {
		token, err := scan(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("list tokens: %w", err)
		}
		all = append(all, token)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return all, nil
}

// Revoke ends a token for good: at once in this process, within a second in others. Revoking
// again changes nothing. It returns ErrNotFound for an id that was never issued.
func (t *Tokens) Revoke(ctx context.Context, id string) error {
	result, err := t.db.ExecContext(ctx,
		`UPDATE tokens SET revoked_at = CASE WHEN revoked_at = 0 THEN $1 ELSE revoked_at END WHERE id = $2`, micros(t.now()), id)
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	t.cache.forget(id)
	if n, err := result.RowsAffected(); err != nil {
		return fmt.Errorf("revoke token: %w", err)
	} else if n == 0 {
		return fmt.Errorf("revoke token %s: %w", id, ErrNotFound)
	}
	return nil
}

// load returns the row of a token, an empty one where there is none.
func (t *Tokens) load(ctx context.Context, id string) (Token, error) {
	now := t.now()
	if token, ok := t.cache.get(id, now); ok {
		return token, nil
	}
	forgotten := t.cache.generation()
	token, err := scan(t.db.QueryRowContext(ctx, selectTokens+` WHERE id = $1`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Token{}, nil
	}
	if err != nil {
		return Token{}, fmt.Errorf("read token: %w", err)
	}
	t.cache.put(token, now, forgotten)
	return token, nil
}

func scan(into func(...any) error) (token Token, err error) {
	var stored string
	var granted grant
	var issuedAt, expiresAt, revokedAt int64
	if err := into(&token.ID, &token.Name, &token.secretSHA256, &stored, &issuedAt, &expiresAt, &revokedAt); err != nil {
		return Token{}, err
	}
	if err := json.Unmarshal([]byte(stored), &granted); err != nil {
		return Token{}, fmt.Errorf("decode principal of token %s: %w", token.ID, err)
	}
	token.Principal = granted.principal(token.ID, token.Name)
	token.IssuedAt, token.ExpiresAt, token.RevokedAt = fromMicros(issuedAt), fromMicros(expiresAt), fromMicros(revokedAt)
	return token, nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
