package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"casesync/eventstore/sqldb"
)

// A Code says which problem it is. Codes are part of the public interface: they stay.
type Code string

// The codes of all problems.
const (
	CodeBadRequest         Code = "bad-request"
	CodeUnknownParameter   Code = "unknown-parameter"
	CodeInvalidParameter   Code = "invalid-parameter"
	CodeCursorInvalid      Code = "cursor-invalid"
	CodeCursorMismatch     Code = "cursor-mismatch"
	CodePositionInvalid    Code = "position-invalid"
	CodeTokenMissing       Code = "token-missing"
	CodeTokenRefused       Code = "token-refused"
	CodeSessionEnded       Code = "session-ended"
	CodeTermsNotAccepted   Code = "terms-not-accepted"
	CodeForbidden          Code = "forbidden"
	CodeNotFound           Code = "not-found"
	CodeMethodNotAllowed   Code = "method-not-allowed"
	CodeNotAcceptable      Code = "not-acceptable"
	CodeConflict           Code = "conflict"
	CodePreconditionFailed Code = "precondition-failed"
	CodeBodyTooLarge       Code = "body-too-large"
	CodeURLTooLong         Code = "url-too-long"
	CodeMediaType          Code = "media-type-unsupported"
	CodeInvalidBody        Code = "invalid-body"
	CodeTooMany            Code = "too-many-requests"
	CodeInternal           Code = "internal"
	CodeBehind             Code = "read-model-behind"
	CodeUnavailable        Code = "unavailable"
)

// The codes of files.
const (
	// CodeUploadsBusy: more files are being received than the service takes at one time.
	CodeUploadsBusy Code = "uploads-busy"
	// CodeNotDownloadable: the file is not, or not yet, or not any more, one to be given out.
	CodeNotDownloadable Code = "not-downloadable"
	// CodeRange: there is nothing of the file in the range that was asked for.
	CodeRange Code = "range-not-satisfiable"
	// CodeDocumentRefused: the address that a document was published under is none that documents are
	// fetched from.
	CodeDocumentRefused Code = "document-address-refused"
	// CodeDocumentUnavailable: the source does not give the document now.
	CodeDocumentUnavailable Code = "document-unavailable"
	// CodeDocumentMissing: the source does not have it any more, or does not give it to this service.
	CodeDocumentMissing Code = "document-missing"
	// CodeDocumentMismatch: what the source gives has another size, SHA-256 or type than was published.
	CodeDocumentMismatch Code = "document-mismatch"
	// CodeContentAltered: what is kept here is not what was put there.
	CodeContentAltered Code = "content-altered"
)

// The codes that the ingest alone gives, beside some of those above: it writes its problems itself.
const (
	CodeInvalidJSON     Code = "invalid-json"
	CodeInvalidEnvelope Code = "invalid-envelope"
	CodeBatchTooLarge   Code = "batch-too-large"
)

