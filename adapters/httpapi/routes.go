package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"

	"casesync/adapters/commands"
	"casesync/domain/access"
)

// A Route is a row of the table of all routes: who may use it, how much, and what Security
// Operations is told of it.
type Route struct {
	Method  string
	Pattern string
	// Permission is what a principal needs, for one business at least; "" where Public.
	Permission access.Permission
	// Or are permissions that open the route as well, each alone, to what it lets one see or do there. The
	// first that a principal has counts, Permission before them.
	Or []access.Permission
	// Public routes need no token and say nothing of any case.
	Public bool
	// Stream routes read and write for as long as they need; all others within the request's time.
	Stream bool
	// OwnBody routes bound the size of their bodies themselves.
	OwnBody bool
	// Activity is what an answered request counts as; "" for requests that are recorded only where
	// they are refused, because nothing of a person is in them or another part records them.
	Activity commands.ActivityKind
	// About is the stream or thing that a request concerns, with parts of the path in braces:
	// "casefile-{ref}". "" for none or many.
	About string
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

// Operation names the route as the activity log does: "GET /api/v1/cases/{ref}".
func (r Route) Operation() string { return r.Method + " " + r.Pattern }

// answersHead reports whether the address of a route answers HEAD: a stream only where it has an end that
// is known before.
func (r Route) answersHead() bool {
	return r.Method == http.MethodHead || r.Method == http.MethodGet && (!r.Stream || r.Activity == commands.FileDownloaded)
}

// AllowedTo returns the roles that may use the route, business users' first; every role where the
// route is public.
func (r Route) AllowedTo() []access.Role {
	return slices.DeleteFunc(access.Roles(), func(role access.Role) bool {
		return !r.Public && !slices.ContainsFunc(r.needs(), role.Gives)
	})
}

// needs returns the permissions of which each alone opens the route, in the order in which they count.
func (r Route) needs() []access.Permission {
	return append([]access.Permission{r.Permission}, r.Or...)
}

// Needs names the permissions of which each alone opens the route: "support:ask or tickets:read".
func (r Route) Needs() string { return joined(r.needs(), " or ") }

// PrintRoutes writes the table of routes, and which roles may use each, for people.
func PrintRoutes(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "METHOD\tPATH\tPERMISSION\tROLES")
	for _, route := range routes {
		permission, roles := route.Needs(), "anybody"
		if route.Public {
			permission = "(public)"
		} else {
			roles = joined(route.AllowedTo(), " ")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", route.Method, route.Pattern, permission, roles)
	}
	return table.Flush()
}

func joined[T ~string](names []T, separator string) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return strings.Join(texts, separator)
}

// routes is the one place that opens a route to anybody. A route that is registered and not named
// here is refused.
var routes = slices.Concat(serviceRoutes, pageRoutes, signInRoutes, caseRoutes, deskRoutes, fileRoutes, peopleRoutes, operatorRoutes, supportRoutes)

func public(method, pattern string) Route {
	return Route{Method: method, Pattern: pattern, Public: true}
}

// reads is a route that shows data.
func reads(pattern string, permission access.Permission, about string) Route {
	return Route{Method: http.MethodGet, Pattern: pattern, Permission: permission, Activity: commands.DataRead, About: about}
}

// gives is a route that gives a command.
func gives(method, pattern string, permission access.Permission, about string) Route {
	return Route{Method: method, Pattern: pattern, Permission: permission, Activity: commands.CommandGiven, About: about}
}

// posts is a route that gives a command by POST.
func posts(pattern string, permission access.Permission, about string) Route {
	return gives(http.MethodPost, pattern, permission, about)
}

// but changes a row.
func (r Route) but(change func(*Route)) Route { change(&r); return r }

func streams(r *Route)           { r.Stream = true }
func ownBody(r *Route)           { r.OwnBody = true }
func exports(r *Route)           { r.Activity = commands.DataExported }
func downloads(r *Route)         { r.Stream, r.Activity = true, commands.FileDownloaded }
func recordedElsewhere(r *Route) { r.Activity = "" }

// or opens a route by other permissions too.
func or(permissions ...access.Permission) func(*Route) {
	return func(r *Route) { r.Or = permissions }
}

// opensToAll makes a command that whoever has the token of a link, or nobody known, may give.
func openToAll(r *Route) { r.Permission, r.Public = "", true }
