package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Limits bound what one request, client or process may use.
type Limits struct {
	// URLLengthMax is in bytes. Default 16 KiB.
	URLLengthMax int
	// BodyBytesMax bounds the body of operators' commands; the ingest has its own. Default 64 KiB.
	BodyBytesMax int64
	// RequestTimeout ends a request that does not stream. Default 30 s.
	RequestTimeout time.Duration
	// PositionWaitMax is how long Casesync-Min-Position waits. Default 5 s.
	PositionWaitMax time.Duration
	// ExportTimeout ends an export. Default 30 min.
	ExportTimeout time.Duration
	// ExportsPerPrincipalMax and ExportsMax bound exports at one time. Defaults 2 and 16.
	ExportsPerPrincipalMax, ExportsMax int
	// StreamsPerPrincipalMax and StreamsMax bound streams of changes at one time. Defaults 10 and 1,000.
	StreamsPerPrincipalMax, StreamsMax int
	// DownloadsPerPrincipalMax and DownloadsMax bound files that go out at one time, and UploadsPerPrincipalMax
	// and UploadsMax requests that bring bytes in. Defaults 16 and 128, 8 and 64.
	DownloadsPerPrincipalMax, DownloadsMax, UploadsPerPrincipalMax, UploadsMax int
	// DownloadTimeout and UploadTimeout end one request; the client goes on where it stood. Defaults 2 h, 6 h.
	DownloadTimeout, UploadTimeout time.Duration
	// UploadIdleTimeout ends a request of which no byte comes. Default 1 min.
	UploadIdleTimeout time.Duration
	// StreamHeartbeat is how often an idle stream says that it lives. Default 15 s.
	StreamHeartbeat time.Duration
	// StreamWriteTimeout drops a client that does not take what it is sent. Default 10 s.
	StreamWriteTimeout time.Duration
	// StreamQueueMax is how many batches a slow client may be behind before it is dropped. Default 64.
	StreamQueueMax int
	// ReplayEventsMax is how far back Last-Event-ID is resumed, in events of the log. Default 10,000.
	ReplayEventsMax int
}

// DefaultLimits returns the limits as they are documented.
func DefaultLimits() Limits {
	return Limits{
		URLLengthMax: 16 << 10, BodyBytesMax: 64 << 10,
		RequestTimeout: 30 * time.Second, PositionWaitMax: 5 * time.Second, ExportTimeout: 30 * time.Minute,
		ExportsPerPrincipalMax: 2, ExportsMax: 16,
		StreamsPerPrincipalMax: 10, StreamsMax: 1000,
		DownloadsPerPrincipalMax: 16, DownloadsMax: 128, UploadsPerPrincipalMax: 8, UploadsMax: 64,
		DownloadTimeout: 2 * time.Hour, UploadTimeout: 6 * time.Hour, UploadIdleTimeout: time.Minute,
		StreamHeartbeat: 15 * time.Second, StreamWriteTimeout: 10 * time.Second, StreamQueueMax: 64,
		ReplayEventsMax: 10_000,
	}
}

// retryUnavailable is what a client waits before it tries again what could not be answered.
const retryUnavailable = 5 * time.Second

// limit refuses addresses that are too long, and gives the connection its time for this request: a
// deadline outlives the request that it was set for, so each one sets its own.
func (s *Server) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setDeadlines(w, time.Now().Add(s.limits.RequestTimeout+answerTime))
		if len(r.RequestURI) > s.limits.URLLengthMax {
			problem(CodeURLTooLong, "The address has %d bytes; it may have %d.", len(r.RequestURI), s.limits.URLLengthMax).write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// answerTime is what is left to send the answer of a request that used all its time.
const answerTime = 5 * time.Second

func setDeadlines(w http.ResponseWriter, deadline time.Time) {
	control := http.NewResponseController(w)
	// A connection that cannot set deadlines (a test's recorder) has none.
	_ = control.SetReadDeadline(deadline)
	_ = control.SetWriteDeadline(deadline)
}

// bound gives a request its time and its body's size. Streams bound themselves, once they are let in.
func (s *Server) bound(w http.ResponseWriter, r *http.Request, route Route) (*http.Request, context.CancelFunc) {
	if route.Stream {
		return r, func() {}
	}
	if !route.OwnBody {
		r.Body = http.MaxBytesReader(w, r.Body, s.limits.BodyBytesMax)
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.RequestTimeout)
	return r.WithContext(ctx), cancel
}

// lingerTime is how long the rest of a body is awaited that nobody reads any more, so that its client comes to
// read the answer. It is short: the answer waits for it.
const lingerTime = time.Second

// linger is for answers to requests of which the body may be long, or never come.
func linger(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(lingerTime)) // a test's recorder has none
}

// securityHeaders are sent with every answer. An answer's own Cache-Control replaces this one.
func (s *Server) securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", noStore)
		if s.config.HSTS || r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=63072000")
		}
		next.ServeHTTP(w, r)
	})
}

// turnstile lets a bounded number through, of each principal and of all.
type turnstile struct {
	mu           sync.Mutex
	inside       map[string]int
	all          int
	eachMax, max int
}

func newTurnstile(eachMax, all int) *turnstile {
	return &turnstile{inside: map[string]int{}, eachMax: eachMax, max: all}
}

// enter returns how to leave again, or false if there is no room.
func (g *turnstile) enter(principal string) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside[principal] >= g.eachMax || g.all >= g.max {
		return nil, false
	}
	g.inside[principal]++
	g.all++
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.all--
		if g.inside[principal]--; g.inside[principal] == 0 {
			delete(g.inside, principal)
		}
	}), true
}
