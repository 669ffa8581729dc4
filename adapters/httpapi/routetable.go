package httpapi

import (
	"net/http"

	"casesync/adapters/commands"
	"casesync/domain/access"
)

// serviceRoutes are the service itself. Metrics are asked for every few seconds by a machine, and
// the ingest is recorded event by event in the log: of both only refusals are activity.
var serviceRoutes = []Route{
	public(http.MethodGet, "/livez"),
	public(http.MethodGet, "/readyz"),
	public(http.MethodGet, "/openapi.yaml"),
	public(http.MethodGet, "/docs"),
	public(http.MethodGet, "/docs/style.css"),
	reads("/metrics", access.ReadMetrics, "").but(recordedElsewhere),
	posts("/cms/v1/events", access.PublishEvents, "").but(ownBody).but(recordedElsewhere),
}

// pageRoutes are what people see in a browser. An access request is read and changed by its page as it
// is by the API, and recorded so. The mails are there in a demonstration alone.
var pageRoutes = []Route{
	public(http.MethodGet, "/"),
	public(http.MethodGet, "/assets/{name}"),
	public(http.MethodGet, "/onboarding-guide"),
	public(http.MethodGet, "/demo/mail"),
	reads("/access-request", "", "").but(openToAll),
	posts("/access-request", "", "").but(openToAll).but(ownBody),
	reads("/support", "", "").but(openToAll),
	posts("/support", "", "").but(openToAll).but(ownBody),
}

// signInRoutes are for people who are not signed in yet. The gate records sign-ins and what comes
// before them; access requests are commands of nobody known.
var signInRoutes = []Route{
	public(http.MethodPost, "/sign-in"),
	public(http.MethodPost, "/sign-in/password"),
	public(http.MethodPost, "/sign-in/code"),
	public(http.MethodPost, "/sign-in/recovery-code"),
	public(http.MethodPost, "/sign-in/federated"),
	public(http.MethodGet, "/sign-in/oidc"),
	public(http.MethodPost, "/sign-in/saml").but(ownBody),
	public(http.MethodGet, "/sign-in/saml/metadata/{connection}"),
	public(http.MethodPost, "/api/v1/enrolment"),
	public(http.MethodPost, "/api/v1/enrolment/answers"),
	public(http.MethodPost, "/api/v1/enrolment/password"),
	public(http.MethodPost, "/api/v1/enrolment/code"),
	public(http.MethodPost, "/api/v1/enrolment/federated"),
	public(http.MethodPost, "/api/v1/password-resets"),
	public(http.MethodGet, "/api/v1/security-questions"),

	posts("/api/v1/access-requests", "", "").but(openToAll).but(ownBody),
	reads("/api/v1/access-requests/mine", "", "").but(openToAll),
	gives(http.MethodPut, "/api/v1/access-requests/mine", "", "").but(openToAll).but(ownBody),
	gives(http.MethodDelete, "/api/v1/access-requests/mine", "", "").but(openToAll),
}

// caseRoutes are cases, figures and businesses.
var caseRoutes = []Route{
	reads("/api/v1/dashboard", access.ReadDashboard, ""),
	reads("/api/v1/cases", access.ListCases, ""),
	reads("/api/v1/cases/export", access.ExportCases, "").but(streams).but(exports),
	reads("/api/v1/cases/{ref}", access.ReadCase, "casefile-{ref}"),
	reads("/api/v1/cases/{ref}/timeline", access.ReadCase, "casefile-{ref}"),
	reads("/api/v1/cases/{ref}/documents", access.ReadDocuments, "casefile-{ref}"),
	posts("/api/v1/cases/{ref}/allocation", access.AllocateSelf, "casefile-{ref}"),
	posts("/api/v1/cases/{ref}/legal-hold", access.HoldCases, "casefile-{ref}"),
	posts("/api/v1/cases/{ref}/legal-hold/lift", access.HoldCases, "casefile-{ref}"),
	reads("/api/v1/uphold-rates", access.ReadRates, ""),
	reads("/api/v1/businesses", access.ReadBusinesses, ""),
	reads("/api/v1/businesses/{frn}", access.ReadBusinesses, "business-{frn}"),
	reads("/api/v1/events", access.FollowChanges, "").but(or(access.AskSupport, access.ReadTickets)).but(streams),
}

