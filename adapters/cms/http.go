package cms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/eventstore"
)

// The media types of CloudEvents' content modes.
const (
	mediaStructured = "application/cloudevents+json"
	mediaBatch      = "application/cloudevents-batch+json"
)

// attributePrefix begins the headers that carry the attributes of an event in binary mode.
const attributePrefix = "Ce-"

// retryAfterSeconds is what a sender is told to wait while the service cannot take events.
const retryAfterSeconds = "5"

// The codes of problems with a request as a whole; nothing of it was taken or kept.
const (
	problemMedia       = "media-type-unsupported"
	problemBody        = "body-too-large"
	problemBatch       = "batch-too-large"
	problemJSON        = "invalid-json"
	problemEnvelope    = "invalid-envelope"
	problemForbidden   = "forbidden"
	problemUnavailable = "unavailable"
)

// problems is the one table from code to status and title.
var problems = map[string]struct {
	status int
	title  string
}{
	problemMedia:       {http.StatusUnsupportedMediaType, "The body has a media type that is not taken here"},
	problemBody:        {http.StatusRequestEntityTooLarge, "The body is too large"},
	problemBatch:       {http.StatusRequestEntityTooLarge, "The batch has too many events"},
	problemJSON:        {http.StatusBadRequest, "The body is not valid JSON"},
	problemEnvelope:    {http.StatusBadRequest, "The headers are not those of an event"},
	problemForbidden:   {http.StatusForbidden, "Your roles do not allow this"},
	problemUnavailable: {http.StatusServiceUnavailable, "The service cannot take events now"},
}

// problem is an error as RFC 9457 has it.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (p *problem) Error() string { return p.Code + ": " + p.Detail }

func newProblem(code, format string, args ...any) *problem {
	kind := problems[code]
	return &problem{"urn:casesync:problem:" + code, kind.title, kind.status, code, fmt.Sprintf(format, args...)}
}

// Handler serves POST of events: one in structured or binary mode, or a batch. It answers 202 with a
// result for each event, in order, and the header Casesync-Position with the position to wait for.
// principal tells who sends, from the request's context.
func (in *Ingester) Handler(principal func(context.Context) access.Principal) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		results, err := in.serve(w, r, principal(r.Context()))
		if err != nil {
			in.writeProblem(w, r, err)
			return
		}
		writeResults(w, results)
	})
}

func (in *Ingester) serve(w http.ResponseWriter, r *http.Request, by access.Principal) ([]Result, error) {
	// The sender is asked who he is before he is listened to.
	if err := commands.Allow(by, access.PublishEvents); err != nil {
		return nil, err
	}
	messages, err := in.read(w, r)
	if err != nil {
		return nil, err
	}
	return in.Take(r.Context(), Sender{By: by, Via: "http"}, messages)
}

// read returns the events of a request.
func (in *Ingester) read(w http.ResponseWriter, r *http.Request) ([]Message, error) {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := parameters["charset"]; err != nil || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, unsupported()
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, newProblem(problemMedia, "The body is compressed (%.20q): send it without Content-Encoding.", encoding)
	}
	binary := media != mediaStructured && media != mediaBatch
	if binary && (r.Header.Get("Ce-Specversion") == "" || !isJSON(media)) {
		return nil, unsupported()
	}
	body, err := in.readBody(w, r)
	switch {
	case err != nil:
		return nil, err
	case media == mediaBatch:
		return in.readBatch(body)
	case binary:
		if body, err = fromBinary(r.Header, body); err != nil {
			return nil, err
		}
	}
	// One event that is not JSON is a broken request. In a batch it is one result among many: it
	// must not spoil the others.
	m := in.Parse(body)
	if m.Fault != nil && m.Fault.Code == CodeJSON {
		return nil, newProblem(problemJSON, "%s", m.Fault.Reason)
	}
	return []Message{m}, nil
}

