package notification

import (
	"errors"
	"fmt"

	"casesync/domain"
	"casesync/domain/feed"
	"casesync/domain/outgoing"
	"casesync/domain/private"
)

// errIncomplete: a command lacks what its caller makes.
var errIncomplete = errors.New("decide notification: the command lacks a case, business, person or time")

// Decide returns the events that command leads to, none where all is as it asks. It changes
// neither state nor command. An error is a *domain.Refusal, or the fault of the caller.
func Decide(state *State, command Command) ([]Event, error) {
	events, err := state.decide(command)
	for _, event := range events {
		state.stamp(event)
	}
	return events, err
}

func (s *State) decide(command Command) ([]Event, error) {
	if send, is := command.(Send); is {
		return s.send(send)
	}
	if s.kind == "" {
		return decideMissing(command)
	}
	switch command := command.(type) {
	case Check:
		return s.check(command), nil
	case NoteDelivered:
		return s.noteDelivered(command), nil
	case AnswerSuppression:
		return s.answerSuppression(command)
	case Record:
		return s.record(command)
	case Skip:
		return facts.Skip(&s.feed, &s.course, feed.Skip(command))
	case Release:
		return facts.Release(&s.feed, &s.course, command.FactsMax), nil
	}
	return nil, fmt.Errorf("decide %T: not a command of a notification", command)
}

// decideMissing decides the commands about a notification that there is not. Facts about it are refused, as its
// id was never given out here: there is no case that they could be about. So nothing is waited for either.
func decideMissing(command Command) ([]Event, error) {
	switch command.(type) {
	case Record:
		return nil, refuseUnheard()
	case Skip, Release:
		return nil, nil
	}
	return nil, refuseMissing()
}

// stamp notes in event, and in the fact that it holds, which case it is about.
func (s *State) stamp(event Event) {
	if s.kind == "" {
		return // send did
	}
	outgoing.Stamp(event, s.course.ref)
	if held, is := event.(*FactHeld); is {
		outgoing.Stamp(held.Fact, s.course.ref)
	}
}

func (s *State) send(c Send) ([]Event, error) {
	if c.Case == "" || c.FRN == "" || c.Person == "" || c.At.IsZero() {
		return nil, errIncomplete
	}
	if s.kind != "" {
		return nil, refuseSent()
	}
	kind, known := Types().Find(c.Type)
	if !known {
		return nil, refuseType()
	}
	if cause := c.Standing.Bars(c.FRN, kind.OnClosed); cause != "" {
		return nil, cause.Refusal()
	}
	fields, err := kind.Read(c.Fields)
	if err != nil {
		return nil, err
	}
	return []Event{&Sent{
		About: outgoing.About{Case: c.Case}, FRN: c.FRN, Person: c.Person, Type: kind.ID, Bulk: c.Bulk,
		Content: outgoing.Seal(c.Case, Content{Fields: fields}), At: c.At.UTC(),
	}}, nil
}

// check takes a type that this version does not know for one that may not go out about closed cases.
func (s *State) check(c Check) []Event {
	kind, _ := Types().Find(s.kind)
	cause := c.Standing.Bars(s.frn, kind.OnClosed)
	if cause == "" || s.course.status != StatusSent {
		return nil
	}
	return []Event{&Withdrawn{Cause: cause, At: c.At.UTC()}}
}

func (s *State) noteDelivered(c NoteDelivered) []Event {
	switch s.course.status {
	case StatusSent:
		return []Event{&Delivered{At: c.At.UTC()}}
	case StatusWithdrawn:
		return []Event{&Delivered{Overtook: StatusWithdrawn, At: c.At.UTC()}}
	}
	return nil
}

// answerSuppression keeps the first answer. An operator who changes his mind suppresses the case, or lifts
// that, all the same: this only says that the request was looked at.
func (s *State) answerSuppression(c AnswerSuppression) ([]Event, error) {
	switch {
	case c.Answer != Executed && c.Answer != Declined:
		return nil, fmt.Errorf("answer suppression: %q is no answer", c.Answer)
	case s.kind != SuppressCase:
		return nil, refuseNoRequest()
	case s.answer == c.Answer:
		return nil, nil
	case s.answer != "":
		return nil, refuseAnswered(s.answer)
	}
	return []Event{&SuppressionAnswered{Answer: c.Answer, At: c.At.UTC()}}, nil
}

// record seals what the source says in words under the key of the case that this is about, whichever case the
// source names: it dies with it.
func (s *State) record(c Record) ([]Event, error) {
	switch fact := c.Fact.(type) {
	case *Acknowledged:
		sealed := *fact
		sealed.Reason = s.sealed(fact.Reason)
		c.Fact = &sealed
	case *Rejected:
		sealed := *fact
		sealed.Reason = s.sealed(fact.Reason)
		c.Fact = &sealed
	}
	return facts.Record(&s.feed, &s.course, feed.Record[Event]{Fact: c.Fact, Owner: c.Owner, Retry: c.Retry, Alone: c.Alone})
}

func (s *State) sealed(reason private.Value[string]) private.Value[string] {
	if text, open := reason.Get(); open {
		return outgoing.Seal(s.course.ref, text)
	}
	return reason
}

func refuse(code, format string, args ...any) error {
	return &domain.Refusal{Code: code, Reason: fmt.Sprintf(format, args...)}
}

func refuseMissing() error {
	return refuse("notification-unknown", "There is no such notification among those you may see. Check its address.")
}

// refuseUnheard refuses a fact; who reads this is an operator.
func refuseUnheard() error {
	return refuse("notification-unknown", "no notification of this id was sent here: find out with the case management system which one it means, then discard this")
}

func refuseSent() error {
	return refuse("notification-sent", "This notification was sent already. Send another one.")
}

func refuseType() error {
	return refuse("notification-type-unknown", "There is no such type of notification. Choose one from the list.")
}

func refuseNoRequest() error {
	return refuse("no-suppression-request", "This notification does not ask for the suppression of a case.")
}

func refuseAnswered(answer Answer) error {
	return refuse("suppression-answered", "This request was %s already. Reload it.", answer)
}
