package outbox_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/adapters/outbox"
	"casesync/domain/access"
	"casesync/eventstore/sqldb/sqldbtest"
)

// refusing refuses the messages of a session.
func refusing(session string, blame outbox.Blame) func(taken) error {
	return func(m taken) error {
		if m.session == session {
			return &outbox.Fault{Blame: blame, Code: "planted", Err: errPlanted}
		}
		return nil
	}
}

// A message that is refused stops its case, and no other; retried, or skipped, what is behind it goes on in order.
func TestRefusedStopsItsCase(t *testing.T) {
	t.Parallel()
	for _, batch := range []int{1, 100} {
		t.Run(fmt.Sprintf("batches of %d", batch), func(t *testing.T) {
			t.Parallel()
			sqldbtest.Each(t, func(t *testing.T, address string) { refusedStopsItsCase(t, newWorld(t, address), batch) })
		})
	}
}

func refusedStopsItsCase(t *testing.T, w *world, batch int) {
	t.Helper()
	c := &consumer{}
	c.fail(refusing("FOS-1", outbox.Refused), nil)
	one, two := w.allocate("FOS-1", 3), w.allocate("FOS-2", 3)
	config := w.config(c)
	config.BatchMessagesMax = batch
	o, stop := w.start(config)
	w.caughtUp()
	one = append(one, w.allocate("FOS-1", 1)...)
	two = append(two, w.allocate("FOS-2", 1)...)
	w.caughtUp()
	if got := c.firsts("FOS-2"); !slices.Equal(got, two) {
		t.Errorf("other case: got %v, want %v", got, two)
	}
	list, err := o.List(t.Context(), operator, outbox.Filter{Key: "FOS-1"})
	if err != nil || len(list) != 4 {
		t.Fatalf("got %+v, %v, want four parked", list, err)
	}
	head := list[slices.IndexFunc(list, func(p outbox.Parked) bool { return p.Status == outbox.Stuck })]
	if head.EventID.String() != one[0] || head.Fault != "planted" || head.Attempts != 1 {
		t.Errorf("got %+v, want the first stuck", head)
	}
	if status, err := o.Status(t.Context()); err != nil || status.Parked.Cases != 1 || status.Parked.Messages != 4 || status.Parked.Stuck != 1 || status.Err != nil {
		t.Errorf("got %+v, %v", status, err)
	}
	w.must(o.Retry(t.Context(), operator, head.EventID, "tried to mend it"))
	w.eventually("it is refused again", func() bool {
		list, err := o.List(t.Context(), operator, outbox.Filter{Status: outbox.Stuck})
		return err == nil && len(list) == 1 && list[0].Attempts == 2
	})
	c.fail(nil, nil)
	w.must(o.Skip(t.Context(), operator, head.EventID, "the other side has it by hand"))
	w.eventually("the rest goes on", func() bool {
		status, err := o.Status(t.Context())
		return err == nil && status.Parked.Messages == 0 && slices.Equal(c.firsts("FOS-1"), one[1:])
	})
	stop()
	list, err = o.List(t.Context(), operator, outbox.Filter{})
	if err != nil || len(list) != 1 || list[0].Status != outbox.Skipped || list[0].Reason != "the other side has it by hand" || list[0].ResolvedBy != operator.ID {
		t.Errorf("got %+v, %v, want the skipped one kept, with who and why", list, err)
	}
	if err := o.Retry(t.Context(), operator, head.EventID, "after all"); !errors.Is(err, outbox.ErrNotParked) {
		t.Errorf("retry what was skipped: got %v, want ErrNotParked", err)
	}
}

// What fails for now is set aside with its case and tried again by itself; the others go on meanwhile.
func TestTemporaryIsSetAside(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, sqldbtest.SQLite(t)), &consumer{}
	c.fail(refusing("FOS-1", outbox.Temporary), nil)
	one, two := w.allocate("FOS-1", 3), w.allocate("FOS-2", 3)
	o, _ := w.start(w.config(c))
	w.caughtUp()
	if got := c.firsts("FOS-2"); !slices.Equal(got, two) {
		t.Errorf("other case: got %v, want %v", got, two)
	}
	w.eventually("it was tried again by itself", func() bool {
		list, err := o.List(t.Context(), operator, outbox.Filter{Status: outbox.Waiting})
		return err == nil && slices.ContainsFunc(list, func(p outbox.Parked) bool { return p.Attempts > 2 })
	})
	c.fail(nil, nil)
	w.eventually("it goes out", func() bool { return slices.Equal(c.firsts("FOS-1"), one) })
	w.eventually("nothing is parked", func() bool {
		status, err := o.Status(t.Context())
		return err == nil && status.Parked.Messages == 0
	})
}

