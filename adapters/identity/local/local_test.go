package local

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"casesync/adapters/identity/signin"
	"casesync/domain/account"
	"casesync/eventstore/sqldb/sqldbtest"
)

func TestSignIn(t *testing.T) {
	each(t, nil, func(f *fixture) {
		secret, recovery := f.enrol(ada)
		challenge := f.challenge()
		user, err := f.AnswerCode(f.ctx(), challenge, f.code(secret), office)
		if user != ada || err != nil {
			f.t.Errorf("with code: got %q, %v, want %q", user, err, ada)
		}
		_, err = f.AnswerRecoveryCode(f.ctx(), challenge, recovery[0], office)
		f.wantCode("an answered challenge", err, signin.AttemptOver)

		user, err = f.AnswerRecoveryCode(f.ctx(), f.challenge(), " "+strings.ToUpper(recovery[0]), office)
		if user != ada || err != nil {
			f.t.Errorf("with recovery code: got %q, %v, want %q", user, err, ada)
		}
		_, err = f.AnswerRecoveryCode(f.ctx(), f.challenge(), recovery[0], office)
		f.wantCode("a recovery code used twice", err, signin.Wrong)
		status, err := f.Status(f.ctx(), ada)
		f.must(err)
		if status.RecoveryCodesLeft != recoveryCodes-1 || !status.SecondFactor || status.PasswordSetAt.IsZero() || status.Questions != nil {
			f.t.Errorf("status: got %+v, want nine recovery codes, a second factor and a password", status)
		}
	})
}

func TestSignInRefuses(t *testing.T) {
	each(t, nil, func(f *fixture) {
		_, err := f.try("ada@northbank.example", ada, password)
		f.wantCode("no password yet", err, signin.Wrong)
		f.must(f.SetPassword(f.ctx(), ada, 0, password))
		_, err = f.try("ada@northbank.example", ada, password)
		f.wantCode("no second factor", err, signin.NotEnrolled)
		_, err = f.try("ada@northbank.example", ada, password+"x")
		f.wantCode("no second factor, wrong password", err, signin.Wrong)
		_, err = f.BeginTOTP(f.ctx(), ada, 0, "ada")
		f.must(err)
		_, err = f.try("ada@northbank.example", ada, password)
		f.wantCode("second factor not confirmed", err, signin.NotEnrolled)
		_, err = f.AnswerCode(f.ctx(), "made up", "123456", office)
		f.wantCode("no challenge", err, signin.AttemptOver)
		_, err = f.try("ada@northbank.example", ada, strings.Repeat("x", passwordBytesMax+1))
		f.wantCode("very long password", err, signin.Wrong)

		secret, _ := f.enrol("user-bob")
		challenge, err := f.try("bob", "user-bob", password)
		f.must(err)
		f.add(f.config.ChallengeAge)
		_, err = f.AnswerCode(f.ctx(), challenge, f.code(secret), office)
		f.wantCode("too late", err, signin.AttemptOver)
		challenge, err = f.try("bob", "user-bob", password)
		f.must(err)
		f.must(f.SetPassword(f.ctx(), "user-bob", 0, password+" new"))
		_, err = f.AnswerCode(f.ctx(), challenge, f.code(secret), office)
		f.wantCode("password changed half-way", err, signin.AttemptOver)
	})
}

