package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// registerPeople registers the routes of people: oneself, the users of a business, and onboarding.
// Without People there are none.
func (s *Server) registerPeople(api huma.API) {
	if s.config.People == nil {
		return
	}
	s.registerSelf(api)
	s.registerUsers(api)
	s.registerAdministrators(api)
	s.registerRequests(api)
	s.registerConnections(api)
	s.registerAccounts(api)
}

func (s *Server) registerSelf(api huma.API) {
	give(s, api, http.MethodPut, "/api/v1/me/cookies", "Choose cookies", "Which cookies beside the necessary ones you agree to.", http.StatusOK, s.chooseCookies)
	get(api, plainRead, "/api/v1/terms", "Show the terms in force", "The terms of use and the privacy notice, and for which businesses you have not accepted the terms yet.", nil, s.showTerms)
	get(api, plainRead, "/api/v1/terms/{kind}/{version}", "Show a version of a document", "A version that is or was in force.", nil, s.showDocument)
	give(s, api, http.MethodPost, "/api/v1/terms/acceptances", "Accept the terms of use", "Accepts the version in force on behalf of a business. Who, when, which version and for which business is kept.", http.StatusOK, s.acceptTerms)
	give(s, api, http.MethodPost, "/api/v1/terms", "Publish terms", "Puts a version of the terms of use or of the privacy notice in force at once. Everybody is asked to accept new terms of use before there are any data.", http.StatusOK, s.publishTerms, bodyOf(termsBytesMax))
}

func (s *Server) registerUsers(api huma.API) {
	people := s.config.People
	get(api, positioned, "/api/v1/users", "List users", "Who has access to a business.", openAPI(userParameters), s.listUsers)
	get(api, positioned, "/api/v1/users/{id}", "Show a user", "One person, with roles at the businesses whose users you may read.", nil, s.showUser)
	give(s, api, http.MethodPost, "/api/v1/users/{id}/grant", "Grant roles", "Gives a user of a business more roles there. You may give roles to yourself.", http.StatusOK, s.grantRoles)
	give(s, api, http.MethodPost, "/api/v1/users/{id}/revoke", "Revoke roles", "Takes roles from a user, not all of them: that is remove.", http.StatusOK, s.revokeRoles)
	give(s, api, http.MethodPost, "/api/v1/users/{id}/disable", "Disable access", "Suspends a user's roles at a business until they are enabled again; what he has open there ends.", http.StatusOK, s.onMember(people.Disable, true))
	give(s, api, http.MethodPost, "/api/v1/users/{id}/enable", "Enable access", "Ends what suspends a user's roles at a business.", http.StatusOK, s.onMember(people.Enable, false))
	give(s, api, http.MethodPost, "/api/v1/users/{id}/remove", "Remove access", "Ends a user's access to a business. His cases there return to unallocated.", http.StatusOK, s.onMember(people.Remove, true))
	give(s, api, http.MethodPut, "/api/v1/users/{id}/details", "Change name and address", "The address must be under a domain of every business where the person has roles.", http.StatusOK, s.changeDetails)
	give(s, api, http.MethodPost, "/api/v1/users/{id}/reset-second-factor", "Reset the second factor", "For local accounts: the person gets a link to enrol another one. Where there are security questions, the person's answers are needed.", http.StatusOK, s.onCredential(s.resetFactor))
	give(s, api, http.MethodPost, "/api/v1/users/{id}/reset-security-questions", "Reset the security questions", "For local accounts: the person is asked for others.", http.StatusOK, s.onQuestions(people.ResetQuestions))
	get(api, positioned, "/api/v1/invitations", "List invitations", "Who is and was invited to a business.", openAPI(invitationParameters), s.listInvitations)
	give(s, api, http.MethodPost, "/api/v1/invitations", "Invite somebody", "Invites a person to a business, by a link that is mailed: it is good once, until it expires.", http.StatusCreated, s.invite)
	give(s, api, http.MethodPost, "/api/v1/invitations/{id}/resend", "Send an invitation again", "Under a new link; the one before is void.", http.StatusOK, onInvitation(people.Resend))
	give(s, api, http.MethodPost, "/api/v1/invitations/{id}/revoke", "Revoke an invitation", "Its link is void.", http.StatusOK, onInvitation(people.RevokeInvitation))
}

func (s *Server) registerAdministrators(api huma.API) {
	give(s, api, http.MethodPost, "/api/v1/administrator-requests", "Ask for an administrator", "Asks the Financial Ombudsman Service to make a member an administrator: businesses cannot do that themselves.", http.StatusOK, s.requestAdministrator)
	get(api, positioned, "/api/v1/administrator-requests", "List requests for administrators", "Those that wait for an answer.", openAPI(userParameters), s.listAdministratorRequests)
	give(s, api, http.MethodPost, "/api/v1/administrator-requests/grant", "Make an administrator", "Makes a member an administrator, or invites somebody as one, on request of an active administrator or supervisor of the business.", http.StatusOK, s.grantAdministrator)
	get(api, plainRead, "/api/v1/businesses/{frn}/access", "Show how a business comes in", "Its e-mail domains, and how its people sign in.", nil, s.showBusinessAccess)
	give(s, api, http.MethodPut, "/api/v1/businesses/{frn}/access", "Set how a business comes in", "Sets its e-mail domains, all of them, and how its people sign in. Members and invitations under other domains are removed.", http.StatusOK, s.setBusinessAccess, matching)
}

