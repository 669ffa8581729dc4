package reactions_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/reactions"
	"casesync/adapters/readmodel"
	"casesync/domain/calendar"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"
	"casesync/projections"
	"casesync/projections/engine"
)

var errPlanted = errors.New("planted fault")

// fault makes the first call of one port fail, before or after it did what it was asked for, and
// breaks the reactions off: as a process that is killed there.
type fault struct {
	mu    sync.Mutex
	port  string
	kept  bool
	crash func()
	met   bool
}

func (f *fault) at(port string, do func() error) error {
	f.mu.Lock()
	other := f.met || f.port != port
	f.met = f.met || !other
	f.mu.Unlock()
	if other {
		return do()
	}
	if f.kept {
		if err := do(); err != nil {
			return err
		}
	}
	f.crash()
	return errPlanted
}

// ports are those that the erasure of a person goes through, in their order.
var ports = []string{
	"EndSessions", "Credentials", "PurgeMails", "PurgeSaved", "CaughtUp", "Memberships", "RemoveMember", "Allocations",
	"ReturnCases", "ReleaseAddress", "DestroyKeys",
}

// faulty puts a fault before the ports.
func faulty(c reactions.Config, f *fault) reactions.Config {
	c = faultySent(c, f)
	wrap := func(port string, do *func(context.Context, string) error) {
		inner := *do
		*do = func(ctx context.Context, id string) error { return f.at(port, func() error { return inner(ctx, id) }) }
	}
	wrap("EndSessions", &c.EndSessions)
	wrap("PurgeMails", &c.PurgeMails)
	wrap("PurgeSaved", &c.PurgeSaved)
	c.Credentials = faultyCredentials{c.Credentials, f}
	caughtUp, memberships, remove, allocations := c.CaughtUp, c.Memberships, c.RemoveMember, c.Allocations
	c.CaughtUp = func(ctx context.Context, at eventstore.Position) error {
		return f.at("CaughtUp", func() error { return caughtUp(ctx, at) })
	}
	c.Memberships = func(ctx context.Context, person string) (frns []string, err error) {
		return frns, f.at("Memberships", func() error { frns, err = memberships(ctx, person); return err })
	}
	c.RemoveMember = func(ctx context.Context, frn, person string) (done commands.Done, err error) {
		return done, f.at("RemoveMember", func() error { done, err = remove(ctx, frn, person); return err })
	}
	c.Allocations = func(ctx context.Context, person, frn string) (refs []string, err error) {
		err = f.at("Allocations", func() error { refs, err = allocations(ctx, person, frn); return err })
		return refs, err
	}
	returnCases, release, destroy := c.ReturnCases, c.ReleaseAddress, c.DestroyKeys
	c.ReturnCases = func(ctx context.Context, ref, person string) (done commands.Done, err error) {
		return done, f.at("ReturnCases", func() error { done, err = returnCases(ctx, ref, person); return err })
	}
	c.ReleaseAddress = func(ctx context.Context, person string) (done commands.Done, err error) {
		return done, f.at("ReleaseAddress", func() error { done, err = release(ctx, person); return err })
	}
	c.DestroyKeys = func(ctx context.Context, order string, subjects ...string) error {
		return f.at("DestroyKeys", func() error { return destroy(ctx, order, subjects...) })
	}
	return c
}

type faultyCredentials struct {
	reactions.Credentials
	fault *fault
}

func (c faultyCredentials) Remove(ctx context.Context, person string) error {
	return c.fault.at("Credentials", func() error { return c.Credentials.Remove(ctx, person) })
}

// Whatever is cut short, before or after it was done, an erasure ends in the same state.
func TestErasedPersonWhateverFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.configure(frn)
		for _, port := range ports {
			for _, kept := range []bool{false, true} {
				email := fmt.Sprintf("una.%s.%v@example.com", port, kept)
				person, browser := w.worker("Una Beispiel", email, fmt.Sprintf("C-%s-%v", port, kept))
				w.disableThenErase(person)
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				f := &fault{port: port, kept: kept, crash: cancel}
				r, err := reactions.New(faulty(w.config(), f))
				w.must(err)
				w.must(r.Run(ctx))
				if !f.met {
					t.Errorf("%s: the port was never asked", port)
				}
				if port != "DestroyKeys" && !w.live("account-"+person) {
					t.Errorf("%s, kept %v: the key was destroyed before the rest was done", port, kept)
				}
				_, stop := w.start(w.config())
				w.reacted()
				stop()
				w.wantErased(person, email, browser, port)
			}
		}
	})
}

// A reaction that fails, in a process that goes on, is tried again, and nothing of it is skipped.
func TestFailingReactionIsTriedAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.configure(frn)
		for _, port := range []string{"EndSessions", "ReturnCases", "DestroyKeys"} {
			email := "una." + port + "@example.com"
			person, browser := w.worker("Una Beispiel", email, "C-"+port)
			w.disableThenErase(person)
			f := &fault{port: port, crash: func() {}}
			_, stop := w.start(faulty(w.config(), f))
			w.reacted()
			stop()
			if !f.met {
				t.Errorf("%s: the port was never asked", port)
			}
			w.wantErased(person, email, browser, port)
		}
	})
}

// disableThenErase erases a person by the clock, which leaves the membership to reactions.
func (w *world) disableThenErase(person string) {
	w.t.Helper()
	ctx, day := context.Background(), today()
	_, err := w.TickAccount(ctx, person, day+61)
	w.must(err)
	_, err = w.TickAccount(ctx, person, day+61+31)
	w.must(err)
}

