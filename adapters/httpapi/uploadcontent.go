package httpapi

import (
	"context"
	"net/http"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/upload"
)

// lookUp finds an upload for a principal as the log has it, and says commands.ErrUnknown for what may not be known.
type lookUp func(ctx context.Context, by access.Principal, id string) (commands.UploadView, error)

// downloadUpload gives a business its own file once it was found clean (domain.md 6e).
func (s *Server) downloadUpload(w http.ResponseWriter, r *http.Request) {
	s.sendUpload(w, r, s.config.Casework.Upload, func(view commands.UploadView) error {
		if !view.Downloadable {
			return problem(CodeNotDownloadable, "It is %s. It can be downloaded once it was found clean, as long as it is kept.", view.Status)
		}
		return nil
	})
}

// fetchUpload gives a file to the case management system that speaks for its case.
func (s *Server) fetchUpload(w http.ResponseWriter, r *http.Request) {
	s.sendUpload(w, r, s.config.Casework.UploadForSource, func(commands.UploadView) error { return nil })
}

func (s *Server) sendUpload(w http.ResponseWriter, r *http.Request, look lookUp, given func(commands.UploadView) error) {
	if refusal := noParameters(&request{http: r}); refusal != nil {
		refusal.write(w)
		return
	}
	ctx, id, by := r.Context(), pathValue(r, "id"), callerOf(r.Context()).principal
	find := func(ctx context.Context) (commands.UploadView, error) {
		view, err := look(ctx, by, id)
		if err == nil {
			err = given(view)
		}
		return view, err
	}
	view, err := find(ctx)
	if err != nil {
		s.peopleProblem(ctx, r, err).write(w)
		return
	}
	visitOf(ctx).concerns(view.FRN)
	s.send(w, r, download{
		// The ending says what the bytes are, and not what the sender called them: a text does not become a program.
		name: upload.DisplayName(namedFile(upload.DisplayName(view.Name), view.MediaType)), mediaType: view.MediaType, sha256: view.SHA256,
		open:  func(ctx context.Context) (Content, error) { return s.config.OpenUpload(ctx, id) },
		still: func(ctx context.Context) error { _, err := find(ctx); return err },
	})
}