// problems is the one table from code to status and title.
var problems = map[Code]struct {
	status int
	title  string
}{
	CodeBadRequest:          {http.StatusBadRequest, "The request cannot be understood"},
	CodeUnknownParameter:    {http.StatusBadRequest, "There is no such query parameter"},
	CodeInvalidParameter:    {http.StatusBadRequest, "A query parameter has a value it cannot have"},
	CodeCursorInvalid:       {http.StatusBadRequest, "The cursor is not one that this service gave"},
	CodeCursorMismatch:      {http.StatusBadRequest, "The cursor belongs to other filters or another sort order"},
	CodePositionInvalid:     {http.StatusBadRequest, "The position is not one that this service gave"},
	CodeTokenMissing:        {http.StatusUnauthorized, "You are not signed in, and the request carries no token"},
	CodeTokenRefused:        {http.StatusUnauthorized, "The token is refused"},
	CodeSessionEnded:        {http.StatusUnauthorized, "Your session has ended"},
	CodeTermsNotAccepted:    {http.StatusForbidden, "The terms of use wait to be accepted"},
	CodeForbidden:           {http.StatusForbidden, "Your roles do not allow this"},
	CodeNotFound:            {http.StatusNotFound, "There is nothing here"},
	CodeMethodNotAllowed:    {http.StatusMethodNotAllowed, "The address does not take this method"},
	CodeNotAcceptable:       {http.StatusNotAcceptable, "The answer cannot be given in a format you accept"},
	CodeConflict:            {http.StatusConflict, "It is not in a state that allows this"},
	CodePreconditionFailed:  {http.StatusPreconditionFailed, "It was changed since you saw it"},
	CodeBodyTooLarge:        {http.StatusRequestEntityTooLarge, "The body is too large"},
	CodeURLTooLong:          {http.StatusRequestURITooLong, "The address is too long"},
	CodeMediaType:           {http.StatusUnsupportedMediaType, "The body has a media type that is not taken here"},
	CodeInvalidBody:         {http.StatusUnprocessableEntity, "The body has a value it cannot have"},
	CodeTooMany:             {http.StatusTooManyRequests, "Too much at once"},
	CodeInternal:            {http.StatusInternalServerError, "Something went wrong here"},
	CodeBehind:              {http.StatusServiceUnavailable, "The read model has not come so far yet"},
	CodeUnavailable:         {http.StatusServiceUnavailable, "The service cannot answer now"},
	CodeCredentialsWrong:    {http.StatusUnauthorized, "The details are not right"},
	CodeSignInFailed:        {http.StatusUnauthorized, "You could not be signed in"},
	CodeAccountUnusable:     {http.StatusForbidden, "There is no account to sign in to"},
	CodeProviderFailed:      {http.StatusBadGateway, "The identity provider did not answer as it should"},
	CodeAttemptsLimited:     {http.StatusTooManyRequests, "There were too many attempts"},
	CodeSignInBusy:          {http.StatusServiceUnavailable, "Too many people are signing in"},
	CodeAttemptOver:         {http.StatusUnauthorized, "The sign-in took too long, or was done already"},
	CodeSecondFactorMissing: {http.StatusForbidden, "The account has no second factor yet"},
	CodeAnswerUnsolicited:   {http.StatusUnauthorized, "Nobody here had asked the identity provider"},
	CodeEmailUnusable:       {http.StatusForbidden, "The identity provider gave no confirmed e-mail address"},
	CodeEmailDomainRefused:  {http.StatusForbidden, "The e-mail address is outside the business's domains"},
	CodeCrossOriginRefused:  {http.StatusForbidden, "The request came from another site"},
	CodeLinkUnusable:        {http.StatusNotFound, "The link cannot be used"},
	CodePasswordTooShort:    {http.StatusUnprocessableEntity, "The password is too short"},
	CodePasswordTooLong:     {http.StatusUnprocessableEntity, "The password is too long"},
	CodePasswordTooCommon:   {http.StatusUnprocessableEntity, "The password is one of those that attackers try first"},
	CodePasswordTooRegular:  {http.StatusUnprocessableEntity, "The password is a pattern"},
	CodePasswordTooPersonal: {http.StatusUnprocessableEntity, "The password is mostly what belongs to the account"},
	CodeAnswersUnfit:        {http.StatusUnprocessableEntity, "The security questions or answers break a rule"},
	CodeAnswersNeeded:       {http.StatusConflict, "The security questions come first"},
	CodeSessionNeeded:       {http.StatusForbidden, "This is for somebody who is signed in in a browser"},
	CodeUploadsBusy:         {http.StatusServiceUnavailable, "Too many files are being received"},
	CodeNotDownloadable:     {http.StatusConflict, "The file is not one that can be downloaded now"},
	CodeRange:               {http.StatusRequestedRangeNotSatisfiable, "The file has nothing in that range"},
	CodeUploadOffset:        {http.StatusConflict, "The upload stands at another offset"},
	CodeUploadTakenOver:     {http.StatusConflict, "Another request goes on with the upload"},
	CodeUploadLength:        {http.StatusBadRequest, "The upload's length is missing or cannot be"},
	CodeUploadExceeded:      {http.StatusRequestEntityTooLarge, "More came than the upload's length"},
	CodeUploadMetadata:      {http.StatusUnprocessableEntity, "The upload does not say for which case it is, or its name"},
	CodeTusVersion:          {http.StatusPreconditionFailed, "Tus-Resumable is missing, or a version that is not spoken"},
	CodeTusContentType:      {http.StatusBadRequest, "The bytes of an upload have another Content-Type"},
	CodeTusOffset:           {http.StatusBadRequest, "Upload-Offset is missing or cannot be"},
	CodeChecksum:            {statusChecksum, "The checksum differs"},
	CodeChecksumUnknown:     {http.StatusBadRequest, "The checksum is of a kind that is not known"},
	CodeReadTimeout:         {http.StatusInternalServerError, "No byte came for too long"},
	CodeDocumentRefused:     {http.StatusBadGateway, "The document stands at an address that nothing is fetched from"},
	CodeDocumentUnavailable: {http.StatusServiceUnavailable, "The case management system does not give the document now"},
	CodeDocumentMissing:     {http.StatusBadGateway, "The case management system does not have the document"},
	CodeDocumentMismatch:    {http.StatusBadGateway, "The document is not the one that was published"},
	CodeContentAltered:      {http.StatusInternalServerError, "The file is damaged"},
	CodeInvalidJSON:         {http.StatusBadRequest, "The body is not valid JSON"},
	CodeInvalidEnvelope:     {http.StatusBadRequest, "The headers are not those of an event"},
	CodeBatchTooLarge:       {http.StatusRequestEntityTooLarge, "The batch has too many events"},
}

