package membership

import "casesync/domain"

// vocabulary lists the events of a business's people by stored name; see casefile's for the rules.
var vocabulary = domain.NewVocabulary(
	entry[Configured]("membership.configured.v1"),
	entry[AdministratorRequested]("membership.administrator-requested.v1"),
	entry[MemberInvited]("membership.member-invited.v1"),
	entry[InvitationResent]("membership.invitation-resent.v1"),
	entry[InvitationRevoked]("membership.invitation-revoked.v1"),
	entry[InvitationAccepted]("membership.invitation-accepted.v1"),
	entry[RolesGranted]("membership.roles-granted.v1"),
	entry[RolesRevoked]("membership.roles-revoked.v1"),
	entry[MemberDisabled]("membership.member-disabled.v1"),
	entry[MemberEnabled]("membership.member-enabled.v1"),
	entry[MemberRemoved]("membership.member-removed.v1"),
	entry[MemberMoved]("membership.member-moved.v1"),
	entry[AdministratorsLow]("membership.administrators-low.v1"),
)

func entry[T any, P interface {
	*T
	Event
}](name string) domain.Entry[Event] {
	return domain.Entry[Event]{Name: name, New: func() Event { return P(new(T)) }}
}

// Events returns the stored names of all events of a business's people.
func Events() []string { return vocabulary.Names() }

// Name returns the stored name of event, and false for what is no event of a business's people.
func Name(event any) (string, bool) { return vocabulary.Name(event) }

// New returns a new empty event for a stored name, and false for an unknown one.
func New(name string) (Event, bool) { return vocabulary.New(name) }
