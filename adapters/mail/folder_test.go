package mail_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/adapters/mail"
	"casesync/domain/account"
	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
)

// folder opens a mail folder of the test's own.
func folder(t *testing.T) (*mail.Folder, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mail")
	f, err := mail.OpenFolder(dir, from)
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f, dir
}

// files returns every file and directory under dir, and what they hold.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %s", name, info.Mode())
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil || entry.IsDir() {
			found[relative] = ""
			return err
		}
		text, err := os.ReadFile(name)
		found[relative] = string(text)
		return err
	}))
	return found
}

func TestFolder(t *testing.T) {
	t.Parallel()
	f, dir := folder(t)
	later := message
	later.ID, later.At, later.About, later.Subject = uuid.New(), message.At.Add(time.Hour), ben, "Later"
	for range 2 { // the same message again is the same file
		must(t, f.Send(ctx, message))
		must(t, f.Send(ctx, later))
	}
	found := files(t, dir)
	if len(found) != 4 || found[filepath.Join(ada, message.ID.String()+".eml")] == "" {
		t.Errorf("got %v, want two directories with a file each", found)
	}
	checkText(t, found[filepath.Join(ada, message.ID.String()+".eml")])
	list, err := f.List(ctx)
	if err != nil || len(list) != 2 || list[0] != later || list[1] != message {
		t.Errorf("got %+v and %v, want both messages as they were, the newest first", list, err)
	}
	must(t, f.Purge(ctx, ada))
	must(t, f.Purge(ctx, ada))
	if found := files(t, dir); len(found) != 2 {
		t.Errorf("got %v after the purge, want the other's alone", found)
	}
}

func TestFolderKeepsToItself(t *testing.T) {
	t.Parallel()
	f, dir := folder(t)
	for _, about := range []string{"", "..", "../x", "a/b", ".hidden", "a\x00b", strings.Repeat("a", 200)} {
		outside := message
		outside.About = about
		if err := f.Send(ctx, outside); err == nil {
			t.Errorf("got no error for a message about %q, want one", about)
		}
		must(t, f.Purge(ctx, about))
	}
	if found := files(t, filepath.Dir(dir)); len(found) != 1 {
		t.Errorf("got %v, want an empty folder", found)
	}
}

// TestFolderIsNeverHalfWritten: a send that is given up leaves nothing, and what a crash left is
// passed over, replaced by the next try, and purged.
func TestFolderIsNeverHalfWritten(t *testing.T) {
	t.Parallel()
	f, dir := folder(t)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := f.Send(ended, message); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was given up", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, ada, "."+message.ID.String()+".eml"), []byte("From: Ada"), 0o600))
	if list, err := f.List(ctx); err != nil || len(list) != 0 {
		t.Errorf("got %v and %v, want nothing", list, err)
	}
	must(t, f.Send(ctx, message))
	if found := files(t, dir); len(found) != 2 {
		t.Errorf("got %v, want one directory with one file", found)
	}
	must(t, os.WriteFile(filepath.Join(dir, ada, ".x.eml"), []byte("From: Ada"), 0o600))
	must(t, f.Purge(ctx, ada))
	if found := files(t, dir); len(found) != 0 {
		t.Errorf("got %v, want nothing", found)
	}
}

// TestPurge: no byte of the person's name and address is left in the folder, whatever was sent.
func TestPurge(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		kept, dir := folder(t)
		f := newFixture(t, address, func(c *mail.Config) { c.Transport = kept })
		f.people.put(ben, "Ben Sample", "ben@firm.example")
		f.append(t, "account-"+ada, created("Ada Specimen", "ada.old@firm.example"), moved("Ada Specimen", "ada.specimen@firm.example"), &account.QuestionsReset{})
		f.reset(t, ben)
		f.send(t)
		if list, err := kept.List(ctx); err != nil || len(list) != 4 {
			t.Fatalf("got %d mails and %v, want 4", len(list), err)
		}
		f.reset(t, ada) // one that waits
		f.people.erase(ada)
		must(t, f.PurgePerson(ctx, ada))
		must(t, f.PurgePerson(ctx, ada))
		f.send(t)
		for name, text := range files(t, dir) {
			if strings.Contains(name, ada) || strings.Contains(text, "Specimen") || strings.Contains(text, "ada.") {
				t.Errorf("got %s, want nothing of who was erased: %q", name, text)
			}
		}
		entries := f.entries(t)
		if len(entries) != 1 || entries[0].About != ben {
			t.Errorf("got %+v, want the other's row alone", entries)
		}
		// Events that are seen again make rows, and no mails.
		must(t, f.Take(ctx, f.events(t, eventstore.Position{})))
		f.send(t)
		if list, err := kept.List(ctx); err != nil || len(list) != 1 || list[0].About != ben {
			t.Errorf("got %+v and %v, want the other's mail alone", list, err)
		}
	})
}

