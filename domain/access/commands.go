package access

import (
	"maps"
	"slices"
)

// Command is the name of a command: its decider's package and what is asked, "membership.invite".
type Command string

// Permissions that no role gives: what they stand for is shown otherwise, or asked by no person.
const (
	// Anybody may, without signing in.
	Anybody Permission = "anybody"
	// TokenHolder: whoever has the token that was mailed for this very thing.
	TokenHolder Permission = "token-holder"
	// Oneself: the person whose account it is, having proved so, with whatever roles.
	Oneself Permission = "oneself"
	// System: a part of the system, by its rules or in the course of another command. Nobody can
	// ask for it.
	System Permission = "system"
)

// commands says, for every command of every decider, which permissions allow it, each alone; a test
// finds a command that is missing. Where the decider's package has rules beyond that, such as who
// makes administrators, they hold in addition.
var commands = map[Command][]Permission{
	"casefile.record":  {PublishEvents, OperateFeeds}, // operators: dead letters tried again
	"casefile.skip":    {OperateFeeds},
	"casefile.release": {System}, // in the course of recording and skipping

	"casefile.allocate":          {AllocateSelf, AllocateOthers}, // to others, or from them, by the second alone
	"casefile.return-allocation": {System},
	"casefile.place-hold":        {HoldCases},
	"casefile.lift-hold":         {HoldCases},
	"casefile.tick":              {System},
	"casefile.erase-party":       {ErasePeople},

	"business.record":  {PublishEvents, OperateFeeds},
	"business.skip":    {OperateFeeds},
	"business.release": {System},

	"onboarding.submit":        {Anybody},
	"onboarding.amend":         {TokenHolder, ManageOnboarding},
	"onboarding.withdraw":      {TokenHolder, ManageOnboarding},
	"onboarding.ask":           {ManageOnboarding},
	"onboarding.mark-complete": {ManageOnboarding},
	"onboarding.configure":     {ManageOnboarding},
	"onboarding.decline":       {ManageOnboarding},
	"onboarding.note-invited":  {System, ManageOnboarding},
	"onboarding.note-active":   {System},
	"onboarding.erase-people":  {ErasePeople},
	"onboarding.tick":          {System},

	"membership.configure":             {ManageOnboarding},
	"membership.request-administrator": {RequestAdministrators},
	"membership.invite":                {ManageUsers},
	"membership.resend":                {ManageUsers},
	"membership.revoke-invitation":     {ManageUsers},
	"membership.accept":                {TokenHolder},
	"membership.grant":                 {ManageUsers},
	"membership.revoke":                {ManageUsers},
	"membership.disable":               {ManageUsers, System},
	"membership.enable":                {ManageUsers},
	"membership.remove":                {ManageUsers, ErasePeople, System},
	"membership.move":                  {ManageUsers},

	"account.create":          {ManageUsers}, // with an invitation
	"account.activate":        {Oneself},
	"account.change-details":  {ManageUsers},
	"account.change-method":   {ManageAccounts},
	"account.link-identity":   {Oneself},
	"account.enrol-factor":    {Oneself},
	"account.reset-factor":    {ResetFactors},
	"account.request-reset":   {Anybody, ResetFactors, ManageAccounts}, // anybody: to the account's own address
	"account.use-reset":       {TokenHolder},
	"account.set-questions":   {Oneself},
	"account.reset-questions": {ResetFactors},
	"account.disable":         {ManageAccounts},
	"account.enable":          {ManageUsers, ManageAccounts}, // an administrator: after membership.enable
	"account.erase":           {ErasePeople},
	"account.tick":            {System},
	"account.record-activity": {Oneself},
	"account.accept-terms":    {AcceptTerms},
	"account.choose-cookies":  {Oneself},

	"reservation.reserve": {System}, // in the course of creating and changing accounts
	"reservation.release": {System},

	"terms.publish": {PublishTerms},

	"connection.set":    {ManageOnboarding},
	"connection.retire": {ManageOnboarding},
}

// Commands returns the names of all commands, sorted.
func Commands() []Command { return slices.Sorted(maps.Keys(commands)) }

// CommandNeeds returns the permissions of which each alone allows a command; none for a command
// that is not known, which nobody may give.
func CommandNeeds(command Command) []Permission { return slices.Clone(commands[command]) }

// MayCommand reports whether the principal's roles allow a command that concerns the business frn,
// or, where frn is "", none or all of them. What Anybody, a TokenHolder or one Oneself may is for
// whoever has checked that to say, by CommandNeeds.
func (p Principal) MayCommand(command Command, frn string) bool {
	return slices.ContainsFunc(commands[command], func(permission Permission) bool { return p.May(permission, frn) })
}
