package activity

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

// eachDatabase runs test on a fresh SQLite file and on a fresh PostgreSQL database.
func eachDatabase(t *testing.T, test func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		db, err := sqldb.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		test(t, db)
	})
}

func open(t *testing.T, db *sqldb.DB, now func() time.Time) *Log {
	t.Helper()
	l, err := Open(t.Context(), Config{DB: db, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func record(t *testing.T, l *Log, activities ...commands.Activity) {
	t.Helper()
	for _, activity := range activities {
		if err := l.Record(t.Context(), activity); err != nil {
			t.Fatal(err)
		}
	}
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

func TestEntriesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sqldb.DB) {
		l := open(t, db, at(noon))
		want := []commands.Activity{
			{At: noon, Kind: commands.SignedIn, Actor: "user:1", Address: "192.0.2.1", Detail: map[string]string{"method": "local"}},
			{At: noon.Add(time.Microsecond), Kind: commands.SignInRefused, Account: "digest", Failed: true, Code: "credentials-wrong"},
			{At: noon.Add(time.Second), Kind: commands.CommandGiven, Actor: "user:2", Operation: "membership.invite", Subject: "access-123456", FRNs: []string{"123456"}},
		}
		record(t, l, want...)
		got, err := l.After(t.Context(), Filter{}, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("got %d entries, want %d", len(got), len(want))
		}
		for i, entry := range got {
			if fmt.Sprint(entry.At, entry.Kind, entry.Actor, entry.Account, entry.Address, entry.Operation, entry.Subject, entry.FRNs, entry.Failed, entry.Code, entry.Detail) !=
				fmt.Sprint(want[i].At, want[i].Kind, want[i].Actor, want[i].Account, want[i].Address, want[i].Operation, want[i].Subject, want[i].FRNs, want[i].Failed, want[i].Code, want[i].Detail) {
				t.Errorf("entry %d: got %+v, want %+v", i, entry.Activity, want[i])
			}
		}
		if n, err := l.Verify(t.Context()); n != 3 || err != nil {
			t.Errorf("verify: got %d entries and %v, want 3 and no error", n, err)
		}
	})
}

func TestFiltersAndPages(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sqldb.DB) {
		l := open(t, db, at(noon))
		for i := range 10 {
			record(t, l, commands.Activity{At: noon.Add(time.Duration(i) * time.Minute), Kind: commands.CommandGiven,
				Actor: fmt.Sprintf("user:%d", i%2), Subject: fmt.Sprintf("casefile-%d", i), Failed: i%5 == 0})
		}
		for _, c := range []struct {
			name   string
			filter Filter
			before int64
			limit  int
			want   string
		}{
			{"all, newest first", Filter{}, 0, 3, "10 9 8"},
			{"the next page", Filter{}, 8, 3, "7 6 5"},
			{"an actor", Filter{Actor: "user:1"}, 0, 10, "10 8 6 4 2"},
			{"a thing", Filter{Subject: "casefile-4"}, 0, 10, "5"},
			{"failures", Filter{Failed: true}, 0, 10, "6 1"},
			{"another kind", Filter{Kind: commands.SignedIn}, 0, 10, ""},
			{"a time, its end not included", Filter{Since: noon.Add(2 * time.Minute), Until: noon.Add(4 * time.Minute)}, 0, 10, "4 3"},
		} {
			list, err := l.List(t.Context(), c.filter, c.before, c.limit)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, entry := range list {
				got = append(got, fmt.Sprint(entry.Seq))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: got %v, want %s", c.name, got, c.want)
			}
		}
	})
}

