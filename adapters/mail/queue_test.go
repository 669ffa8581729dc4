package mail_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/mail"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/casefile"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

// reset puts an event in the log that leads to one mail to a person, and has the mails see it.
func (f *fixture) reset(t *testing.T, person string) []eventstore.Recorded {
	t.Helper()
	f.append(t, "account-"+person, &account.QuestionsReset{})
	return f.take(t)
}

func TestEachEventIsMailedOnce(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, nil)
		for range 3 {
			f.append(t, "account-"+ada, &account.QuestionsReset{}, &account.FactorReset{})
		}
		f.append(t, "casefile-C-1", &casefile.Suppressed{})
		batch := f.take(t)
		must(t, f.Take(ctx, batch)) // the checkpoint was not moved: the batch comes again
		if got := f.send(t); len(got) != 6 {
			t.Errorf("got %d mails, want 6", len(got))
		}
		must(t, f.Take(ctx, batch))
		again, err := mail.Open(ctx, f.config) // another process, later
		must(t, err)
		must(t, again.Take(ctx, batch))
		if tried, err := again.SendDue(ctx); tried != 0 || err != nil {
			t.Errorf("got %d mails and %v of what was sent, want none", tried, err)
		}
		for _, e := range f.entries(t) {
			if e.Status != mail.Sent || e.Attempts != 1 || e.About != ada || e.EndedAt.IsZero() {
				t.Errorf("got %+v, want it sent at the first try", e)
			}
		}
	})
}

func TestServerDownThenUp(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, nil)
		f.reset(t, ada)
		f.sink.fail(&mail.Fault{Code: "unreachable"}, nil)
		for i, wait := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
			f.send(t)
			e := f.only(t, mail.QuestionsReset)
			if e.Status != mail.Queued || e.Fault != "unreachable" || e.Attempts != i+1 || !e.DueAt.Equal(f.clock.Now().Add(wait)) {
				t.Fatalf("got %+v after try %d, want it due in %s", e, i+1, wait)
			}
			f.clock.move(wait - time.Second)
			if tried, err := f.SendDue(ctx); tried != 0 || err != nil {
				t.Fatalf("got %d tries and %v a second too early, want none", tried, err)
			}
			f.clock.move(time.Second)
		}
		f.sink.fail(nil, nil)
		if got := f.send(t); len(got) != 1 {
			t.Errorf("got %d mails after the server came back, want 1", len(got))
		}
		if e := f.only(t, mail.QuestionsReset); e.Status != mail.Sent || e.Fault != "" {
			t.Errorf("got %+v, want it sent", e)
		}
	})
}

func TestDeadAfterTwelveTries(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, nil)
		f.reset(t, ada)
		f.sink.fail(&mail.Fault{Code: "timeout"}, nil)
		var waited time.Duration
		for range 12 {
			f.send(t)
			f.clock.move(time.Hour)
			waited += time.Hour
		}
		e := f.only(t, mail.QuestionsReset)
		if e.Status != mail.Dead || e.Attempts != 12 || e.Fault != "timeout" {
			t.Fatalf("got %+v, want it dead after 12 tries", e)
		}
		health, err := f.Health(ctx)
		if err != nil || health != (mail.Health{Dead: 1}) {
			t.Errorf("got %+v and %v, want one dead mail", health, err)
		}
		f.sink.fail(nil, nil)
		if got := f.send(t); len(got) != 0 {
			t.Errorf("got %d mails of a dead one, want none", len(got))
		}
		must(t, f.Retry(ctx, operator, e.ID, "the server was mended"))
		if got := f.send(t); len(got) != 1 {
			t.Errorf("got %d mails after the retry, want 1", len(got))
		}
		if e := f.only(t, mail.QuestionsReset); e.Status != mail.Sent || e.ResolvedBy != operator.ID || e.Reason != "the server was mended" {
			t.Errorf("got %+v, want it sent, and who retried it", e)
		}
	})
}

