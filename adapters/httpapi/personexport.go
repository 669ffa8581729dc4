package httpapi

import (
	"bufio"
	"context"
	"net/http"
	"time"
)

// exportPerson gives all that is kept about a person out. What fails before the first bytes have gone
// out is told as a problem; after that the connection is cut, so that the client learns that the file
// is not whole.
func (s *Server) exportPerson(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.ExportTimeout)
	defer cancel()
	in := &request{http: r}
	if refusal := noParameters(in); refusal != nil {
		refusal.write(w)
		return
	}
	person, err := personIn(in)
	if err != nil {
		notFound().write(w)
		return
	}
	who := callerOf(ctx).principal
	leave, ok := s.exports.enter(who.ID)
	if !ok {
		s.tooManyExports().write(w)
		return
	}
	defer leave()
	file := &personFile{w: w, person: person, timeout: s.limits.RequestTimeout, ended: ctx.Err}
	out := bufio.NewWriterSize(file, 64<<10)
	if err = s.config.ExportPerson(ctx, out, person); err == nil {
		err = out.Flush()
	}
	s.logger.InfoContext(ctx, "person exported", "actor", who.ID, "person", person, "complete", err == nil)
	switch {
	case err == nil:
	case !file.begun:
		s.peopleProblem(ctx, r, err).write(w)
	default:
		if !isGone(err) {
			s.logger.ErrorContext(ctx, "export failed", "error", err)
		}
		panic(http.ErrAbortHandler)
	}
}

// personFile is the answer of an export: it begins with the first bytes, and gives the client its
// time for each piece anew.
type personFile struct {
	w       http.ResponseWriter
	person  string
	timeout time.Duration
	begun   bool
	ended   func() error // says whether the answer may not go on
}

func (f *personFile) Write(p []byte) (int, error) {
	if !f.begun {
		f.begun = true
		f.w.Header().Set("Content-Type", "application/json")
		f.w.Header().Set("Content-Disposition", `attachment; filename="person-`+f.person+`.json"`)
	}
	// A connection that cannot set deadlines (a test's recorder) has none.
	_ = http.NewResponseController(f.w).SetWriteDeadline(time.Now().Add(f.timeout))
	if err := f.ended(); err != nil {
		return 0, err // it may have ended, and cut the connection, just before the deadline was set
	}
	return f.w.Write(p)
}
