package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"

	"casesync/domain/access"
)

// A Route is a row of the table of all routes: who may use it, and how much.
type Route struct {
	Method  string
	Pattern string
	// Permission is what a principal needs, for one business at least; "" where Public.
	Permission access.Permission
	// Public routes need no token and say nothing of any case.
	Public bool
	// Stream routes write for as long as they need; all others within the request's time.
	Stream bool
	// OwnBody routes bound the size of their bodies themselves.
	OwnBody bool
}

// routes is the one place that opens a route to anybody. A route that is registered and not named
// here is refused.
var routes = []Route{
	{Method: http.MethodGet, Pattern: "/livez", Public: true},
	{Method: http.MethodGet, Pattern: "/readyz", Public: true},
	{Method: http.MethodGet, Pattern: "/openapi.yaml", Public: true},
	{Method: http.MethodGet, Pattern: "/docs", Public: true},
	{Method: http.MethodGet, Pattern: "/docs/style.css", Public: true},
	{Method: http.MethodGet, Pattern: "/metrics", Permission: access.ReadMetrics},

	{Method: http.MethodPost, Pattern: "/cms/v1/events", Permission: access.PublishEvents, OwnBody: true},

	{Method: http.MethodGet, Pattern: "/api/v1/me", Permission: access.ReadSelf},
	{Method: http.MethodGet, Pattern: "/api/v1/dashboard", Permission: access.ReadDashboard},
	{Method: http.MethodGet, Pattern: "/api/v1/cases", Permission: access.ListCases},
	{Method: http.MethodGet, Pattern: "/api/v1/cases/export", Permission: access.ExportCases, Stream: true},
	{Method: http.MethodGet, Pattern: "/api/v1/cases/{ref}", Permission: access.ReadCase},
	{Method: http.MethodGet, Pattern: "/api/v1/cases/{ref}/timeline", Permission: access.ReadCase},
	{Method: http.MethodGet, Pattern: "/api/v1/cases/{ref}/documents", Permission: access.ReadDocuments},
	{Method: http.MethodGet, Pattern: "/api/v1/uphold-rates", Permission: access.ReadRates},
	{Method: http.MethodGet, Pattern: "/api/v1/businesses", Permission: access.ReadBusinesses},
	{Method: http.MethodGet, Pattern: "/api/v1/businesses/{frn}", Permission: access.ReadBusinesses},
	{Method: http.MethodGet, Pattern: "/api/v1/events", Permission: access.FollowChanges, Stream: true},

	{Method: http.MethodGet, Pattern: "/api/v1/dead-letters", Permission: access.ReadFeeds},
	{Method: http.MethodGet, Pattern: "/api/v1/dead-letters/{id}", Permission: access.ReadFeeds},
	{Method: http.MethodPost, Pattern: "/api/v1/dead-letters/{id}/retry", Permission: access.OperateFeeds},
	{Method: http.MethodPost, Pattern: "/api/v1/dead-letters/{id}/discard", Permission: access.OperateFeeds},
	{Method: http.MethodGet, Pattern: "/api/v1/held", Permission: access.ReadFeeds},
	{Method: http.MethodPost, Pattern: "/api/v1/held/{stream}/skip", Permission: access.OperateFeeds},
	{Method: http.MethodGet, Pattern: "/api/v1/projections", Permission: access.ReadProjections},
	{Method: http.MethodPost, Pattern: "/api/v1/projections/{name}/rebuild", Permission: access.OperateProjections},
	{Method: http.MethodPost, Pattern: "/api/v1/projections/{name}/rollback", Permission: access.OperateProjections},
	{Method: http.MethodGet, Pattern: "/api/v1/projections/{name}/parked", Permission: access.ReadProjections},
	{Method: http.MethodPost, Pattern: "/api/v1/projections/{name}/parked/{key}/retry", Permission: access.OperateProjections},
	{Method: http.MethodPost, Pattern: "/api/v1/projections/{name}/parked/{key}/skip", Permission: access.OperateProjections},
}

// Routes returns the table of all routes.
func Routes() []Route { return slices.Clone(routes) }

// routeOf returns the rule of a route, by the pattern that the router matched.
func routeOf(method, pattern string) (Route, bool) {
	i := slices.IndexFunc(routes, func(r Route) bool { return r.Method == method && r.Pattern == pattern })
	if i < 0 {
		return Route{}, false
	}
	return routes[i], true
}

// PrintRoutes writes the table of routes, and which roles may use each, for people.
func PrintRoutes(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "METHOD\tPATH\tPERMISSION\tROLES")
	for _, route := range routes {
		permission, roles := string(route.Permission), []string{"anybody"}
		if route.Public {
			permission = "(public)"
		} else {
			roles = nil
			for _, role := range access.Roles() {
				if role.Gives(route.Permission) {
					roles = append(roles, string(role))
				}
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", route.Method, route.Pattern, permission, strings.Join(roles, " "))
	}
	return table.Flush()
}
