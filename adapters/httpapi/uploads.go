package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// UploadRefusal is why a request of the upload protocol is not done, in the words of whoever refused it.
type UploadRefusal interface {
	error
	// Problem returns the status of HTTP, a stable code, and a sentence for people.
	Problem() (status int, code, detail string)
}

// Codes of the upload protocol that this package gives a title; others are told with what HTTP calls their status.
const (
	CodeUploadOffset    Code = "upload-offset"
	CodeUploadTakenOver Code = "upload-taken-over"
	CodeUploadLength    Code = "upload-length"
	CodeUploadExceeded  Code = "upload-size-exceeded"
	CodeUploadMetadata  Code = "upload-metadata"
	CodeTusVersion      Code = "unsupported-version"
	CodeTusContentType  Code = "invalid-content-type"
	CodeTusOffset       Code = "invalid-offset"
	CodeChecksum        Code = "checksum-mismatch"
	CodeChecksumUnknown Code = "checksum-algorithm"
	CodeReadTimeout     Code = "read-timeout"
)

// statusChecksum is what tus answers where a checksum differs.
const statusChecksum = 460

// FaultOfUpload answers a request of the upload protocol with why it is not done, as problem details: an
// UploadRefusal in its own words, errors of commands as on all other routes. Of what may not be known of
// nothing is told but that (requirement 47).
func (s *Server) FaultOfUpload(w http.ResponseWriter, r *http.Request, err error) {
	p := s.uploadProblem(r, err)
	for _, name := range []string{"Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Expires", "Location"} {
		w.Header().Del(name)
	}
	p.write(w)
}

func (s *Server) uploadProblem(r *http.Request, err error) *Problem {
	refusal, is := errors.AsType[UploadRefusal](err)
	if !is {
		return s.peopleProblem(r.Context(), r, err)
	}
	status, code, detail := refusal.Problem()
	if status == http.StatusNotFound {
		return notFound()
	}
	p := problem(Code(code), "%s", sentence(detail))
	p.Status = status
	if p.Title == "" {
		p.Title = http.StatusText(status)
	}
	if status >= http.StatusInternalServerError {
		s.logger.WarnContext(r.Context(), "upload request failed", "code", code)
		return p.retryAfter(retryUnavailable)
	}
	return p
}

// receive hands a request to the upload protocol, with the time that it may take.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) {
	if refusal := noParameters(&request{http: r}); refusal != nil {
		linger(w)
		refusal.write(w)
		return
	}
	if r.Method != http.MethodPost && r.Method != http.MethodPatch {
		s.config.Uploads.ServeHTTP(w, r)
		return
	}
	leave, ok := s.uploads.enter(callerOf(r.Context()).principal.ID)
	if !ok {
		linger(w)
		// Not 429: clients of the protocol give up on that, and come back on this.
		problem(CodeUploadsBusy, "You may send %d files at one time, and all together %d. Come back in a moment.",
			s.limits.UploadsPerPrincipalMax, s.limits.UploadsMax).retryAfter(retryUnavailable).write(w)
		return
	}
	defer leave()
	s.receiveBytes(w, r)
}

// receiveBytes lets a request bring bytes for as long as they come: each read has its time anew. It ends
// at once when its caller may not go on (see watch), or is gone, or after UploadTimeout; what came until
// then is kept by the protocol's handler, and the client, to whom the connection breaks, goes on there.
func (s *Server) receiveBytes(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.UploadTimeout)
	defer cancel()
	paced := pacedWriter{w, http.NewResponseController(w), ctx}
	cut := context.AfterFunc(ctx, paced.cut)
	defer cut()
	body := pacedBody{r.Body, paced, s.limits.UploadIdleTimeout}
	body.extend()
	r = r.WithContext(ctx)
	r.Body, r.Header = body, r.Header.Clone() // who asks is read from the original as long as it goes on
	s.config.Uploads.ServeHTTP(paced, r)
	if ctx.Err() != nil {
		panic(http.ErrAbortHandler)
	}
	linger(paced)
}

// pacedWriter is the answer to a request that goes on for long: once the request may not go on, nobody
// gives its connection time any more.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	ctx     context.Context //nolint:containedctx // the request's: nothing is read or written after it
}

// past is a deadline that was missed.
var past = time.Unix(1, 0)

// cut ends what is being read and written. Connections without deadlines are tests'.
func (w pacedWriter) cut() {
	_ = w.control.SetReadDeadline(past)
	_ = w.control.SetWriteDeadline(past)
}

// SetReadDeadline sets the deadline, for http.ResponseController.
func (w pacedWriter) SetReadDeadline(at time.Time) error { return w.set(w.control.SetReadDeadline, at) }

// SetWriteDeadline sets the deadline, for http.ResponseController.
func (w pacedWriter) SetWriteDeadline(at time.Time) error {
	return w.set(w.control.SetWriteDeadline, at)
}

func (w pacedWriter) set(deadline func(time.Time) error, at time.Time) error {
	err := deadline(at)
	if w.ctx.Err() != nil {
		w.cut() // it may have ended, and cut the connection, just before the deadline was set
	}
	return err
}

// Unwrap lets http.ResponseController through.
func (w pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// pacedBody is a body that has its time anew after each read that brought something. It is set after
// reads and not before: who ends the request by a deadline must not have it moved under a read that waits.
type pacedBody struct {
	io.ReadCloser
	writer pacedWriter
	idle   time.Duration
}

func (b pacedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		b.extend()
	}
	return n, err
}

// extend gives the next read its time, and the answer some after it. Connections without deadlines are tests'.
func (b pacedBody) extend() {
	now := time.Now()
	_ = b.writer.SetReadDeadline(now.Add(b.idle))
	_ = b.writer.SetWriteDeadline(now.Add(2 * b.idle))
}
