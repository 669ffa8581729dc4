package reactions_test

import (
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"

	"casesync/adapters/reactions"
	"casesync/domain/outgoing"
	"casesync/domain/ticket"
	"casesync/eventstore"
)

// sent is what was sent about cases, and what is asked for it, in order. It keeps the rules that reactions rest on:
// what was done is done, also when it is asked for again.
type sent struct {
	mu      sync.Mutex
	asked   []string
	line    map[string][]string // notifications that did not go out, by case
	uploads map[string][]string // by case
	bytes   map[string]bool     // of uploads, by id
	fetched map[string]bool     // key documents, by case
}

func newSent() *sent {
	return &sent{line: map[string][]string{}, uploads: map[string][]string{}, bytes: map[string]bool{}, fetched: map[string]bool{}}
}

// with runs do, and notes what was asked for.
func (s *sent) with(asked string, do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, asked)
	if do != nil {
		do()
	}
}

// count is how often something was asked for.
func (s *sent) count(asked string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.asked {
		if a == asked {
			n++
		}
	}
	return n
}

func (s *sent) stopUploads(_ context.Context, ref string) error {
	s.with("stop uploads of "+ref, nil)
	return nil
}

func (s *sent) stopNotification(_ context.Context, id string) error {
	s.with("stop notification "+id, func() {
		for ref, ids := range s.line {
			s.line[ref] = slices.DeleteFunc(ids, func(i string) bool { return i == id })
		}
	})
	return nil
}

func (s *sent) inLine(_ context.Context, ref string) (ids []string, err error) {
	s.with("line of "+ref, func() { ids = slices.Clone(s.line[ref]) })
	return ids, nil
}

func (s *sent) eraseUploads(_ context.Context, ref string) (ids []string, err error) {
	s.with("erase uploads of "+ref, func() { ids = slices.Clone(s.uploads[ref]) })
	return ids, nil
}

func (s *sent) remove(_ context.Context, id string) error {
	s.with("remove "+id, func() { delete(s.bytes, id) })
	return nil
}

func (s *sent) rescan(_ context.Context, id, ref string) error {
	s.with("rescan "+id+" of "+ref, nil)
	return nil
}

func (s *sent) forgetDocuments(_ context.Context, ref string) error {
	s.with("forget documents of "+ref, func() { delete(s.fetched, ref) })
	return nil
}

// faultySent puts a fault before the ports through which goes what was sent about a case.
func faultySent(c reactions.Config, f *fault) reactions.Config {
	one := func(port string, do *func(context.Context, string) error) {
		inner := *do
		*do = func(ctx context.Context, id string) error { return f.at(port, func() error { return inner(ctx, id) }) }
	}
	listed := func(port string, do *func(context.Context, string) ([]string, error)) {
		inner := *do
		*do = func(ctx context.Context, id string) (ids []string, err error) {
			err = f.at(port, func() error { ids, err = inner(ctx, id); return err })
			return ids, err
		}
	}
	one("StopUploads", &c.StopUploads)
	one("StopNotification", &c.StopNotification)
	one("RemoveUpload", &c.RemoveUpload)
	one("ForgetDocuments", &c.ForgetDocuments)
	listed("EraseUploads", &c.EraseUploads)
	listed("NotificationsInLine", &c.NotificationsInLine)
	return c
}

// tell appends events to a stream as they are, with a reason that is sealed under the stream's key.
func (w *world) tell(stream string, events ...any) {
	w.t.Helper()
	ctx, name := context.Background(), eventstore.StreamName(stream)
	encoded, err := w.codec.Encode(ctx, name, eventstore.Metadata{CommandID: uuid.New(), Actor: "system:test", Reason: "as the rules say"}, events...)
	w.must(err)
	_, err = w.log.Append(ctx, name, eventstore.Any, encoded...)
	w.must(err)
}

func about(ref string) outgoing.About { return outgoing.About{Case: ref} }

// ticketErased is a ticket that was opened, and erased in the end.
func (w *world) ticketErased(id string) {
	w.t.Helper()
	opened, err := ticket.Decide(ticket.Initial(), ticket.Open{
		Type: ticket.Technical, Contact: ticket.Contact{Name: "Petra Muster", Email: "petra.muster@example.net"}, Subject: "No list", Text: "It stays empty.", At: upTo,
	})
	w.must(err)
	w.tell("ticket-"+id, opened[0], &ticket.Erased{Day: today()})
}
