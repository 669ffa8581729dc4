package identity_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/identity"
	"casesync/domain/access"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func start() *clock { return &clock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)} }

func open(t *testing.T, address string, allowUsers bool, now func() time.Time) *identity.Tokens {
	t.Helper()
	db, err := sqldb.Open(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tokens, err := identity.Open(context.Background(), identity.Config{DB: db, AllowUserTokens: allowUsers, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// eachDatabase runs a test on SQLite and on PostgreSQL.
func eachDatabase(t *testing.T, test func(t *testing.T, address string)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "state.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, sqldbtest.Postgres(t))
	})
}

func TestIssueAndAuthenticate(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		ctx := context.Background()
		tokens := open(t, address, true, start().Now)
		text, err := tokens.Issue(ctx, identity.Spec{Role: access.CMS, Name: "feed", Source: "urn:example:cms"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := tokens.Authenticate(ctx, text)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(got.ID, "token:") || got.Name != "feed" || got.Kind != access.Machine ||
			!slices.Equal(got.Roles, []access.Role{access.CMS}) || got.Source != "urn:example:cms" {
			t.Errorf("principal: got %+v", got)
		}

		text, err = tokens.Issue(ctx, identity.Spec{Businesses: map[string][]access.Role{"123456": {access.Caseworker}}, User: "ada"})
		if err != nil {
			t.Fatal(err)
		}
		got, err = tokens.Authenticate(ctx, text)
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != "user:ada" || got.Kind != access.User || !got.May(access.ReadCase, "123456") || got.May(access.ReadCase, "654321") {
			t.Errorf("user's principal: got %+v", got)
		}
	})
}

func TestRefusals(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		ctx := context.Background()
		clock := start()
		tokens := open(t, address, true, clock.Now)
		other := open(t, "sqlite:"+filepath.Join(t.TempDir(), "other.db"), true, clock.Now)
		text := issue(t, tokens, identity.Spec{Role: access.Auditor})
		second := issue(t, tokens, identity.Spec{Role: access.Auditor})
		expiring := issue(t, tokens, identity.Spec{Role: access.Auditor, ExpiresAt: clock.Now().Add(time.Minute)})
		user := issue(t, tokens, identity.Spec{Businesses: map[string][]access.Role{"123456": {access.Caseworker}}})
		parts := strings.SplitN(text, "_", 4)
		secret := strings.SplitN(second, "_", 4)[3]

		if _, err := tokens.Authenticate(ctx, expiring); err != nil {
			t.Errorf("before it expires: got %v, want no error", err)
		}
		clock.add(time.Minute)
		production := open(t, address, false, clock.Now)
		for name, test := range map[string]struct {
			tokens *identity.Tokens
			text   string
			want   error
		}{
			"empty":                {tokens, "", identity.ErrMalformed},
			"some other secret":    {tokens, "Bearer", identity.ErrMalformed},
			"no secret":            {tokens, strings.Join(parts[:3], "_") + "_", identity.ErrMalformed},
			"cut secret":           {tokens, text[:len(text)-3], identity.ErrMalformed},
			"very long":            {tokens, text + strings.Repeat("A", 1<<20), identity.ErrMalformed},
			"another installation": {other, text, identity.ErrOtherEnvironment},
			"unknown id":           {tokens, strings.Join([]string{parts[0], parts[1], "aaaa", parts[3]}, "_"), identity.ErrUnknown},
			"secret of another":    {tokens, strings.Join(parts[:3], "_") + "_" + secret, identity.ErrUnknown},
			"expired":              {tokens, expiring, identity.ErrExpired},
			"user in production":   {production, user, identity.ErrUserToken},
		} {
			_, err := test.tokens.Authenticate(ctx, test.text)
			if !errors.Is(err, test.want) || !errors.Is(err, access.ErrUnauthenticated) {
				t.Errorf("%s: got %v, want %v", name, err, test.want)
			}
		}
		if _, err := production.Authenticate(ctx, text); err != nil {
			t.Errorf("a machine in production: got %v, want no error", err)
		}
	})
}

