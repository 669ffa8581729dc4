package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A download is a file on its way out.
type download struct {
	name, mediaType string
	sha256          string // hexadecimal digits
	open            func(ctx context.Context) (Content, error)
	// still says whether it may go out at this moment; its error is told like any other.
	still func(ctx context.Context) error
}

// contentCheckEvery is how often it is asked whether a file that goes out may go on.
const contentCheckEvery = time.Second

// errNotAnyMore is the cause of the context of a download that may not go on.
var errNotAnyMore = errors.New("the file may not go out any more")

// send gives a file out. Whether it may is asked immediately before the first byte, and then about every
// second. What fails before the first byte is told as a problem; after it the connection is cut, so that
// nobody takes a part for the whole.
func (s *Server) send(w http.ResponseWriter, r *http.Request, d download) {
	leave, ok := s.downloads.enter(callerOf(r.Context()).principal.ID)
	if !ok {
		problem(CodeTooMany, "You may download %d files at one time, and all together %d. Wait for one to end.",
			s.limits.DownloadsPerPrincipalMax, s.limits.DownloadsMax).retryAfter(retryUnavailable).write(w)
		return
	}
	defer leave()
	timed, cancel := context.WithTimeout(r.Context(), s.limits.DownloadTimeout)
	defer cancel()
	ctx, end := context.WithCancelCause(timed)
	out := newContentWriter(ctx, w, r.Method, s.limits.RequestTimeout)
	cut := context.AfterFunc(ctx, out.cut)
	var watching sync.WaitGroup
	watching.Go(func() { s.watchContent(r, ctx, end, d.still) })
	err := serveContent(ctx, out, r, d)
	ended := context.Cause(ctx)
	cut() // the answer is whole, or is given up: the connection may be used again, or is closed
	end(nil)
	watching.Wait()
	switch {
	case err == nil && out.whole():
	case out.begun.Load():
		panic(http.ErrAbortHandler)
	case errors.Is(ended, errNotAnyMore):
		notFound().write(w)
	default:
		s.contentProblem(r, errors.Join(err, ended)).write(w)
	}
}

// serveContent opens the bytes, which may take a while, and gives them out.
func serveContent(ctx context.Context, out *contentWriter, r *http.Request, d download) error {
	content, err := d.open(ctx)
	if err != nil {
		return err
	}
	defer content.Close() //nolint:errcheck // it was only read
	if err := d.still(ctx); err != nil {
		return err
	}
	if digest, err := hex.DecodeString(d.sha256); err == nil && len(digest) > 0 {
		out.Header().Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(digest)+":")
	}
	content.Serve(out, r.WithContext(ctx), d.name, d.mediaType)
	return nil
}

// watchContent ends a download when it may not go on, or when that cannot be asked for long.
func (s *Server) watchContent(r *http.Request, ctx context.Context, end context.CancelCauseFunc, still func(context.Context) error) { //nolint:revive // the context is the download's, within the request's
	ticker := time.NewTicker(contentCheckEvery)
	defer ticker.Stop()
	asked := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := still(ctx)
		switch {
		case err == nil:
			asked = time.Now()
		case ctx.Err() != nil:
			return
		case s.peopleProblem(ctx, r, err).Status < http.StatusInternalServerError, time.Since(asked) > unaskedMax:
			end(errNotAnyMore)
			return
		}
	}
}

// contentProblem tells why there are no bytes. What people can do nothing about is logged with its cause.
func (s *Server) contentProblem(r *http.Request, err error) *Problem {
	p := s.peopleProblem(r.Context(), r, err)
	if _, told := errors.AsType[*Problem](err); told && p.Status >= http.StatusInternalServerError {
		s.logger.WarnContext(r.Context(), "file cannot be given", "operation", visitOf(r.Context()).route.Operation(), "code", p.Code, "error", err)
	}
	return p
}

// contentWriter is the answer of a download: it gives the client its time for each piece anew, tells what
// is no file as problems, and knows whether all that was announced went out.
type contentWriter struct {
	pacedWriter
	patience          time.Duration
	head              bool
	begun             atomic.Bool // something of the answer went out
	told              bool        // the answer is a problem
	declared, written int64
}

func newContentWriter(ctx context.Context, w http.ResponseWriter, method string, patience time.Duration) *contentWriter {
	return &contentWriter{
		pacedWriter: pacedWriter{w, http.NewResponseController(w), ctx}, patience: patience, head: method == http.MethodHead,
	}
}

// cut ends what is being written; an answer that did not begin can still tell why.
func (w *contentWriter) cut() {
	if w.begun.Load() {
		w.pacedWriter.cut()
	}
}

// whole reports whether everything went out.
func (w *contentWriter) whole() bool {
	return w.begun.Load() && (w.head || w.told || w.written == w.declared)
}

// WriteHeader begins the answer, unless it may not begin any more.
func (w *contentWriter) WriteHeader(status int) {
	if w.begun.Swap(true) {
		return
	}
	if w.ctx.Err() != nil {
		w.begun.Store(false)
		return
	}
	_ = w.SetWriteDeadline(time.Now().Add(w.patience)) // connections without deadlines are tests'
	if status >= http.StatusBadRequest {
		w.told = true
		w.tell(status)
		return
	}
	if length, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64); err == nil {
		w.declared = length
	}
	if status == http.StatusNotModified {
		w.declared = 0
	}
	w.ResponseWriter.WriteHeader(status)
}

// tell writes a problem in place of what the server of files would say.
func (w *contentWriter) tell(status int) {
	for _, name := range []string{"Content-Disposition", "Content-Length", "Repr-Digest", "ETag", "Accept-Ranges"} {
		w.Header().Del(name)
	}
	w.Header().Set("Cache-Control", noStore)
	p := problem(CodeInternal, "The fault is in the service. Try again later.")
	switch status {
	case http.StatusRequestedRangeNotSatisfiable:
		p = problem(CodeRange, "Content-Range says how long the file is. Ask for a range within it.")
	case http.StatusPreconditionFailed:
		p = problem(CodePreconditionFailed, "The file is not the one that the condition of the request names.")
	}
	p.write(w.ResponseWriter)
}

// Write hands bytes on.
func (w *contentWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	if w.told {
		return len(p), nil
	}
	_ = w.SetWriteDeadline(time.Now().Add(w.patience)) // connections without deadlines are tests'
	n, err := w.ResponseWriter.Write(p)
	w.written += int64(n)
	return n, err
}
