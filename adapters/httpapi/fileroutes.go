package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"casesync/domain/access"
)

// UploadsPath is where files are sent to by tus; an upload's address is below it.
const UploadsPath = "/api/v1/uploads"

// fileRoutes are files: those that people send, by the protocol tus, and those that they are given. What a
// request of the protocol does to an upload is in the log; that one was begun or given up is activity too.
var fileRoutes = []Route{
	reads(UploadsPath, access.ReadDocuments, ""),
	posts(UploadsPath, access.Upload, "").but(streams).but(ownBody),
	gives(http.MethodOptions, UploadsPath, access.Upload, "").but(recordedElsewhere),
	reads(UploadsPath+"/{id}", access.ReadDocuments, "upload-{id}"),
	gives(http.MethodHead, UploadsPath+"/{id}", access.Upload, "upload-{id}").but(recordedElsewhere),
	gives(http.MethodPatch, UploadsPath+"/{id}", access.Upload, "upload-{id}").but(recordedElsewhere).but(streams).but(ownBody),
	gives(http.MethodDelete, UploadsPath+"/{id}", access.Upload, "upload-{id}"),
	gives(http.MethodOptions, UploadsPath+"/{id}", access.Upload, "upload-{id}").but(recordedElsewhere),
	posts(UploadsPath+"/{id}/retry", access.Upload, "upload-{id}"),
	reads(UploadsPath+"/{id}/content", access.ReadDocuments, "upload-{id}").but(downloads),
	reads("/api/v1/upload-limits", access.ReadDocuments, "").but(recordedElsewhere),
	reads("/api/v1/cases/{ref}/documents/{id}/content", access.ReadDocuments, "casefile-{ref}").but(downloads),
	reads("/cms/v1/uploads/{id}/content", access.FetchUploads, "upload-{id}").but(downloads),
}

// registerFiles registers the routes of fileRoutes that answer with JSON, as far as there is something
// behind them.
func (s *Server) registerFiles(api huma.API) {
	get(api, conditional, "/api/v1/cases/{ref}/documents", "List a case's key documents", "What the Financial Ombudsman Service published about the case. Documents given in confidence are not among them.", openAPI(documentParameters), s.listDocuments)
	if s.config.Casework == nil {
		return
	}
	get(api, plainRead, "/api/v1/upload-limits", "Show the limits of uploads", "How much may be sent, and of which types. What is over a limit is refused before a byte of it is sent.", nil, s.showUploadLimits)
	get(api, positioned, UploadsPath, "List uploads", "Files that your business sent to the cases that it has now, the newest first, and what became of each.", openAPI(uploadParameters), s.listUploads)
	get(api, conditional, UploadsPath+"/{id}", "Show an upload", "One file, and what became of it.", nil, s.showUpload)
	give(s, api, http.MethodPost, UploadsPath+"/{id}/retry", "Retry an upload", "Has a file that is in quarantine, was stopped, or was rejected by the case management system scanned and sent again, with the bytes that are there and under the same id.", http.StatusOK, s.retryUpload, matching)
}

// registerTransfers registers those that bytes go in and out by.
func (s *Server) registerTransfers(on describer) {
	if s.config.Uploads != nil {
		s.registerProtocol(on)
	}
	if s.config.OpenUpload != nil && s.config.Casework != nil {
		on(http.MethodGet, UploadsPath+"/{id}/content", "Download an upload", "The bytes of a file that was found clean: your own, as long as the case is yours. "+rangesDoc, s.downloadUpload, describeDownload)
		on(http.MethodGet, "/cms/v1/uploads/{id}/content", "Fetch an upload", "The bytes of a file that was found clean, for the case management system that speaks for its case. "+rangesDoc, s.fetchUpload, describeDownload)
	}
	if s.config.OpenDocument != nil && s.config.People != nil {
		on(http.MethodGet, "/api/v1/cases/{ref}/documents/{id}/content", "Download a key document", "The bytes as they were published: they are fetched from the case management system, and checked, before the first one is given. "+rangesDoc, s.downloadDocument, func(op *huma.Operation) {
			describeDownload(op)
			op.Errors = append(op.Errors, http.StatusBadGateway)
		})
	}
}

const rangesDoc = "HEAD and ranges (RFC 9110) are answered. That it goes out is recorded before it does. If it may not go on, or something fails on the way, the connection is cut."

// describeDownload says what all downloads have in common.
func describeDownload(op *huma.Operation) {
	file := func(description string) *huma.Response {
		response := content(description, "application/octet-stream")
		response.Headers = map[string]*huma.Param{
			"Content-Disposition": {Description: "attachment, with a name that is safe to save under (RFC 6266)", Schema: &huma.Schema{Type: huma.TypeString}},
			"Repr-Digest":         {Description: "The SHA-256 of the whole file (RFC 9530)", Schema: &huma.Schema{Type: huma.TypeString}},
			"ETag":                {Description: "Strong; send it back as If-Range with the next range", Schema: &huma.Schema{Type: huma.TypeString}},
		}
		return response
	}
	op.Responses["200"], op.Responses["206"] = file("The file, of its own media type"), file("The ranges asked for")
	op.Parameters = append(op.Parameters, headerParam("Range", "Such as bytes=1048576-"), headerParam("If-Range", "The ETag of what you have of it"))
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusRequestedRangeNotSatisfiable, http.StatusTooManyRequests, http.StatusServiceUnavailable)
}
