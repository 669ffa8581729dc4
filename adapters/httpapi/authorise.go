package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"casesync/domain/access"
	"casesync/projections"
)

// Tokens finds out who carries a token.
type Tokens interface {
	// Authenticate returns who carries the token. A refusal Is access.ErrUnauthenticated and its
	// text may be shown; any other error means that nobody could be asked.
	Authenticate(ctx context.Context, token string) (access.Principal, error)
}

// caller is who asks, and what that lets him see; the authoriser alone makes one.
type caller struct {
	principal access.Principal
	scope     projections.Scope
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

// authorise stands in front of every route. It runs after the router has matched, so that it
// decides by the very pattern that will be served, and refuses what the table does not name.
func (s *Server) authorise(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pattern := chi.RouteContext(r.Context())
		route, known := routeOf(pattern.RouteMethod, pattern.RoutePattern())
		if !known {
			s.logger.ErrorContext(r.Context(), "route without a rule refused", "method", r.Method, "pattern", pattern.RoutePattern())
			notFound().write(w)
			return
		}
		if route.Stream && r.Method == http.MethodHead {
			problem(CodeMethodNotAllowed, "What is streamed has no answer to HEAD. Use GET.").with("Allow", http.MethodGet).write(w)
			return
		}
		r, done := s.bound(w, r, route)
		defer done()
		if route.Public || route.Permission == access.ReadMetrics && s.config.MetricsPublic {
			next.ServeHTTP(w, r)
			return
		}
		who, refusal := s.admit(r, route)
		if refusal != nil {
			refusal.write(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who))) //nolint:contextcheck // bound derived r from r
	})
}

// admit returns who asks if he may use the route at all; what he sees there is his scope's matter.
func (s *Server) admit(r *http.Request, route Route) (caller, *Problem) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return caller{}, problem(CodeTokenMissing, "Send a token in the header: Authorization: Bearer casesync_….").
			with("WWW-Authenticate", `Bearer realm="casesync"`)
	}
	principal, err := s.config.Tokens.Authenticate(r.Context(), strings.TrimSpace(token))
	if errors.Is(err, access.ErrUnauthenticated) {
		return caller{}, problem(CodeTokenRefused, "%s Ask an operator for another one.", sentence(err.Error())).
			with("WWW-Authenticate", `Bearer realm="casesync", error="invalid_token"`)
	}
	if err != nil {
		s.logger.ErrorContext(r.Context(), "authentication failed", "error", err)
		return caller{}, problem(CodeUnavailable, "Tokens cannot be checked now. Try again later.").retryAfter(retryUnavailable)
	}
	if !principal.Somewhere(route.Permission) {
		return caller{}, problem(CodeForbidden, "This needs the permission %s, which none of your roles gives.", route.Permission).
			with("WWW-Authenticate", `Bearer realm="casesync", error="insufficient_scope"`)
	}
	return caller{principal: principal, scope: scopeFor(principal, route.Permission)}, nil
}

// scopeFor is what a principal sees by virtue of a permission: the businesses that grant it, or
// every business to an auditor, or the feeds to an operator. Anybody else who holds it everywhere
// sees no case by it.
func scopeFor(principal access.Principal, permission access.Permission) projections.Scope {
	if !principal.Everywhere(permission) {
		return projections.BusinessScope(principal.ID, principal.Businesses(permission)...)
	}
	switch {
	case slices.Contains(principal.Roles, access.Auditor):
		return projections.AuditorScope(principal.ID)
	case slices.Contains(principal.Roles, access.Operator):
		return projections.OperatorScope(principal.ID)
	}
	return projections.Scope{}
}
