package httpapi

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"casesync/adapters/commands"
)

// A visit is what Security Operations is told of one request. It holds no name, address or search
// text: the route's pattern, user ids, references, and the names of parameters.
type visit struct {
	route   Route
	actor   string
	about   string
	frns    []string
	detail  map[string]string
	status  int
	code    Code
	address string
	// begun says that an entry was kept before the answer.
	begun bool
}

type visitKey struct{}

// visitOf returns the visit of a request; where nothing is recorded it returns one that nobody reads.
func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return new(visit)
}

// by notes who asks, and where he may.
func (v *visit) by(who caller) {
	v.actor = who.principal.ID
	if len(v.frns) == 0 && !who.scope.Every() {
		v.frns = who.scope.FRNs()
	}
}

// concerns notes the businesses that a request is about, once its handler knows them.
func (v *visit) concerns(frns ...string) { v.frns = slices.Compact(slices.Sorted(slices.Values(frns))) }

// note keeps a detail.
func (v *visit) note(name, value string) {
	if v.detail == nil {
		v.detail = map[string]string{}
	}
	v.detail[name] = value
}

// record tells Security Operations of every request that the table of routes has an activity for,
// and of every refusal, once it is answered. That an entry could not be kept is logged and counted,
// and the answer stands: the entry of what must not go unrecorded was kept before it (see announce).
func (s *Server) record(next http.Handler) http.Handler {
	if s.config.Activity == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route, _ := matchedRoute(r)
		v := &visit{route: route, address: addressOf(r), about: aboutOf(route, r), frns: businessesNamed(r)}
		noteFile(v, r)
		if names := parameterNames(r); names != "" {
			v.note("parameters", names)
		}
		whole := false
		defer func() { //nolint:contextcheck // the request's own
			if !whole && v.code == "" {
				v.code = codeCutOff
			}
			s.conclude(r.Context(), v)
		}()
		next.ServeHTTP(&recorder{ResponseWriter: w, visit: v}, r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
		whole = true
	})
}

// codeCutOff is recorded of answers that ended before they were whole.
const codeCutOff Code = "cut-off"

// conclude records a visit at its end.
func (s *Server) conclude(ctx context.Context, v *visit) {
	failed := v.status >= http.StatusBadRequest || v.code == codeCutOff
	kind := v.route.Activity
	switch {
	case v.code == CodeTooMany:
		if kind = commands.TooManyRequests; !s.refused.first(v.address+" "+v.actor, s.config.Now()) {
			return
		}
	case v.route.Public: // what the gate refuses it records itself
	case v.status == http.StatusUnauthorized, v.status == http.StatusForbidden:
		kind = commands.AccessRefused
	}
	if kind == "" || v.begun && !v.route.Stream && !failed {
		return // the entry before it says all
	}
	v.note("status", strconv.Itoa(v.status))
	if v.begun {
		v.note("phase", "ended")
	}
	_ = s.keep(ctx, v, kind, failed) // it was logged and counted
}

// announced reports whether a route's requests are recorded before they are answered: what leaves
// the service in bulk, the reading of the activity log, and whatever goes on for long.
func (r Route) announced() bool {
	return r.Stream && r.Activity == commands.DataRead || r.mustBeRecorded()
}

// mustBeRecorded reports whether a route is refused where it cannot be recorded (requirement 44).
func (r Route) mustBeRecorded() bool {
	return r.Activity == commands.DataExported || r.Activity == commands.FileDownloaded || r.Activity == commands.ActivityRead
}

