package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"casesync/domain/access"
)

// deskRoutes are what people tell and ask about cases, what they keep for themselves, and what operators
// decide of it. Marking a case as looked at is a bookmark: that the case was read has its own entry.
var deskRoutes = []Route{
	reads("/api/v1/notification-types", access.ReadSelf, "").but(recordedElsewhere),
	posts("/api/v1/notifications", access.Notify, "").but(ownBody),
	reads("/api/v1/notifications", access.ReadCase, ""),
	reads("/api/v1/notifications/{id}", access.ReadCase, "notification-{id}"),
	posts("/api/v1/allocations", access.AllocateSelf, ""),
	posts("/api/v1/cases/{ref}/looked", access.ReadCase, "casefile-{ref}").but(recordedElsewhere),
	reads("/api/v1/me/changes", access.FollowChanges, ""),

	reads("/api/v1/saved-views", access.SaveViews, ""),
	posts("/api/v1/saved-views", access.SaveViews, ""),
	gives(http.MethodPut, "/api/v1/saved-views/{id}", access.SaveViews, ""),
	gives(http.MethodDelete, "/api/v1/saved-views/{id}", access.SaveViews, ""),

	reads("/api/v1/suppressions", access.ExecuteSuppression, ""),
	posts("/api/v1/suppressions", access.ExecuteSuppression, ""),
	posts("/api/v1/suppressions/{ref}/lift", access.ExecuteSuppression, "casefile-{ref}"),
	posts("/api/v1/suppressions/requests/{id}/decline", access.ExecuteSuppression, "notification-{id}"),

	reads("/api/v1/outbox", access.ReadFeeds, ""),
	posts("/api/v1/outbox/{id}/retry", access.OperateFeeds, "outbox-{id}"),
	posts("/api/v1/outbox/{id}/skip", access.OperateFeeds, "outbox-{id}"),
}

// registerDesk registers the routes of deskRoutes that there is something behind.
func (s *Server) registerDesk(api huma.API) {
	if s.config.Casework != nil {
		s.registerNotifications(api)
		s.registerViews(api)
		s.registerSuppressions(api)
	}
	if s.config.Looks != nil {
		s.registerLooks(api)
	}
	if s.config.Outbox != nil {
		s.registerOutbox(api)
	}
}

func (s *Server) registerNotifications(api huma.API) {
	get(api, plainRead, "/api/v1/notification-types", "List types of notifications", "What can be sent about a case, each with its form: labels, limits and choices, in the order in which they are offered. Types that are listed stay.", nil, s.listNotificationTypes)
	give(s, api, http.MethodPost, "/api/v1/notifications", "Send notifications", "Sends the same notification about one case or many, each decided by itself: the answer has a result for each, in order. Under the same Idempotency-Key it is sent once, and gets the same answer.", http.StatusOK, s.sendNotifications, bodyOf(notificationsBytesMax), allowance)
	get(api, positioned, "/api/v1/notifications", "List notifications", "What your business sent about the cases that it has now, the newest first.", openAPI(notificationParameters), s.listNotifications)
	get(api, positioned, "/api/v1/notifications/{id}", "Show a notification", "One notification, and what became of it.", nil, s.showNotification)
	give(s, api, http.MethodPost, "/api/v1/allocations", "Allocate cases", "Gives many cases to yourself, to somebody else of their businesses (supervisors), or to nobody, each decided by itself: the answer has a result for each, in order.", http.StatusOK, s.allocateMany)
}

func (s *Server) registerLooks(api huma.API) {
	post(api, "/api/v1/cases/{ref}/looked", "Mark a case as looked at", "You have seen the case up to an entry of its timeline. The mark is yours alone, and never goes backwards.", http.StatusOK, s.markLooked)
	get(api, positioned, "/api/v1/me/changes", "Show what changed", "The cases that you looked at, or that are allocated to you, that changed since you last looked.", openAPI(changeParameters), s.showChanges)
}

func (s *Server) registerViews(api huma.API) {
	get(api, plainRead, "/api/v1/saved-views", "List your saved views", "In the order in which you saved them first. They are nobody else's to see.", nil, s.listViews)
	give(s, api, http.MethodPost, "/api/v1/saved-views", "Save a view", "Keeps filters and sorting of the case list under a name. What it shows is decided when it is followed.", http.StatusCreated, s.addView)
	give(s, api, http.MethodPut, "/api/v1/saved-views/{id}", "Change a saved view", "Replaces its name and its filters.", http.StatusOK, s.changeView)
	end(api, "/api/v1/saved-views/{id}", "Remove a saved view", "Nothing happens where there is none.", s.removeView)
}

func (s *Server) registerSuppressions(api huma.API) {
	get(api, positioned, "/api/v1/suppressions", "List suppressions", "Requests that wait for an answer, the oldest first; or the cases that are hidden now, by reference.", openAPI(suppressionParameters), s.listSuppressions)
	give(s, api, http.MethodPost, "/api/v1/suppressions", "Suppress a case", "Hides a case from all business users, to view and to act on, and stops what is in line about it. It still counts in volumes.", http.StatusOK, s.suppress)
	give(s, api, http.MethodPost, "/api/v1/suppressions/{ref}/lift", "Lift a suppression", "Shows a case again, whoever hid it.", http.StatusOK, s.liftSuppression)
	give(s, api, http.MethodPost, "/api/v1/suppressions/requests/{id}/decline", "Decline a request for suppression", "Answers the request without hiding the case.", http.StatusOK, s.declineSuppression)
}

func (s *Server) registerOutbox(api huma.API) {
	get(api, plainRead, "/api/v1/outbox", "List parked messages", "Messages to case management systems that could not be published; nothing of what they say.", openAPI(outboxParameters), s.listOutbox)
	post(api, "/api/v1/outbox/{id}/retry", "Retry a parked message", "Has it tried again at once, and then what is parked behind it.", http.StatusOK, s.onParked(s.config.Outbox.Retry))
	post(api, "/api/v1/outbox/{id}/skip", "Skip a parked message", "Gives it up: it is never published, and what is parked behind it goes on.", http.StatusOK, s.onParked(s.config.Outbox.Skip))
}