func TestProcessesShareOneChain(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sqldb.DB) {
		one, two := open(t, db, at(noon)), open(t, db, at(noon))
		var group sync.WaitGroup
		for _, l := range []*Log{one, two} {
			for range 4 {
				group.Go(func() {
					for range 25 {
						// Reads are written later, commands at once: both kinds at the same time.
						for _, kind := range []commands.ActivityKind{commands.DataRead, commands.CommandGiven} {
							if err := l.Record(t.Context(), commands.Activity{Kind: kind, Actor: "user:1"}); err != nil {
								t.Error(err)
							}
						}
					}
				})
			}
		}
		group.Wait()
		one.Close()
		two.Close()
		if n, err := one.Verify(t.Context()); n != 400 || err != nil {
			t.Errorf("got %d entries and %v, want 400 and no error", n, err)
		}
	})
}

func TestTheDatabaseRefusesChanges(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sqldb.DB) {
		l := open(t, db, at(noon))
		record(t, l, commands.Activity{Kind: commands.SignedIn, Actor: "user:1"}, commands.Activity{Kind: commands.SignedOut, Actor: "user:1"})
		for _, text := range []string{`UPDATE activities SET actor = 'user:2'`, `DELETE FROM activities`, `DELETE FROM activities WHERE seq = 2`} {
			if _, err := db.ExecContext(t.Context(), text); err == nil {
				t.Errorf("%s was done", text)
			}
		}
		if n, err := l.Verify(t.Context()); n != 2 || err != nil {
			t.Errorf("got %d entries and %v, want 2 and no error", n, err)
		}
	})
}

// TestVerifyFindsTampering plants what somebody with the database in his hands could do.
func TestVerifyFindsTampering(t *testing.T) {
	t.Parallel()
	unguard := map[sqldb.Dialect][]string{
		sqldb.SQLite:   {`DROP TRIGGER activities_unchanged`, `DROP TRIGGER activities_kept`},
		sqldb.Postgres: {`DROP TRIGGER activities_guarded ON activities`},
	}
	for name, tampering := range map[string]string{
		"changed value":   `UPDATE activities SET actor = 'user:9' WHERE seq = 3`,
		"moved value":     `UPDATE activities SET operation = subject, subject = operation WHERE seq = 3`,
		"changed time":    `UPDATE activities SET at = at + 1 WHERE seq = 1`,
		"taken out":       `DELETE FROM activities WHERE seq = 3`,
		"end taken away":  `DELETE FROM activities WHERE seq = 5`,
		"start taken out": `DELETE FROM activities WHERE seq = 1`,
		"put in":          `INSERT INTO activities SELECT seq + 100, at, kind, actor, account, address, operation, subject, frns, failed, code, detail, chain FROM activities WHERE seq = 5`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, db *sqldb.DB) {
				l := open(t, db, at(noon))
				for i := range 5 {
					record(t, l, commands.Activity{Kind: commands.SignedIn, Actor: fmt.Sprintf("user:%d", i), Operation: "a", Subject: "b"})
				}
				for _, text := range append(slices.Clone(unguard[db.Dialect]), tampering) {
					if _, err := db.ExecContext(t.Context(), text); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := l.Verify(t.Context()); !errors.Is(err, ErrTampered) {
					t.Errorf("got %v, want ErrTampered", err)
				}
			})
		})
	}
}

func TestPurgeTakesWhatIsOverAndLeavesOneChain(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sqldb.DB) {
		now := noon
		l := open(t, db, func() time.Time { return now })
		var old []commands.Activity
		for i := range 2_500 {
			old = append(old, commands.Activity{At: noon.Add(time.Duration(i) * time.Hour), Kind: commands.DataRead, Actor: "user:1"})
		}
		if err := l.write(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		now = noon.Add(keepDefault).Add(1_500 * time.Hour)
		purged, err := l.Purge(t.Context())
		if purged != 1_500 || err != nil {
			t.Fatalf("got %d purged and %v, want 1500 and no error", purged, err)
		}
		if purged, err := l.Purge(t.Context()); purged != 0 || err != nil {
			t.Errorf("again: got %d purged and %v, want none and no error", purged, err)
		}
		record(t, l, commands.Activity{Kind: commands.SignedIn, Actor: "user:1"})
		if n, err := l.Verify(t.Context()); n != 1_001 || err != nil {
			t.Errorf("got %d entries and %v, want 1001 and no error", n, err)
		}
	})
}