// announce records exports, downloads, the reading of the activity log and streams before they begin.
// It stands behind everything that may refuse them. All but the stream of changes are refused
// where they cannot be recorded: nobody gets data out while Security Operations sees nothing.
func (s *Server) announce(next http.Handler) http.Handler {
	if s.config.Activity == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := visitOf(r.Context())
		if !v.route.announced() {
			next.ServeHTTP(w, r)
			return
		}
		v.begun = true
		v.note("phase", "begun")
		// A crash after it leaves an entry without an end, of data that may have gone out.
		if err := s.keep(r.Context(), v, v.route.Activity, false); err != nil && v.route.mustBeRecorded() {
			problem(CodeUnavailable, "This cannot be recorded for Security Operations now, and may not go unrecorded. Try again later.").
				retryAfter(retryUnavailable).write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// recordTimeout bounds how long an answer waits for its entry.
const recordTimeout = 5 * time.Second

// keep records a visit as it is known now. Whoever asked cannot withdraw the entry by going away.
func (s *Server) keep(ctx context.Context, v *visit, kind commands.ActivityKind, failed bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	err := s.config.Activity.Record(ctx, commands.Activity{
		At: s.config.Now(), Kind: kind, Actor: v.actor, Address: v.address, Operation: v.route.Operation(),
		Subject: v.about, FRNs: v.frns, Failed: failed, Code: string(v.code), Detail: maps.Clone(v.detail),
	})
	if err != nil {
		s.unrecorded.Add(1)
		s.logger.ErrorContext(ctx, "activity could not be recorded", "kind", kind, "operation", v.route.Operation(), "error", err)
	}
	return err
}

// Unrecorded returns how many activities this server could not record, for health and metrics.
func (s *Server) Unrecorded() int64 { return s.unrecorded.Load() }

// plainID is what a part of a path must look like to be recorded: ids of ours, references, FRNs. What
// else somebody may type there is not.
var plainID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// aboutOf fills in what a request concerns from its path; "" where the path has something else there.
func aboutOf(route Route, r *http.Request) string {
	about := route.About
	for _, name := range pathNames(about) {
		value := pathValue(r, name)
		if !plainID.MatchString(value) {
			return ""
		}
		about = strings.ReplaceAll(about, "{"+name+"}", value)
	}
	return about
}

// noteFile notes which of several files of what a download is about goes out, and whether it does.
func noteFile(v *visit, r *http.Request) {
	if v.route.Activity != commands.FileDownloaded {
		return
	}
	for _, name := range pathNames(v.route.Pattern) {
		if value := pathValue(r, name); !strings.Contains(v.route.About, "{"+name+"}") && plainID.MatchString(value) {
			v.note(name, value)
		}
	}
	if r.Method == http.MethodHead {
		v.note("method", r.Method)
	}
}

var parameterName = regexp.MustCompile(`^[A-Za-z_]{1,30}$`)

// parameterNames names the parameters of a request, without their values.
func parameterNames(r *http.Request) string {
	names := slices.DeleteFunc(sortedKeys(r.URL.Query()), func(name string) bool { return !parameterName.MatchString(name) })
	return strings.Join(names[:min(len(names), parameterNamesMax)], " ")
}

// parameterNamesMax is more than any route takes.
const parameterNamesMax = 40

// A recorder notes how a request was answered.
type recorder struct {
	http.ResponseWriter
	visit *visit
}

// WriteHeader notes the status.
func (w *recorder) WriteHeader(status int) {
	if w.visit.status == 0 {
		w.visit.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write notes that there is an answer.
func (w *recorder) Write(p []byte) (int, error) {
	if w.visit.status == 0 {
		w.visit.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController through.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// noteCode notes the code of a problem that is written to w, whatever else is wrapped around it.
func noteCode(w http.ResponseWriter, code Code) {
	for {
		switch wrapped := w.(type) {
		case *recorder:
			wrapped.visit.code = code
			return
		case interface{ Unwrap() http.ResponseWriter }:
			w = wrapped.Unwrap()
		default:
			return
		}
	}
}

// firsts tells the first of many that are alike within a minute, so that whoever sends too many
// requests does not fill the activity log as well.
type firsts struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// The limits of firsts.
const (
	firstsEvery   = time.Minute
	firstsKeysMax = 10_000
)

func (f *firsts) first(key string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last, there := f.last[key]; there && now.Sub(last) < firstsEvery && !now.Before(last) {
		return false
	}
	if f.last == nil || len(f.last) >= firstsKeysMax {
		f.last = map[string]time.Time{}
	}
	f.last[key] = now
	return true
}
