package mail

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"casesync/adapters/commands"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/domain/membership"
	"casesync/domain/onboarding"
	"casesync/domain/retention"
	"casesync/eventstore"
)

// occasion is the event that a mail follows from, with its private values opened.
type occasion struct {
	eventstore.Decoded
	entry Entry
}

// day is the day on which it happened.
func (o occasion) day() calendar.Day { return calendar.DayOf(o.RecordedAt) }

// draft is a mail before its recipient's account was looked at. It goes to a person, or to the
// address of a contact, or to operators.
type draft struct {
	person string // the user id
	// address is where it goes instead of to the person's present address, or where there is no account.
	address string
	about   string
	// wanted says whether there is still something to tell somebody whose account is like this; nil:
	// there always is.
	wanted func(commands.AccountView) bool
	facts  Facts
}

// droppedError says why there is nothing to be sent.
type droppedError string

// The reasons, as they are stored.
const (
	errErased   droppedError = "erased"    // whom it was for
	errVoidLink droppedError = "void-link" // the link was used, revoked, replaced or has expired
	errSettled  droppedError = "settled"   // what it warns of is no longer so
	errNoMatter droppedError = "no-matter" // the event is of a sort that is not mailed about
	errNoReader droppedError = "no-reader" // there is no address of operators
	errTooMany  droppedError = "too-many"  // strangers had as many sent to the address today as may be
)

func (d droppedError) Error() string { return "nothing to be sent: " + string(d) }

// operators is what mails to operators are about, and where a folder keeps them.
const operators = "operators"

func (m *Mails) invitation(ctx context.Context, o occasion) (draft, error) {
	event := o.Event.(*membership.MemberInvited)
	link := commands.Link{Kind: commands.InvitationLink, Of: o.entry.frn(), ID: event.InvitationID, ExpiresAt: event.ExpiresAt}
	return m.linked(ctx, link, event.TokenDigest)
}

func (m *Mails) invitationAgain(ctx context.Context, o occasion) (draft, error) {
	event := o.Event.(*membership.InvitationResent)
	link := commands.Link{Kind: commands.InvitationLink, Of: o.entry.frn(), ID: event.InvitationID, ExpiresAt: event.ExpiresAt}
	return m.linked(ctx, link, event.TokenDigest)
}

func (m *Mails) resetLink(ctx context.Context, o occasion) (draft, error) {
	event := o.Event.(*account.ResetRequested)
	link := commands.Link{Kind: commands.ResetLink, Of: o.entry.About, ID: event.ResetID, ExpiresAt: event.ExpiresAt}
	made, err := m.linked(ctx, link, event.TokenDigest)
	made.facts.Factor = event.Purpose == account.ResetSecondFactor
	return made, err
}

func (m *Mails) passwordChanged(ctx context.Context, o occasion) (draft, error) {
	if o.Event.(*account.ResetUsed).Purpose != account.ResetPassword {
		return draft{}, errNoMatter // the factor that is set up next is mailed about
	}
	return m.notice(ctx, o)
}

// linked drafts a mail that carries a link to be used once. Its token is made anew from the key, and
// must be the one whose digest was recorded.
func (m *Mails) linked(ctx context.Context, link commands.Link, digest string) (draft, error) {
	token := m.config.Links.Token(link)
	if commands.Digest(token) != digest {
		// Another key makes other tokens: the mail would lead nowhere.
		return draft{}, &Fault{Code: "link-key"}
	}
	opened, err := m.config.People.OpenLink(ctx, token)
	switch {
	case errors.Is(err, commands.ErrLink):
		return draft{}, errVoidLink
	case err != nil:
		return draft{}, fmt.Errorf("open link: %w", err)
	}
	return draft{person: opened.Account.Person, facts: Facts{
		Link: m.address("/"+string(link.Kind), token), Until: link.ExpiresAt, FRN: opened.FRN,
	}}, nil
}

// address returns an address of this service with a token in it, or without one.
func (m *Mails) address(path, token string) string {
	if token == "" {
		return m.config.PublicURL + path
	}
	return m.config.PublicURL + path + "?token=" + url.QueryEscape(token)
}

func (m *Mails) inactivityWarned(_ context.Context, o occasion) (draft, error) {
	event := o.Event.(*account.InactivityWarned)
	return draft{
		person: o.entry.About, facts: Facts{Day: event.DisablesOn, Link: m.address("/", "")},
		wanted: func(a commands.AccountView) bool { return a.Status == account.Active || a.Status == account.Invited },
	}, nil
}

func (m *Mails) accountDisabled(_ context.Context, o occasion) (draft, error) {
	event := o.Event.(*account.DisabledFor)
	if event.Cause != account.Inactivity {
		return draft{}, errNoMatter // an operator tells the person himself
	}
	return draft{
		person: o.entry.About,
		facts:  Facts{Day: event.Day, Erases: retention.Standard().ErasesOn(retention.Account{DisabledOn: event.Day})},
		wanted: func(a commands.AccountView) bool { return a.Status == account.Disabled },
	}, nil
}

// factorChanged tells of a second factor in place of another one, and not of a person's first.
func (m *Mails) factorChanged(ctx context.Context, o occasion) (draft, error) {
	first := true
	for earlier, err := range m.history(ctx, o.Stream) {
		if err != nil {
			return draft{}, err
		}
		if _, enrolled := earlier.Event.(*account.FactorEnrolled); enrolled && earlier.Revision < o.Revision {
			first = false
		}
	}
	if first {
		return draft{}, errNoMatter
	}
	return m.notice(ctx, o)
}

