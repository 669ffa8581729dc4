package state_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/adapters/keyring"
	"casesync/adapters/state"
	"casesync/domain/catalog"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// fixture is a state database, a key ring, and a clock that a test moves.
type fixture struct {
	*state.DeadLetters
	db    *sqldb.DB
	ring  *keyring.Ring
	codec *eventstore.Codec
	now   time.Time
}

func newFixture(t *testing.T, address string) *fixture {
	t.Helper()
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("set up: %v", err)
		}
	}
	f := &fixture{now: start}
	var err error
	f.db, err = sqldb.Open(ctx, address)
	must(err)
	t.Cleanup(func() { _ = f.db.Close() })
	dir := t.TempDir()
	ringDB, err := sqldb.Open(ctx, "sqlite:"+filepath.Join(dir, "keyring.db"))
	must(err)
	t.Cleanup(func() { _ = ringDB.Close() })
	f.ring, err = keyring.Open(ctx, ringDB, keyring.NewFileKEK(filepath.Join(dir, "kek")), keyring.Config{})
	must(err)
	t.Cleanup(f.ring.Close)
	f.codec = eventstore.NewCodec(catalog.New(), f.ring)
	f.DeadLetters, err = state.OpenDeadLetters(ctx, f.db, f.codec, func() time.Time { return f.now })
	must(err)
	return f
}

func letter(n int) commands.DeadLetter {
	return commands.DeadLetter{
		Source: "https://cms.example/a", EventID: fmt.Sprint("e", n), Type: "cms.case.closed.v1", Subject: fmt.Sprint("C-", n), Sequence: int64(n),
		Stream: eventstore.StreamName(fmt.Sprint("casefile-C-", n)), Code: "invalid-data", Reason: "/data/outcome is missing.", Via: "file",
		Fingerprint: fmt.Sprint("f", n), Original: []byte(fmt.Sprint("{\"name\":\"Jane Specimen\",\"n\":", n, "}")),
	}
}

func (f *fixture) keep(t *testing.T, letters ...commands.DeadLetter) {
	t.Helper()
	for _, l := range letters {
		if err := f.Keep(context.Background(), l); err != nil {
			t.Fatalf("keep: %v", err)
		}
	}
}

func (f *fixture) list(t *testing.T, filter commands.DeadLetterFilter) []commands.DeadLetter {
	t.Helper()
	letters, err := f.List(context.Background(), filter, uuid.Nil, 100)
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return letters
}

func TestKeepAndShow(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address)
		want := letter(1)
		f.keep(t, want)
		listed := f.list(t, commands.DeadLetterFilter{})
		if len(listed) != 1 || listed[0].Original != nil {
			t.Fatalf("got %+v, want one letter without its original", listed)
		}
		got, err := f.Show(context.Background(), listed[0].ID)
		if err != nil {
			t.Fatalf("show: %v", err)
		}
		want.About = want.Stream
		want.ID, want.Times, want.Status, want.ReceivedAt, want.LastReceivedAt = got.ID, 1, commands.DeadLetterOpen, start, start
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if _, err := f.Show(context.Background(), uuid.New()); !errors.Is(err, commands.ErrNoDeadLetter) {
			t.Errorf("another: got %v, want %v", err, commands.ErrNoDeadLetter)
		}
		again, err := state.OpenDeadLetters(context.Background(), f.db, f.codec, nil)
		if err != nil {
			t.Fatalf("open again: %v", err)
		}
		if kept, err := again.Show(context.Background(), got.ID); err != nil || !bytes.Equal(kept.Original, want.Original) {
			t.Errorf("opened again: got %s, %v", kept.Original, err)
		}
	})
}

// The same letter again is counted, with the newest reason, until somebody has decided on it.
func TestKeepAgain(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address)
		first, second := letter(1), letter(1)
		second.Code, second.Reason = "sequence-conflict", "Other content came before."
		f.keep(t, first)
		f.now = start.Add(time.Hour)
		f.keep(t, second)
		got := f.list(t, commands.DeadLetterFilter{})
		if len(got) != 1 || got[0].Times != 2 || got[0].Code != "sequence-conflict" || !got[0].ReceivedAt.Equal(start) || !got[0].LastReceivedAt.Equal(f.now) {
			t.Fatalf("got %+v, want one letter, twice", got)
		}
		resolution := commands.Resolution{Actor: "token:op", Reason: "Jane asked for it", At: f.now}
		if err := f.Resolve(context.Background(), got[0].ID, commands.DeadLetterDiscarded, resolution); err != nil {
			t.Fatalf("resolve: %v", err)
		}
		f.keep(t, first)
		got = f.list(t, commands.DeadLetterFilter{})
		if len(got) != 1 || got[0].Times != 3 || got[0].Status != commands.DeadLetterDiscarded || got[0].Code != "sequence-conflict" || got[0].Resolution != resolution {
			t.Errorf("got %+v, want it discarded as before, three times", got)
		}
	})
}

