// Package access says who may do what. Roles and permissions are two short lists, and one table
// connects them; whatever the table does not say is refused (requirement 20). Routes of the API,
// pages of the portal and the documentation name permissions; commands, on whichever way they come,
// need those that [CommandNeeds] says.
//
// Business users hold a set of roles per business, and their permissions there are the union of
// what those roles give (requirements 11–19). Principals of the Financial Ombudsman Service hold
// roles that no business gives; those that read cases read them of every business.
package access

import (
	"maps"
	"slices"
)

// Role is a set of permissions under a stable name.
type Role string

// The roles of business users, held per business.
const (
	Caseworker    Role = "caseworker"
	Supervisor    Role = "supervisor"
	Administrator Role = "administrator"
)

// The roles on the side of the Financial Ombudsman Service, held for all businesses.
const (
	// Operator looks after the feeds, the read models, onboarding and suppression.
	Operator Role = "operator"
	// Helpdesk answers technical queries.
	Helpdesk Role = "helpdesk"
	// Security reads the activity log.
	Security Role = "security"
	// Auditor reads and verifies the whole log, and the read models of every business.
	Auditor Role = "auditor"
	// CMS is a machine that publishes and consumes events.
	CMS Role = "cms"
)

// Permission is something that a principal may do. Its text is part of the public interface.
type Permission string

// What may be done with the cases of a business.
const (
	// ReadSelf: see one's own roles and permissions. Everybody who signed in may.
	ReadSelf       Permission = "self:read"
	ReadDashboard  Permission = "dashboard:read"
	ListCases      Permission = "cases:list"
	ExportCases    Permission = "cases:export"
	ReadCase       Permission = "cases:read"
	ReadDocuments  Permission = "documents:read"
	ReadRates      Permission = "uphold-rates:read"
	FollowChanges  Permission = "changes:follow"
	ReadBusinesses Permission = "businesses:read"

	Upload         Permission = "uploads:write"
	Notify         Permission = "notifications:send"
	AllocateSelf   Permission = "allocations:self"
	AllocateOthers Permission = "allocations:others"
	AskSupport     Permission = "support:ask"
	// SaveViews: keep filters of case lists under names of one's own (requirement 66).
	SaveViews Permission = "views:save"
)

// What may be done with the people of a business.
const (
	// ReadTerms: read the terms of use and the privacy notice. Everybody who signed in may.
	ReadTerms Permission = "terms:read"
	// AcceptTerms: accept the terms of use on behalf of the business.
	AcceptTerms Permission = "terms:accept"
	// ReadUsers: see who has access to the business, and who is invited (requirement 28).
	ReadUsers Permission = "users:read"
	// ManageUsers: invite, grant and revoke, disable and enable, remove; not make administrators.
	ManageUsers Permission = "users:manage"
	// ResetFactors: reset the second factor and the security questions of local accounts.
	ResetFactors Permission = "users:reset-factors"
	// RequestAdministrators: ask the Financial Ombudsman Service for another administrator.
	RequestAdministrators Permission = "administrators:request"
)

// What may be done on the side of the Financial Ombudsman Service.
const (
	// PublishEvents: hand in events as a case management system.
	PublishEvents Permission = "events:publish"
	// ReadFeeds and OperateFeeds: dead letters and held facts.
	ReadFeeds    Permission = "feeds:read"
	OperateFeeds Permission = "feeds:operate"
	// ReadProjections and OperateProjections: read models, their lag, rebuilding, parked keys.
	ReadProjections    Permission = "projections:read"
	OperateProjections Permission = "projections:operate"
	ReadMetrics        Permission = "metrics:read"
	// ManageOnboarding: access requests, from submitted to active, and the settings of businesses.
	ManageOnboarding Permission = "onboarding:manage"
	// MakeAdministrators: make a person an administrator, on request (requirement 22).
	MakeAdministrators Permission = "administrators:make"
	// ManageAccounts: disable and enable whole accounts, and change how people sign in.
	ManageAccounts Permission = "accounts:manage"
	// PublishTerms: put a version of the terms of use or of the privacy notice in force.
	PublishTerms Permission = "terms:publish"
	// ExportPeople and ErasePeople: all that is kept about one person, out and away.
	ExportPeople Permission = "people:export"
	ErasePeople  Permission = "people:erase"
	// ExecuteSuppression: hide a case from all business users, on request, and show it again (requirement 48).
	ExecuteSuppression Permission = "suppression:execute"
	// ReadTickets: read what people ask the helpdesk. AnswerTickets: answer, resolve and reopen it.
	ReadTickets   Permission = "tickets:read"
	AnswerTickets Permission = "tickets:answer"
	// FetchUploads: fetch the bytes of what was uploaded, as the case management system of the case.
	FetchUploads Permission = "uploads:fetch"
	// HoldCases: put a legal hold on a case's data, and lift it.
	HoldCases Permission = "retention:hold"
	// ReadActivity: read the activity log (requirement 43). Reading it is itself logged.
	ReadActivity Permission = "activity:read"
)

// casework is what caseworkers and supervisors share: they see the same cases (requirement 50).
var casework = []Permission{
	ReadSelf, ReadDashboard, ListCases, ExportCases, ReadCase, ReadDocuments, ReadRates, FollowChanges,
	ReadBusinesses, Upload, Notify, AllocateSelf, AskSupport, SaveViews, ReadTerms, AcceptTerms,
}

// table is the one place that gives a role its permissions.
var table = map[Role][]Permission{
	Caseworker: casework,
	Supervisor: append(slices.Clone(casework), AllocateOthers, RequestAdministrators),
	Administrator: {
		ReadSelf, ReadBusinesses, AskSupport, ReadTerms, AcceptTerms,
		ReadUsers, ManageUsers, ResetFactors, RequestAdministrators,
	},

	Operator: {
		ReadSelf, ReadBusinesses, ReadFeeds, OperateFeeds, ReadProjections, OperateProjections, ReadMetrics, ReadTerms,
		ReadUsers, ManageUsers, ResetFactors, ManageOnboarding, MakeAdministrators, ManageAccounts, PublishTerms,
		ExportPeople, ErasePeople, HoldCases, ExecuteSuppression, ReadTickets,
	},
	Helpdesk: {ReadSelf, ReadTerms, ReadUsers, ReadTickets, AnswerTickets},
	Security: {ReadSelf, ReadTerms, ReadActivity},
	Auditor: {
		ReadSelf, ReadDashboard, ListCases, ExportCases, ReadCase, ReadDocuments, ReadRates, FollowChanges,
		ReadBusinesses, ReadFeeds, ReadProjections, ReadTerms,
	},
	CMS: {ReadSelf, PublishEvents, FetchUploads},
}

// Roles returns every role, business users' first.
func Roles() []Role {
	return []Role{Caseworker, Supervisor, Administrator, Operator, Helpdesk, Security, Auditor, CMS}
}

// Permissions returns every permission that some role gives, sorted.
func Permissions() []Permission {
	all := map[Permission]bool{}
	for _, permissions := range table {
		for _, permission := range permissions {
			all[permission] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Known reports whether there is such a role.
func (r Role) Known() bool { _, known := table[r]; return known }

// OfBusiness reports whether the role is held per business.
func (r Role) OfBusiness() bool { return r == Caseworker || r == Supervisor || r == Administrator }

// Gives reports whether the role gives permission.
func (r Role) Gives(permission Permission) bool { return slices.Contains(table[r], permission) }
