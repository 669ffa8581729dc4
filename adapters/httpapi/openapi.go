package httpapi

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
)

// sessionCookie is the name of the gate's cookie, as sessions has it.
const sessionCookie = "__Host-casesync-session"

// noteProblem notes the codes of problems that huma writes.
func noteProblem(ctx huma.Context, _ string, value any) (any, error) {
	if p, is := value.(*Problem); is {
		_, w := humachi.Unwrap(ctx)
		noteCode(w, p.Code)
	}
	return value, nil
}

// humaConfig is huma without what it adds of its own: no $schema, no Link headers, no pages from
// foreign hosts.
func (s *Server) humaConfig() huma.Config {
	config := huma.DefaultConfig("casesync", s.config.Version)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks, config.Transformers = nil, []huma.Transformer{noteProblem}
	// Answers may gain fields; bodies that are sent here say that they may not.
	config.AllowAdditionalPropertiesByDefault = true
	config.Info.Description = "Case data of the Financial Ombudsman Service for respondent businesses.\n\n" +
		"Errors are problem details (RFC 9457) with a stable code. What you may not see answers like what does not exist. " +
		"Answers built from a read model say as of which position of the log they are."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "A token of this service: Authorization: Bearer casesync_…"},
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "The session of somebody who signed in at /sign-in. What changes something is refused from pages of other sites"},
	}
	config.Tags = []*huma.Tag{
		{Name: "sign-in", Description: "Signing in, enrolment and access requests, for people who are not signed in"},
		{Name: "me", Description: "Who you are, and the terms of use"},
		{Name: "cases", Description: "Cases, their course, documents and changes"},
		{Name: "files", Description: "Files that are sent to cases, by the resumable upload protocol tus 1.0"},
		{Name: "figures", Description: "Key figures"},
		{Name: "businesses", Description: "Respondent businesses"},
		{Name: "users", Description: "Users of a business, and invitations"},
		{Name: "onboarding", Description: "Access requests of businesses, and their identity providers"},
		{Name: "support", Description: "The helpdesk: technical questions, and additional administrators. Casework goes by notification"},
		{Name: "operators", Description: "For operators of the service, and Security Operations"},
		{Name: "feed", Description: "For case management systems"},
		{Name: "service", Description: "The service itself"},
	}
	return config
}

// completeOperations says of operations that others registered what the table of routes knows: their
// chapter and who may use them.
func completeOperations(doc *huma.OpenAPI) {
	for path, item := range doc.Paths {
		for _, op := range operationsOf(item) {
			if len(op.Tags) > 0 {
				continue
			}
			op.Tags = []string{tagOfPath(path)}
			if op.OperationID == "" {
				op.OperationID = operationID(op.Method, path)
			}
			if route, known := routeOf(op.Method, path); known {
				describeAccess(op, route)
				addErrors(doc, op)
			}
		}
	}
}

// operationsOf returns what an address takes, by method.
func operationsOf(item *huma.PathItem) []*huma.Operation {
	return slices.DeleteFunc([]*huma.Operation{item.Get, item.Head, item.Post, item.Put, item.Patch, item.Delete, item.Options}, func(op *huma.Operation) bool { return op == nil })
}

// tagOfPath sorts routes into the chapters of the document.
func tagOfPath(path string) string {
	part, _, _ := strings.Cut(strings.TrimPrefix(path, "/api/v1/"), "/")
	switch part {
	case "me", "businesses", "cases", "users":
		return part
	case "terms", "sign-out":
		return "me"
	case "enrolment", "password-resets", "security-questions":
		return "sign-in"
	case "invitations", "administrator-requests":
		return "users"
	case "access-requests", "connections":
		return "onboarding"
	case "events", "notification-types", "notifications", "allocations", "saved-views":
		return "cases"
	case "uploads", "upload-limits":
		return "files"
	case "dashboard", "uphold-rates":
		return "figures"
	case "tickets", "support-requests", "helpdesk":
		return "support"
	case "dead-letters", "held", "projections", "accounts", "activity", "suppressions", "outbox":
		return "operators"
	}
	switch {
	case strings.HasPrefix(path, "/cms/"):
		return "feed"
	case strings.HasPrefix(path, "/sign-in"):
		return "sign-in"
	}
	return "service"
}

var notWord = regexp.MustCompile(`[^a-z0-9]+`)

// operationID is derived from the route, which is stable.
func operationID(method, path string) string {
	path = strings.NewReplacer("/api/v1/", "", "/cms/v1/", "cms-").Replace(path)
	return strings.Trim(notWord.ReplaceAllString(strings.ToLower(method+"-"+path), "-"), "-")
}

var pathName = regexp.MustCompile(`\{([a-z]+)\}`)

func pathNames(path string) []string {
	var names []string
	for _, match := range pathName.FindAllStringSubmatch(path, -1) {
		names = append(names, match[1])
	}
	return names
}

// pathDocs says what the parts of paths are.
var pathDocs = map[string]string{
	"ref":        "The case's reference",
	"frn":        "The business's FRN, six or seven digits",
	"id":         "The id of what is named",
	"kind":       "terms-of-use or privacy-notice",
	"version":    "The version, such as 2026-01",
	"connection": "The id of the identity provider's settings",
	"stream":     "The stream, such as casefile-1234",
	"name":       "The projection's name",
	"key":        "The parked key, such as a case's reference",
}

func headerParam(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "header", Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
}

// A describer registers a route that stands on the router itself, and describes it.
type describer func(method, path, summary, description string, handle http.HandlerFunc, describe func(*huma.Operation))