func TestRefusedForGoodIsDeadAtOnce(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, nil)
		f.reset(t, ada)
		f.sink.fail(&mail.Fault{Code: "smtp-550-5.1.1", Permanent: true}, nil)
		f.send(t)
		e := f.only(t, mail.QuestionsReset)
		if e.Status != mail.Dead || e.Attempts != 1 {
			t.Fatalf("got %+v, want it dead at the first try", e)
		}
		for name, err := range map[string]error{
			"who may not":         f.Discard(ctx, access.Principal{ID: "token:x", Roles: []access.Role{access.Helpdesk}}, e.ID, "r"),
			"without a reason":    f.Discard(ctx, operator, e.ID, " "),
			"who may not, listed": second(f.List(ctx, access.Principal{}, mail.Filter{})),
			"who may not, shown":  second(f.Show(ctx, access.Principal{}, e.ID)),
		} {
			if !errors.Is(err, commands.ErrForbidden) && !errors.Is(err, commands.ErrNoReason) {
				t.Errorf("%s: got %v, want a refusal", name, err)
			}
		}
		must(t, f.Discard(ctx, operator, e.ID, "the person has left"))
		if err := f.Retry(ctx, operator, e.ID, "no, wait"); !errors.Is(err, mail.ErrSettled) {
			t.Errorf("got %v for a mail that was discarded, want %v", err, mail.ErrSettled)
		}
		shown, err := f.Show(ctx, operator, e.ID)
		if err != nil || shown.Status != mail.Discarded || shown.Reason != "the person has left" || shown.Subject != "Your security questions were reset" {
			t.Errorf("got %+v and %v, want the discarded mail", shown, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// TestFailedButKept: the server took the mail, and the answer was lost.
func TestFailedButKept(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, nil)
		f.reset(t, ada)
		f.sink.fail(nil, &mail.Fault{Code: "timeout"})
		f.send(t)
		f.sink.fail(nil, nil)
		f.clock.move(time.Minute)
		f.send(t)
		got := f.sink.all()
		if len(got) != 2 || got[0] != got[1] {
			t.Errorf("got %+v, want the same message twice, under one id", got)
		}
	})
}

// TestCrashAfterDelivery: the process ends between the delivery and the row. Another one delivers
// the mail again after the lease, as the same message, and no sooner.
func TestCrashAfterDelivery(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, nil)
		f.reset(t, ada)
		config := f.config
		config.DB = open(t, address)
		crashing, err := mail.Open(ctx, config)
		must(t, err)
		f.sink.sending = func(context.Context, mail.Message) { _ = config.DB.Close() }
		if _, err := crashing.SendDue(ctx); err == nil {
			t.Fatal("got no error from a database that is gone, want one")
		}
		f.sink.sending = nil
		if tried, err := f.SendDue(ctx); tried != 0 || err != nil {
			t.Errorf("got %d tries and %v under another's lease, want none", tried, err)
		}
		f.clock.move(4 * time.Minute)
		if got := f.send(t); len(got) != 1 || got[0] != f.sink.all()[0] {
			t.Errorf("got %+v, want the message of before once more", got)
		}
		if e := f.only(t, mail.QuestionsReset); e.Status != mail.Sent || e.Attempts != 2 {
			t.Errorf("got %+v, want it sent at the second try", e)
		}
	})
}

// TestAMailThatEndsTheProcess: each try of it crashes. It is not tried for ever.
func TestAMailThatEndsTheProcess(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), func(c *mail.Config) { c.AttemptsMax = 2 })
	f.reset(t, ada)
	for range 2 {
		must(t, change(f.db, `UPDATE mails SET attempts = attempts + 1, fence = fence + 1`)) // taken, and then nothing
	}
	if got := f.send(t); len(got) != 0 {
		t.Errorf("got %d mails, want none", len(got))
	}
	if e := f.only(t, mail.QuestionsReset); e.Status != mail.Dead || e.Fault != "interrupted" {
		t.Errorf("got %+v, want it dead", e)
	}
}

func change(db *sqldb.DB, query string, args ...any) error {
	_, err := db.ExecContext(ctx, query, args...)
	return err
}

// TestTwoSenders share the work, and send nothing twice.
func TestTwoSenders(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, nil)
		const mails = 60
		for range mails {
			f.append(t, "account-"+ada, &account.QuestionsReset{})
		}
		f.take(t)
		config := f.config
		config.DB = open(t, address)
		other, err := mail.Open(ctx, config)
		must(t, err)
		var both sync.WaitGroup
		for _, sender := range []*mail.Mails{f.Mails, other} {
			both.Go(func() {
				if _, err := sender.SendDue(ctx); err != nil {
					t.Errorf("send: %v", err)
				}
			})
		}
		both.Wait()
		seen := map[string]int{}
		for _, message := range f.sink.all() {
			seen[message.ID.String()]++
		}
		if len(seen) != mails || len(f.sink.all()) != mails {
			t.Errorf("got %d messages of %d mails, want %d of each", len(f.sink.all()), len(seen), mails)
		}
	})
}

