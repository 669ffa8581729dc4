package local

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"go.uber.org/goleak"

	"casesync/adapters/identity/signin"
	"casesync/adapters/keyring"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const (
	ada      = "user-ada"
	password = "velvet otter lantern"
	office   = "192.0.2.1"
)

// fixture is credentials on a real database, with a real key ring and a clock that tests move.
type fixture struct {
	*Credentials
	t      *testing.T
	ring   *keyring.Ring
	micros *atomic.Int64
	hashes *atomic.Int64 // how often anything was hashed
}

// open opens the credentials of the database at address as another process would.
func open(t *testing.T, address, keyFile string, change func(*Config)) *fixture {
	t.Helper()
	db, err := sqldb.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	ring, err := keyring.Open(t.Context(), db, keyring.NewFileKEK(keyFile), keyring.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ring.Close)
	f := &fixture{t: t, ring: ring, micros: &atomic.Int64{}, hashes: &atomic.Int64{}}
	f.micros.Store(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC).UnixMicro())
	config := Config{
		DB: db, Sealer: eventstore.NewCodec(nil, ring), Hashing: Hashing{MemoryKiB: 32, Passes: 1},
		Now: func() time.Time { return time.UnixMicro(f.micros.Load()).UTC() },
	}
	if change != nil {
		change(&config)
	}
	if f.Credentials, err = Open(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	derive := f.hasher.derive
	f.hasher.derive = func(password, salt []byte, passes, memory uint32, lanes uint8, bytes uint32) []byte {
		f.hashes.Add(1)
		return derive(password, salt, passes, memory, lanes, bytes)
	}
	return f
}

// each runs a test on each database.
func each(t *testing.T, change func(*Config), test func(f *fixture)) {
	t.Helper()
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := open(t, address, filepath.Join(t.TempDir(), "kek"), change)
		f.t = t
		test(f)
	})
}

func (f *fixture) add(d time.Duration)  { f.micros.Add(d.Microseconds()) }
func (f *fixture) ctx() context.Context { return f.t.Context() }

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) code(secret string) string {
	f.t.Helper()
	code, err := totp.GenerateCodeCustom(secret, f.now(), totpRules)
	f.must(err)
	return code
}

// enrol gives a user a password and a second factor, and moves the clock past the code used.
func (f *fixture) enrol(user string) (secret string, recovery []string) {
	f.t.Helper()
	f.must(f.SetPassword(f.ctx(), user, 0, password))
	enrolment, err := f.BeginTOTP(f.ctx(), user, 0, "someone")
	f.must(err)
	recovery, err = f.ConfirmTOTP(f.ctx(), user, 0, f.code(enrolment.Secret))
	f.must(err)
	f.add(totpPeriod)
	return enrolment.Secret, recovery
}

func (f *fixture) try(account, user, password string) (string, error) {
	return f.CheckPassword(f.ctx(), Attempt{Account: account, User: user, Password: password, Address: office})
}

// challenge signs ada half-way in.
func (f *fixture) challenge() string {
	f.t.Helper()
	challenge, err := f.try("ada@northbank.example", ada, password)
	f.must(err)
	return challenge
}

func (f *fixture) wantCode(what string, err error, want signin.Code) {
	f.t.Helper()
	if got := signin.CodeOf(err); got != want || want == "" && err != nil {
		f.t.Errorf("%s: got %q (%v), want %q", what, got, err, want)
	}
}
