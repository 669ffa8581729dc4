package onboarding

import "casesync/domain"

// vocabulary lists the events of a request by stored name; see casefile's for the rules.
var vocabulary = domain.NewVocabulary(
	entry[RequestSubmitted]("onboarding.submitted.v1"),
	entry[RequestAmended]("onboarding.amended.v1"),
	entry[DataAsked]("onboarding.data-asked.v1"),
	entry[RequestCompleted]("onboarding.completed.v1"),
	entry[BusinessesConfigured]("onboarding.configured.v1"),
	entry[AdministratorsInvited]("onboarding.administrators-invited.v1"),
	entry[BusinessActivated]("onboarding.business-activated.v1"),
	entry[RequestWithdrawn]("onboarding.withdrawn.v1"),
	entry[RequestDeclined]("onboarding.declined.v1"),
	entry[RequestLapsed]("onboarding.lapsed.v1"),
	entry[PeopleErased]("onboarding.people-erased.v1"),
)

func entry[T any, P interface {
	*T
	Event
}](name string) domain.Entry[Event] {
	return domain.Entry[Event]{Name: name, New: func() Event { return P(new(T)) }}
}

// Events returns the stored names of all events of a request.
func Events() []string { return vocabulary.Names() }

// Name returns the stored name of event, and false for what is no event of a request.
func Name(event any) (string, bool) { return vocabulary.Name(event) }

// New returns a new empty event for a stored name, and false for an unknown one.
func New(name string) (Event, bool) { return vocabulary.New(name) }