// TestASlowSenderLosesItsRow: what it says of the mail after its lease counts no more.
func TestASlowSenderLosesItsRow(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, nil)
		f.reset(t, ada)
		var tries atomic.Int64
		f.sink.sending = func(context.Context, mail.Message) {
			if tries.Add(1) > 1 {
				return
			}
			f.clock.move(time.Hour)
			if tried, err := f.SendDue(ctx); tried != 1 || err != nil {
				t.Errorf("got %d tries and %v after the lease, want 1", tried, err)
			}
			f.sink.fail(nil, &mail.Fault{Code: "smtp-550", Permanent: true}) // what the slow one is told
		}
		f.send(t)
		if e := f.only(t, mail.QuestionsReset); e.Status != mail.Sent || e.Attempts != 2 {
			t.Errorf("got %+v, want what the second sender said", e)
		}
	})
}

func TestOldEventsAreNotMailed(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, nil)
		f.append(t, "account-"+ada, &account.QuestionsReset{})
		f.clock.move(73 * time.Hour) // the state database is a new one
		f.take(t)
		if got := f.send(t); len(got) != 0 {
			t.Errorf("got %d mails, want none of the past", len(got))
		}
		e := f.only(t, mail.QuestionsReset)
		if e.Status != mail.TooLate || e.EndedAt.IsZero() {
			t.Fatalf("got %+v, want it too late", e)
		}
		must(t, f.Retry(ctx, operator, e.ID, "the person has asked for it"))
		if got := f.send(t); len(got) != 1 {
			t.Errorf("got %d mails after the retry, want 1", len(got))
		}
	})
}