func TestKeepAtOnce(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address)
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if err := f.Keep(context.Background(), letter(1)); err != nil {
					t.Errorf("keep: %v", err)
				}
			})
		}
		group.Wait()
		if got := f.list(t, commands.DeadLetterFilter{}); len(got) != 1 || got[0].Times != 20 {
			t.Errorf("got %+v, want one letter, 20 times", got)
		}
	})
}

func TestListFiltersAndPages(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address)
		for n := range 10 {
			l := letter(n)
			if n%2 == 1 {
				l.Source, l.Code = "https://cms.example/b", "unknown-type"
			}
			f.keep(t, l)
		}
		all := f.list(t, commands.DeadLetterFilter{})
		if err := f.Resolve(context.Background(), all[3].ID, commands.DeadLetterRetried, commands.Resolution{Actor: "a", Reason: "r", At: start}); err != nil {
			t.Fatalf("resolve: %v", err)
		}
		cases := []struct {
			filter commands.DeadLetterFilter
			want   string
		}{
			{commands.DeadLetterFilter{}, "e0 e1 e2 e3 e4 e5 e6 e7 e8 e9"},
			{commands.DeadLetterFilter{Status: commands.DeadLetterRetried}, "e3"},
			{commands.DeadLetterFilter{Status: commands.DeadLetterOpen, Source: "https://cms.example/b"}, "e1 e5 e7 e9"},
			{commands.DeadLetterFilter{Code: "invalid-data", Subject: "C-4"}, "e4"},
			{commands.DeadLetterFilter{Subject: "' OR 1=1 --"}, ""},
		}
		for _, c := range cases {
			var got []string
			for after := uuid.Nil; ; {
				page, err := f.List(context.Background(), c.filter, after, 3)
				if err != nil {
					t.Fatalf("list: %v", err)
				}
				for _, l := range page {
					got, after = append(got, l.EventID), l.ID
				}
				if len(page) < 3 {
					break
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%+v: got %v, want %v", c.filter, got, c.want)
			}
		}
	})
}

func TestResolve(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address)
		ctx := context.Background()
		f.keep(t, letter(1))
		id := f.list(t, commands.DeadLetterFilter{})[0].ID
		resolution := commands.Resolution{Actor: "token:op", Reason: "Jane Specimen asked for it", At: start}
		if err := f.Resolve(ctx, id, commands.DeadLetterOpen, resolution); err == nil {
			t.Error("to open: got no error")
		}
		if err := f.Resolve(ctx, uuid.New(), commands.DeadLetterRetried, resolution); !errors.Is(err, commands.ErrNoDeadLetter) {
			t.Errorf("another: got %v, want %v", err, commands.ErrNoDeadLetter)
		}
		if err := f.Resolve(ctx, id, commands.DeadLetterRetried, resolution); err != nil {
			t.Fatalf("resolve: %v", err)
		}
		if err := f.Resolve(ctx, id, commands.DeadLetterDiscarded, resolution); !errors.Is(err, commands.ErrDeadLetterResolved) {
			t.Errorf("again: got %v, want %v", err, commands.ErrDeadLetterResolved)
		}
		got, err := f.Show(ctx, id)
		if err != nil || got.Status != commands.DeadLetterRetried || got.Resolution != resolution {
			t.Errorf("got %+v, %v, want it retried", got, err)
		}
	})
}

// Nothing personal stands in the database in clear, and with its case's key a letter is gone.
func TestSealedAndErased(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address)
		ctx := context.Background()
		stray := letter(2)
		stray.Stream = ""
		answer := letter(3)
		answer.Stream, answer.About = "upload-u1", "casefile-C-1"
		f.keep(t, letter(1), stray, answer)
		letters := f.list(t, commands.DeadLetterFilter{})
		if err := f.Resolve(ctx, letters[0].ID, commands.DeadLetterDiscarded, commands.Resolution{Actor: "a", Reason: "Jane Specimen", At: start}); err != nil {
			t.Fatalf("resolve: %v", err)
		}
		rows, err := f.db.Query(`SELECT original, resolved_reason FROM dead_letters ORDER BY id`)
		if err != nil {
			t.Fatalf("read rows: %v", err)
		}
		defer rows.Close()
		for i := 0; rows.Next(); i++ {
			var original, reason string
			if err := rows.Scan(&original, &reason); err != nil {
				t.Fatalf("read row: %v", err)
			}
			subject := []string{"casefile-C-1", "dead-letters", "casefile-C-1"}[i]
			if strings.Contains(original+reason, "Jane") || !strings.HasPrefix(original, "v1."+subject+".") {
				t.Errorf("got %q, %q, want both sealed under %s", original, reason, subject)
			}
		}
		if err := f.ring.Destroy(ctx, "casefile-C-1"); err != nil {
			t.Fatalf("destroy: %v", err)
		}
		for _, gone := range []commands.DeadLetter{letters[0], letters[2]} {
			if got, err := f.Show(ctx, gone.ID); err != nil || got.Original != nil || got.Resolution.Reason != "" {
				t.Errorf("erased: got %+v, %v, want neither original nor reason", got, err)
			}
		}
		if got, err := f.Show(ctx, letters[1].ID); err != nil || !bytes.Equal(got.Original, stray.Original) {
			t.Errorf("the other: got %+v, %v, want it as it was", got, err)
		}
	})
}