func (w *world) wantErased(person, email string, browser *browser, what string) {
	w.t.Helper()
	ctx := context.Background()
	if browser.user() != "" {
		w.t.Errorf("%s: the session goes on", what)
	}
	if status := w.status(person); !status.PasswordSetAt.IsZero() || status.SecondFactor || len(status.Questions) > 0 {
		w.t.Errorf("%s: got credentials %+v, want none", what, status)
	}
	if member := w.member(person); len(member.Roles) > 0 {
		w.t.Errorf("%s: got roles %v, want none", what, member.Roles)
	}
	w.wantCases(person)
	if holder, err := w.PersonOf(ctx, email); err != nil || holder != "" {
		w.t.Errorf("%s: the address is held by %q, %v, want nobody", what, holder, err)
	}
	if w.purged[person] == 0 {
		w.t.Errorf("%s: mails were not purged", what)
	}
	if w.live("account-" + person) {
		w.t.Errorf("%s: the key is live", what)
	}
}

// After an erasure and a rotation, nothing of the name or address is in clear or can be opened
// anywhere, and the log can still be read, all of it.
func TestErasedPersonIsNowhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.configure(frn)
		const name, email = "Zelda Quastenflosser", "zelda.quastenflosser@example.com"
		person, browser := w.worker(name, email, "C-1")
		w.worker("Udo Beispiel", "udo.beispiel@example.com", "C-2")
		wantNowhere(t, w, name, email, "quastenflosser")
		w.start(w.config())
		_, err := w.EraseAccount(ctx, byOperator(), person)
		w.must(err)
		w.reacted()
		w.wantErased(person, email, browser, "erased on request")
		w.must(w.ring.Rotate(ctx))
		w.rebuild()
		wantNowhere(t, w, name, email, "quastenflosser")
		events, err := w.events(ctx, "")
		w.must(err)
		if err := w.codec.Open(ctx, events...); err != nil {
			t.Errorf("open the log: %v", err)
		}
		for _, event := range events {
			if shown := fmt.Sprintf("%+v", event.Event); strings.Contains(strings.ToLower(shown), "quastenflosser") {
				t.Errorf("%s of %s still shows the name", event.Type, event.Stream)
			}
		}
	})
}

// rebuild computes all read models from the log as it is now, and verifies them.
func (w *world) rebuild() {
	w.t.Helper()
	ctx := context.Background()
	address := "sqlite:" + filepath.Join(w.dir, "rows.db")
	if w.db.Dialect == sqldb.Postgres {
		address = w.address
	}
	store, err := readmodel.Open(ctx, address)
	w.must(err)
	w.t.Cleanup(func() { _ = store.Close() })
	w.must(engine.Setup(ctx, store))
	words := projections.NewWords(bytes.Repeat([]byte("w"), 32))
	for _, projection := range projections.All() {
		config := engine.Config{
			Store: store, Log: w.log, Prepare: engine.NewPrepare(w.codec, words.Index), Projection: projection,
			Logger: slog.New(slog.DiscardHandler),
		}
		if _, err := engine.Rebuild(ctx, config, engine.Options{}); err != nil {
			w.t.Errorf("rebuild %s: %v", projection.Name, err)
			continue
		}
		report, err := engine.Verify(ctx, config, engine.Options{})
		if err != nil || report.Differences > 0 || report.Parked > 0 {
			w.t.Errorf("verify %s: got %+v, %v, want it as the log says", projection.Name, report, err)
		}
	}
}

// wantNowhere fails where a text stands in clear in what is stored: in every byte of SQLite's files,
// in every row of PostgreSQL's tables.
func wantNowhere(t *testing.T, w *world, texts ...string) {
	t.Helper()
	stored := w.stored()
	if len(stored) < 2 {
		t.Fatalf("got %d files or tables, want all", len(stored))
	}
	for place, data := range stored {
		for _, text := range texts {
			low := bytes.ToLower(data)
			if bytes.Contains(low, []byte(strings.ToLower(text))) || bytes.Contains(low, []byte(hex.EncodeToString([]byte(text)))) {
				t.Errorf("%s holds %q in clear", place, text)
			}
		}
	}
}

// stored returns all that is stored, by file or table.
func (w *world) stored() map[string][]byte {
	w.t.Helper()
	if w.db.Dialect == sqldb.Postgres {
		return w.tables()
	}
	stored := map[string][]byte{}
	w.must(filepath.WalkDir(w.dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			stored[path], err = os.ReadFile(path)
		}
		return err
	}))
	return stored
}

// tables returns every row of every table, as text; bytes in it are hexadecimal.
func (w *world) tables() map[string][]byte {
	w.t.Helper()
	var names []string
	rows, err := w.db.Query(`SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var name string
		w.must(rows.Scan(&name))
		names = append(names, name)
	}
	w.must(rows.Err())
	stored := map[string][]byte{}
	for _, name := range names {
		var text string
		w.must(w.db.QueryRow(`SELECT COALESCE(string_agg(t::text, E'\n'), '') FROM ` + name + ` t`).Scan(&text))
		stored[name] = []byte(text)
		// The log keeps data as bytes, which are shown in hexadecimal: read them as what they are.
		for _, part := range strings.Split(text, `\\x`)[1:] {
			end := strings.IndexFunc(part, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) })
			if end < 0 {
				end = len(part)
			}
			decoded, err := hex.DecodeString(part[:end])
			w.must(err)
			stored[name] = append(append(stored[name], '\n'), decoded...)
		}
	}
	return stored
}

// wantNowhere can fail: the same search finds what does stand in clear.
func TestTheSearchFinds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.configure(frn)
		found := 0
		for _, data := range w.stored() {
			if bytes.Contains(data, []byte("example.com")) && bytes.Contains(data, []byte("membership.configured.v1")) {
				found++
			}
		}
		if found == 0 {
			t.Error("got nothing found of what is stored in clear")
		}
	})
}

func today() calendar.Day { return calendar.DayOf(time.Now()) }
