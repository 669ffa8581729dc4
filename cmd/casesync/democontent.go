package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/adapters/demo"
	"casesync/domain/access"
	"casesync/domain/notification"
	"casesync/domain/ticket"
)

// furnishing lets the people of a demonstration do what they would do in a day, through the same commands and under ids
// that follow from the demonstration: a start that was cut short is gone on with by the next one, and nothing is
// there twice.
type furnishing struct {
	casework *commands.Casework
	anchor   time.Time
	business string
	// caseworker is the user id of the demonstration's caseworker.
	caseworker string
}

// fillTimeout is how long it may take.
const fillTimeout = time.Minute

// fill has the demonstration's content made, once the cases are there.
func (s *serving) fill(ctx context.Context, register *demo.Register, d *demonstration) error {
	ctx, cancel := context.WithTimeout(ctx, fillTimeout)
	defer cancel()
	casework, err := s.casework(ctx)
	if err != nil {
		return err
	}
	f := furnishing{casework: casework, anchor: d.Anchor}
	for _, person := range d.People {
		if person.Role == access.Caseworker {
			f.business = person.Business
			if f.caseworker, err = s.openedPeople.PersonOf(ctx, person.Email); err != nil {
				return err
			}
		}
	}
	return f.make(ctx, register.OpenCases(demo.Options{Seed: demoSeed, Now: d.Anchor}, f.business))
}

// make makes all there is, out of the cases of the business that are open.
func (f furnishing) make(ctx context.Context, cases []demo.OpenCase) error {
	if err := f.notify(ctx, cases); err != nil {
		return fmt.Errorf("send notifications: %w", err)
	}
	if err := f.ask(ctx); err != nil {
		return fmt.Errorf("ask the helpdesk: %w", err)
	}
	if err := f.saveViews(ctx); err != nil {
		return fmt.Errorf("save views: %w", err)
	}
	return nil
}

// as is a step of the caseworker.
func (f furnishing) as(step string) commands.Ask {
	return f.step(step, access.Principal{
		ID: "user:" + f.caseworker, Kind: access.User, Grants: map[string][]access.Role{f.business: {access.Caseworker}},
	})
}

// asHelpdesk is a step of the helpdesk.
func (f furnishing) asHelpdesk(step string) commands.Ask {
	return f.step(step, access.Principal{ID: "system:demonstration", Kind: access.Machine, Roles: []access.Role{access.Helpdesk}})
}

func (f furnishing) step(step string, by access.Principal) commands.Ask {
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte("casesync demonstration\n"+f.anchor.String()+"\n"+step))
	return commands.Ask{By: by, ID: id, Reason: "demonstration"}
}

// notice is a notification to be sent about the first case that suits it.
type notice struct {
	kind   notification.TypeID
	suits  func(demo.OpenCase) bool
	fields func(demo.OpenCase) map[string]string
}

// notify sends notifications about a case each: answers of every kind follow, and one request waits for an operator.
func (f furnishing) notify(ctx context.Context, cases []demo.OpenCase) error {
	cases = slices.Clone(cases)
	for _, n := range f.notices() {
		at := slices.IndexFunc(cases, n.suits)
		if at < 0 {
			continue // no case of that kind is open on this day
		}
		ref, fields := cases[at].Reference, n.fields(cases[at])
		cases = slices.Delete(cases, at, at+1)
		if _, _, err := f.casework.Notify(ctx, f.as("notify "+ref), ref, n.kind, fields); err != nil {
			return fmt.Errorf("about %s: %w", ref, err)
		}
	}
	return nil
}

func (f furnishing) notices() []notice {
	return []notice{
		{"file-submitted", dueFirst("business-file", ""), said("complete", "yes", "note", "The file has 212 pages.")},
		{"accept-view", dueFirst("reply-to-view", ""), said("note", "We will settle within four weeks.")},
		{"more-time-requested", dueFirst("information-request", f.day(-14)), f.moreTime(7, "The branch is looking for the recordings.")},
		{"more-time-requested", dueFirst("", f.day(-14)), f.moreTime(90, "The archive has moved.")}, // more than is given
		{"consumer-contact-change", anyCase, said("phone", "07700 900123", "note", "As the consumer told us on the telephone.")},
		{"general-update", anyCase, said("message", "We have found another letter of the consumer, and will send it.")},
		{notification.SuppressCase, anyCase, said("ground", "colleague", "reason", "The case is about a member of our staff.")},
	}
}

// day is the day so many days after the demonstration was made, as a full-date.
func (f furnishing) day(after int) string { return f.anchor.AddDate(0, 0, after).Format(time.DateOnly) }

func (f furnishing) moreTime(days int, reason string) func(demo.OpenCase) map[string]string {
	return func(c demo.OpenCase) map[string]string {
		due, err := time.Parse(time.DateOnly, c.Actions[0].Due)
		if err != nil {
			due = f.anchor
		}
		return map[string]string{"actionId": c.Actions[0].ID, "until": due.AddDate(0, 0, days).Format(time.DateOnly), "reason": reason}
	}
}

// dueFirst is any case of which what is due first is of a kind, "" for any, and due on a day or after it.
func dueFirst(kind, from string) func(demo.OpenCase) bool {
	return func(c demo.OpenCase) bool {
		return len(c.Actions) > 0 && (kind == "" || c.Actions[0].Kind == kind) && c.Actions[0].Due >= from
	}
}

func anyCase(demo.OpenCase) bool { return true }

func said(pairs ...string) func(demo.OpenCase) map[string]string {
	return func(demo.OpenCase) map[string]string {
		fields := map[string]string{}
		for i := 0; i+1 < len(pairs); i += 2 {
			fields[pairs[i]] = pairs[i+1]
		}
		return fields
	}
}

// ask asks the helpdesk twice: one question is answered and done with, the other waits.
func (f furnishing) ask(ctx context.Context) error {
	answered, _, err := f.casework.OpenTicket(ctx, f.as("ticket 1"), commands.Question{
		Type: ticket.Technical, FRN: f.business, Subject: "Exports to a spreadsheet",
		Text: "My spreadsheet shows some references as dates. Is there another format?",
	})
	if err != nil {
		return err
	}
	reply := "Please choose XLSX instead of CSV: references are kept as text in it."
	if _, err := f.casework.Reply(ctx, f.asHelpdesk("reply 1"), answered, reply); err != nil {
		return err
	}
	_, _, err = f.casework.OpenTicket(ctx, f.as("ticket 2"), commands.Question{
		Type: ticket.AdditionalAdministrator, FRN: f.business, Subject: "A second administrator",
		Text: "Our administrator is away in December. How do we get another one?",
	})
	return err
}

// saveViews saves lists that a caseworker would look at each day.
func (f furnishing) saveViews(ctx context.Context) error {
	for _, view := range []commands.SavedView{
		{Name: "Priority cases", Query: "status=open&priority=true&sort=dueDate"},
		{Name: "Mine, by due date", Query: "status=open&allocatedTo=me&sort=dueDate"},
		{Name: "Overdue, not on hold", Query: "status=open&overdue=true&not_stage=on-hold&sort=dueDate"},
	} {
		if _, _, err := f.casework.SaveView(ctx, f.as("view "+view.Name), view); err != nil {
			return err
		}
	}
	return nil
}
