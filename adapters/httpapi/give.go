package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain"
	"casesync/eventstore"
)

// The headers of commands.
const (
	headerIdempotencyKey = "Idempotency-Key"
	headerIfMatch        = "If-Match"
	// headerLink carries the token of a mailed link: never an address, which would be logged.
	headerLink = "Casesync-Link-Token"
)

const linkDoc = "The token of the link that was mailed"

// Outcome says what became of a command on people.
type Outcome struct {
	Status   string `json:"status" enum:"accepted,duplicate" doc:"accepted, or duplicate: all was so already"`
	Position string `json:"position,omitempty" doc:"Ask with it as Casesync-Min-Position to see the effect"`
	Warning  string `json:"warning,omitempty" enum:"one-administrator-left" doc:"one-administrator-left: the business has one active administrator now. Ask for another"`
}

// warnOneLeft is the warning that a business has one active administrator.
const warnOneLeft = "one-administrator-left"

func outcomeOf(done commands.Done) Outcome {
	if done.Position.IsZero() {
		return Outcome{Status: string(commands.Duplicate)}
	}
	return Outcome{Status: string(commands.Accepted), Position: done.Position.String()}
}

// acted is the answer to a command.
type acted[B any] struct {
	Position     string `header:"Casesync-Position" doc:"Where the log ended after the command; absent where nothing had to be recorded"`
	CacheControl string `header:"Cache-Control"`
	Body         B
}

// present is an answer from the log itself: how things stand at this moment.
type present[B any] struct {
	ETag         string `header:"ETag" doc:"Send it back as If-Match with a command"`
	CacheControl string `header:"Cache-Control"`
	Body         B
}

// told answers a command with a body that holds its outcome.
func told[B any](done commands.Done, body B) *acted[B] {
	return &acted[B]{CacheControl: noStore, Position: outcomeOf(done).Position, Body: body}
}

// Why is the reason that a command is given for.
type Why struct {
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why, for those who read the log later; operators must say. It must not name anybody: reasons outlive an erasure" example:"Left the team"`
}

func (w Why) reason() string { return w.Reason }

// give registers a route that gives a command on people. The handler gets what goes with the
// command, and returns the errors of commands.People as they are.
func give[B, O any](s *Server, api huma.API, method, path, summary, description string, status int,
	handle func(context.Context, commands.Ask, *command[B]) (*O, error), also ...func(*huma.Operation),
) {
	op := operation(method, path, summary, description)
	op.DefaultStatus = status
	op.Parameters = append(op.Parameters, headerParam(headerIdempotencyKey,
		"Your name for this command, up to 200 characters: sent again under the same name, with the same body, it is carried out once"))
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	for _, describe := range also {
		describe(&op)
	}
	huma.Register(api, op, func(ctx context.Context, in *command[B]) (*O, error) {
		if at, has := any(in.Body).(interface{ frn() string }); has {
			visitOf(ctx).concerns(at.frn())
			who := callerOf(ctx)
			if refusal := who.acceptedAt(at.frn()); refusal != nil {
				return nil, refusal
			}
		}
		ask, refusal := askOf(in)
		if refusal != nil {
			return nil, refusal
		}
		out, err := handle(ctx, ask, in)
		if err != nil {
			return nil, s.peopleProblem(ctx, in.http, err)
		}
		return out, nil
	})
}

// end registers a route that ends what its address names, and takes no body.
func end[O any](api huma.API, path, summary, description string, handle func(context.Context, *request) (*O, error), also ...func(*huma.Operation)) {
	op := operation(http.MethodDelete, path, summary, description)
	op.DefaultStatus = http.StatusOK
	op.Errors = append(op.Errors, http.StatusConflict)
	for _, describe := range also {
		describe(&op)
	}
	huma.Register(api, op, func(ctx context.Context, in *request) (*O, error) { return plain(handle(ctx, in)) })
}

// matching says that a route takes If-Match.
func matching(op *huma.Operation) {
	op.Parameters = append(op.Parameters, headerParam(headerIfMatch, "The ETag of the answer that you saw: what was changed since then is left as it is, and you get 412"))
	op.Errors = append(op.Errors, http.StatusPreconditionFailed)
}

// byLink says that a route is for the holder of a mailed link.
func byLink(op *huma.Operation) {
	op.Parameters = append(op.Parameters, headerParam(headerLink, linkDoc))
	op.Errors = append(op.Errors, http.StatusNotFound)
}

// bodyOf says how large the body of a route may be, in bytes; its row in the table of routes has
// OwnBody.
func bodyOf(bytesMax int64) func(*huma.Operation) {
	return func(op *huma.Operation) { op.MaxBodyBytes = bytesMax }
}

// askOf returns who gives the command of a request, and what goes with it.
func askOf[B any](in *command[B]) (commands.Ask, *Problem) {
	if refusal := noParameters(&in.request); refusal != nil {
		return commands.Ask{}, refusal
	}
	if fault := controlIn(reflect.ValueOf(in.Body), "body"); fault != nil {
		p := problem(CodeInvalidBody, "A text holds a control character. Send plain text.")
		p.Errors = []Fault{*fault}
		return commands.Ask{}, p
	}
	ask := commands.Ask{By: callerOf(in.http.Context()).principal}
	if why, has := any(in.Body).(interface{ reason() string }); has {
		ask.Reason = strings.TrimSpace(why.reason())
	}
	var refusal *Problem
	if ask.ID, refusal = commandID(in.http, ask.By.ID, in.Body); refusal != nil {
		return commands.Ask{}, refusal
	}
	ask.Expected, refusal = expectedOf(in.http.Header)
	return ask, refusal
}