func (s *Server) registerRequests(api huma.API) {
	give(s, api, http.MethodPost, "/api/v1/access-requests", "Ask for access", "A request of one or several businesses for access to this service. Anybody may make one: it is checked before anything comes of it.", http.StatusCreated, s.submitRequest, bodyOf(requestBytesMax), allowance)
	mine := []*huma.Param{headerParam(headerLink, linkDoc)}
	get(api, plainRead, "/api/v1/access-requests/mine", "Show one's own access request", "For the holder of the token.", mine, s.showOwnRequest)
	give(s, api, http.MethodPut, "/api/v1/access-requests/mine", "Change one's own access request", "Replaces all that the request says; what was missing is supplied so.", http.StatusOK, s.amendOwnRequest, byLink, bodyOf(requestBytesMax))
	end(api, "/api/v1/access-requests/mine", "Withdraw one's own access request", "Ends the request.", s.withdrawOwnRequest, byLink)
	get(api, positioned, "/api/v1/access-requests", "List access requests", "Those of all businesses.", openAPI(accessRequestParameters), s.listRequests)
	get(api, plainRead, "/api/v1/access-requests/{id}", "Show an access request", "As it stands at this moment; its ETag is good for If-Match.", nil, s.showRequest)
	give(s, api, http.MethodPut, "/api/v1/access-requests/{id}", "Change an access request", "Replaces all that the request says.", http.StatusOK, onRequest(s.amendRequest), matching, bodyOf(requestBytesMax))
	give(s, api, http.MethodPost, "/api/v1/access-requests/{id}/ask", "Ask for what is missing", "The contact is asked by mail for what is missing, and for what else you ask.", http.StatusOK, onRequest(s.askRequest), matching)
	give(s, api, http.MethodPost, "/api/v1/access-requests/{id}/complete", "Mark an access request complete", "Nothing is missing, and it was checked that it is true.", http.StatusOK, onRequest(s.completeRequest), matching)
	give(s, api, http.MethodPost, "/api/v1/access-requests/{id}/configure", "Set the businesses up", "Sets the domains and the way of signing in of the businesses, as requested.", http.StatusOK, onRequest(s.configureRequest), matching)
	give(s, api, http.MethodPost, "/api/v1/access-requests/{id}/invite", "Invite the administrators", "Invites those whom the request names.", http.StatusOK, onRequest(s.inviteAdministrators), matching)
	give(s, api, http.MethodPost, "/api/v1/access-requests/{id}/decline", "Decline an access request", "Ends the request.", http.StatusOK, onRequest(s.declineRequest), matching)
}

func (s *Server) registerConnections(api huma.API) {
	get(api, positioned, "/api/v1/connections", "List identity providers", "Their settings, in short.", openAPI(simplePageParameters), s.listConnections)
	get(api, plainRead, "/api/v1/connections/{id}", "Show an identity provider", "Its settings as they are at this moment. Secrets are not among them, only the name of the file that holds one.", nil, s.showConnection)
	give(s, api, http.MethodPut, "/api/v1/connections/{id}", "Set an identity provider", "Sets all settings of an identity provider. They are tried before they are kept.", http.StatusOK, s.setConnection, bodyOf(requestBytesMax))
	give(s, api, http.MethodPost, "/api/v1/connections/{id}/retire", "Retire an identity provider", "Nobody signs in by it any more, until it is set again. It is refused while a business uses it.", http.StatusOK, s.retireConnection)
}

func (s *Server) registerAccounts(api huma.API) {
	people := s.config.People
	give(s, api, http.MethodPost, "/api/v1/accounts/{id}/disable", "Disable an account", "Blocks a person at all businesses; all sessions end.", http.StatusOK, s.onAccount(people.DisableAccount))
	give(s, api, http.MethodPost, "/api/v1/accounts/{id}/enable", "Enable an account", "Lifts what disables a person's account.", http.StatusOK, s.onAccount(people.EnableAccount))
	give(s, api, http.MethodPost, "/api/v1/accounts/{id}/erase", "Erase a person", "Ends the account for good, and destroys the key of all that is personal in it. It cannot be undone.", http.StatusOK, s.onAccount(people.EraseAccount))
	give(s, api, http.MethodPost, "/api/v1/cases/{ref}/legal-hold", "Place a legal hold", "Keeps the data of a case beyond their time, until the hold is lifted.", http.StatusOK, s.placeHold)
	give(s, api, http.MethodPost, "/api/v1/cases/{ref}/legal-hold/lift", "Lift a legal hold", "The data of the case are erased when their time has come.", http.StatusOK, s.liftHold)
	give(s, api, http.MethodPost, "/api/v1/cases/{ref}/allocation", "Allocate a case", "Gives a case to yourself, to somebody else of its business (supervisors), or to nobody.", http.StatusOK, s.allocate, matching)
}