// Where many cases fail it is nobody's own fault: all wait, and afterwards all go on, each in its order.
func TestManyTemporaryWait(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, sqldbtest.SQLite(t)), &consumer{}
	c.fail(func(taken) error { return &outbox.Fault{Blame: outbox.Temporary, Code: "planted"} }, nil)
	want := map[string][]string{}
	for i := range 30 {
		ref := fmt.Sprintf("FOS-%d", i)
		want[ref] = w.allocate(ref, 2)
	}
	config := w.config(c)
	config.SetAsideMax = 5
	o, _ := w.start(config)
	w.eventually("it fails", func() bool {
		status, err := o.Status(t.Context())
		return err == nil && status.Err != nil && status.Parked.Cases == 5
	})
	c.fail(nil, nil)
	w.caughtUp()
	for ref, ids := range want {
		w.eventually(ref+" goes out", func() bool { return slices.Equal(c.firsts(ref), ids) })
	}
}

// A crash between publishing a parked message and removing its row publishes it again, under the same id.
func TestParkedSurvivesRestart(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, sqldbtest.SQLite(t)), &consumer{}
	c.fail(refusing("FOS-1", outbox.Refused), nil)
	one := w.allocate("FOS-1", 3)
	o, stop := w.start(w.config(c))
	w.caughtUp()
	stop()
	w.must(o.Retry(t.Context(), operator, uuid.MustParse(one[0]), "mended"))
	c.fail(nil, nil)
	_, _ = w.start(w.config(c))
	w.eventually("all go out", func() bool { return slices.Equal(c.firsts("FOS-1"), one) })
}

// Only who may operate feeds decides, and says why.
func TestWhoDecides(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, sqldbtest.SQLite(t)), &consumer{}
	o := w.open(w.config(c))
	auditor := access.Principal{ID: "token:auditor", Kind: access.Machine, Roles: []access.Role{access.Auditor}}
	helpdesk := access.Principal{ID: "token:helpdesk", Kind: access.Machine, Roles: []access.Role{access.Helpdesk}}
	if _, err := o.List(t.Context(), helpdesk, outbox.Filter{}); !errors.Is(err, commands.ErrForbidden) {
		t.Errorf("list: got %v, want ErrForbidden", err)
	}
	if _, err := o.List(t.Context(), auditor, outbox.Filter{}); err != nil {
		t.Errorf("list: got %v, want an auditor to see it", err)
	}
	for name, decide := range map[string]func(access.Principal, string) error{
		"retry": func(by access.Principal, reason string) error { return o.Retry(t.Context(), by, uuid.New(), reason) },
		"skip":  func(by access.Principal, reason string) error { return o.Skip(t.Context(), by, uuid.New(), reason) },
	} {
		if err := decide(auditor, "why"); !errors.Is(err, commands.ErrForbidden) {
			t.Errorf("%s: got %v, want ErrForbidden", name, err)
		}
		if err := decide(operator, " "); !errors.Is(err, commands.ErrNoReason) {
			t.Errorf("%s: got %v, want ErrNoReason", name, err)
		}
		if err := decide(operator, "why"); !errors.Is(err, outbox.ErrNotParked) {
			t.Errorf("%s: got %v, want ErrNotParked", name, err)
		}
	}
}

// What the broker says of a message is believed where the installation knows the words.
func TestRefusedByBroker(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, sqldbtest.SQLite(t)), &consumer{}
	c.fail(func(m taken) error {
		if m.session == "FOS-1" {
			return errPlanted
		}
		return nil
	}, nil)
	w.allocate("FOS-1", 1)
	two := w.allocate("FOS-2", 1)
	config := w.config(c)
	config.Refuses = func(err error) bool { return errors.Is(err, errPlanted) }
	o, _ := w.start(config)
	w.caughtUp()
	if got := c.firsts("FOS-2"); !slices.Equal(got, two) {
		t.Errorf("got %v, want %v", got, two)
	}
	if list, err := o.List(t.Context(), operator, outbox.Filter{}); err != nil || len(list) != 1 || list[0].Fault != "refused-by-broker" {
		t.Errorf("got %+v, %v, want it stuck", list, err)
	}
}