func describing(router chi.Router, doc *huma.OpenAPI) describer {
	return func(method, path, summary, description string, handle http.HandlerFunc, describe func(*huma.Operation)) {
		router.Method(method, path, handle)
		op := operation(method, path, summary, description)
		op.Responses = map[string]*huma.Response{}
		describe(&op)
		addErrors(doc, &op)
		doc.AddOperation(&op)
	}
}

// registerStreams registers the routes that stand on the router itself, and describes them.
func (s *Server) registerStreams(router chi.Router, doc *huma.OpenAPI) {
	on := describing(router, doc)
	s.registerTransfers(on)
	on(http.MethodGet, "/api/v1/cases/export", "Export cases", "All cases that the filters take, in the order asked for, as a file. The file says which filters were in force and as of which position. If something fails on the way the connection is cut.", s.exportCases,
		func(op *huma.Operation) {
			op.Parameters = append(openAPI(exportParameters), headerParam(headerMinPosition, "Wait, up to a limit, until the read model has reached this position"))
			op.Responses["200"] = content("The file", "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
			op.Errors = append(op.Errors, http.StatusTooManyRequests, http.StatusServiceUnavailable)
		})
	on(http.MethodGet, "/api/v1/events", "Follow changes", "Server-sent events: case-changed names a case you may see that has changed, and ticket-changed a ticket that you opened, or any for the helpdesk, once the read models have it; reset says that too much was missed. The id is the position: come back with Last-Event-ID and you are told exactly what you missed.", s.streamChanges,
		func(op *huma.Operation) {
			op.Parameters = append(op.Parameters, headerParam("Last-Event-ID", "The last id you were sent"))
			op.Responses["200"] = content("The stream; the data of each event is a StreamedChange", "text/event-stream")
			op.Responses["200"].Content["text/event-stream"].Schema = doc.Components.Schemas.Schema(typeOf[StreamedChange](), true, "StreamedChange")
			op.Errors = append(op.Errors, http.StatusTooManyRequests, http.StatusServiceUnavailable)
		})
	if s.config.Ingest != nil {
		on(http.MethodPost, "/cms/v1/events", "Hand in events", "CloudEvents 1.0 of a case management system: one (structured or binary mode) or a batch. The answer has a result for each event, in order; all that is accepted or held is durable.", s.config.Ingest.ServeHTTP, s.describeIngest(doc))
	}
	if s.config.ExportPerson != nil {
		on(http.MethodGet, "/api/v1/accounts/{id}/export", "Export a person", "All that is kept about a person, as JSON. If something fails on the way the connection is cut, and what came is no JSON.", s.exportPerson, func(op *huma.Operation) {
			op.Responses["200"] = content("Account, memberships, sessions, mail and activity of the person", "application/json")
			op.Responses["200"].Content["application/json"].Schema = &huma.Schema{Type: huma.TypeObject}
			op.Errors = append(op.Errors, http.StatusNotFound, http.StatusTooManyRequests)
		})
	}
	on(http.MethodGet, "/livez", "Is it alive", "200 as long as the process answers.", s.live, func(op *huma.Operation) {
		op.Responses["200"] = content("It is", "application/json")
	})
	on(http.MethodGet, "/readyz", "Is it ready", "Independent measures of readiness.", s.ready, func(op *huma.Operation) {
		schema := doc.Components.Schemas.Schema(typeOf[Readiness](), true, "Readiness")
		for status, text := range map[string]string{"200": "It is", "503": "It is not"} {
			op.Responses[status] = content(text, "application/json")
			op.Responses[status].Content["application/json"].Schema = schema
		}
	})
	if s.config.Metrics != nil {
		on(http.MethodGet, "/metrics", "Show metrics", "Metrics in the text format of Prometheus.", s.config.Metrics.ServeHTTP, func(op *huma.Operation) {
			op.Responses["200"] = content("The metrics", "text/plain")
		})
	}
}

// IngestResults is the answer to events that were handed in.
type IngestResults struct {
	Results []IngestResult `json:"results" nullable:"false" doc:"One for each event, in order"`
}

// IngestResult is what became of one event.
type IngestResult struct {
	ID     string `json:"id"`
	Status string `json:"status" enum:"accepted,duplicate,held,rejected"`
	Code   string `json:"code,omitempty" doc:"Why it was rejected; /docs lists the codes"`
	Reason string `json:"reason,omitempty"`
}

func (s *Server) describeIngest(doc *huma.OpenAPI) func(*huma.Operation) {
	return func(op *huma.Operation) {
		body := map[string]*huma.MediaType{}
		for _, mediaType := range []string{"application/cloudevents+json", "application/cloudevents-batch+json", "application/json"} {
			body[mediaType] = &huma.MediaType{Schema: &huma.Schema{Description: "As schemas/cms has it; application/json is the binary mode, with ce- headers"}}
		}
		op.RequestBody = &huma.RequestBody{Required: true, Content: body}
		op.Responses["202"] = content("What became of each event", "application/json")
		op.Responses["202"].Content["application/json"].Schema = doc.Components.Schemas.Schema(typeOf[IngestResults](), true, "IngestResults")
		op.Errors = append(op.Errors, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusServiceUnavailable)
	}
}

func content(description string, mediaTypes ...string) *huma.Response {
	response := &huma.Response{Description: description, Content: map[string]*huma.MediaType{}}
	for _, mediaType := range mediaTypes {
		response.Content[mediaType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return response
}
