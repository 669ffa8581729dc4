package local

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"casesync/adapters/identity/signin"
	"casesync/eventstore/sqldb/sqldbtest"
)

// An account that does not exist takes the same work and gives the same answers as one that does.
func TestNoEnumeration(t *testing.T) {
	each(t, nil, func(f *fixture) {
		f.enrol(ada)
		type outcome struct {
			code   signin.Code
			text   string
			hashes int64
		}
		guess := func(account, user string) (all []outcome) {
			for range 8 {
				before := f.hashes.Load()
				_, err := f.CheckPassword(f.ctx(), Attempt{Account: account, User: user, Password: "a wrong guess", Address: account})
				all = append(all, outcome{signin.CodeOf(err), err.Error(), f.hashes.Load() - before})
			}
			return all
		}
		known, unknown, noPassword := guess("ada", ada), guess("eve", ""), guess("bob", "user-bob")
		for i := range known {
			want := outcome{signin.Wrong, signin.Codes()[signin.Wrong], 1}
			if i >= 6 {
				want = outcome{signin.Limited, signin.Codes()[signin.Limited], 0}
			}
			if known[i] != want || unknown[i] != want || noPassword[i] != want {
				f.t.Errorf("guess %d: got %+v, %+v, %+v, want %+v for all", i+1, known[i], unknown[i], noPassword[i], want)
			}
		}
		f.must(f.SetQuestions(f.ctx(), ada, 0, answers()))
		for _, user := range []string{ada, "user-bob", ""} {
			before := f.hashes.Load()
			f.wantCode("answers of "+user, f.CheckQuestions(f.ctx(), user, []string{"Rosebud", "x"}, "198.51.100.7"), signin.Wrong)
			if got := f.hashes.Load() - before; got != questionsEach {
				f.t.Errorf("answers of %q: got %d hashes, want %d", user, got, questionsEach)
			}
		}
	})
}

// Locks double, the right password is not heard during one, and signing in forgets them.
func TestBackOff(t *testing.T) {
	each(t, nil, func(f *fixture) {
		secret, _ := f.enrol(ada)
		for range 5 {
			_, err := f.try("ada@northbank.example", ada, "wrong")
			f.wantCode("free", err, signin.Wrong)
		}
		for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
			16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
			_, err := f.try("ada@northbank.example", ada, "wrong")
			f.wantCode("after the lock", err, signin.Wrong)
			f.add(want - time.Second)
			_, err = f.try("ada@northbank.example", ada, password)
			f.wantCode("the right password in a lock", err, signin.Limited)
			var refusal *signin.Refusal
			if errors.As(err, &refusal) && refusal.RetryAfter != time.Second {
				f.t.Errorf("got %s left of %s, want 1s", refusal.RetryAfter, want)
			}
			f.add(time.Second)
		}
		// The password alone does not forget: whoever knows it could guess codes for ever.
		challenge := f.challenge()
		_, err := f.AnswerCode(f.ctx(), challenge, "000000", office)
		f.wantCode("wrong code", err, signin.Wrong)
		_, err = f.AnswerCode(f.ctx(), challenge, f.code(secret), office)
		f.wantCode("the right code in a lock", err, signin.Limited)
		f.must(f.Unlock(f.ctx(), "ada@northbank.example"))
		_, err = f.AnswerCode(f.ctx(), f.challenge(), f.code(secret), office)
		f.wantCode("unlocked", err, "")
		for range 6 {
			_, err := f.try("ada@northbank.example", ada, "wrong")
			f.wantCode("free again", err, signin.Wrong)
		}
		f.add(24 * time.Hour)
		for range 5 {
			_, err := f.try("ada@northbank.example", ada, "wrong")
			f.wantCode("free a day later", err, signin.Wrong)
		}
	})
}

// Many guesses at once are counted one by one.
func TestGuessesAtOnce(t *testing.T) {
	each(t, nil, func(f *fixture) {
		f.enrol(ada)
		var heard atomic.Int32
		var group sync.WaitGroup
		for range 24 {
			group.Go(func() {
				_, err := f.try("ada@northbank.example", ada, "wrong")
				switch signin.CodeOf(err) {
				case signin.Wrong:
					heard.Add(1)
				case signin.Limited:
				default:
					f.t.Errorf("got %v, want %s or %s", err, signin.Wrong, signin.Limited)
				}
			})
		}
		group.Wait()
		if heard.Load() != 6 {
			f.t.Errorf("%d guesses were heard, want 6", heard.Load())
		}
	})
}

