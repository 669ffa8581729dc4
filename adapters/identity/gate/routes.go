package gate

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
)

const (
	pathFederated = "/sign-in/federated"
	// headerLink carries the token of a mailed link: never an address, which would be logged.
	headerLink = "Casesync-Link-Token"
)

// Register registers the gate's routes: those that browsers are sent to stand on the router itself,
// all others on huma.
func (g *Gate) Register(api huma.API, router chi.Router) {
	g.registerSignIn(api)
	g.registerFederated(api, router)
	g.registerEnrolment(api)
	g.registerSelf(api)
}

func (g *Gate) registerSignIn(api huma.API) {
	on(api, http.MethodPost, "/sign-in", "Begin to sign in", "Tells how the people of an e-mail address's domain sign in. It says nothing of whether the address has an account.", http.StatusOK, g.showWay)
	on(api, http.MethodPost, "/sign-in/password", "Give a password", "The first half of signing in to a local account. The answer is the same, and takes as long, for an address without an account.", http.StatusOK, g.checkPassword)
	on(api, http.MethodPost, "/sign-in/code", "Give a one-time code", "The second half: the code that the authenticator app shows. Each is good once.", http.StatusOK, g.checkCode)
	on(api, http.MethodPost, "/sign-in/recovery-code", "Give a recovery code", "The second half without the authenticator app. Each recovery code is good once.", http.StatusOK, g.checkRecoveryCode)
	on(api, http.MethodPost, "/api/v1/password-resets", "Ask for another password", "Mails a link to choose another password, if the address has a local account. The answer is the same, and takes as long, if not.", http.StatusAccepted, g.requestReset)
	on(api, http.MethodPost, "/api/v1/sign-out", "Sign out", "Ends the session that the request is made in.", http.StatusNoContent, g.signOut)
}

func (g *Gate) registerFederated(api huma.API, router chi.Router) {
	on(api, http.MethodPost, pathFederated, "Sign in at the organisation's own service", "Tells where to send the browser, and sets the cookie that it comes back with.", http.StatusOK, g.startFederated)
	on := func(method, path, summary, description, status, mediaType string, handle http.HandlerFunc, parameters ...*huma.Param) {
		router.Method(method, path, handle)
		op := operation(method, path, summary, description)
		op.Parameters = parameters
		op.Responses = map[string]*huma.Response{status: {Description: "Done"}}
		if mediaType != "" {
			op.Responses[status].Content = map[string]*huma.MediaType{mediaType: {Schema: &huma.Schema{Type: huma.TypeString}}}
		}
		api.OpenAPI().AddOperation(&op)
	}
	on(http.MethodGet, pathOIDC, "Come back from an OpenID Connect provider", "Where the provider sends the browser back to. The redirect address to register with it.", "303", "", g.finishOIDC)
	on(http.MethodPost, pathSAML, "Come back from a SAML provider", "Where the browser posts the provider's response. The assertion consumer address to register with it.", "303", "", g.finishSAML)
	on(http.MethodGet, pathSAMLMetadata+"/{connection}", "Show SAML metadata", "What a SAML identity provider has to know of this service. It can be had before the provider's own settings are made, and depends on nothing but their id.", "200", mediaTypeMetadata, g.showMetadata,
		&huma.Param{Name: "connection", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: "The id of the identity provider's settings"})
}

func (g *Gate) registerEnrolment(api huma.API) {
	link := &huma.Param{Name: headerLink, In: "header", Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: "The token of the link that was mailed"}
	on(api, http.MethodPost, "/api/v1/enrolment", "Open a link", "What the link that was mailed is for, while it can be used.", http.StatusOK, g.openEnrolment, link)
	on(api, http.MethodPost, "/api/v1/enrolment/answers", "Answer the security questions", "Before another second factor is chosen. It lets nobody in by itself.", http.StatusNoContent, g.answerQuestions, link)
	on(api, http.MethodPost, "/api/v1/enrolment/password", "Give a password by a link", "Chooses a password, or, where the account is in use and the link is not for another password, proves the present one.", http.StatusOK, g.enrolPassword, link)
	on(api, http.MethodPost, "/api/v1/enrolment/code", "Give a one-time code by a link", "Puts the second factor to use, or proves the present one, takes the invitation up and signs in.", http.StatusOK, g.enrolCode, link)
	on(api, http.MethodPost, "/api/v1/enrolment/federated", "Take an invitation up at the organisation's own service", "Tells where to send the browser, and sets the cookie that it comes back with.", http.StatusOK, g.enrolFederated, link)
	on(api, http.MethodGet, "/api/v1/security-questions", "List security questions", "Those that there are to choose from.", http.StatusOK, g.listQuestions)
}