// TestNothingPersonalInTheQueue looks through every byte of the table, before and after sending.
func TestNothingPersonalInTheQueue(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, nil)
		f.append(t, "account-"+ada, created("Ada Specimen", "ada.specimen@firm.example"), moved("Ada Specimen", "ada.new@firm.example"))
		token, digest := f.link(commands.Link{Kind: commands.ResetLink, Of: ada, ID: "r1", ExpiresAt: f.clock.Now().Add(time.Hour).Truncate(time.Second)}, ada)
		f.append(t, "account-"+ada, &account.ResetRequested{ResetID: "r1", Purpose: account.ResetPassword, TokenDigest: digest, ExpiresAt: f.clock.Now().Add(time.Hour).Truncate(time.Second)})
		f.take(t)
		look := func() {
			t.Helper()
			for _, word := range []string{"Specimen", "specimen", "ada.", "firm.example", token[len(token)-20:], "@", "Your"} {
				var n int
				must(t, f.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM mails WHERE id || kind || about || stream || event_id || position || status
					|| fault || resolved_by || resolved_reason LIKE $1`, "%"+word+"%").Scan(&n))
				if n > 0 {
					t.Errorf("got %q in %d rows, want it nowhere", word, n)
				}
			}
		}
		look()
		f.sink.fail(&mail.Fault{Code: "smtp-550", Permanent: true}, nil)
		f.send(t)
		for _, e := range f.entries(t) {
			if e.Status == mail.Dead {
				must(t, f.Discard(ctx, operator, e.ID, "Ada Specimen has left"))
			}
		}
		look()
	})
}

func TestOldRowsAreForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	f.reset(t, ada)
	f.send(t)
	f.append(t, "account-"+ada, &account.FactorReset{})
	f.take(t)
	f.sink.fail(&mail.Fault{Code: "smtp-550", Permanent: true}, nil)
	f.send(t)
	f.clock.move(91 * 24 * time.Hour)
	running, stop := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { f.Run(running) })
	for deadline := time.Now().Add(20 * time.Second); len(f.entries(t)) != 1 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	done.Wait()
	if entries := f.entries(t); len(entries) != 1 || entries[0].Status != mail.Dead {
		t.Errorf("got %+v, want the dead mail alone", entries)
	}
}

// TestSecurityOperationsAreTold of every mail that was sent or is dead, once, without an address.
func TestSecurityOperationsAreTold(t *testing.T) {
	t.Parallel()
	told := &activities{}
	f := newFixture(t, sqldbtest.SQLite(t), func(c *mail.Config) { c.Activity = told })
	f.reset(t, ada)
	f.sink.fail(&mail.Fault{Code: "timeout"}, nil)
	f.send(t)
	f.sink.fail(nil, nil)
	f.clock.move(time.Minute)
	f.send(t)
	f.append(t, "account-"+ada, &account.FactorReset{})
	f.take(t)
	f.sink.fail(&mail.Fault{Code: "smtp-550", Permanent: true}, nil)
	f.send(t)
	at := f.clock.Now()
	want := []commands.Activity{
		{At: at, Kind: commands.MailSent, Actor: "system:mail", Operation: "mail.questions-reset", Subject: "account-" + ada},
		{At: at, Kind: commands.MailSent, Actor: "system:mail", Operation: "mail.second-factor-reset", Subject: "account-" + ada, Failed: true, Code: "smtp-550"},
	}
	if !reflect.DeepEqual(told.list, want) {
		t.Errorf("got %+v, want %+v", told.list, want)
	}
}

// activities is a commands.ActivityLog in memory.
type activities struct{ list []commands.Activity }

func (a *activities) Record(_ context.Context, activity commands.Activity) error {
	a.list = append(a.list, activity)
	return nil
}

// TestStopping: what was under way when the process is told to end is due again at once.
func TestStopping(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	f.reset(t, ada)
	stopping, stop := context.WithCancel(ctx)
	f.sink.sending = func(context.Context, mail.Message) { stop() }
	f.sink.fail(nil, &mail.Fault{Code: "timeout"})
	if _, err := f.SendDue(stopping); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was stopped", err)
	}
	if e := f.only(t, mail.QuestionsReset); e.Status != mail.Queued || e.Fault != "interrupted" || e.DueAt.After(f.clock.Now()) {
		t.Errorf("got %+v, want it due at once", e)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	for name, change := range map[string]func(*mail.Config){
		"no address of the service":  func(c *mail.Config) { c.PublicURL = "" },
		"no website":                 func(c *mail.Config) { c.HelpdeskURL = "javascript:alert(1)" },
		"two lines":                  func(c *mail.Config) { c.PublicURL = "https://x.example/\nY" },
		"no mailbox":                 func(c *mail.Config) { c.OperatorsAddress = "operators" },
		"forgets too soon":           func(c *mail.Config) { c.KeepFor = time.Hour },
		"a negative number of tries": func(c *mail.Config) { c.AttemptsMax = -1 },
	} {
		config := f.config
		change(&config)
		if _, err := mail.Open(ctx, config); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
}

func TestHealthAndPages(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, nil)
		if health, err := f.Health(ctx); err != nil || health != (mail.Health{}) {
			t.Errorf("got %+v and %v of an empty queue", health, err)
		}
		since := f.clock.Now()
		for i := range 5 {
			f.append(t, fmt.Sprint("account-p", i), &account.QuestionsReset{})
		}
		f.take(t)
		f.clock.move(time.Minute)
		f.reset(t, ada)
		if health, err := f.Health(ctx); err != nil || health != (mail.Health{Queued: 6, OldestQueued: since}) {
			t.Errorf("got %+v and %v, want 6 queued since %s", health, err, since)
		}
		var all []string
		var filter mail.Filter
		for filter.Limit = 4; ; {
			page, err := f.List(ctx, operator, filter)
			must(t, err)
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				all = append(all, e.About)
			}
			filter.After = page[len(page)-1].ID
		}
		if len(all) != 6 || !strings.Contains(strings.Join(all, " "), ada) {
			t.Errorf("got %v by pages, want all six", all)
		}
		if one, err := f.List(ctx, operator, mail.Filter{About: ada, Status: mail.Queued}); err != nil || len(one) != 1 {
			t.Errorf("got %v and %v about one person, want one", one, err)
		}
		if _, err := f.Show(ctx, operator, [16]byte{1}); !errors.Is(err, mail.ErrNoMail) {
			t.Errorf("got %v, want %v", err, mail.ErrNoMail)
		}
	})
}