// Problem is an error as RFC 9457 has it.
type Problem struct { //nolint:errname // the name is the RFC's, and the schema's
	Type   string  `json:"type" doc:"urn:casesync:problem: and the code" example:"urn:casesync:problem:not-found"`
	Title  string  `json:"title" doc:"What kind of problem it is"`
	Status int     `json:"status" doc:"The status of the answer"`
	Code   Code    `json:"code" doc:"Which problem it is; stable" example:"not-found"`
	Detail string  `json:"detail" doc:"What is wrong with this request, and what to do"`
	Errors []Fault `json:"errors,omitempty" doc:"Where exactly, if there are several places"`
	Lag    *Lag    `json:"lag,omitempty" doc:"How far the read model is behind, for read-model-behind"`

	header http.Header
}

// Fault is one thing wrong with a request.
type Fault struct {
	Location string `json:"location,omitempty" doc:"Such as query.stage or body.reason"`
	Message  string `json:"message"`
}

// Lag says how far a read model is behind the position that was asked for.
type Lag struct {
	Asked   string `json:"asked" doc:"The position that was asked for"`
	Reached string `json:"reached" doc:"The position that the read model has reached"`
}

// problemType begins the type of every problem; its code follows.
const problemType = "urn:casesync:problem:"

// problem makes a problem of a code; its detail is formatted like fmt.Sprintf.
func problem(code Code, format string, args ...any) *Problem {
	kind := problems[code]
	return &Problem{
		Type: problemType + string(code), Title: kind.title, Status: kind.status, Code: code,
		Detail: fmt.Sprintf(format, args...),
	}
}

// notFound is the one answer to whatever does not exist or may not be seen: nothing in it depends
// on which of the two it is (requirement 47).
func notFound() *Problem {
	return problem(CodeNotFound, "It does not exist, or you may not see it.")
}

func (p *Problem) with(name, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(name, value)
	return p
}

func (p *Problem) retryAfter(after time.Duration) *Problem {
	return p.with("Retry-After", strconv.Itoa(max(1, int(after.Round(time.Second)/time.Second))))
}

// Error returns the detail.
func (p *Problem) Error() string { return string(p.Code) + ": " + p.Detail }

// GetStatus makes a Problem a huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders makes a Problem a huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType makes huma send problems as such.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// write sends the problem on a route that stands on chi itself.
func (p *Problem) write(w http.ResponseWriter) {
	noteCode(w, p.Code)
	maps.Copy(w.Header(), p.header)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		return // the client is gone; there is nobody to tell
	}
}

// problemOf turns any error into a problem: what may work later without a change is CodeUnavailable,
// what it does not know CodeInternal. What went wrong is said in the log alone.
func (s *Server) problemOf(ctx context.Context, err error) *Problem {
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded):
		return problem(CodeUnavailable, "The answer took too long. Ask for less, or try again later.").retryAfter(5 * time.Second)
	case ctx.Err() != nil:
		return problem(CodeUnavailable, "The request was given up.")
	}
	s.logger.ErrorContext(ctx, "request failed", "error", err)
	if sqldb.Unavailable(err) {
		return problem(CodeUnavailable, "The database cannot be asked now. Try again later.").retryAfter(retryUnavailable)
	}
	return problem(CodeInternal, "The fault is in the service and was logged. Try again later.")
}

// init makes huma report its own findings as problems of ours. It is huma's way: one function for
// the process.
func init() { //nolint:gochecknoinits // there is no other way to give huma its errors
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](errors.Join(errs...)); ok {
			return problem(CodeBodyTooLarge, "It may have %d bytes.", tooLarge.Limit)
		}
		p := problem(codeOfStatus(status), "%s", sentence(message))
		for _, err := range errs {
			if err != nil {
				p.Errors = append(p.Errors, faultOf(err))
			}
		}
		return p
	}
}

func faultOf(err error) Fault {
	var detailer huma.ErrorDetailer
	if errors.As(err, &detailer) {
		detail := detailer.ErrorDetail()
		return Fault{Location: detail.Location, Message: detail.Message}
	}
	return Fault{Message: err.Error()}
}

// codeOfStatus finds the code for a status that huma chose.
func codeOfStatus(status int) Code {
	switch status {
	case http.StatusNotFound:
		return CodeNotFound
	case http.StatusNotAcceptable:
		return CodeNotAcceptable
	case http.StatusRequestEntityTooLarge:
		return CodeBodyTooLarge
	case http.StatusUnsupportedMediaType:
		return CodeMediaType
	case http.StatusUnprocessableEntity:
		return CodeInvalidBody
	case http.StatusRequestTimeout:
		return CodeUnavailable
	}
	if status >= http.StatusInternalServerError {
		return CodeInternal
	}
	return CodeBadRequest
}

// sentence makes one of a message without capital and full stop.
func sentence(text string) string {
	if text == "" {
		return "The request cannot be understood."
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