// A one-time code works in its own 30 seconds and once, however many try at the same moment.
func TestOneTimeCode(t *testing.T) {
	each(t, func(c *Config) { c.Account.Free = 100 }, func(f *fixture) {
		secret, _ := f.enrol(ada)
		challenge := f.challenge()
		code := f.code(secret)
		f.add(totpPeriod)
		_, err := f.AnswerCode(f.ctx(), challenge, code, office)
		f.wantCode("the code before", err, signin.Wrong)
		f.add(totpPeriod)
		early := f.code(secret)
		f.add(-totpPeriod)
		_, err = f.AnswerCode(f.ctx(), challenge, early, office)
		f.wantCode("the code after", err, signin.Wrong)
		for _, malformed := range []string{"", "12345", "1234567", "abcdef", strings.Repeat("1", 1<<16)} {
			_, err = f.AnswerCode(f.ctx(), challenge, malformed, office)
			f.wantCode("malformed", err, signin.Wrong)
		}

		challenges := []string{challenge, f.challenge(), f.challenge(), f.challenge()}
		code = f.code(secret)
		var in atomic.Int32
		var group sync.WaitGroup
		for _, challenge := range challenges {
			group.Go(func() {
				_, err := f.AnswerCode(f.ctx(), challenge, code, office)
				if err == nil {
					in.Add(1)
				} else if signin.CodeOf(err) != signin.CodeUsed {
					f.t.Errorf("got %v, want one to be signed in and the others %s", err, signin.CodeUsed)
				}
			})
		}
		group.Wait()
		if in.Load() != 1 {
			f.t.Errorf("signed in %d times by one code, want once", in.Load())
		}
		f.add(totpPeriod)
		_, err = f.AnswerCode(f.ctx(), f.challenge(), f.code(secret), office)
		f.wantCode("the next code", err, "")
	})
}

func TestEnrolment(t *testing.T) {
	each(t, nil, func(f *fixture) {
		_, err := f.ConfirmTOTP(f.ctx(), ada, 0, "123456")
		f.wantCode("not begun", err, signin.AttemptOver)
		f.must(f.SetPassword(f.ctx(), ada, 0, password))
		first, err := f.BeginTOTP(f.ctx(), ada, 0, "ada@northbank.example")
		f.must(err)
		uri, err := url.Parse(first.URI)
		if err != nil || uri.Scheme != "otpauth" || uri.Host != "totp" || uri.Path != "/Casesync:ada@northbank.example" || uri.Query().Get("secret") != first.Secret || len(first.Secret) != 32 {
			f.t.Errorf("got %q, %v, want an otpauth URI with a secret of 160 bits", first.URI, err)
		}
		second, err := f.BeginTOTP(f.ctx(), ada, 0, "ada@northbank.example")
		f.must(err)
		_, err = f.ConfirmTOTP(f.ctx(), ada, 0, f.code(first.Secret))
		f.wantCode("of an enrolment begun before", err, signin.Wrong)
		old, err := f.ConfirmTOTP(f.ctx(), ada, 0, f.code(second.Secret))
		f.must(err)
		_, err = f.AnswerCode(f.ctx(), f.challenge(), f.code(second.Secret), office)
		f.wantCode("the confirming code", err, signin.CodeUsed)

		// A new app: the old one works until the new one is confirmed.
		third, err := f.BeginTOTP(f.ctx(), ada, 0, "ada@northbank.example")
		f.must(err)
		f.add(totpPeriod)
		_, err = f.AnswerCode(f.ctx(), f.challenge(), f.code(second.Secret), office)
		f.wantCode("the old app meanwhile", err, "")
		f.add(totpPeriod)
		_, err = f.ConfirmTOTP(f.ctx(), ada, 0, f.code(third.Secret))
		f.must(err)
		f.add(totpPeriod)
		challenge := f.challenge()
		_, err = f.AnswerCode(f.ctx(), challenge, f.code(second.Secret), office)
		f.wantCode("the old app afterwards", err, signin.Wrong)
		_, err = f.AnswerRecoveryCode(f.ctx(), challenge, old[0], office)
		f.wantCode("an old recovery code", err, signin.Wrong)

		f.must(f.Void(f.ctx(), ada, account.Generations{Factor: 1}))
		_, err = f.AnswerCode(f.ctx(), challenge, f.code(third.Secret), office)
		f.wantCode("reset half-way", err, signin.AttemptOver)
		_, err = f.try("ada@northbank.example", ada, password)
		f.wantCode("after a reset", err, signin.NotEnrolled)
	})
}