func TestKeepingTooShortlyIsRefused(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sqldb.DB) {
		if _, err := Open(t.Context(), Config{DB: db, Keep: KeepLeast - time.Second}); err == nil {
			t.Error("opened, want an error")
		}
	})
}

func TestValuesFromOutsideAreBoundedAndOnOneLine(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sqldb.DB) {
		l := open(t, db, at(noon))
		many := map[string]string{}
		for i := range 50 {
			many[fmt.Sprintf("d%02d", i)] = "v"
		}
		record(t, l, commands.Activity{Kind: commands.AccessRefused, Operation: "GET /\n<13>1 forged\x00\xff", Subject: strings.Repeat("é", 1_000), Detail: many})
		got, err := l.After(t.Context(), Filter{}, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Operation != "GET / <13>1 forged \uFFFD" || len(got[0].Subject) != valueBytesMax || len(got[0].Detail) != detailsMax {
			t.Errorf("got operation %q, %d bytes of subject and %d details", got[0].Operation, len(got[0].Subject), len(got[0].Detail))
		}
	})
}

func TestForwardToAFileGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sqldb.DB) {
		path := filepath.Join(t.TempDir(), "siem", "activity.jsonl")
		l := open(t, db, at(noon))
		for round := range 3 {
			record(t, l, commands.Activity{Kind: commands.SignedIn, Actor: fmt.Sprintf("user:%d", round)})
			forwardUntil(t, l, "file:"+path, int64(round+1))
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if len(lines) != 3 {
			t.Fatalf("got %d lines, want 3:\n%s", len(lines), text)
		}
		for i, line := range lines {
			var event Event
			if err := json.Unmarshal([]byte(line), &event); err != nil {
				t.Fatal(err)
			}
			if event.Metadata.Sequence != int64(i+1) || event.User == nil || event.User.UID != fmt.Sprintf("user:%d", i) || event.TypeUID != 300201 {
				t.Errorf("line %d: got %s", i, line)
			}
		}
	})
}

// forwardUntil forwards until everything up to seq is noted as forwarded.
func forwardUntil(t *testing.T, l *Log, address string, seq int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- l.Forward(ctx, address) }()
	for {
		reached, err := l.forwarded(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		if reached >= seq {
			cancel()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			return
		}
		select {
		case err := <-ended:
			t.Fatalf("forwarding ended at %d: %v", reached, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestForwardToSyslogOverTCP(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sqldb.DB) {
		server, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		got := make(chan string, 2)
		go func() {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			for reader := bufio.NewReader(conn); ; {
				var length int
				if _, err := fmt.Fscanf(reader, "%d ", &length); err != nil {
					return
				}
				message := make([]byte, length)
				if _, err := io.ReadFull(reader, message); err != nil {
					return
				}
				got <- string(message)
			}
		}()
		l := open(t, db, at(noon))
		record(t, l, refusal, commands.Activity{Kind: commands.SignedIn, Actor: "user:1"})
		forwardUntil(t, l, "syslog+tcp://"+server.Addr().String(), 2)
		checkRefusal(t, <-got)
		if second := <-got; !strings.HasPrefix(second, "<109>1 ") {
			t.Errorf("got %s, want a notice", second)
		}
	})
}

func TestForwardToSyslogWaitsForTheServer(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sqldb.DB) {
		dir, err := os.MkdirTemp("", "syslog") //nolint:usetesting // t.TempDir is longer than a socket's name may be
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "log")
		l := open(t, db, at(noon))
		record(t, l, refusal)
		if sent, err := l.forwardBatch(t.Context(), "x", &syslog{network: "unixgram", address: path}); sent || err == nil {
			t.Fatalf("without a server: got sent %v and %v, want an error", sent, err)
		}
		server, err := net.ListenPacket("unixgram", path)
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		forwardUntil(t, l, "syslog+unix://"+path, 1)
		message := make([]byte, 10_000)
		n, _, err := server.ReadFrom(message)
		if err != nil {
			t.Fatal(err)
		}
		checkRefusal(t, string(message[:n]))
	})
}