var keyPattern = regexp.MustCompile(`^[\x21-\x7e]{1,200}$`)

// commandSpace is the namespace of ids of commands that were given over HTTP.
var commandSpace = uuid.MustParse("6d8fdc8e-2a53-4f0e-9f5b-6f64b0f3a6c4")

// commandID derives the id of a command from who gives it, to what, under which name. Another body
// under the same name is another command: nobody is told that it was carried out when it was not, and
// of those who are not known nobody gets another's answer without knowing all that he sent.
func commandID(r *http.Request, principal string, body any) (uuid.UUID, *Problem) {
	keys := r.Header.Values(headerIdempotencyKey)
	if len(keys) == 0 {
		return uuid.Nil, nil
	}
	if len(keys) > 1 || !keyPattern.MatchString(keys[0]) {
		return uuid.Nil, problem(CodeBadRequest, "Send one %s of 1 to 200 visible characters without spaces, such as a UUID.", headerIdempotencyKey)
	}
	text, err := json.Marshal([]any{principal, r.Method, r.URL.EscapedPath(), keys[0], body})
	if err != nil {
		return uuid.Nil, problem(CodeBadRequest, "The body cannot be taken.") // cannot be: it came as JSON
	}
	return uuid.NewSHA1(commandSpace, text), nil
}

// revisionTag is the entity tag of a revision.
func revisionTag(revision eventstore.Revision) string {
	return strconv.Quote(strconv.FormatInt(int64(revision), 10))
}

// tagPattern takes the tag of a revision, and that of an answer about a stream, which has more after it
// (see revised). The latter is weak, as a representation's; what is compared is the revision alone,
// and that is exact whatever became of the answer's bytes.
var tagPattern = regexp.MustCompile(`^(?:W/)?"(0|[1-9][0-9]{0,17})(?:\.[A-Za-z0-9_-]{1,40})?"$`)

// expectedOf returns the revision that If-Match names, nil where the request has none.
func expectedOf(header http.Header) (*eventstore.Revision, *Problem) {
	given := header.Values(headerIfMatch)
	if len(given) == 0 {
		return nil, nil //nolint:nilnil // no revision and no problem
	}
	found := tagPattern.FindStringSubmatch(strings.TrimSpace(given[0]))
	if len(given) > 1 || found == nil {
		return nil, problem(CodePreconditionFailed, "Send one %s, the ETag of the answer that you saw, as it is.", headerIfMatch)
	}
	number, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		return nil, problem(CodePreconditionFailed, "Send one %s, the ETag of the answer that you saw, as it is.", headerIfMatch)
	}
	revision := eventstore.Revision(number)
	return &revision, nil
}

// controlIn finds a text with a control character other than tab and the ends of lines: no name,
// reason or document has one, and not every database keeps a NUL.
func controlIn(value reflect.Value, where string) *Fault {
	switch value.Kind() { //nolint:exhaustive // all others hold no text
	case reflect.String:
		bad := func(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' }
		if strings.ContainsFunc(value.String(), bad) {
			return &Fault{Location: where, Message: "holds a control character"}
		}
	case reflect.Struct:
		for i := range value.NumField() {
			field := value.Type().Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			at := where
			if name != "" {
				at += "." + name
			}
			if fault := controlIn(value.Field(i), at); field.IsExported() && fault != nil {
				return fault
			}
		}
	case reflect.Slice:
		for i := range value.Len() {
			if fault := controlIn(value.Index(i), where+"["+strconv.Itoa(i)+"]"); fault != nil {
				return fault
			}
		}
	case reflect.Pointer:
		if !value.IsNil() {
			return controlIn(value.Elem(), where)
		}
	}
	return nil
}

// peopleProblem tells what went wrong with a command on people, or with a question about them.
func (s *Server) peopleProblem(ctx context.Context, r *http.Request, err error) *Problem {
	switch {
	case errors.Is(err, commands.ErrUnknown), errors.Is(err, commands.ErrLink):
		return notFound()
	case errors.Is(err, commands.ErrNoReason):
		p := problem(CodeInvalidBody, "%s", sentence(err.Error()))
		p.Errors = []Fault{{Location: "body.reason", Message: "is needed"}}
		return p
	case errors.Is(err, commands.ErrForbidden):
		return problem(CodeForbidden, "None of your roles at this business allows this.")
	case errors.Is(err, eventstore.ErrWrongExpectedRevision) && r.Header.Get(headerIfMatch) != "":
		return problem(CodePreconditionFailed, "It was changed after you saw it. Look again, and decide again.")
	case errors.Is(err, eventstore.ErrWrongExpectedRevision):
		return problem(CodeConflict, "Somebody else changed it at the same moment. Look again.").retryAfter(0)
	case errors.Is(err, eventstore.ErrTooLarge):
		return problem(CodeBodyTooLarge, "It is larger than what can be recorded.")
	}
	if refusal, is := errors.AsType[*domain.Refusal](err); is {
		return refusalProblem(refusal)
	}
	return s.problemOf(ctx, err)
}

func (d Decision) reason() string { return d.Reason }