func TestRemove(t *testing.T) {
	each(t, nil, func(f *fixture) {
		f.enrol(ada)
		f.must(f.SetQuestions(f.ctx(), ada, 0, answers()))
		challenge := f.challenge()
		f.must(f.Remove(f.ctx(), ada))
		for _, table := range []string{"local_passwords", "local_totp", "local_recovery_codes", "local_questions", "local_challenges"} {
			var rows int
			if err := f.db.QueryRow(`SELECT count(*) FROM ` + table).Scan(&rows); err != nil || rows != 0 {
				f.t.Errorf("%s: got %d rows, %v, want none", table, rows, err)
			}
		}
		_, err := f.AnswerCode(f.ctx(), challenge, "123456", office)
		f.wantCode("removed half-way", err, signin.AttemptOver)
	})
}

// What is void goes by generations, each kind by its own: what was begun or enrolled since stays, and
// a seed that was begun before cannot be put to use.
func TestVoid(t *testing.T) {
	each(t, nil, func(f *fixture) {
		f.enrol(ada)
		f.must(f.SetQuestions(f.ctx(), ada, 0, answers()))
		old, err := f.BeginTOTP(f.ctx(), ada, 0, "ada")
		f.must(err)
		_, err = f.ConfirmTOTP(f.ctx(), ada, 1, f.code(old.Secret))
		f.wantCode("a seed of another generation", err, signin.AttemptOver)
		begun, err := f.BeginTOTP(f.ctx(), ada, 1, "ada") // by a link, before the reset is heard of here
		f.must(err)
		want := func(when string, factor bool, recovery, questions int, password bool) {
			t.Helper()
			got, err := f.Status(f.ctx(), ada)
			f.must(err)
			if got.SecondFactor != factor || got.RecoveryCodesLeft != recovery || len(got.Questions) != questions || got.PasswordSetAt.IsZero() == password {
				t.Errorf("%s: got %+v", when, got)
			}
		}
		f.must(f.Void(f.ctx(), ada, account.Generations{}))
		want("of no generation", true, 10, 3, true)
		f.must(f.Void(f.ctx(), ada, account.Generations{Factor: 1}))
		want("factor reset", false, 0, 3, true)
		_, err = f.ConfirmTOTP(f.ctx(), ada, 1, f.code(begun.Secret))
		f.must(err)
		f.must(f.Void(f.ctx(), ada, account.Generations{Factor: 1}))
		want("again, after another was enrolled", true, 10, 3, true)
		_, err = f.BeginTOTP(f.ctx(), ada, 1, "ada")
		f.must(err)
		f.must(f.Void(f.ctx(), ada, account.Generations{Password: 1, Factor: 2, Questions: 1}))
		want("method changed", false, 0, 0, false)
		var rows int
		if err := f.db.QueryRow(`SELECT count(*) FROM local_totp`).Scan(&rows); err != nil || rows != 0 {
			t.Errorf("seeds left: got %d, %v, want none", rows, err)
		}
	})
}

// Destroying the person's key ends his codes, wherever copies of the row are.
func TestDestroyedKey(t *testing.T) {
	each(t, nil, func(f *fixture) {
		secret, _ := f.enrol(ada)
		challenge := f.challenge()
		f.must(f.ring.Destroy(f.ctx(), f.config.SubjectOf(ada)))
		_, err := f.AnswerCode(f.ctx(), challenge, f.code(secret), office)
		f.wantCode("after the key was destroyed", err, signin.Wrong)
	})
}

// What one database row holds does not open in another's place.
func TestMovedSeed(t *testing.T) {
	each(t, nil, func(f *fixture) {
		f.enrol(ada)
		secret, _ := f.enrol("user-eve")
		if _, err := f.db.Exec(`UPDATE local_totp SET sealed = (SELECT sealed FROM local_totp WHERE user_id = 'user-eve') WHERE user_id = $1`, ada); err != nil {
			f.t.Fatal(err)
		}
		if user, err := f.AnswerCode(f.ctx(), f.challenge(), f.code(secret), office); err == nil {
			f.t.Errorf("got %q signed in by another's seed, want an error", user)
		}
	})
}

