package account

import "casesync/domain/retention"

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	state.evolveReset(event)
	state.evolveGenerations(event)
	switch event := event.(type) {
	case *Created:
		state.created, state.domain = true, event.Domain
		state.persons = append(state.persons, event.Person)
		state.method, state.connection = event.Method, event.Connection
		state.clock = retention.Account{LastActive: event.Day}
	case *Activated:
		state.activated = true
		state.clock = retention.Account{LastActive: event.Day}
	case *DetailsChanged:
		state.persons, state.domain = append(state.persons, event.Person), event.Domain
	case *TermsAccepted:
		state.accepted[event.FRN] = event.Version
	case *CookiesChosen:
		state.cookies = Cookies{Functional: event.Functional, Analytics: event.Analytics}
	case *Erased:
		state.erased = true
	default:
		state.evolveClock(event)
		state.evolveSignIn(event)
	}
	return state
}

func (s *State) evolveClock(event Event) {
	switch event := event.(type) {
	case *ActivityRecorded:
		s.clock = retention.Account{LastActive: event.Day}
	case *InactivityWarned:
		s.clock.Warned = true
	case *DisabledFor:
		if event.Cause == ByOperator {
			s.byOperator = true
			return
		}
		s.clock.DisabledOn = event.Day
	case *Enabled:
		s.byOperator = false
		s.clock = retention.Account{LastActive: event.Day}
	}
}

func (s *State) evolveSignIn(event Event) {
	switch event := event.(type) {
	case *MethodChanged:
		s.method, s.connection = event.Method, event.Connection
		s.identity, s.factor, s.questions = "", false, false
	case *IdentityLinked:
		s.identity = event.SubjectDigest
	case *FactorEnrolled:
		s.factor = true
	case *FactorReset:
		s.factor = false
	case *QuestionsSet:
		s.questions = true
	case *QuestionsReset:
		s.questions = false
	}
}