func (in *Ingester) readBatch(body []byte) ([]Message, error) {
	events, err := splitArray(body)
	if err != nil {
		return nil, newProblem(problemJSON, "The batch cannot be taken apart: %v.", err)
	}
	if len(events) > in.limits.BatchEventsMax {
		return nil, newProblem(problemBatch, "The batch has %d events, at most %d are taken: send it in parts.", len(events), in.limits.BatchEventsMax)
	}
	return in.ParseAll(events), nil
}

func unsupported() *problem {
	return newProblem(problemMedia, "Send %s, %s, or JSON with the attributes in ce- headers, in UTF-8.", mediaStructured, mediaBatch)
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

func (in *Ingester) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(in.limits.BodyBytesMax)))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, newProblem(problemBody, "The body has more than %d bytes: send fewer events at a time.", tooLarge.Limit)
	case err != nil:
		return nil, newProblem(problemJSON, "The body ended before it was complete: send it again.")
	}
	return body, nil
}

// fromBinary returns an event of binary mode in CloudEvents' JSON format.
func fromBinary(header http.Header, body []byte) ([]byte, error) {
	event := map[string]json.RawMessage{}
	put := func(name, value string) { event[name] = quoted(value) }
	for key, values := range header {
		name, ok := strings.CutPrefix(key, attributePrefix)
		if !ok {
			continue
		}
		name = strings.ToLower(name)
		value, err := url.PathUnescape(values[0])
		if err != nil || len(values) != 1 || !utf8.ValidString(value) || name == "data" || name == "data_base64" {
			return nil, newProblem(problemEnvelope, "The header ce-%.40s must name an attribute, and be there once, as percent-encoded UTF-8.", name)
		}
		put(name, value)
	}
	put("datacontenttype", header.Get("Content-Type"))
	if len(body) > 0 {
		if _, err := parseJSON(body); err != nil {
			return nil, newProblem(problemJSON, "The event's data is not valid JSON: %v.", err)
		}
		event["data"] = body
	}
	whole, err := json.Marshal(event)
	if err != nil {
		return nil, newProblem(problemJSON, "The event's data is not valid JSON.")
	}
	return whole, nil
}

// quoted returns the JSON of a text.
func quoted(text string) json.RawMessage {
	data, err := json.Marshal(text)
	if err != nil {
		panic("a string without a JSON form") // there is none
	}
	return data
}

// writeJSON ends an answer. A sender who is gone by then asks again.
func writeJSON(w http.ResponseWriter, media string, status int, body any) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		return // nobody is there to be told
	}
}

// answer is the body of an answer.
type answer struct {
	Results []answeredEvent `json:"results"`
}

type answeredEvent struct {
	ID     string          `json:"id"`
	Status commands.Status `json:"status"`
	Code   string          `json:"code,omitempty"`
	Reason string          `json:"reason,omitempty"`
}

func writeResults(w http.ResponseWriter, results []Result) {
	body := answer{Results: make([]answeredEvent, len(results))}
	var position eventstore.Position
	for i, result := range results {
		body.Results[i] = answeredEvent{result.ID, result.Status, result.Code, result.Reason}
		if result.Position.Compare(position) > 0 {
			position = result.Position
		}
	}
	if !position.IsZero() {
		w.Header().Set("Casesync-Position", position.String())
	}
	writeJSON(w, "application/json", http.StatusAccepted, body)
}

func (in *Ingester) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	var p *problem
	switch {
	case errors.As(err, &p):
	case errors.Is(err, commands.ErrForbidden):
		p = newProblem(problemForbidden, "This token may not publish events: it needs the permission %s.", access.PublishEvents)
	default:
		// The cause may name hosts and files: it is for the log alone.
		in.logger.ErrorContext(r.Context(), "cannot take events", "error", err)
		p = newProblem(problemUnavailable, "None of the events was confirmed, though some may have been taken: send them all again in %s seconds. What was taken has no effect the second time.", retryAfterSeconds)
		w.Header().Set("Retry-After", retryAfterSeconds)
	}
	writeJSON(w, "application/problem+json", p.Status, p)
}
