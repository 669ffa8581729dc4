package access

// descriptions says in a few words what each permission allows, for the documentation and the
// portal's pages about roles.
var descriptions = map[Permission]string{
	ReadSelf:       "see one's own roles and permissions",
	ReadDashboard:  "view the open-cases dashboard",
	ListCases:      "view, search, sort and filter lists of open and closed cases",
	ExportCases:    "export case lists",
	ReadCase:       "view case details",
	ReadDocuments:  "view and download key documents",
	ReadRates:      "view uphold rates",
	FollowChanges:  "be told at once what changes",
	ReadBusinesses: "see the businesses and their names",
	Upload:         "upload documents, and track uploads",
	Notify:         "send notifications, single and bulk",
	AllocateSelf:   "allocate cases to oneself",
	AllocateOthers: "allocate cases to others",
	AskSupport:     "ask for technical support",
	SaveViews:      "save views of case lists for oneself",

	ReadTerms:             "read the terms of use and the privacy notice",
	AcceptTerms:           "accept the terms of use on behalf of the business",
	ReadUsers:             "see who has access to a business, and who is invited",
	ManageUsers:           "invite users, change roles, disable and enable access, remove it",
	ResetFactors:          "reset the second factor and security questions of local accounts",
	RequestAdministrators: "ask for another administrator",

	PublishEvents:      "publish events as a case management system",
	ReadFeeds:          "see dead letters and held events",
	OperateFeeds:       "retry and discard dead letters, give up gaps",
	ReadProjections:    "see read models and their lag",
	OperateProjections: "rebuild read models, retry and skip what is parked",
	ReadMetrics:        "read metrics",
	ManageOnboarding:   "handle access requests, and set businesses up",
	MakeAdministrators: "make administrators, on request of the business",
	ManageAccounts:     "disable and enable accounts, change how people sign in",
	PublishTerms:       "publish the terms of use and the privacy notice",
	ExportPeople:       "export all that is kept about a person",
	ErasePeople:        "erase a person's data",
	ExecuteSuppression: "suppress cases on request, and show them again",
	ReadTickets:        "read questions to the helpdesk",
	AnswerTickets:      "answer questions to the helpdesk, resolve and reopen them",
	FetchUploads:       "fetch uploaded documents as a case management system",
	HoldCases:          "put legal holds on the data of cases, and lift them",
	ReadActivity:       "read the activity log",
}

// Description says in a few words what the permission allows: "export case lists".
func (p Permission) Description() string { return descriptions[p] }
