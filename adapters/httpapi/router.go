package httpapi

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// route registers all routes behind the authoriser, and writes the OpenAPI document.
func (s *Server) route() {
	s.router = chi.NewRouter()
	s.router.Use(s.survive, s.securityHeaders, s.limit, middleware.GetHead)
	s.router.NotFound(func(w http.ResponseWriter, _ *http.Request) { notFound().write(w) })
	s.router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		problem(CodeMethodNotAllowed, "%s is not taken here. The document at /openapi.yaml says what is.", clip(r.Method)).
			with("Allow", strings.Join(s.methodsOf(r), ", ")).write(w)
	})
	// Everything is registered on guarded, so that the authoriser runs after the router has
	// matched and before any handler.
	guarded := s.router.With(s.guards()...)
	api := humachi.New(guarded, s.humaConfig())
	s.registerReads(api)
	s.registerOperators(api)
	s.registerPeople(api)
	s.registerFiles(api)
	s.registerDesk(api)
	s.registerSupport(api)
	if s.config.Pages != nil {
		s.config.Pages.Register(guarded)
	}
	if s.config.Gate != nil {
		s.config.Gate.Register(api, guarded)
	}
	s.registerStreams(guarded, api.OpenAPI())
	completeOperations(api.OpenAPI())
	s.registerDocs(guarded, api.OpenAPI())
}

// methodsOf returns the methods that an address takes, as RFC 9110 wants them told with 405.
func (s *Server) methodsOf(r *http.Request) []string {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	var methods []string
	for _, method := range []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
	} {
		matched := chi.NewRouteContext()
		served := s.router.Match(matched, method, path)
		if !served && method == http.MethodHead { // as the router does it
			served = s.router.Match(matched, http.MethodGet, path)
			route, _ := routeOf(http.MethodGet, matched.RoutePattern())
			served = served && route.answersHead()
		}
		if served {
			methods = append(methods, method)
		}
	}
	return methods
}

