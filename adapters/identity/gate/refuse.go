package gate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"casesync/adapters/commands"
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/signin"
	"casesync/domain"
	"casesync/domain/account"
)

// The codes of what is refused to somebody who may come in. Those of sign-ins are package signin's,
// and those of passwords package local's.
const (
	codeAnswersUnfit  = "answers-unfit"
	codeAnswersNeeded = "answers-needed"
	codeSessionNeeded = "session-needed"
	codeFederated     = "federated-account"
	codeNotFound      = "not-found"
)

// A trial is one try to get in, or to change what one gets in with, as Security Operations is told.
type trial struct {
	http *http.Request
	// typed is what was given as the account's name, normalised; "" where nothing was.
	typed string
	// person is the user id of whom it concerns, "" where that is nobody known.
	person     string
	method     account.Method
	connection string
	// because is what is really wrong with the account that somebody is told to have typed wrongly; ""
	// where nothing is.
	because signin.Code
}

// really is what was wrong, for Security Operations.
func (t trial) really(code signin.Code) signin.Code {
	if code == signin.Wrong && t.because != "" {
		return t.because
	}
	return code
}

// refuse tells Security Operations of a refusal, and returns the answer to it. Nothing was changed
// by what is refused, beyond that the try counts.
func (g *Gate) refuse(ctx context.Context, t trial, err error) error {
	if errors.Is(err, commands.ErrLink) {
		err = signin.Refuse(signin.LinkUnusable, "unknown, used, revoked or expired")
	}
	if chosen, is := errors.AsType[*local.PasswordError](err); is {
		return g.config.Refused(string(chosen.Code), chosen.Error(), 0)
	}
	if errors.Is(err, local.ErrAnswers) {
		return g.config.Refused(codeAnswersUnfit, sentence(err.Error()), 0)
	}
	if refusal, is := errors.AsType[*signin.Refusal](err); is {
		t.connection = cmp.Or(t.connection, refusal.Provider)
		g.tell(ctx, t, t.really(refusal.Code), refusal.Detail)
		return g.config.Refused(string(refusal.Code), refusal.Error(), refusal.RetryAfter)
	}
	if refusal, is := errors.AsType[*domain.Refusal](err); is {
		g.tell(ctx, t, signin.Code(refusal.Code), "")
	}
	return g.config.Fault(ctx, err)
}

// tell records a refusal. That it cannot be recorded does not make it less of one.
func (g *Gate) tell(ctx context.Context, t trial, code signin.Code, detail string) {
	activity := t.activity(commands.SignInRefused)
	activity.Failed, activity.Code = true, string(code)
	if detail != "" {
		activity.Detail["detail"] = detail
	}
	if err := g.record(ctx, t.http, activity, t.typed); err != nil {
		g.config.Logger.ErrorContext(ctx, "refused sign-in was not recorded", "code", code, "error", err)
	}
}

// activity is what there is to tell of a trial, of whatever kind it became.
func (t trial) activity(kind commands.ActivityKind) commands.Activity {
	activity := commands.Activity{Kind: kind, Detail: map[string]string{}}
	if t.person != "" {
		activity.Subject = "account-" + t.person
	}
	if t.method != "" {
		activity.Detail["method"] = string(t.method)
	}
	if t.connection != "" {
		activity.Detail["connection"] = t.connection
	}
	return activity
}

// record completes an activity by what the request says, and keeps it, even where the browser has
// gone meanwhile.
func (g *Gate) record(ctx context.Context, r *http.Request, activity commands.Activity, typed string) error {
	activity.At, activity.Address, activity.Operation = g.config.Now().UTC(), g.config.Client(r), operationOf(r)
	if person := g.Person(ctx); person != "" && activity.Actor == "" {
		activity.Actor = actorOf(person)
	}
	if typed != "" {
		activity.Account = g.config.AddressDigest(typed)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	return g.config.Activity.Record(ctx, activity)
}

// actorOf is the id of a person as a principal.
func actorOf(person string) string { return "user:" + person }

// recordTime is what recording may take.
const recordTime = 10 * time.Second

// operationOf names the route that was asked for: never the address, which may hold anything.
func operationOf(r *http.Request) string {
	if matched := chi.RouteContext(r.Context()); matched != nil && matched.RoutePattern() != "" {
		return r.Method + " " + matched.RoutePattern()
	}
	return r.Method
}

// refuseCrossOrigin answers a request that a page of another site sent.
func (g *Gate) refuseCrossOrigin(w http.ResponseWriter, r *http.Request, refusal *signin.Refusal) {
	g.write(w, g.refuse(r.Context(), trial{http: r, person: g.Person(r.Context())}, refusal))
}

// write sends an error as the answer, on routes that stand on the router itself.
func (g *Gate) write(w http.ResponseWriter, err error) {
	known, is := errors.AsType[huma.StatusError](err)
	if !is {
		known = huma.NewError(http.StatusInternalServerError, "The fault is in the service and was logged.")
	}
	if headed, is := errors.AsType[huma.HeadersError](err); is {
		maps.Copy(w.Header(), headed.GetHeaders())
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", noStore)
	w.WriteHeader(known.GetStatus())
	if err := json.NewEncoder(w).Encode(known); err != nil {
		return // the client is gone; there is nobody to tell
	}
}

const noStore = "private, no-store"

// sentence makes one of a message without capital and full stop.
func sentence(text string) string {
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
