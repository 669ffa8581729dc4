package uploads

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	tus "github.com/tus/tusd/v2/pkg/handler"
	tuslog "golang.org/x/exp/slog"
)

// call is one request, as the store of the protocol's handler needs it.
type call struct {
	checksum string    // header Upload-Checksum
	expires  time.Time // of the upload; zero where it is whole
	fault    error     // why it is not done
	control  *http.ResponseController
	stopped  atomic.Bool // another request is to go on with the upload
}

type callKey struct{}

// callOf returns the call that ctx belongs to.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// newHandler puts the protocol's handler between what it does not know: our errors, checksums and expiry.
func newHandler(u *Uploads) (http.Handler, error) {
	composer := tus.NewStoreComposer()
	store := tusStore{u}
	composer.UseCore(store)
	composer.UseTerminater(store)
	composer.UseLocker(newLocker())
	inner, err := tus.NewHandler(tus.Config{
		StoreComposer: composer, MaxSize: u.config.FileBytesMax, BasePath: u.config.BasePath + "/",
		DisableDownload: true, Cors: &tus.CorsConfig{Disable: true},
		NetworkTimeout: u.config.NetworkTimeout, GracefulRequestCompletionTimeout: u.config.Grace,
		// The channels of the handler block where nobody reads them; completion is a stage in the database instead.
		NotifyCompleteUploads: false, NotifyTerminatedUploads: false, NotifyUploadProgress: false, NotifyCreatedUploads: false,
		// Its log has paths and internal errors on one level; ours says what matters.
		Logger: tuslog.New(tuslog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return nil, err
	}
	return http.StripPrefix(u.config.BasePath, u.guard(inner)), nil
}

// guard answers what the protocol's handler must not see, and turns its errors into ours.
func (u *Uploads) guard(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Tus-Resumable", "1.0.0")
		w.Header().Set("Cache-Control", "no-store")
		id := strings.Trim(r.URL.Path, "/")
		parsed, err := uuid.Parse(id)
		known := err == nil && parsed.String() == id
		switch r.Method {
		case http.MethodOptions:
			u.options(w)
			return
		case http.MethodPost:
			if id != "" {
				u.config.Fault(w, r, errMethod)
				return
			}
		case http.MethodHead, http.MethodPatch, http.MethodDelete:
			if !known {
				u.config.Fault(w, r, errUnknown)
				return
			}
			// Asked before the upload's turn is taken, which ends the request that writes it now: who may not see an
			// upload stops nobody.
			if err := u.allow(r.Context(), id); err != nil {
				u.config.Fault(w, r, err)
				return
			}
		default:
			w.Header().Set("Allow", "POST, HEAD, PATCH, DELETE, OPTIONS")
			u.config.Fault(w, r, errMethod)
			return
		}
		// An authoriser goes by the method; it is not changed after it.
		r.Header.Del("X-Http-Method-Override")
		call := &call{checksum: r.Header.Get("Upload-Checksum"), control: http.NewResponseController(w)}
		// The protocol's handler has goroutines that end with the request's context.
		ctx, cancel := context.WithCancel(context.WithValue(r.Context(), callKey{}, call))
		defer cancel()
		r = r.WithContext(ctx)
		// An authoriser goes by the method; it is not changed after it. The headers are others' to read meanwhile.
		r.Header = r.Header.Clone()
		r.Header.Del("X-Http-Method-Override")
		answer := &answer{ResponseWriter: w, call: call}
		inner.ServeHTTP(answer, r)
		if answer.status != 0 {
			w.Header().Del("Content-Type")
			w.Header().Del("Content-Length")
			err := call.fault
			if err == nil {
				err = refusalOf(answer.status, answer.body.String())
			}
			u.config.Fault(w, r, err)
		}
	})
}

// options tells what this server can do.
func (u *Uploads) options(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Tus-Version", "1.0.0")
	header.Set("Tus-Extension", "creation,creation-with-upload,expiration,checksum,termination")
	header.Set("Tus-Checksum-Algorithm", "sha1,sha256")
	header.Set("Tus-Max-Size", strconv.FormatInt(u.config.FileBytesMax, 10))
	w.WriteHeader(http.StatusNoContent)
}

// answer keeps errors back, and adds to what is no error.
type answer struct {
	http.ResponseWriter
	call   *call
	status int // of an error that is kept back
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		a.status = status
		return
	}
	header := a.Header()
	if !a.call.expires.IsZero() {
		header.Set("Upload-Expires", a.call.expires.UTC().Format(http.TimeFormat))
	}
	// The handler makes an address of whatever Host the client names; a path says the same, and is true behind a proxy.
	if location, err := url.Parse(header.Get("Location")); err == nil && location.Path != "" {
		header.Set("Location", location.Path)
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	if a.status != 0 {
		return a.body.Write(p)
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController set deadlines.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