var refusal = commands.Activity{Kind: commands.SignInRefused, Account: "digest", Failed: true, Code: "credentials-wrong"}

func checkRefusal(t *testing.T, message string) {
	t.Helper()
	if !strings.HasPrefix(message, "<108>1 2026-03-02T12:00:00.000000Z - casesync ") || !strings.HasSuffix(message, "}") || !strings.Contains(message, `"status_code":"credentials-wrong"`) {
		t.Errorf("got %s", message)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"file:/var/log/a.jsonl": true, "file:": false, "syslog+tcp://siem.example:6514": true, "syslog+tcp://siem.example": false,
		"syslog+unix:///dev/log": true, "syslog+unix://": false, "http://siem.example": false, "": false,
	} {
		if err := ParseTarget(address); (err == nil) != good {
			t.Errorf("%q: got %v", address, err)
		}
	}
}

func TestExportWritesWhatTheFilterLeaves(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sqldb.DB) {
		l := open(t, db, at(noon))
		for i := range 3 {
			record(t, l, commands.Activity{Kind: commands.DataExported, Actor: fmt.Sprintf("user:%d", i%2), Address: "192.0.2.7", Subject: "casefile-1", FRNs: []string{"123456"}})
		}
		var out bytes.Buffer
		written, err := l.Export(t.Context(), &out, Filter{Actor: "user:0"})
		if written != 2 || err != nil || strings.Count(out.String(), "\n") != 2 {
			t.Errorf("got %d written, %v:\n%s", written, err, out.String())
		}
		var event Event
		if err := json.Unmarshal([]byte(strings.SplitN(out.String(), "\n", 2)[0]), &event); err != nil {
			t.Fatal(err)
		}
		if event.ClassUID != 6003 || event.ActivityID != 2 || event.Source.IP != "192.0.2.7" || len(event.Resources) != 2 || event.Actor.User.UID != "user:0" {
			t.Errorf("got %+v", event)
		}
	})
}

// TestAnEntryThatCannotBeKeptIsSaid: a command is told, a plain read is counted.
func TestAnEntryThatCannotBeKeptIsSaid(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sqldb.DB) {
		l := open(t, db, at(noon))
		if _, err := db.ExecContext(t.Context(), `DROP TABLE activities`); err != nil {
			t.Fatal(err)
		}
		if err := l.Record(t.Context(), commands.Activity{Kind: commands.CommandGiven}); err == nil {
			t.Error("a command was kept, want an error")
		}
		record(t, l, commands.Activity{Kind: commands.DataRead})
		l.writing.Wait()
		if l.Lost() != 1 {
			t.Errorf("got %d lost, want 1", l.Lost())
		}
	})
}

func FuzzRowsRoundTrip(f *testing.F) {
	f.Add("user:1", "GET /", "casefile-1\n", "\xff", int64(0))
	f.Fuzz(func(t *testing.T, actor, operation, subject, value string, micros int64) {
		r, err := rowOf(commands.Activity{At: time.UnixMicro(micros), Actor: actor, Operation: operation, Subject: subject, Detail: map[string]string{"v": value}}, 1, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{r.actor, r.operation, r.subject, r.detail} {
			if strings.ContainsAny(text, "\n\r\x00") {
				t.Errorf("got %q, want one line", text)
			}
		}
		if _, err := r.entry(); err != nil {
			t.Error(err)
		}
		if other := r; other.link("x") == r.chain {
			t.Error("the chain does not depend on the link before")
		}
	})
}