// TestPurgeDuringASend: the purge waits for a mail that is on its way, and one that begins after
// the erasure finds the person erased.
func TestPurgeDuringASend(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, nil)
		until := f.clock.Now().Add(time.Hour).Truncate(time.Second)
		f.people.put(ben, "Ben Sample", "ben@firm.example")
		f.people.administrators["900001"] = []string{ada}
		for name, stream := range map[string]func(){
			"of whom the row says it":       func() { f.reset(t, ada) },
			"of whom it is found out later": func() { f.invite(t, until) },
		} {
			stream()
			var once sync.Once
			f.sink.mutex.Lock()
			f.sink.sending = func(context.Context, mail.Message) {
				once.Do(func() {
					if err := f.PurgePerson(ctx, ada); !errors.Is(err, mail.ErrBusy) {
						t.Errorf("%s: got %v while a mail is sent, want %v", name, err, mail.ErrBusy)
					}
				})
			}
			f.sink.mutex.Unlock()
			if got := f.send(t); len(got) != 1 {
				t.Fatalf("%s: got %d mails, want 1", name, len(got))
			}
			must(t, f.PurgePerson(ctx, ada))
			if entries := f.entries(t); len(entries) != 0 {
				t.Errorf("%s: got %v, want no row", name, entries)
			}
		}
	})
}

// standstill is a transport whose process stands still before it keeps a message.
type standstill struct {
	*mail.Folder
	meanwhile func()
}

func (s *standstill) Send(ctx context.Context, message mail.Message) error {
	s.meanwhile()
	return s.Folder.Send(ctx, message)
}

// TestPurgedWhileTheSenderStoodStill: the lease has run out, so the purge did not wait for the sender.
func TestPurgedWhileTheSenderStoodStill(t *testing.T) {
	t.Parallel()
	kept, dir := folder(t)
	slow := &standstill{Folder: kept}
	f := newFixture(t, sqldbtest.SQLite(t), func(c *mail.Config) { c.Transport = slow })
	slow.meanwhile = func() {
		f.clock.move(time.Hour)
		f.people.erase(ada)
		must(t, f.PurgePerson(ctx, ada))
	}
	f.reset(t, ada)
	f.send(t)
	if found := files(t, dir); len(found) != 0 {
		t.Errorf("got %v, want nothing of who was erased", found)
	}
}

// TestErasedWhileItIsComposed: the row is purged after it was taken and before it names the person.
func TestErasedWhileItIsComposed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	f.invite(t, f.clock.Now().Add(time.Hour).Truncate(time.Second))
	f.people.asked = func() {
		f.people.erase(ada)
		if err := f.PurgePerson(ctx, ada); !errors.Is(err, mail.ErrBusy) {
			t.Errorf("got %v, want %v: the row names the person by now", err, mail.ErrBusy)
		}
	}
	if got := f.send(t); len(got) != 0 {
		t.Errorf("got %v to somebody erased, want nothing", got)
	}
	f.people.asked = nil
	must(t, f.PurgePerson(ctx, ada))
}

// invite puts an invitation in the log, whose row does not name the person at first.
func (f *fixture) invite(t *testing.T, until time.Time) {
	t.Helper()
	link := commands.Link{Kind: commands.InvitationLink, Of: "900001", ID: uuid.NewString(), ExpiresAt: until}
	_, digest := f.link(link, ada)
	f.append(t, "access-900001", invited(link.ID, digest, until))
	f.take(t)
}
