package onboarding

import "casesync/domain/calendar"

// Command is something asked of a request. Day is the day on which it is asked.
type Command interface{ onboardingCommand() }

// Submit makes a request. Anybody may, for anybody: operators find out whether it is true.
type Submit struct {
	Form Form
	Day  calendar.Day
}

// Amend replaces what was submitted, as the business supplies or corrects data.
type Amend struct {
	Form Form
	Day  calendar.Day
}

// Ask asks the contact for what is missing, and for what Question says besides.
type Ask struct {
	Question string
	Day      calendar.Day
}

// MarkComplete says that an operator checked the request: nothing is missing, and it is true. AsRead says
// that the append is bound to the revision that the operator read: a request that was amended takes it
// only so. Otherwise whoever made it could put other people in after it was checked.
type MarkComplete struct {
	AsRead bool
	Day    calendar.Day
}

// Configure notes that the businesses and their identity provider are set up.
type Configure struct {
	// Connection is the id of the identity provider's settings, "" for local accounts.
	Connection string
	// SecretReference names the file with the client secret, for OIDC.
	SecretReference string
	Day             calendar.Day
}

// NoteInvited notes that the administrators of a business were invited.
type NoteInvited struct {
	FRN string
	Day calendar.Day
}

// NoteActive notes that a business has an administrator who accepted. It is never refused.
type NoteActive struct {
	FRN string
	Day calendar.Day
}

// Withdraw ends the request, by the business.
type Withdraw struct{ Day calendar.Day }

// Decline ends the request, by an operator.
type Decline struct{ Day calendar.Day }

// ErasePeople erases the people from a request that is over, at somebody's request.
type ErasePeople struct{ Day calendar.Day }

// Tick applies the rules of package retention as of Today.
type Tick struct{ Today calendar.Day }

func (Submit) onboardingCommand()       {}
func (Amend) onboardingCommand()        {}
func (Ask) onboardingCommand()          {}
func (MarkComplete) onboardingCommand() {}
func (Configure) onboardingCommand()    {}
func (NoteInvited) onboardingCommand()  {}
func (NoteActive) onboardingCommand()   {}
func (Withdraw) onboardingCommand()     {}
func (Decline) onboardingCommand()      {}
func (ErasePeople) onboardingCommand()  {}
func (Tick) onboardingCommand()         {}