// peopleRoutes are oneself, the people of a business, and who looks after both. The gate records
// what changes credentials and sessions.
var peopleRoutes = []Route{
	reads("/api/v1/me", access.ReadSelf, ""),
	gives(http.MethodPut, "/api/v1/me/cookies", access.ReadSelf, ""),
	gives(http.MethodPut, "/api/v1/me/password", access.ReadSelf, "").but(recordedElsewhere),
	reads("/api/v1/me/security-questions", access.ReadSelf, ""),
	gives(http.MethodPut, "/api/v1/me/security-questions", access.ReadSelf, "").but(recordedElsewhere),
	posts("/api/v1/me/second-factor", access.ReadSelf, "").but(recordedElsewhere),
	posts("/api/v1/me/second-factor/confirm", access.ReadSelf, "").but(recordedElsewhere),
	reads("/api/v1/me/sessions", access.ReadSelf, ""),
	gives(http.MethodDelete, "/api/v1/me/sessions/{id}", access.ReadSelf, "").but(recordedElsewhere),
	posts("/api/v1/sign-out", access.ReadSelf, "").but(recordedElsewhere),
	reads("/api/v1/terms", access.ReadTerms, ""),
	reads("/api/v1/terms/{kind}/{version}", access.ReadTerms, ""),
	posts("/api/v1/terms/acceptances", access.AcceptTerms, ""),
	posts("/api/v1/terms", access.PublishTerms, "terms").but(ownBody),

	reads("/api/v1/users", access.ReadUsers, ""),
	reads("/api/v1/users/{id}", access.ReadUsers, "account-{id}"),
	posts("/api/v1/users/{id}/grant", access.ManageUsers, "account-{id}"),
	posts("/api/v1/users/{id}/revoke", access.ManageUsers, "account-{id}"),
	posts("/api/v1/users/{id}/disable", access.ManageUsers, "account-{id}"),
	posts("/api/v1/users/{id}/enable", access.ManageUsers, "account-{id}"),
	posts("/api/v1/users/{id}/remove", access.ManageUsers, "account-{id}"),
	posts("/api/v1/users/{id}/reset-second-factor", access.ResetFactors, "account-{id}"),
	posts("/api/v1/users/{id}/reset-security-questions", access.ResetFactors, "account-{id}"),
	gives(http.MethodPut, "/api/v1/users/{id}/details", access.ManageUsers, "account-{id}"),
	reads("/api/v1/invitations", access.ReadUsers, ""),
	posts("/api/v1/invitations", access.ManageUsers, ""),
	posts("/api/v1/invitations/{id}/resend", access.ManageUsers, "invitation-{id}"),
	posts("/api/v1/invitations/{id}/revoke", access.ManageUsers, "invitation-{id}"),
	posts("/api/v1/administrator-requests", access.RequestAdministrators, ""),
	reads("/api/v1/administrator-requests", access.MakeAdministrators, ""),
	posts("/api/v1/administrator-requests/grant", access.MakeAdministrators, ""),

	posts("/api/v1/accounts/{id}/disable", access.ManageAccounts, "account-{id}"),
	posts("/api/v1/accounts/{id}/enable", access.ManageAccounts, "account-{id}"),
	posts("/api/v1/accounts/{id}/erase", access.ErasePeople, "account-{id}"),
	reads("/api/v1/accounts/{id}/export", access.ExportPeople, "account-{id}").but(streams).but(exports),
}