func (m *Mails) notice(_ context.Context, o occasion) (draft, error) {
	return draft{person: o.entry.About, facts: Facts{Day: o.day()}}, nil
}

func (m *Mails) addressChanged(ctx context.Context, o occasion) (draft, error) {
	if _, err := m.formerAddress(ctx, o); err != nil {
		return draft{}, err
	}
	return m.notice(ctx, o)
}

// formerAddress drafts a mail to the address before this change, while it can be opened.
func (m *Mails) formerAddress(ctx context.Context, o occasion) (draft, error) {
	now, open := o.Event.(*account.DetailsChanged).Person.Get()
	if !open {
		return draft{}, errErased
	}
	var former account.Person
	for earlier, err := range m.history(ctx, o.Stream) {
		if err != nil {
			return draft{}, err
		}
		if earlier.Revision >= o.Revision {
			break
		}
		if person, found, err := m.personIn(ctx, earlier); err != nil || found {
			if err != nil {
				return draft{}, err
			}
			former = person
		}
	}
	switch former.Email {
	case "":
		return draft{}, errErased
	case now.Email:
		return draft{}, errNoMatter // the name alone was changed
	}
	return draft{person: o.entry.About, address: former.Email, facts: Facts{Day: o.day()}}, nil
}

// personIn returns the name and address that an event of an account records, if it does.
func (m *Mails) personIn(ctx context.Context, event eventstore.Decoded) (account.Person, bool, error) {
	switch event.Event.(type) {
	case *account.Created, *account.DetailsChanged:
	default:
		return account.Person{}, false, nil
	}
	if err := m.config.Codec.Open(ctx, event); err != nil {
		return account.Person{}, false, fmt.Errorf("open person: %w", err)
	}
	var person account.Person
	var found bool
	switch event := event.Event.(type) {
	case *account.Created:
		person, found = event.Person.Get()
	case *account.DetailsChanged:
		person, found = event.Person.Get()
	}
	return person, found, nil
}

// administratorsLow drafts a warning to the administrator who is left.
func (m *Mails) administratorsLow(ctx context.Context, o occasion) (draft, error) {
	frn := o.entry.frn()
	left, err := m.administrators(ctx, frn)
	if err != nil {
		return draft{}, err
	}
	if len(left) != 1 {
		return draft{}, errSettled // or there is nobody to be warned
	}
	return draft{person: left[0], facts: Facts{FRN: frn, Link: m.address("/", "")}}, nil
}

func (m *Mails) administratorsLowAlert(ctx context.Context, o occasion) (draft, error) {
	frn := o.entry.frn()
	left, err := m.administrators(ctx, frn)
	if err != nil {
		return draft{}, err
	}
	if len(left) > 1 {
		return draft{}, errSettled
	}
	return m.alert(Facts{FRN: frn, Left: len(left)})
}

func (m *Mails) administrators(ctx context.Context, frn string) ([]string, error) {
	business, err := m.config.People.Business(ctx, frn)
	if err != nil {
		return nil, fmt.Errorf("look for administrators: %w", err)
	}
	return business.Administrators, nil
}

func (m *Mails) administratorRequested(_ context.Context, o occasion) (draft, error) {
	return m.alert(Facts{FRN: o.entry.frn()})
}

func (m *Mails) alert(facts Facts) (draft, error) {
	if m.config.OperatorsAddress == "" {
		return draft{}, errNoReader
	}
	return draft{address: m.config.OperatorsAddress, about: operators, facts: facts}, nil
}

// request drafts a mail to the contact of an access request, as the request is now.
func (m *Mails) request(ctx context.Context, o occasion) (draft, error) {
	request, contact, err := m.requestNow(ctx, o.Stream)
	if err != nil {
		return draft{}, err
	}
	token := m.config.Links.Token(commands.Link{Kind: commands.RequestLink, ID: o.entry.About})
	facts := Facts{Name: contact.Name, Link: m.address("/access-request", token)}
	for _, business := range request.Businesses {
		facts.FRNs = append(facts.FRNs, business.FRN)
	}
	switch event := o.Event.(type) {
	case *onboarding.DataAsked:
		for _, item := range event.Missing {
			facts.Missing = append(facts.Missing, item.String())
		}
		facts.Question, _ = event.Question.Get()
	case *onboarding.BusinessActivated:
		facts.FRN = event.FRN
	}
	return draft{address: contact.Email, about: o.entry.About, facts: facts}, nil
}

// requestNow returns an access request as it was recorded last, and its contact.
func (m *Mails) requestNow(ctx context.Context, stream eventstore.StreamName) (onboarding.Request, onboarding.Person, error) {
	var last eventstore.Decoded
	for event, err := range m.history(ctx, stream) {
		if err != nil {
			return onboarding.Request{}, onboarding.Person{}, err
		}
		switch event.Event.(type) {
		case *onboarding.RequestSubmitted, *onboarding.RequestAmended:
			last = event
		case *onboarding.PeopleErased:
			return onboarding.Request{}, onboarding.Person{}, errErased
		}
	}
	if err := m.config.Codec.Open(ctx, last); err != nil {
		return onboarding.Request{}, onboarding.Person{}, fmt.Errorf("open access request: %w", err)
	}
	var request onboarding.Request
	switch event := last.Event.(type) {
	case *onboarding.RequestSubmitted:
		request = event.Request
	case *onboarding.RequestAmended:
		request = event.Request
	}
	people, open := request.People.Get()
	if !open {
		return request, onboarding.Person{}, errErased
	}
	return request, people.Contact, nil
}

// deliverable reports whether mail can be sent to an address.
func deliverable(text string) bool {
	_, err := address.ParseEmail(text)
	return err == nil
}