// survive answers a request whose handler panicked, and keeps the process going.
func (s *Server) survive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		defer func() {
			cause := recover()
			err, _ := cause.(error)
			switch {
			case cause == nil:
			case errors.Is(err, http.ErrAbortHandler) || ctx.Err() != nil:
				panic(http.ErrAbortHandler) // the client is gone, or has to learn that its answer is not whole
			default:
				s.logger.ErrorContext(ctx, "handler panicked", "cause", cause, "stack", string(debug.Stack()))
				problem(CodeInternal, "The fault is in the service and was logged. Try again later.").write(w)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func (s *Server) registerReads(api huma.API) {
	get(api, plainRead, "/api/v1/me", "Show who you are", "Who you are, your roles per business and what they permit.", nil, s.showMe)
	get(api, conditional, "/api/v1/dashboard", "Show the dashboard", "Key figures of the open cases of the businesses you may see.", openAPI(dashboardParameters), s.showDashboard)
	get(api, conditional, "/api/v1/cases", "List cases", "Cases of the businesses you may see, filtered, sorted and paged. Parameters that take several values are repeated.", openAPI(listParameters), s.listCases)
	get(api, conditional, "/api/v1/cases/{ref}", "Show a case", "One case with its actions.", nil, s.showCase)
	get(api, conditional, "/api/v1/cases/{ref}/timeline", "Show a case's timeline", "What happened to a case, first thing first.", openAPI(simplePageParameters), s.showTimeline)
	get(api, conditional, "/api/v1/uphold-rates", "Show uphold rates", "How many closed cases changed the business's outcome: change / (change + noChange). Suppressed cases count.", openAPI(upholdParameters), s.showUpholdRates)
	get(api, positioned, "/api/v1/businesses", "List businesses", "The businesses you may see, by FRN.", openAPI(simplePageParameters), s.listBusinesses)
	get(api, positioned, "/api/v1/businesses/{frn}", "Show a business", "One business.", nil, s.showBusiness)
}

func (s *Server) registerOperators(api huma.API) {
	if s.config.Letters != nil {
		get(api, plainRead, "/api/v1/dead-letters", "List dead letters", "Messages that were rejected, without their originals.", openAPI(deadLetterParameters), s.listDeadLetters)
		get(api, plainRead, "/api/v1/dead-letters/{id}", "Show a dead letter", "A rejected message, whole.", nil, s.showDeadLetter)
	}
	if s.config.Desk != nil {
		post(api, "/api/v1/dead-letters/{id}/retry", "Retry a dead letter", "Takes the message again. Done again, it has no second effect.", http.StatusOK, s.retryDeadLetter)
		post(api, "/api/v1/dead-letters/{id}/discard", "Discard a dead letter", "Gives the message up; its place in the sequence is recorded as skipped, and what waits behind it is released.", http.StatusOK, s.discardDeadLetter)
	}
	get(api, positioned, "/api/v1/held", "List what is held", "Facts that wait for a gap in their source's sequence to close.", openAPI(simplePageParameters), s.listHeld)
	if s.config.Activities != nil {
		get(api, plainRead, "/api/v1/activity", "Read the activity log", "What people and programs did and were refused, the newest first. Reading it is recorded in it.", openAPI(activityParameters), s.listActivities)
	}
	if s.config.Commands != nil {
		post(api, "/api/v1/held/{stream}/skip", "Give up waiting", "Gives up waiting for sequences of a source, and so releases what is held behind them.", http.StatusOK, s.skipSequences)
	}
	if len(s.config.Projections) > 0 {
		get(api, plainRead, "/api/v1/projections", "Show how the read models stand", "Head against checkpoint, lag, runner, parked keys and rebuilds.", nil, s.listProjections)
		post(api, "/api/v1/projections/{name}/rebuild", "Rebuild a read model", "Starts to compute it anew beside the live tables; reads go on. GET /projections says how far it is.", http.StatusAccepted, s.rebuildProjection)
		post(api, "/api/v1/projections/{name}/rollback", "Roll a read model back", "Starts to bring the tables before the last rebuild up to date, and then makes them live again; reads go on. GET /projections says what became of it.", http.StatusAccepted, s.rollBackProjection)
		get(api, plainRead, "/api/v1/projections/{name}/parked", "List parked keys", "Keys that are not folded any more since one of their events could not be.", openAPI(simplePageParameters), s.listParked)
		post(api, "/api/v1/projections/{name}/parked/{key}/retry", "Retry a parked key", "Folds the key again from its first event.", http.StatusOK, s.retryParked)
		post(api, "/api/v1/projections/{name}/parked/{key}/skip", "Skip an event", "Leaves the event that a key is parked for out of the read model for good. It stays in the log.", http.StatusOK, s.skipParked)
	}
}

// kindOfRead says what a route that reads can be asked with.
type kindOfRead int

const (
	// plainRead comes from no read model.
	plainRead kindOfRead = iota
	// positioned reads wait for a position and say theirs.
	positioned
	// conditional reads also have an entity tag.
	conditional
)

// get registers a route that reads. Its parameters are described and read by our own tables.
func get[O any](api huma.API, kind kindOfRead, path, summary, description string, params []*huma.Param, handle func(context.Context, *request) (*O, error)) {
	op := operation(http.MethodGet, path, summary, description)
	op.Parameters = append(op.Parameters, params...)
	if kind >= positioned {
		op.Parameters = append(op.Parameters, headerParam(headerMinPosition, "Wait, up to a limit, until the read model has reached this position of an earlier answer"))
		op.Errors = append(op.Errors, http.StatusServiceUnavailable)
	}
	if kind == conditional {
		op.Parameters = append(op.Parameters, headerParam("If-None-Match", "The ETag of an answer you have; if nothing has changed you get 304"))
		op.Responses = map[string]*huma.Response{"304": {Description: "Nothing has changed"}}
	}
	huma.Register(api, op, func(ctx context.Context, in *request) (*O, error) { return plain(handle(ctx, in)) })
}

// command is the input of a route that changes something.
type command[B any] struct {
	request
	Body B
}

// post registers a route that changes something.
func post[B, O any](api huma.API, path, summary, description string, status int, handle func(context.Context, *command[B]) (*O, error)) {
	op := operation(http.MethodPost, path, summary, description)
	op.DefaultStatus = status
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	huma.Register(api, op, func(ctx context.Context, in *command[B]) (*O, error) {
		if refusal := noParameters(&in.request); refusal != nil {
			return nil, refusal
		}
		return plain(handle(ctx, in))
	})
}

// plain keeps a nil *Problem from becoming an error that is not nil.
func plain[O any](out *O, err error) (*O, error) {
	var p *Problem
	if errors.As(err, &p) && p == nil {
		err = nil
	}
	return out, err
}

// operation describes what all routes have in common; who may use it comes from the table of routes.
func operation(method, path, summary, description string) huma.Operation {
	route, known := routeOf(method, path)
	if !known {
		panic("route without a rule: " + method + " " + path)
	}
	op := huma.Operation{
		Method: method, Path: path, Summary: summary, Description: description, OperationID: operationID(method, path),
		Tags: []string{tagOfPath(path)}, SkipValidateParams: true,
		Errors: []int{http.StatusBadRequest},
	}
	describeAccess(&op, route)
	for _, name := range pathNames(path) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: pathDocs[name]})
	}
	if len(op.Parameters) > 0 {
		op.Errors = append(op.Errors, http.StatusNotFound)
	}
	return op
}

// describeAccess says who may use a route.
func describeAccess(op *huma.Operation, route Route) {
	if route.Public {
		op.Security = []map[string][]string{}
		return
	}
	op.Description = strings.TrimSpace(op.Description + "\n\nNeeds the permission `" + joined(route.needs(), "` or `") + "`: " + joined(route.AllowedTo(), ", ") + ".")
	op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
	op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	op.Extensions = map[string]any{"x-permission": route.Needs()}
}