// One address that tries many accounts is locked; another address and its people are not.
func TestAddressLimit(t *testing.T) {
	each(t, func(c *Config) { c.Address.Free = 10 }, func(f *fixture) {
		secret, _ := f.enrol(ada)
		for i := range 11 {
			// People who sign in between do not help, nor count.
			if i == 5 {
				_, err := f.AnswerCode(f.ctx(), f.challenge(), f.code(secret), office)
				f.wantCode("someone in the same office", err, "")
			}
			_, err := f.try(string(rune('a'+i)), "", "sprayed password")
			f.wantCode("sprayed", err, signin.Wrong)
		}
		_, err := f.try("ada@northbank.example", ada, password)
		f.wantCode("the address", err, signin.Limited)
		_, err = f.CheckPassword(f.ctx(), Attempt{Account: "ada@northbank.example", User: ada, Password: password, Address: "198.51.100.7"})
		f.wantCode("another address", err, "")
	})
}

// Only so many hashes are computed at once; beyond those that wait the answer is Busy, which
// counts against nobody.
func TestBoundedWork(t *testing.T) {
	t.Parallel()
	f := open(t, sqldbtest.SQLite(t), filepath.Join(t.TempDir(), "kek"), func(c *Config) { c.Hashing.AtOnceMax, c.Hashing.WaitingMax = 2, 3 })
	derive, running, release := f.hasher.derive, make(chan struct{}, 10), make(chan struct{})
	f.hasher.derive = func(password, salt []byte, passes, memory uint32, lanes uint8, bytes uint32) []byte {
		running <- struct{}{}
		<-release
		return derive(password, salt, passes, memory, lanes, bytes)
	}
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			_, err := f.hasher.hash(f.ctx(), password)
			if err != nil {
				t.Error(err)
			}
		})
	}
	<-running
	<-running
	for len(f.hasher.admit) < 5 { // until the other three wait
		time.Sleep(time.Millisecond)
	}
	for range 8 {
		_, err := f.try("eve", "", "guess")
		f.wantCode("no room", err, signin.Busy)
	}
	if len(running) != 0 {
		t.Errorf("%d hashes beyond two at once, want none", len(running))
	}
	ctx, cancel := context.WithCancel(f.ctx())
	cancel()
	close(release)
	group.Wait()
	f.hasher.compute <- struct{}{}
	f.hasher.compute <- struct{}{}
	if _, err := f.hasher.hash(ctx, password); !errors.Is(err, context.Canceled) {
		t.Errorf("given up while waiting: got %v, want %v", err, context.Canceled)
	}
}

func TestLockTimes(t *testing.T) {
	t.Parallel()
	limit := Limit{}.orDefault(3)
	for n, want := range map[int64]time.Duration{0: 0, 3: 0, 4: 30 * time.Second, 5: time.Minute, 10: 32 * time.Minute, 11: time.Hour, 1 << 40: time.Hour} {
		if got := limit.lock(n); got != want {
			t.Errorf("lock(%d): got %s, want %s", n, got, want)
		}
	}
}

// Who confirms an enrolment by trying is slowed down as any other, and a right code ends that.
func TestEnrolmentIsLimited(t *testing.T) {
	each(t, nil, func(f *fixture) {
		f.must(f.SetPassword(f.ctx(), ada, 0, password))
		begun, err := f.BeginTOTP(f.ctx(), ada, 0, "ada")
		f.must(err)
		for range f.config.Account.Free {
			_, err = f.ConfirmTOTP(f.ctx(), ada, 0, "12345x")
			f.wantCode("a guess", err, signin.Wrong)
		}
		_, err = f.ConfirmTOTP(f.ctx(), ada, 0, "12345x")
		f.wantCode("the guess that locks", err, signin.Wrong)
		_, err = f.ConfirmTOTP(f.ctx(), ada, 0, f.code(begun.Secret))
		f.wantCode("the right code while locked", err, signin.Limited)
		f.add(f.config.Account.Base)
		_, err = f.ConfirmTOTP(f.ctx(), ada, 0, f.code(begun.Secret))
		f.wantCode("afterwards", err, "")
	})
}
