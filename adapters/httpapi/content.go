package httpapi

import (
	"errors"
	"net/http"
	"time"
)

// Content is the bytes of a file that is about to be given out.
type Content interface {
	// Serve answers a GET or HEAD request with the bytes, or the ranges of them that it asks for, under a
	// name that it makes safe, to be saved and not to be shown.
	Serve(w http.ResponseWriter, r *http.Request, name, mediaType string)
	// Close closes it.
	Close() error
}

// PublishedDocument is a key document as its case management system published it.
type PublishedDocument struct {
	URL       string
	MediaType string
	Bytes     int64
	SHA256    string // hexadecimal digits
}

// retryContent is what a client waits before it asks again for what its source does not give.
const retryContent = 30 * time.Second

// contentFaults says what people are told of bytes that cannot be given.
var contentFaults = map[Code]string{
	CodeDocumentRefused:     "The address under which the document was published is not one that this service fetches from. The helpdesk can have that looked at.",
	CodeDocumentUnavailable: "Try again in a few minutes.",
	CodeDocumentMissing:     "It does not have the document any more, or does not give it to this service. Ask by a case update.",
	CodeDocumentMismatch:    "Its size, SHA-256 or type is another than was published, and nothing of it was given out. Ask by a case update.",
	CodeContentAltered:      "What is kept here is not what was put there, and it is not given out. The helpdesk can have that looked at.",
}

// ContentFault is the error with which Config.OpenUpload and Config.OpenDocument say why there are no
// bytes: one of CodeDocumentRefused, CodeDocumentUnavailable, CodeDocumentMissing, CodeDocumentMismatch,
// CodeContentAltered, or CodeNotFound for what was never there or was erased. Cause is for the log.
func ContentFault(code Code, cause error) error {
	p := problem(code, "%s", contentFaults[code])
	switch {
	case code == CodeNotFound:
		p = notFound()
	case p.Status == http.StatusServiceUnavailable:
		p = p.retryAfter(retryContent)
	}
	return errors.Join(p, cause)
}
