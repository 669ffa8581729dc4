package subject_test

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/adapters/reactions"
	"casesync/adapters/subject"
	"casesync/domain/access"
	"casesync/domain/calendar"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/ticket"
	"casesync/domain/upload"
	"casesync/eventstore"
)

var helpdesk = commands.Ask{By: access.Principal{ID: "token:helpdesk", Roles: []access.Role{access.Helpdesk}}}

// sealed seals events for streams of their own, and returns them as the log has them.
func (w *world) sealed(stream string, event any) eventstore.Decoded {
	w.t.Helper()
	ctx, name := context.Background(), eventstore.StreamName(stream)
	encoded, err := w.codec.Encode(ctx, name, eventstore.Metadata{CommandID: uuid.New(), Actor: "system:test"}, event)
	w.must(err)
	_, err = w.log.Append(ctx, name, eventstore.NoStream, encoded...)
	w.must(err)
	for recorded, err := range w.log.ReadStream(ctx, name, 0) {
		w.must(err)
		decoded, err := w.codec.Decode(recorded)
		w.must(err)
		return decoded
	}
	w.t.Fatalf("%s is empty", stream)
	return eventstore.Decoded{}
}

// send has a person send a file and a notification about a case.
func (w *world) send(person, ref, file string) {
	w.t.Helper()
	id, at := uuid.NewString(), time.Now().UTC()
	w.sealed("upload-"+id, &upload.Begun{
		About: outgoing.About{Case: ref}, FRN: frn, Person: person, Bytes: 42, File: outgoing.Seal(ref, upload.File{Name: file}), At: at,
	})
	w.sealed("notification-"+id, &notification.Sent{
		About: outgoing.About{Case: ref}, FRN: frn, Person: person, Type: "general-update",
		Content: outgoing.Seal(ref, notification.Content{Fields: map[string]string{"message": "Rolf Vertreter wrote"}}), At: at,
	})
}

// of reports whether something is asked for.
func of(asked subject.Sent, person, ref string) bool {
	return (asked.Person == "" || asked.Person == person) && (asked.Case == "" || asked.Case == ref)
}

func (w *world) uploads(ctx context.Context, asked subject.Sent, each func(subject.Upload) error) error {
	return w.all(ctx, "upload-", func(id string, event any) error {
		if e, is := event.(*upload.Begun); is && of(asked, e.Person, e.Case) {
			return each(subject.Upload{ID: id, Case: e.Case, Business: e.FRN, Status: "receiving", Bytes: e.Bytes, BeganAt: e.At, Name: e.File.Envelope()})
		}
		return nil
	})
}

func (w *world) notifications(ctx context.Context, asked subject.Sent, each func(subject.Notification) error) error {
	return w.all(ctx, "notification-", func(id string, event any) error {
		if e, is := event.(*notification.Sent); is && of(asked, e.Person, e.Case) {
			return each(subject.Notification{ID: id, Case: e.Case, Business: e.FRN, Type: string(e.Type), Status: "sent", SentAt: e.At})
		}
		return nil
	})
}

func (w *world) tickets(ctx context.Context, person string) (ids []string, err error) {
	err = w.all(ctx, "ticket-", func(id string, event any) error {
		if opened, is := event.(*ticket.Opened); is && opened.Person == person {
			ids = append(ids, id)
		}
		return nil
	})
	return ids, err
}

// all calls each with the events of streams whose names begin with prefix, and the rest of the name.
func (w *world) all(ctx context.Context, prefix string, each func(id string, event any) error) error {
	for recorded, err := range w.log.ReadAll(ctx, eventstore.Position{}) {
		if err != nil {
			return err
		}
		id, is := strings.CutPrefix(string(recorded.Stream), prefix)
		if !is {
			continue
		}
		decoded, err := w.codec.Decode(recorded)
		if err != nil {
			return err
		}
		if err := each(id, decoded.Event); err != nil {
			return err
		}
	}
	return nil
}

// newDesk returns casework on the world's log.
func (w *world) newDesk() *commands.Casework {
	w.t.Helper()
	desk, err := commands.NewCasework(commands.CaseworkConfig{
		Log: w.log, Codec: w.codec, People: w.people, Limits: upload.Standard(), DigestKey: []byte(strings.Repeat("d", 32)), Links: w.links,
		SentOn: func(context.Context, string, calendar.Day) (int64, error) { return 0, nil },
	})
	w.must(err)
	return desk
}

// asks has a person ask the helpdesk, which answers, and save a view.
func (w *world) asks(person, question, view string) {
	w.t.Helper()
	ctx, ask := context.Background(), w.principal(person)
	id, _, err := w.desk.OpenTicket(ctx, ask, commands.Question{Type: ticket.Technical, Subject: "A question", Text: question})
	w.must(err)
	_, err = w.desk.Reply(ctx, helpdesk, id, "Answered: "+question)
	w.must(err)
	_, _, err = w.desk.SaveView(ctx, ask, commands.SavedView{Name: view, Query: "overdue=true"})
	w.must(err)
}

// unsent are the reactions to what was sent, of which there is nothing to do here.
func unsent(c reactions.Config) reactions.Config {
	one := func(context.Context, string) error { return nil }
	none := func(context.Context, string) ([]string, error) { return nil, nil }
	c.StopUploads, c.StopNotification, c.RemoveUpload, c.ForgetDocuments = one, one, one, one
	c.EraseUploads, c.NotificationsInLine = none, none
	c.RescanUpload = func(context.Context, string, string) error { return nil }
	return c
}
