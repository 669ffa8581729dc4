package ticket

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"casesync/domain"
	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/domain/private"
	"casesync/domain/retention"
)

// Limits of a ticket.
const (
	// MessagesMax is the most messages that follow a question: whoever needs more needs a telephone.
	MessagesMax = 500
	// SubjectCharactersMax and TextCharactersMax are counted in Unicode characters.
	SubjectCharactersMax = 200
	TextCharactersMax    = 4_000
)

// frnPattern is the form of a firm reference number: text, never padded (requirement 70).
var frnPattern = regexp.MustCompile(`^[0-9]{6,7}$`)

var (
	errNoTime = errors.New("decide ticket: the command lacks a time")
	errSide   = errors.New("decide ticket: the command is of no side, or of an author who can not be on it")
)

// Decide returns the events that command leads to, none where all is as it asks. It changes
// neither state nor command. An error is a *domain.Refusal, or the fault of the caller.
func Decide(state *State, command Command) ([]Event, error) {
	switch command := command.(type) {
	case Open:
		return state.open(command)
	case Reply:
		return state.reply(command)
	case Resolve:
		return state.resolve(command)
	case Reopen:
		return state.reopen(command)
	case Tick:
		if state.status != StatusResolved || !retention.Standard().TicketErases(state.resolvedOn, command.Today) {
			return nil, nil
		}
		return []Event{&Erased{Day: command.Today}}, nil
	}
	return nil, fmt.Errorf("decide %T: not a command of a ticket", command)
}

func (s *State) open(c Open) ([]Event, error) {
	subject, subjectOK := readText(c.Subject, SubjectCharactersMax, false)
	text, textOK := readText(c.Text, TextCharactersMax, true)
	switch {
	case c.At.IsZero():
		return nil, errNoTime
	case s.status != StatusMissing:
		return nil, refuse("ticket-opened", "This ticket was opened already. Write in it, or open another.")
	case !slices.Contains(Types(), c.Type):
		return nil, refuse("ticket-type-unknown", "Choose what the question is about: technical, additional administrator or access.")
	case !subjectOK:
		return nil, refuse("ticket-subject-invalid", "Give the question a subject on one line, of at most %d characters.", SubjectCharactersMax)
	case !textOK:
		return nil, refuseText()
	case c.FRN != "" && !frnPattern.MatchString(c.FRN):
		return nil, refuse("frn-invalid", "A firm reference number has 6 or 7 digits. Find it in the register of the Financial Conduct Authority.")
	case c.Type == AdditionalAdministrator && c.FRN == "":
		return nil, refuse("ticket-business-missing", "Say for which business another administrator is needed.")
	}
	event := &Opened{Type: c.Type, Person: c.Person, FRN: c.FRN, At: c.At.UTC()}
	event.Question = sealed(c.Person, Question{Subject: subject, Text: text})
	if c.Person == "" {
		contact, err := c.Contact.read()
		if err != nil {
			return nil, err
		}
		event.Contact = sealed("", contact)
	}
	return []Event{event}, nil
}

func (s *State) reply(c Reply) ([]Event, error) {
	if err := s.admit(c.Side, c.Author, c.At); err != nil {
		return nil, err
	}
	text, ok := readText(c.Text, TextCharactersMax, true)
	switch {
	case !ok:
		return nil, refuseText()
	case s.messages >= MessagesMax:
		return nil, refuse("ticket-full", "This conversation has %d messages. Open another ticket.", MessagesMax)
	case s.status == StatusResolved && c.Side == Helpdesk:
		return nil, refuse("ticket-resolved", "This ticket is resolved. Reopen it first.")
	}
	added := &MessageAdded{Side: c.Side, Author: c.Author, Message: sealed(s.person, Message{Text: text}), At: c.At.UTC()}
	if s.status == StatusResolved {
		return []Event{&Reopened{Side: c.Side, At: c.At.UTC()}, added}, nil
	}
	return []Event{added}, nil
}

func (s *State) resolve(c Resolve) ([]Event, error) {
	if err := s.admit(c.Side, c.Author, c.At); err != nil || s.status == StatusResolved {
		return nil, err
	}
	return []Event{&Resolved{Side: c.Side, Day: calendar.DayOf(c.At), At: c.At.UTC()}}, nil
}

func (s *State) reopen(c Reopen) ([]Event, error) {
	if err := s.admit(c.Side, c.Author, c.At); err != nil || s.status == StatusOpen {
		return nil, err
	}
	return []Event{&Reopened{Side: c.Side, At: c.At.UTC()}}, nil
}

// admit refuses whoever has no part in the ticket: for him there is none.
func (s *State) admit(side Side, author string, at time.Time) error {
	switch {
	case at.IsZero():
		return errNoTime
	case side != Asker && side != Helpdesk, side == Helpdesk && author == "":
		return errSide
	case s.status == StatusMissing, s.status == StatusErased, side == Asker && author != s.person:
		return refuse("ticket-unknown", "There is no such ticket among those you may see. It may have been erased, some time after it was resolved.")
	}
	return nil
}

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	switch event := event.(type) {
	case *Opened:
		state.status, state.kind, state.person, state.frn = StatusOpen, event.Type, event.Person, event.FRN
		state.question, state.contact, state.openedAt, state.last = event.Question, event.Contact, event.At, Asker
	case *MessageAdded:
		state.messages++
		state.last = event.Side
	case *Resolved:
		state.status, state.resolvedOn = StatusResolved, event.Day
	case *Reopened:
		state.status, state.resolvedOn, state.last = StatusOpen, 0, event.Side
	case *Erased:
		state.status = StatusErased
	}
	return state
}

// sealed returns v to be sealed for the ticket, and for the person who asks, if that one has an account.
func sealed[T any](person string, v T) private.Value[T] {
	value := private.Of(v)
	if person != "" {
		value = value.About("account-" + person)
	}
	return value
}

func (c Contact) read() (Contact, error) {
	name, ok := readText(c.Name, SubjectCharactersMax, false)
	if !ok {
		return Contact{}, refuse("contact-name-invalid", "Give your name, of at most %d characters.", SubjectCharactersMax)
	}
	email, err := address.ParseEmail(c.Email)
	if err != nil {
		return Contact{}, err
	}
	return Contact{Name: name, Email: email.String()}, nil
}

// readText returns text without space around it, and false where it is empty, too long, or holds what is no text.
// Line breaks and tabs are text where several lines are.
func readText(text string, charactersMax int, lines bool) (string, bool) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	unfit := func(r rune) bool { return unicode.IsControl(r) && (!lines || r != '\n' && r != '\t') }
	return text, text != "" && utf8.ValidString(text) && utf8.RuneCountInString(text) <= charactersMax && !strings.ContainsFunc(text, unfit)
}

func refuse(code, format string, args ...any) error {
	return &domain.Refusal{Code: code, Reason: fmt.Sprintf(format, args...)}
}

func refuseText() error {
	return refuse("ticket-text-invalid", "Write a text of at most %d characters.", TextCharactersMax)
}
