package httpapi

import (
	"net/http"
)

// UploadRefusal is why a request of the upload protocol is not done, in the words of whoever refused it.
type UploadRefusal interface {
	error
	// Problem returns the status of HTTP, a stable code, and a sentence for people.
	Problem() (status int, code, detail string)
}

// FaultOfUpload answers a request of the upload protocol with why it is not done, as problem details: for
// an UploadRefusal what that says, for errors of commands what they are told as on all other routes.
func (s *Server) FaultOfUpload(w http.ResponseWriter, r *http.Request, err error) {
	s.peopleProblem(r.Context(), r, err).write(w)
}
