package onboarding

import (
	"fmt"
	"slices"

	"casesync/domain/account"
	"casesync/domain/calendar"
	"casesync/domain/connection"
	"casesync/domain/private"
	"casesync/domain/retention"
)

// Decide returns the events that command leads to, none where all is as it asks. It changes
// neither state nor command. An error is a *domain.Refusal, or the fault of the caller.
func Decide(state *State, command Command) ([]Event, error) {
	if state.status == Missing {
		switch command.(type) {
		case Submit, NoteActive:
		default:
			return nil, refuseMissing()
		}
	}
	switch command := command.(type) {
	case Submit:
		return state.submit(command)
	case Amend:
		return state.amend(command)
	case Ask:
		return state.ask(command)
	case MarkComplete:
		return state.complete(command)
	case Configure:
		return state.configure(command)
	case NoteInvited:
		return state.noteInvited(command)
	case NoteActive:
		return state.noteActive(command), nil
	case Withdraw:
		return state.end(Withdrawn, &RequestWithdrawn{Day: command.Day})
	case Decline:
		return state.end(Declined, &RequestDeclined{Day: command.Day})
	case ErasePeople:
		return state.erasePeople(command)
	case Tick:
		return state.tick(command.Today)
	}
	return nil, fmt.Errorf("decide %T: not a command of an access request", command)
}

func (s *State) submit(c Submit) ([]Event, error) {
	if s.status != Missing {
		return nil, refuseSubmitted()
	}
	request, err := c.Form.read()
	if err != nil {
		return nil, err
	}
	return []Event{&RequestSubmitted{Request: request, Day: c.Day}}, nil
}

// amend always has something to say: what is recorded is sealed, and cannot be compared.
func (s *State) amend(c Amend) ([]Event, error) {
	if err := s.in(Submitted, Waiting, Complete); err != nil {
		return nil, err
	}
	request, err := c.Form.read()
	if err != nil {
		return nil, err
	}
	return []Event{&RequestAmended{Request: request, Day: c.Day}}, nil
}

func (s *State) ask(c Ask) ([]Event, error) {
	if err := s.in(Submitted, Waiting); err != nil {
		return nil, err
	}
	missing := s.Lacks()
	question, ok := readText(c.Question)
	switch {
	case !ok:
		return nil, refuseText()
	case len(missing) == 0 && question == "":
		return nil, refuseNothingMissing()
	}
	event := &DataAsked{Missing: missing, Day: c.Day}
	if question != "" {
		event.Question = private.Of(question)
	}
	return []Event{event}, nil
}

func (s *State) complete(c MarkComplete) ([]Event, error) {
	if s.status == Complete {
		return nil, nil
	}
	if err := s.in(Submitted, Waiting); err != nil {
		return nil, err
	}
	if missing := s.Lacks(); len(missing) > 0 {
		return nil, refuseLacks(missing)
	}
	if s.amended && !c.AsRead {
		return nil, refuseAmended()
	}
	return []Event{&RequestCompleted{Day: c.Day}}, nil
}

func (s *State) configure(c Configure) ([]Event, error) {
	if s.status == Configured {
		return nil, nil
	}
	if err := s.in(Complete); err != nil {
		return nil, err
	}
	method := s.request.Authentication.Method
	if method.Federated() != (c.Connection != "") {
		return nil, refuseConnection()
	}
	if (method == account.OIDC) != (c.SecretReference != "") ||
		c.SecretReference != "" && !connection.ValidSecretReference(c.SecretReference) {
		return nil, refuseSecretReference()
	}
	return []Event{&BusinessesConfigured{Connection: c.Connection, SecretReference: c.SecretReference, Day: c.Day}}, nil
}

func (s *State) noteInvited(c NoteInvited) ([]Event, error) {
	if err := s.concerns(c.FRN); err != nil || slices.Contains(s.invited, c.FRN) {
		return nil, err
	}
	if err := s.in(Configured); err != nil {
		return nil, err
	}
	return []Event{&AdministratorsInvited{FRN: c.FRN, Day: c.Day}}, nil
}

// noteActive refuses nothing: what it notes has happened, and whoever notes it would try for ever. It
// comes of an administrator's acceptance, which may name another request by mistake, come after this one
// is over, or before all administrators were invited.
func (s *State) noteActive(c NoteActive) []Event {
	if s.in(Configured, Invited) != nil || s.concerns(c.FRN) != nil || slices.Contains(s.active, c.FRN) {
		return nil
	}
	active := &BusinessActivated{FRN: c.FRN, Day: c.Day}
	if !slices.Contains(s.invited, c.FRN) {
		return []Event{&AdministratorsInvited{FRN: c.FRN, Day: c.Day}, active}
	}
	return []Event{active}
}

func (s *State) concerns(frn string) error {
	if !slices.ContainsFunc(s.request.Businesses, func(b Business) bool { return b.FRN == frn }) {
		return refuseOtherBusiness()
	}
	return nil
}

func (s *State) end(status Status, event Event) ([]Event, error) {
	if s.status == status {
		return nil, nil
	}
	if err := s.in(Submitted, Waiting, Complete, Configured); err != nil {
		return nil, err
	}
	if len(s.invited) > 0 {
		return nil, refuseStatus(Invited)
	}
	return []Event{event}, nil
}

func (s *State) erasePeople(c ErasePeople) ([]Event, error) {
	if s.peopleErased {
		return nil, nil
	}
	if err := s.in(over...); err != nil {
		return nil, err
	}
	return []Event{&PeopleErased{Day: c.Day}}, nil
}

func (s *State) tick(today calendar.Day) ([]Event, error) {
	switch retention.Standard().Request(s.Clock(), today) {
	case retention.Lapse:
		return []Event{&RequestLapsed{Day: today}}, nil
	case retention.Erase:
		if !s.peopleErased {
			return []Event{&PeopleErased{Day: today}}, nil
		}
	}
	return nil, nil
}

// in refuses a command unless the request stands at one of statuses.
func (s *State) in(statuses ...Status) error {
	if !slices.Contains(statuses, s.status) {
		return refuseStatus(s.status)
	}
	return nil
}

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	state.changed = event.on()
	switch event := event.(type) {
	case *RequestSubmitted:
		state.status, state.request = Submitted, event.Request
	case *RequestAmended:
		state.status, state.request, state.amended = Submitted, event.Request, true
	case *DataAsked:
		state.status = Waiting
	case *RequestCompleted:
		state.status = Complete
	case *BusinessesConfigured:
		state.status = Configured
	case *AdministratorsInvited:
		state.invited = append(state.invited, event.FRN)
		if len(state.invited) == len(state.request.Businesses) {
			state.status = Invited
		}
	case *BusinessActivated:
		state.active = append(state.active, event.FRN)
		if len(state.active) == len(state.request.Businesses) {
			state.status = Active
		}
	case *RequestWithdrawn:
		state.status = Withdrawn
	case *RequestDeclined:
		state.status = Declined
	case *RequestLapsed:
		state.status = Lapsed
	case *PeopleErased:
		state.peopleErased = true
	}
	return state
}
