package account

import "casesync/domain"

// vocabulary lists the events of an account by stored name; see casefile's for the rules.
var vocabulary = domain.NewVocabulary(
	entry[Created]("account.created.v1"),
	entry[Activated]("account.activated.v1"),
	entry[DetailsChanged]("account.details-changed.v1"),
	entry[MethodChanged]("account.method-changed.v1"),
	entry[IdentityLinked]("account.identity-linked.v1"),
	entry[FactorEnrolled]("account.factor-enrolled.v1"),
	entry[FactorReset]("account.factor-reset.v1"),
	entry[QuestionsSet]("account.questions-set.v1"),
	entry[QuestionsReset]("account.questions-reset.v1"),
	entry[ResetRequested]("account.reset-requested.v1"),
	entry[ResetUsed]("account.reset-used.v1"),
	entry[DisabledFor]("account.disabled.v1"),
	entry[Enabled]("account.enabled.v1"),
	entry[Erased]("account.erased.v1"),
	entry[ActivityRecorded]("account.activity-recorded.v1"),
	entry[InactivityWarned]("account.inactivity-warned.v1"),
	entry[TermsAccepted]("account.terms-accepted.v1"),
	entry[CookiesChosen]("account.cookies-chosen.v1"),
)

func entry[T any, P interface {
	*T
	Event
}](name string) domain.Entry[Event] {
	return domain.Entry[Event]{Name: name, New: func() Event { return P(new(T)) }}
}

// Events returns the stored names of all events of an account.
func Events() []string { return vocabulary.Names() }

// Name returns the stored name of event, and false for what is no event of an account.
func Name(event any) (string, bool) { return vocabulary.Name(event) }

// New returns a new empty event for a stored name, and false for an unknown one.
func New(name string) (Event, bool) { return vocabulary.New(name) }
