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

	"casefile.allocate":            {AllocateSelf, AllocateOthers}, // to others, or from them, by the second alone
	"casefile.return-allocation":   {System},
	"casefile.execute-suppression": {ExecuteSuppression},
	"casefile.reverse-suppression": {ExecuteSuppression},
	"casefile.place-hold":          {HoldCases},
	"casefile.lift-hold":           {HoldCases},
	"casefile.tick":                {System},
	"casefile.erase-party":         {ErasePeople},

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

	"upload.begin":      {Upload},
	"upload.complete":   {Upload}, // once all bytes are there, by whoever sent the last
	"upload.retry":      {Upload},
	"upload.cancel":     {Upload},
	"upload.begin-scan": {System},
	"upload.note-scan":  {System},
	"upload.queue":      {System},
	"upload.check":      {System}, // after suppression, transfer and erasure, and before publishing
	"upload.note-sent":  {System},
	"upload.tick":       {System},
	"upload.erase":      {System}, // after the erasure of the case's data
	"upload.record":     {PublishEvents, OperateFeeds},
	"upload.skip":       {OperateFeeds},
	"upload.release":    {System},

	"documents.reserve": {Upload},         // before upload.begin
	"documents.claim":   {Upload},         // before upload.complete and upload.retry
	"documents.release": {System, Upload}, // after what ends an upload

	"notification.send":               {Notify},
	"notification.check":              {System},
	"notification.note-delivered":     {System},
	"notification.answer-suppression": {ExecuteSuppression},
	"notification.record":             {PublishEvents, OperateFeeds},
	"notification.skip":               {OperateFeeds},
	"notification.release":            {System},

	"ticket.open":    {Anybody, AskSupport}, // anybody: before sign-in, with a contact
	"ticket.reply":   {AskSupport, TokenHolder, AnswerTickets},
	"ticket.resolve": {AskSupport, TokenHolder, AnswerTickets},
	"ticket.reopen":  {AskSupport, TokenHolder, AnswerTickets},
	"ticket.tick":    {System},

	"savedview.save":   {SaveViews},
	"savedview.remove": {SaveViews},
	"savedview.clear":  {System}, // after account.erase
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