// TestStolenDatabase looks for every secret in everything the database keeps.
func TestStolenDatabase(t *testing.T) {
	each(t, nil, func(f *fixture) {
		secret, recovery := f.enrol(ada)
		challenge := f.challenge()
		f.must(f.SetQuestions(f.ctx(), ada, 0, answers()))
		_, err := f.try("mallory@northbank.example", "", "wrong password")
		f.wantCode("unknown", err, signin.Wrong)
		var kept strings.Builder
		for _, query := range []string{
			`SELECT user_id || phc FROM local_passwords`, `SELECT sealed || pending_sealed FROM local_totp`, `SELECT code_sha256 FROM local_recovery_codes`,
			`SELECT phc FROM local_questions`, `SELECT challenge_sha256 || account_key FROM local_challenges`, `SELECT attempt_key FROM local_attempts`, `SELECT sealed FROM local_attempts_key`,
		} {
			rows, err := f.db.Query(query)
			f.must(err)
			defer rows.Close()
			found := 0
			for rows.Next() {
				var text string
				f.must(rows.Scan(&text))
				kept.WriteString(text + "\n")
				found++
			}
			f.must(rows.Err())
			if found == 0 {
				f.t.Errorf("%s: got no row, want what the test made", query)
			}
		}
		bare := strings.ReplaceAll(recovery[0], "-", "")
		for _, secret := range []string{password, secret, strings.ToLower(secret), recovery[0], bare, challenge, "Rosebud", "rosebud", "northbank", office} {
			if strings.Contains(kept.String(), secret) {
				f.t.Errorf("the database holds %q", secret)
			}
		}
	})
}

func TestPurge(t *testing.T) {
	each(t, nil, func(f *fixture) {
		f.enrol(ada)
		challenge := f.challenge()
		_, err := f.try("ada@northbank.example", ada, "wrong")
		f.wantCode("wrong", err, signin.Wrong)
		f.must(f.Purge(f.ctx()))
		count := func() (n int) {
			f.must(f.db.QueryRow(`SELECT (SELECT count(*) FROM local_challenges) + (SELECT count(*) FROM local_attempts)`).Scan(&n))
			return n
		}
		if got := count(); got != 3 {
			f.t.Errorf("fresh: got %d rows, want a challenge and two counts (%s)", got, challenge)
		}
		f.add(24 * time.Hour)
		f.must(f.Purge(f.ctx()))
		if got := count(); got != 0 {
			f.t.Errorf("a day later: got %d rows, want none", got)
		}
	})
}

// Processes share what is counted, and the key it is counted by.
func TestProcessesShareLimits(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		kek := filepath.Join(t.TempDir(), "kek")
		here, there := open(t, address, kek, nil), open(t, address, kek, nil)
		for i := range 6 {
			f := []*fixture{here, there}[i%2]
			_, err := f.try("eve", "", "guess")
			f.wantCode("guess", err, signin.Wrong)
		}
		_, err := here.try("eve", "", "guess")
		here.wantCode("the seventh", err, signin.Limited)
	})
}

func TestUnfitUsers(t *testing.T) {
	t.Parallel()
	f := open(t, sqldbtest.SQLite(t), filepath.Join(t.TempDir(), "kek"), nil)
	for _, user := range []string{"", strings.Repeat("x", userBytesMax+1)} {
		_, err := f.BeginTOTP(f.ctx(), user, 0, "a")
		if err := errors.Join(f.SetPassword(f.ctx(), user, 0, password)); err == nil {
			t.Errorf("password of user %.10q: got no error", user)
		}
		if err == nil || f.SetQuestions(f.ctx(), user, 0, answers()) == nil {
			t.Errorf("credentials of user %.10q: got no error", user)
		}
	}
}
