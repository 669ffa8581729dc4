package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"casesync/eventstore"
	"casesync/projections/engine"
)

// The headers of positions.
const (
	headerPosition    = "Casesync-Position"
	headerMinPosition = "Casesync-Min-Position"
)

// noStore is the Cache-Control of what has no entity tag.
const noStore = "private, no-store"

// AsOf says up to where the read model that an answer came from had read the log.
type AsOf struct {
	Position   string     `json:"position" doc:"Opaque; the same as in the header Casesync-Position" example:"4711"`
	RecordedAt *time.Time `json:"recordedAt" nullable:"true" doc:"When the event there was recorded; null for an empty log"`
}

func asOf(view engine.View) AsOf {
	return AsOf{Position: view.Position.String(), RecordedAt: instant(view.RecordedAt)}
}

// instant is a time that JSON shows as null where there is none.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// request is the input of every huma route: the HTTP request itself. Parameters are read by our
// own tables, which also describe them.
type request struct {
	http   *http.Request
	header http.Header // of the answer
}

// Resolve takes the request. It is huma's hook.
func (in *request) Resolve(ctx huma.Context) []error {
	r, w := humachi.Unwrap(ctx)
	in.http, in.header = r, w.Header()
	return nil
}

// output is an answer built from a read model.
type output[B any] struct {
	ETag         string `header:"ETag" doc:"Weak; send it back as If-None-Match"`
	Position     string `header:"Casesync-Position" doc:"Up to where the read model had read the log"`
	CacheControl string `header:"Cache-Control" doc:"private, and to be asked for again each time"`
	Body         B
}

// errNotModified ends a read whose answer the client has already.
var errNotModified = errors.New("not modified")

// A question is how a route answers from a read model.
type question[B any] struct {
	projection string
	// tag returns what the answer depends on beside the request and the caller. If the client has
	// the answer to the same, it gets 304 without more work. Nil for answers that are not cached.
	tag func(ctx context.Context, view engine.View) ([]any, error)
	// load reads what the answer needs within one snapshot, and returns how to make the answer of
	// it once the snapshot is given back: opening personal fields may take a while.
	load func(ctx context.Context, view engine.View) (finish func(context.Context) (B, error), err error)
}

// answer reads a question's projection once it has reached the position that the client waits for.
func answer[B any](s *Server, in *request, q question[B]) (*output[B], error) {
	r := in.http
	ctx := r.Context()
	if err := s.waitForPosition(ctx, r.Header, q.projection); err != nil {
		return nil, err
	}
	out := output[B]{CacheControl: noStore}
	var finish func(context.Context) (B, error)
	err := engine.Read(ctx, s.config.Store, q.projection, func(view engine.View) error {
		out.Position = view.Position.String()
		if q.tag != nil {
			parts, err := q.tag(ctx, view)
			if err != nil {
				return err
			}
			out.ETag, out.CacheControl = entityTag(r, append(parts, view.Generation, s.today())), cacheControl(ctx)
			if noneMatch(r.Header, out.ETag) {
				return errNotModified
			}
		}
		var err error
		finish, err = q.load(ctx, view)
		return err
	})
	switch {
	case errors.Is(err, errNotModified):
		in.header.Set("Cache-Control", out.CacheControl)
		return nil, (&Problem{Status: http.StatusNotModified}).with("ETag", out.ETag).with(headerPosition, out.Position)
	case errors.Is(err, engine.ErrNotBuilt):
		return nil, problem(CodeUnavailable, "The read model is being built. Try again later.").retryAfter(retryUnavailable)
	case err != nil:
		return nil, s.problemOf(ctx, err)
	}
	if out.Body, err = finish(ctx); err != nil {
		return nil, s.problemOf(ctx, err)
	}
	return &out, nil
}

// cacheControl is that of an answer with an entity tag: a program may keep it and ask whether it still
// holds; a browser, which others may use after the person, keeps nothing of cases on its disk.
func cacheControl(ctx context.Context) string {
	if callerOf(ctx).session {
		return noStore
	}
	return "private, no-cache"
}

// waitForPosition waits until projection has reached the position that the request names.
func (s *Server) waitForPosition(ctx context.Context, header http.Header, projection string) error {
	text := header.Get(headerMinPosition)
	if text == "" {
		return nil
	}
	position, err := eventstore.ParsePosition(text)
	if err != nil {
		return problem(CodePositionInvalid, "Take %s from %s of an earlier answer, as it is.", headerMinPosition, headerPosition)
	}
	waiting, cancel := context.WithTimeout(ctx, s.limits.PositionWaitMax)
	defer cancel()
	err = engine.WaitFor(waiting, s.config.Store, projection, position)
	if err == nil {
		return nil
	}
	if !errors.Is(err, engine.ErrBehind) || ctx.Err() != nil {
		return s.problemOf(ctx, err)
	}
	reached := s.reached(ctx, projection)
	if reached.Compare(position) >= 0 {
		return nil // at the last moment
	}
	lag := Lag{Asked: position.String(), Reached: reached.String()}
	behind := problem(CodeBehind, "It has reached %s and you asked for %s. Try again in a moment.", lag.Reached, lag.Asked)
	behind.Lag = &lag
	return behind.retryAfter(time.Second).with(headerPosition, lag.Reached)
}

// reached returns where projection is, zero if that cannot be told.
func (s *Server) reached(ctx context.Context, projection string) (position eventstore.Position) {
	_ = engine.Read(ctx, s.config.Store, projection, func(view engine.View) error { // only to be shown
		position = view.Position
		return nil
	})
	return position
}

// revised is a part of an entity tag that can be read in it: the revision of the stream that the answer
// is about, so that the tag is good for If-Match with a command on that stream.
type revised eventstore.Revision

// entityTag is weak, since the same answer may be compressed or not. It covers the address, the
// caller (who sees what differs by him) and what the answer depends on.
func entityTag(r *http.Request, parts []any) string {
	revision := ""
	if len(parts) > 0 {
		if at, is := parts[0].(revised); is {
			revision = strconv.FormatInt(int64(at), 10) + "."
		}
	}
	who := callerOf(r.Context())
	text, err := json.Marshal([]any{
		r.URL.Path, r.URL.RawQuery, who.principal.ID, who.scope.FRNs(), who.scope.Every(), who.scope.SeesSuppressed(), parts,
	})
	if err != nil {
		return "" // cannot be: the parts are numbers and text
	}
	sum := sha256.Sum256(text)
	return `W/"` + revision + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
}

// noneMatch reports whether If-None-Match names the tag, by the weak comparison of RFC 9110.
func noneMatch(header http.Header, tag string) bool {
	for _, line := range header.Values("If-None-Match") {
		for candidate := range strings.SplitSeq(line, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}

// pathValue returns a part of the path as it was meant.
func pathValue(r *http.Request, name string) string {
	raw := chi.URLParam(r, name)
	if r.URL.RawPath == "" {
		return raw
	}
	value, err := url.PathUnescape(raw)
	if err != nil {
		return raw
	}
	return value
}