// operatorRoutes are onboarding, feeds and read models, and Security Operations.
var operatorRoutes = []Route{
	reads("/api/v1/access-requests", access.ManageOnboarding, ""),
	reads("/api/v1/access-requests/{id}", access.ManageOnboarding, "onboarding-{id}"),
	gives(http.MethodPut, "/api/v1/access-requests/{id}", access.ManageOnboarding, "onboarding-{id}").but(ownBody),
	posts("/api/v1/access-requests/{id}/ask", access.ManageOnboarding, "onboarding-{id}"),
	posts("/api/v1/access-requests/{id}/complete", access.ManageOnboarding, "onboarding-{id}"),
	posts("/api/v1/access-requests/{id}/configure", access.ManageOnboarding, "onboarding-{id}"),
	posts("/api/v1/access-requests/{id}/invite", access.ManageOnboarding, "onboarding-{id}"),
	posts("/api/v1/access-requests/{id}/decline", access.ManageOnboarding, "onboarding-{id}"),
	reads("/api/v1/businesses/{frn}/access", access.ManageOnboarding, "access-{frn}"),
	gives(http.MethodPut, "/api/v1/businesses/{frn}/access", access.ManageOnboarding, "access-{frn}"),
	reads("/api/v1/connections", access.ManageOnboarding, ""),
	reads("/api/v1/connections/{id}", access.ManageOnboarding, "connection-{id}"),
	gives(http.MethodPut, "/api/v1/connections/{id}", access.ManageOnboarding, "connection-{id}").but(ownBody),
	posts("/api/v1/connections/{id}/retire", access.ManageOnboarding, "connection-{id}"),

	reads("/api/v1/dead-letters", access.ReadFeeds, ""),
	reads("/api/v1/dead-letters/{id}", access.ReadFeeds, "dead-letter-{id}"),
	posts("/api/v1/dead-letters/{id}/retry", access.OperateFeeds, "dead-letter-{id}"),
	posts("/api/v1/dead-letters/{id}/discard", access.OperateFeeds, "dead-letter-{id}"),
	reads("/api/v1/held", access.ReadFeeds, ""),
	posts("/api/v1/held/{stream}/skip", access.OperateFeeds, "{stream}"),
	reads("/api/v1/projections", access.ReadProjections, ""),
	posts("/api/v1/projections/{name}/rebuild", access.OperateProjections, "projection-{name}"),
	posts("/api/v1/projections/{name}/rollback", access.OperateProjections, "projection-{name}"),
	reads("/api/v1/projections/{name}/parked", access.ReadProjections, "projection-{name}"),
	posts("/api/v1/projections/{name}/parked/{key}/retry", access.OperateProjections, "projection-{name}"),
	posts("/api/v1/projections/{name}/parked/{key}/skip", access.OperateProjections, "projection-{name}"),

	reads("/api/v1/activity", access.ReadActivity, "").but(func(r *Route) { r.Activity = commands.ActivityRead }),
}

// supportRoutes are the helpdesk. Whoever asks before sign-in comes back by a link that is mailed; whoever has
// an account asks and follows what he asked, and the helpdesk answers everybody.
var supportRoutes = []Route{
	public(http.MethodGet, "/api/v1/helpdesk"),
	posts("/api/v1/support-requests", "", "").but(openToAll),
	reads("/api/v1/support-requests/mine", "", "").but(openToAll),
	posts("/api/v1/support-requests/mine/messages", "", "").but(openToAll),
	posts("/api/v1/support-requests/mine/resolve", "", "").but(openToAll),

	posts("/api/v1/tickets", access.AskSupport, ""),
	reads("/api/v1/tickets", access.AskSupport, "").but(or(access.ReadTickets)),
	reads("/api/v1/tickets/{id}", access.AskSupport, "ticket-{id}").but(or(access.ReadTickets)),
	posts("/api/v1/tickets/{id}/messages", access.AskSupport, "ticket-{id}").but(or(access.AnswerTickets)),
	posts("/api/v1/tickets/{id}/resolve", access.AskSupport, "ticket-{id}").but(or(access.AnswerTickets)),
	posts("/api/v1/tickets/{id}/reopen", access.AskSupport, "ticket-{id}").but(or(access.AnswerTickets)),
}