func issue(t *testing.T, tokens *identity.Tokens, spec identity.Spec) string {
	t.Helper()
	text, err := tokens.Issue(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestRevoke(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		ctx := context.Background()
		clock := start()
		here, there := open(t, address, false, clock.Now), open(t, address, false, clock.Now)
		text := issue(t, here, identity.Spec{Role: access.Operator, Name: "console"})
		for _, tokens := range []*identity.Tokens{here, there} {
			if _, err := tokens.Authenticate(ctx, text); err != nil {
				t.Fatal(err)
			}
		}
		list, err := here.List(ctx)
		if err != nil || len(list) != 1 || list[0].Name != "console" || !list[0].RevokedAt.IsZero() {
			t.Fatalf("List: got %+v, %v", list, err)
		}
		if err := here.Revoke(ctx, list[0].ID); err != nil {
			t.Fatal(err)
		}
		if _, err := here.Authenticate(ctx, text); !errors.Is(err, identity.ErrRevoked) {
			t.Errorf("same process, at once: got %v, want %v", err, identity.ErrRevoked)
		}
		clock.add(time.Second)
		if _, err := there.Authenticate(ctx, text); !errors.Is(err, identity.ErrRevoked) {
			t.Errorf("another process, a second later: got %v, want %v", err, identity.ErrRevoked)
		}
		if err := there.Revoke(ctx, list[0].ID); err != nil {
			t.Errorf("revoking again: got %v, want no error", err)
		}
		if again, err := here.List(ctx); err != nil || !again[0].RevokedAt.Equal(clock.Now().Add(-time.Second)) {
			t.Errorf("the first revocation stands: got %v, %v", again, err)
		}
		if err := here.Revoke(ctx, "nobody"); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("an unknown id: got %v, want %v", err, identity.ErrNotFound)
		}
	})
}

// TestStolenDatabase looks for the secret in everything the database keeps.
func TestStolenDatabase(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	address := "sqlite:" + filepath.Join(t.TempDir(), "state.db")
	tokens := open(t, address, false, start().Now)
	text := issue(t, tokens, identity.Spec{Role: access.Operator})
	db, err := sqldb.Open(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var row string
	if err := db.QueryRowContext(ctx, `SELECT id || name || secret_sha256 || principal FROM tokens`).Scan(&row); err != nil {
		t.Fatal(err)
	}
	if secret := strings.SplitN(text, "_", 4)[3]; strings.Contains(row, secret) {
		t.Errorf("the row %q holds the secret %q", row, secret)
	}
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	clock := start()
	users := map[string][]access.Role{"123456": {access.Caseworker}}
	open := map[bool]*identity.Tokens{
		false: open(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"), false, clock.Now),
		true:  open(t, "sqlite:"+filepath.Join(t.TempDir(), "b.db"), true, clock.Now),
	}
	for name, test := range map[string]struct {
		allowUsers bool
		spec       identity.Spec
		want       string // part of the error
	}{
		"no role":                {true, identity.Spec{}, `no role ""`},
		"unknown role":           {true, identity.Spec{Role: "root"}, `no role "root"`},
		"business role alone":    {true, identity.Spec{Role: access.Caseworker}, "held per business"},
		"source of an auditor":   {true, identity.Spec{Role: access.Auditor, Source: "urn:x"}, "role cms only"},
		"long name":              {true, identity.Spec{Role: access.Auditor, Name: strings.Repeat("n", 101)}, "100 characters"},
		"in the past":            {true, identity.Spec{Role: access.Auditor, ExpiresAt: clock.Now()}, "later time"},
		"user in production":     {false, identity.Spec{Businesses: users}, "they sign in"},
		"user with role":         {true, identity.Spec{Businesses: users, Role: access.Auditor}, "neither a role"},
		"bad FRN":                {true, identity.Spec{Businesses: map[string][]access.Role{"12": {access.Caseworker}}}, "not an FRN"},
		"auditor of a business":  {true, identity.Spec{Businesses: map[string][]access.Role{"123456": {access.Auditor}}}, "roles of business users"},
		"no roles in a business": {true, identity.Spec{Businesses: map[string][]access.Role{"123456": nil}}, "roles of business users"},
		"user without business":  {true, identity.Spec{Role: access.Auditor, User: "ada"}, "needs businesses"},
	} {
		_, err := open[test.allowUsers].Issue(context.Background(), test.spec)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, test.want)
		}
	}
}

func FuzzAuthenticate(f *testing.F) {
	tokens := func() *identity.Tokens {
		db, err := sqldb.Open(context.Background(), "sqlite:"+filepath.Join(f.TempDir(), "state.db"))
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(func() { _ = db.Close() })
		tokens, err := identity.Open(context.Background(), identity.Config{DB: db})
		if err != nil {
			f.Fatal(err)
		}
		return tokens
	}()
	text, err := tokens.Issue(context.Background(), identity.Spec{Role: access.Auditor})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text + "x")
	f.Add("casesync_a_b_")
	f.Fuzz(func(t *testing.T, guess string) {
		if _, err := tokens.Authenticate(context.Background(), guess); guess != text && !errors.Is(err, access.ErrUnauthenticated) {
			t.Errorf("Authenticate(%q): got %v, want %v", guess, err, access.ErrUnauthenticated)
		}
	})
}
