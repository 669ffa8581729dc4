package uploads

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	tus "github.com/tus/tusd/v2/pkg/handler"
)

// Refusal is why a request of the protocol is not done.
type Refusal struct { //nolint:errname // an answer and not a fault
	Status int    // of HTTP
	Code   string // stable
	Detail string // a sentence for people
}

// Error implements error.
func (r *Refusal) Error() string { return r.Detail }

// Problem returns what it is, for whoever writes it as problem details.
func (r *Refusal) Problem() (status int, code, detail string) { return r.Status, r.Code, r.Detail }

// statusChecksum is what tus answers where a checksum differs.
const statusChecksum = 460

// Refusals of this package, beside those of the protocol's handler.
var (
	errUnknown = &Refusal{http.StatusNotFound, "not-found", "There is no such upload among those you may see."}
	errEmpty   = &Refusal{http.StatusUnprocessableEntity, "file-empty", "The file is empty. Check that it is the right one."}
	errCase    = &Refusal{http.StatusUnprocessableEntity, "upload-metadata", "Upload-Metadata has to name the case, as case, and the file, as filename."}
	errOffset  = &Refusal{http.StatusConflict, "upload-offset", "The upload stands at another offset. Ask for it by HEAD, and go on there."}
	errWriter  = &Refusal{http.StatusConflict, "upload-taken-over", "Another request goes on with this upload. Ask for its offset by HEAD."}

	errChecksum        = &Refusal{statusChecksum, "checksum-mismatch", "What came has another checksum than was said. It was not kept; send it again."}
	errChecksumUnknown = &Refusal{http.StatusBadRequest, "checksum-algorithm", "Upload-Checksum is not sha1 or sha256 with a checksum in Base64."}
	errMethod          = &Refusal{http.StatusMethodNotAllowed, "method-not-allowed", "An upload takes POST, HEAD, PATCH, DELETE and OPTIONS."}
)

// codes gives those errors of the protocol's handler other codes than their own, which clients are known to meet.
var codes = map[string]string{
	"ERR_MISMATCHED_OFFSET":     "upload-offset",
	"ERR_UPLOAD_NOT_FOUND":      "not-found",
	"ERR_MAX_SIZE_EXCEEDED":     "file-too-large",
	"ERR_UPLOAD_SIZE_EXCEEDED":  "upload-size-exceeded",
	"ERR_UPLOAD_INTERRUPTED":    "upload-taken-over",
	"ERR_INVALID_UPLOAD_LENGTH": "upload-length",
	"ERR_NOT_IMPLEMENTED":       "upload-length",
}

// refusalOf reads what the protocol's handler answered: "ERR_CODE: text".
func refusalOf(status int, body string) error {
	name, text, found := strings.Cut(strings.TrimSpace(body), ": ")
	if !found || status >= http.StatusInternalServerError && name == "ERR_INTERNAL_SERVER_ERROR" {
		return &Refusal{status, "internal", "Something went wrong. Try again."}
	}
	code, known := codes[name]
	if !known {
		code = strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "ERR_")), "_", "-")
	}
	return &Refusal{status, code, strings.ToUpper(text[:min(1, len(text))]) + text[min(1, len(text)):] + "."}
}

// writeProblem answers with problem details (RFC 9457).
func writeProblem(w http.ResponseWriter, _ *http.Request, err error) {
	refusal, found := errors.AsType[*Refusal](err)
	if !found {
		refusal = &Refusal{http.StatusInternalServerError, "internal", "Something went wrong. Try again."}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(refusal.Status)
	_ = json.NewEncoder(w).Encode(struct { //nolint:errchkjson // the client is gone
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}{http.StatusText(refusal.Status), refusal.Status, refusal.Code, refusal.Detail})
}

// forTus gives an error in the form in which the protocol's handler passes a status on; what it is in full is kept in
// the call, from which it is answered.
func forTus(err error) error {
	if refusal, found := errors.AsType[*Refusal](err); found {
		return tus.NewError("ERR_REFUSED", refusal.Detail, refusal.Status)
	}
	return tus.NewError("ERR_INTERNAL_SERVER_ERROR", "internal", http.StatusInternalServerError)
}
