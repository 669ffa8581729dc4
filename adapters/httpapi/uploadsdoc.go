package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// tusHeaders say what the headers of the upload protocol are.
var tusHeaders = map[string]string{
	"Tus-Resumable":          "1.0.0",
	"Tus-Version":            "1.0.0",
	"Tus-Extension":          "creation,creation-with-upload,expiration,checksum,termination",
	"Tus-Max-Size":           "The most bytes of a file",
	"Tus-Checksum-Algorithm": "sha1,sha256",
	"Upload-Length":          "The size of the whole file, in bytes. It is needed at once",
	"Upload-Metadata":        "case and filename, each with its value in Base64, with a comma between: case MTIzNA==,filename bGV0dGVyLnBkZg==",
	"Upload-Offset":          "How many bytes are there",
	"Upload-Checksum":        "sha1 or sha256, a space, and the checksum of the body in Base64. The body then counts whole, or not at all",
	"Upload-Expires":         "When the upload is given up if nothing comes",
	"Location":               "The path of the upload: " + UploadsPath + "/ and its id",
}

// registerProtocol mounts the upload protocol under UploadsPath.
func (s *Server) registerProtocol(on describer) {
	bytesIn := &huma.RequestBody{Content: map[string]*huma.MediaType{
		"application/offset+octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
	}}
	on(http.MethodPost, UploadsPath, "Begin an upload", "tus 1.0 (https://tus.io/protocols/resumable-upload): announces a file to a case, and may bring its first bytes. What cannot be taken, by its size or for its case, is refused before a byte is sent.", s.receive,
		func(op *huma.Operation) {
			op.RequestBody = bytesIn
			takes(op, "Upload-Length", "Upload-Metadata", "Upload-Checksum")
			answers(op, "201", "It is begun", "Location", "Upload-Offset", "Upload-Expires")
			op.Errors = append(op.Errors, http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
		})
	on(http.MethodHead, UploadsPath+"/{id}", "Ask for an upload's offset", "How many bytes are there: all that was told to be there is durable. A request that brings bytes to the same upload ends with what it brought.", s.receive,
		func(op *huma.Operation) {
			takes(op)
			answers(op, "200", "It stands at the offset", "Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Expires")
		})
	on(http.MethodPatch, UploadsPath+"/{id}", "Go on with an upload", "Brings bytes from the offset on, for as long as they come. A connection that breaks loses nothing that came over it: ask for the offset by HEAD, and go on there.", s.receive,
		func(op *huma.Operation) {
			op.RequestBody = bytesIn
			takes(op, "Upload-Offset", "Upload-Checksum")
			answers(op, "204", "The bytes are durable", "Upload-Offset", "Upload-Expires")
			op.Responses["460"] = content("The checksum differs, and nothing was kept", "application/problem+json")
			op.Errors = append(op.Errors, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusServiceUnavailable)
		})
	on(http.MethodDelete, UploadsPath+"/{id}", "Give an upload up", "As long as it did not go out. Its bytes are deleted.", s.receive,
		func(op *huma.Operation) {
			takes(op)
			answers(op, "204", "It is given up")
			op.Errors = append(op.Errors, http.StatusConflict)
		})
	for _, path := range []string{UploadsPath, UploadsPath + "/{id}"} {
		on(http.MethodOptions, path, "Ask what the upload protocol can do here", "Which version and extensions of tus are spoken, and the most bytes of a file.", s.receive,
			func(op *huma.Operation) {
				answers(op, "204", "That", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm")
			})
	}
}

// takes says which headers a request of the protocol has.
func takes(op *huma.Operation, names ...string) {
	for _, name := range append([]string{"Tus-Resumable"}, names...) {
		op.Parameters = append(op.Parameters, headerParam(name, tusHeaders[name]))
	}
	op.Errors = append(op.Errors, http.StatusPreconditionFailed)
}

// answers says which headers an answer of the protocol has.
func answers(op *huma.Operation, status, description string, names ...string) {
	response := &huma.Response{Description: description, Headers: map[string]*huma.Param{}}
	for _, name := range append([]string{"Tus-Resumable"}, names...) {
		response.Headers[name] = &huma.Param{Description: tusHeaders[name], Schema: &huma.Schema{Type: huma.TypeString}}
	}
	op.Responses[status] = response
}