// Erased letters of a case are gone, but for the place of an open one, which can still be discarded.
func TestErase(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f, ctx := newFixture(t, address), context.Background()
		resolved := letter(1)
		resolved.Fingerprint, resolved.EventID = "g1", "g1"
		f.keep(t, letter(1), resolved, letter(2))
		letters := f.list(t, commands.DeadLetterFilter{})
		if err := f.Resolve(ctx, letters[1].ID, commands.DeadLetterRetried, commands.Resolution{Actor: "a", Reason: "r", At: start}); err != nil {
			t.Fatalf("resolve: %v", err)
		}
		for range 2 {
			if err := f.Erase(ctx, "casefile-C-1"); err != nil {
				t.Fatalf("erase: %v", err)
			}
		}
		left := f.list(t, commands.DeadLetterFilter{})
		if len(left) != 2 || left[0].ID != letters[0].ID || left[1].ID != letters[2].ID {
			t.Fatalf("got %+v, want the open one and the other case's", left)
		}
		if got, err := f.Show(ctx, left[0].ID); err != nil || got.Original != nil || got.Sequence != 1 {
			t.Errorf("got %+v, %v, want its place alone", got, err)
		}
		if got, err := f.Show(ctx, left[1].ID); err != nil || !bytes.Equal(got.Original, letter(2).Original) {
			t.Errorf("the other case's: got %+v, %v, want it as it was", got, err)
		}
		if err := f.Resolve(ctx, left[0].ID, commands.DeadLetterDiscarded, commands.Resolution{Actor: "a", Reason: "r", At: start}); err != nil {
			t.Errorf("discard: %v", err)
		}
	})
}

// A sealed message that is moved to another letter does not open there.
func TestMovedOriginal(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t))
	f.keep(t, letter(1), letter(2))
	letters := f.list(t, commands.DeadLetterFilter{})
	if _, err := f.db.Exec(`UPDATE dead_letters SET original = (SELECT original FROM dead_letters WHERE event_id = 'e2') WHERE event_id = 'e1'`); err != nil {
		t.Fatalf("move: %v", err)
	}
	if got, err := f.Show(context.Background(), letters[0].ID); !errors.Is(err, eventstore.ErrAltered) {
		t.Errorf("got %s, %v, want %v", got.Original, err, eventstore.ErrAltered)
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address)
		if got, err := f.Open(context.Background()); err != nil || got != (state.Open{}) {
			t.Errorf("none: got %+v, %v", got, err)
		}
		f.keep(t, letter(1))
		f.now = start.Add(time.Hour)
		f.keep(t, letter(2))
		if got, err := f.Open(context.Background()); err != nil || got.Count != 2 || !got.Oldest.Equal(start) {
			t.Errorf("got %+v, %v, want 2 since %v", got, err, start)
		}
		first := f.list(t, commands.DeadLetterFilter{})[0]
		if err := f.Resolve(context.Background(), first.ID, commands.DeadLetterRetried, commands.Resolution{At: start}); err != nil {
			t.Fatalf("resolve: %v", err)
		}
		if got, err := f.Open(context.Background()); err != nil || got.Count != 1 || !got.Oldest.Equal(f.now) {
			t.Errorf("got %+v, %v, want 1 since %v", got, err, f.now)
		}
	})
}

// An unreachable database is an error that callers see, not a letter that is lost.
func TestDatabaseDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t))
	if err := f.db.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if err := f.Keep(context.Background(), letter(1)); err == nil {
		t.Error("keep: got no error")
	}
	if _, err := f.List(context.Background(), commands.DeadLetterFilter{}, uuid.Nil, 1); err == nil {
		t.Error("list: got no error")
	}
}
