package account

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"casesync/domain/address"
	"casesync/domain/private"
	"casesync/domain/retention"
)

// nameRunesMax is the longest name of a person.
const nameRunesMax = 200

// Decide returns the events that command leads to, none where all is as it asks. It changes
// neither state nor command. An error is a *domain.Refusal, or the fault of the caller.
func Decide(state *State, command Command) ([]Event, error) {
	if use, is := command.(UseReset); is {
		return state.useReset(use)
	}
	if err := state.takes(command); err != nil {
		return nil, err
	}
	switch command := command.(type) {
	case Create:
		return state.create(command)
	case ChangeDetails:
		return changeDetails(command)
	case Activate:
		return state.activate(command)
	case Disable:
		return state.disable(command)
	case Enable:
		return state.enable(command)
	case Erase:
		return state.erase()
	case Tick:
		return state.tick(command)
	case RecordActivity:
		return state.recordActivity(command)
	case AcceptTerms:
		return state.acceptTerms(command)
	case ChooseCookies:
		if state.cookies == command.Cookies {
			return nil, nil
		}
		return []Event{&CookiesChosen{Functional: command.Functional, Analytics: command.Analytics}}, nil
	}
	return state.decideSignIn(command)
}

// takes refuses a command that the account's status leaves no room for.
func (s *State) takes(command Command) error {
	_, creating := command.(Create)
	_, erasing := command.(Erase)
	_, ticking := command.(Tick)
	status := s.Status()
	switch {
	case status == Missing && !creating:
		return refuseMissing()
	case status == Gone && !erasing && !ticking:
		return refuseGone()
	case status == Disabled && ofThePerson(command):
		return refuseDisabled()
	case status == Invited && ofTheActive(command):
		return refuseInvited()
	}
	return nil
}

// ofThePerson reports whether a command is one that only the person himself can give: who is
// disabled does nothing.
func ofThePerson(command Command) bool {
	switch command.(type) {
	case Activate, LinkIdentity, EnrolFactor, SetQuestions:
		return true
	}
	return ofTheActive(command)
}

// ofTheActive reports whether a command is one of, or for, who may use the account.
func ofTheActive(command Command) bool {
	switch command.(type) {
	case RecordActivity, AcceptTerms, ChooseCookies, RequestReset:
		return true
	}
	return false
}

func (s *State) create(c Create) ([]Event, error) {
	if s.created {
		return s.invitedAgain(c), nil
	}
	person, err := personOf(c.Name, c.Email)
	if err != nil {
		return nil, err
	}
	if err := checkMethod(c.Method, c.Connection); err != nil {
		return nil, err
	}
	return []Event{&Created{
		Person: person, Domain: c.Email.Domain(), Method: c.Method, Connection: c.Connection, Day: c.Day,
	}}, nil
}

// invitedAgain lifts inactivity from who has never come: there is nothing behind it that could be taken
// over. Who has come once is enabled by those whom he works for.
func (s *State) invitedAgain(c Create) []Event {
	if s.activated || s.byOperator || s.clock.DisabledOn == 0 {
		return nil
	}
	return []Event{&Enabled{Lifted: []Cause{Inactivity}, Day: c.Day}}
}

// changeDetails always has something to say: what is recorded is sealed, and cannot be compared.
func changeDetails(c ChangeDetails) ([]Event, error) {
	person, err := personOf(c.Name, c.Email)
	if err != nil {
		return nil, err
	}
	return []Event{&DetailsChanged{Person: person, Domain: c.Email.Domain()}}, nil
}

func personOf(name string, email address.Email) (none private.Value[Person], err error) {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" || utf8.RuneCountInString(name) > nameRunesMax || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return none, refuseName()
	}
	if email == (address.Email{}) {
		return none, refuseEmail()
	}
	return private.Of(Person{Name: name, Email: email.String()}), nil
}

func (s *State) activate(c Activate) ([]Event, error) {
	switch {
	case s.activated:
		return nil, nil
	case !s.method.Federated() && !s.factor:
		return nil, refuseFactorMissing()
	case s.method.Federated() && s.identity == "":
		return nil, refuseIdentityMissing()
	}
	return []Event{&Activated{Day: c.Day}}, nil
}

func (s *State) disable(c Disable) ([]Event, error) {
	if s.byOperator {
		return nil, nil
	}
	return []Event{&DisabledFor{Cause: ByOperator, Day: c.Day}}, nil
}

func (s *State) enable(c Enable) ([]Event, error) {
	var lifted []Cause
	if s.byOperator {
		lifted = append(lifted, ByOperator)
	}
	if s.clock.DisabledOn != 0 {
		lifted = append(lifted, Inactivity)
	}
	switch {
	case len(lifted) == 0:
		return nil, nil
	case s.byOperator && !c.Operator:
		return nil, refuseDisabledByOperator()
	}
	return []Event{&Enabled{Lifted: lifted, Day: c.Day}}, nil
}

func (s *State) erase() ([]Event, error) {
	if s.erased {
		return nil, nil
	}
	return []Event{&Erased{Cause: OnRequest}}, nil
}

// tick takes the one step that is due. Only who could come back by signing in is warned.
func (s *State) tick(c Tick) ([]Event, error) {
	if s.erased {
		return nil, nil
	}
	rules := retention.Standard()
	switch rules.Account(s.clock, c.Today) {
	case retention.Warn:
		if s.Status() == Active {
			return []Event{&InactivityWarned{Day: c.Today, DisablesOn: rules.DisablesOn(s.clock)}}, nil
		}
	case retention.Disable:
		return []Event{&DisabledFor{Cause: Inactivity, Day: c.Today}}, nil
	case retention.Erase:
		return []Event{&Erased{Cause: Inactivity}}, nil
	}
	return nil, nil
}

func (s *State) recordActivity(c RecordActivity) ([]Event, error) {
	if c.Day <= s.clock.LastActive {
		return nil, nil
	}
	return []Event{&ActivityRecorded{Day: c.Day}}, nil
}

func (s *State) acceptTerms(c AcceptTerms) ([]Event, error) {
	if c.FRN == "" || c.Version == "" {
		return nil, fmt.Errorf("accept terms %q for business %q: which terms, and for whom?", c.Version, c.FRN)
	}
	if s.accepted[c.FRN] == c.Version {
		return nil, nil
	}
	return []Event{&TermsAccepted{FRN: c.FRN, Version: c.Version, AcceptedAt: c.At.UTC()}}, nil
}
