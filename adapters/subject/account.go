package subject

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"casesync/adapters/commands"
	"casesync/eventstore"
)

// Account is the part of an export that says who the person is.
type Account struct {
	Person     string            `json:"id"`
	Name       string            `json:"name"`
	Email      string            `json:"email"`
	Status     string            `json:"status"`
	Method     string            `json:"method"`
	Connection string            `json:"connection,omitempty"`
	Terms      map[string]string `json:"termsAccepted"` // versions, by FRN
}

// Activity is what the person did, as Security Operations know it.
type Activity struct {
	At        time.Time         `json:"at"`
	Kind      string            `json:"kind"`
	Address   string            `json:"networkAddress,omitempty"`
	Operation string            `json:"operation,omitempty"`
	Subject   string            `json:"subject,omitempty"`
	FRNs      []string          `json:"businesses,omitempty"`
	Failed    bool              `json:"failed,omitempty"`
	Code      string            `json:"code,omitempty"`
	Detail    map[string]string `json:"detail,omitempty"`
}

// userActors begin the actors of what people did.
const userActors = "user:"

// Export writes all that is kept about a person with an account, as one JSON document. It returns
// commands.ErrUnknown, and has written nothing, where there is no account. Of who was erased there
// is what is left: a pseudonym.
func (s *Subjects) Export(ctx context.Context, w io.Writer, person string) error {
	view, err := s.config.Account(ctx, person)
	if err != nil {
		return fmt.Errorf("export person: %w", err)
	}
	d := &document{w: w}
	member(d, "account", func() (Account, error) {
		return Account{
			Person: view.Person, Name: view.Name, Email: view.Email, Status: string(view.Status),
			Method: string(view.Method), Connection: view.Connection, Terms: view.Acceptances,
		}, nil
	})
	member(d, "credentials", func() (Credentials, error) { return s.config.Credentials(ctx, person) })
	member(d, "sessions", func() ([]Session, error) { return listed(s.config.Sessions(ctx, person)) })
	member(d, "allocatedCases", func() ([]string, error) { return listed(s.config.Allocations(ctx, person)) })
	member(d, "savedViews", func() ([]View, error) { return listed(s.views(ctx, person)) })
	member(d, "mails", func() ([]Mail, error) { return listed(s.config.Mails(ctx, person)) })
	d.list("history", func(add func(any) error) error { return s.history(ctx, person, add) })
	d.list("memberships", func(add func(any) error) error { return s.memberships(ctx, person, add) })
	d.list("tickets", func(add func(any) error) error { return s.tickets(ctx, person, add) })
	s.sent(ctx, d, Sent{Person: person}, true)
	d.list("activities", func(add func(any) error) error {
		return s.config.Activities(ctx, userActors+person, func(a commands.Activity) error {
			return add(Activity{a.At, string(a.Kind), a.Address, a.Operation, a.Subject, a.FRNs, a.Failed, a.Code, a.Detail})
		})
	})
	if err := d.end(); err != nil {
		return fmt.Errorf("export person: %w", err)
	}
	return nil
}

// history adds the events of the account: names and addresses it had, terms accepted, cookies, what
// was disabled and reset.
func (s *Subjects) history(ctx context.Context, person string, add func(any) error) error {
	return s.events(ctx, eventstore.StreamName(accountStreams+person), person, add)
}

// memberships adds the events that concern the person at each business: invitations, roles, what
// was disabled and removed.
func (s *Subjects) memberships(ctx context.Context, person string, add func(any) error) error {
	frns, err := s.config.Memberships(ctx, person)
	if err != nil {
		return err
	}
	slices.Sort(frns)
	for _, frn := range slices.Compact(frns) {
		invitations := map[any]bool{}
		for recorded, err := range s.config.Log.ReadStream(ctx, eventstore.StreamName(accessStreams+frn), 0) {
			if err != nil {
				return err
			}
			event, err := s.open(ctx, recorded, func(string) bool { return true })
			if err != nil {
				return err
			}
			// What becomes of an invitation later names the invitation alone.
			id, named := event.Data["invitationId"]
			concerns := event.Data["person"] == person || event.Data["requestedBy"] == person
			if named && concerns {
				invitations[id] = true
			}
			if !concerns && (!named || !invitations[id]) {
				continue
			}
			event.Actor = others(event.Actor, person)
			hideOthers(event.Data, person)
			if err := add(event); err != nil {
				return err
			}
		}
	}
	return nil
}

// anotherPerson stands for whoever is not the one whose export it is.
const anotherPerson = "another person"

// hideOthers takes the user ids of others out of what is said of a person.
func hideOthers(data map[string]any, person string) {
	for name, value := range data {
		switch value := value.(type) {
		case map[string]any:
			hideOthers(value, person)
		case string:
			if (name == "person" || name == "requestedBy") && value != "" && value != person {
				data[name] = anotherPerson
			}
		}
	}
}

func others(actor, person string) string {
	if id, is := strings.CutPrefix(actor, userActors); is && id != person {
		return anotherPerson
	}
	return actor
}
