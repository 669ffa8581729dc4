package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"casesync/domain/access"
	"casesync/projections"
)

// caller is who asks, and what that lets him see; the authoriser alone makes one. On routes that show
// or change data the principal has only the roles at businesses for which the terms of use in force
// were accepted.
type caller struct {
	standing
	scope projections.Scope
}

type callerKey struct{}

// callerOf returns who asks. On a public route that is nobody, who sees nothing.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// PrincipalOf returns who asks, for handlers that are mounted into a Server; on a public route
// that is nobody.
func PrincipalOf(ctx context.Context) access.Principal { return callerOf(ctx).principal }

// scopeOf returns what the request may see.
func scopeOf(ctx context.Context) projections.Scope { return callerOf(ctx).scope }

// guards returns what stands in front of every route, from the outside in: all of it runs after the
// router has matched, so that it goes by the very pattern that will be served.
func (s *Server) guards() []func(http.Handler) http.Handler {
	guards := []func(http.Handler) http.Handler{s.record, s.limitStrangers}
	if s.config.Gate != nil {
		guards = append(guards, s.config.Gate.Middleware)
	}
	return append(guards, s.authorise, orPass(s.config.LimitPrincipals), s.announce)
}

// orPass is middleware, or where there is none what lets everything pass.
func orPass(middleware func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	if middleware == nil {
		return func(next http.Handler) http.Handler { return next }
	}
	return middleware
}

// matchedRoute returns the rule of the route that the router matched.
func matchedRoute(r *http.Request) (Route, bool) {
	matched := chi.RouteContext(r.Context())
	return routeOf(matched.RouteMethod, matched.RoutePattern())
}

// authorise lets through whom the table of routes names, and refuses what it does not name.
func (s *Server) authorise(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route, known := matchedRoute(r)
		if !known {
			s.logger.ErrorContext(r.Context(), "route without a rule refused", "method", r.Method, "pattern", chi.RouteContext(r.Context()).RoutePattern())
			notFound().write(w)
			return
		}
		if r.Method == http.MethodHead && !route.answersHead() {
			problem(CodeMethodNotAllowed, "What is streamed has no answer to HEAD. Use GET.").with("Allow", http.MethodGet).write(w)
			return
		}
		r, done := s.bound(w, r, route)
		defer done()
		if s.open(route) {
			next.ServeHTTP(w, r)
			return
		}
		who, refusal := s.admit(r, route)
		visitOf(r.Context()).by(who)    //nolint:contextcheck // bound derived r from r
		s.seen(r.Context(), who.person) //nolint:contextcheck // the same
		if refusal != nil {
			if route.Stream {
				linger(w)
			}
			s.refuse(w, r, refusal)
			return
		}
		if route.Stream {
			if !route.OwnBody { // who reads a body gives it its time
				setDeadlines(w, time.Time{})
			}
			var over func()
			r, over = s.watch(w, r, route, who)
			defer over()
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who))) //nolint:contextcheck // bound derived r from r
	})
}

// open reports whether a route is for anybody.
func (s *Server) open(route Route) bool {
	return route.Public || route.Permission == access.ReadMetrics && s.config.MetricsPublic
}

// admit returns who asks if he may use the route at all; what he sees there is his scope's matter.
// With a refusal it returns whoever it was, as far as that is known, and no scope.
func (s *Server) admit(r *http.Request, route Route) (caller, *Problem) {
	found, refusal := s.identify(r)
	if refusal != nil {
		return caller{}, refusal
	}
	stands, refusal := s.stand(r.Context(), found)
	if refusal != nil {
		return caller{standing: standing{principal: access.Principal{ID: found.ID}}}, refusal
	}
	return stands.enter(r, route)
}

// enter returns who stands so, with what the first of the route's permissions that counts for him lets him see.
// Where none does, the first one's refusal says what is missing.
func (s *standing) enter(r *http.Request, route Route) (caller, *Problem) {
	var first *Problem
	for _, permission := range route.needs() {
		if !s.principal.Somewhere(permission) {
			continue
		}
		who := *s
		refusal := who.acceptFor(r, permission)
		if refusal == nil {
			return caller{who, scopeFor(who.principal, permission)}, nil
		}
		first = cmp.Or(first, refusal)
	}
	if first == nil {
		first = problem(CodeForbidden, "This needs the permission %s, which none of your roles gives.", route.Needs()).
			with("WWW-Authenticate", `Bearer realm="casesync", error="insufficient_scope"`)
	}
	return caller{standing: *s}, first
}

// scopeFor is what a principal sees by virtue of a permission: the businesses that grant it, or
// every business to an auditor, or feeds and people to operators and people and tickets to the helpdesk.
// Anybody else who holds it everywhere sees nothing by it. A person is named in it by his bare id, as cases
// are allocated to it; that he may ask the helpdesk lets him see what he asked, and nothing of a business.
func scopeFor(principal access.Principal, permission access.Permission) projections.Scope {
	user := principal.Person()
	if user == "" {
		user = principal.ID
	}
	if permission == access.AskSupport {
		return projections.BusinessScope(user)
	}
	if !principal.Everywhere(permission) {
		return projections.BusinessScope(user, principal.Businesses(permission)...)
	}
	scope := projections.Scope{}
	switch {
	case slices.Contains(principal.Roles, access.Auditor):
		scope = projections.AuditorScope(user)
	case slices.Contains(principal.Roles, access.Operator):
		scope = projections.OperatorScope(user)
	case slices.Contains(principal.Roles, access.Helpdesk):
		scope = projections.HelpdeskScope(user)
	}
	if !principal.Everywhere(access.ReadTickets) {
		scope = scope.WithoutTickets() // an auditor follows cases by the stream that tells of tickets too
	}
	return scope
}