func (g *Gate) registerSelf(api huma.API) {
	on(api, http.MethodPut, "/api/v1/me/password", "Choose another password", "Ends all your other sessions.", http.StatusNoContent, g.changePassword)
	on(api, http.MethodGet, "/api/v1/me/security-questions", "Show your security questions", "Without their answers, which nobody can show.", http.StatusOK, g.showQuestions)
	on(api, http.MethodPut, "/api/v1/me/security-questions", "Choose security questions", "They are asked for before a reset of your second factor, and let nobody in by themselves.", http.StatusNoContent, g.changeQuestions)
	on(api, http.MethodPost, "/api/v1/me/second-factor", "Begin with another authenticator app", "The one in use stays until a code of the new one is given.", http.StatusOK, g.beginFactor)
	on(api, http.MethodPost, "/api/v1/me/second-factor/confirm", "Confirm the other authenticator app", "Ends all your other sessions, and makes new recovery codes.", http.StatusOK, g.confirmFactor)
	on(api, http.MethodGet, "/api/v1/me/sessions", "List your sessions", "The last seen first.", http.StatusOK, g.listSessions)
	on(api, http.MethodDelete, "/api/v1/me/sessions/{id}", "End one of your sessions", "It ends at once, wherever it is.", http.StatusNoContent, g.endSession)
}

// request is the input of every huma route: the HTTP request itself.
type request struct{ http *http.Request }

// Resolve takes the request. It is huma's hook.
func (in *request) Resolve(ctx huma.Context) []error {
	in.http, _ = humachi.Unwrap(ctx)
	return nil
}

// bodied is the input of a route with a body.
type bodied[B any] struct {
	request

	Body B
}

// output is an answer.
type output[B any] struct {
	CacheControl string `header:"Cache-Control" doc:"private, no-store"`
	Body         B
}

// taken is the answer to a step that may have changed the log.
type taken struct {
	CacheControl string `header:"Cache-Control" doc:"private, no-store"`
	Position     string `header:"Casesync-Position" doc:"Ask with it as Casesync-Min-Position to see the effect"`
	Body         Step
}

// departure sends a browser to an identity provider.
type departure struct {
	CacheControl string       `header:"Cache-Control" doc:"private, no-store"`
	Cookie       *http.Cookie `header:"Set-Cookie" doc:"To come back with"`
	Body         Provider
}

func answer[B any](body B) *output[B] { return &output[B]{CacheControl: noStore, Body: body} }

// empty is an answer without a body.
type empty struct {
	CacheControl string `header:"Cache-Control" doc:"private, no-store"`
}

func on[I, O any](api huma.API, method, path, summary, description string, status int,
	handle func(context.Context, *I) (*O, error), parameters ...*huma.Param,
) {
	op := operation(method, path, summary, description)
	op.Parameters = parameters
	op.DefaultStatus = status
	op.Errors = append(op.Errors, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusTooManyRequests)
	huma.Register(api, op, handle)
}

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

func operation(method, path, summary, description string) huma.Operation {
	return huma.Operation{
		Method: method, Path: path, Summary: summary, Description: description,
		OperationID: strings.ToLower(method) + "-" + strings.Trim(notInID.ReplaceAllString(strings.TrimPrefix(path, "/api/v1"), "-"), "-"),
		Errors:      []int{http.StatusBadRequest, http.StatusUnauthorized},
	}
}
