package httpapi

import (
	"cmp"
	"time"

	"casesync/domain/outgoing"
	"casesync/domain/upload"
	"casesync/projections"
)

// Upload is a file that somebody sent to a case.
type Upload struct {
	ID          string        `json:"id" format:"uuid"`
	Case        string        `json:"case" doc:"Reference"`
	Business    string        `json:"business" doc:"FRN of the business that sent it"`
	Name        string        `json:"name,omitempty" doc:"Of the file, made safe to show and to save under; absent once it was erased"`
	Status      upload.Status `json:"status" enum:"receiving,received,scanning,clean,queued,sent,accepted,rejected,duplicate,quarantined,stopped,abandoned"`
	Code        string        `json:"code,omitempty" doc:"Why it is rejected, in quarantine, stopped or abandoned. The case management system has codes of its own"`
	Reason      string        `json:"reason,omitempty" doc:"The same in words, and what to do; or what the case management system said"`
	Failed      bool          `json:"failed" doc:"Whether it counts as failed: rejected or in quarantine"`
	DuplicateOf string        `json:"duplicateOf,omitempty" doc:"The upload of the same case that has the same bytes"`
	Bytes       int64         `json:"bytes" doc:"The size that was announced"`
	MediaType   string        `json:"mediaType,omitempty" doc:"Found out from the bytes, once they are there"`
	SHA256      string        `json:"sha256,omitempty"`
	Attempt     int64         `json:"attempt" doc:"Counts the attempts to bring it to the case management system, from 1"`
	SentBy      string        `json:"sentBy" doc:"User id"`
	BeganAt     time.Time     `json:"beganAt"`
	UpdatedAt   time.Time     `json:"updatedAt" doc:"When its status changed last"`
	Links       UploadLinks   `json:"links" doc:"What you can do with it now"`
}

// UploadLinks are the addresses of what can be done with an upload.
type UploadLinks struct {
	Content string `json:"content,omitempty" doc:"GET the bytes, once they were found clean"`
	Retry   string `json:"retry,omitempty" doc:"POST to have it sent again, with the bytes that are there"`
}

// uploadOf shows what a row holds in clear; what is sealed is filled in by addUpload.
func uploadOf(row projections.Upload) Upload {
	return Upload{
		ID: row.ID, Case: row.Ref, Business: row.FRN, Status: row.Status, Code: row.Code, Reason: uploadReason(row),
		Failed:      row.Status == upload.StatusRejected || row.Status == upload.StatusQuarantined,
		DuplicateOf: row.DuplicateOf, Bytes: row.Bytes, Attempt: row.Attempt, SentBy: row.Person,
		BeganAt: row.BeganAt, UpdatedAt: row.UpdatedAt,
	}
}

// addUpload fills in what is sealed.
func addUpload(o *opening, u *Upload, row projections.Upload) {
	opened(o, row.Name, projections.OpenedFile, func(file upload.File) { u.Name = upload.DisplayName(file.Name) })
	opened(o, row.Content, projections.OpenedContent, func(content upload.Content) { u.MediaType, u.SHA256 = content.MediaType, content.SHA256 })
	opened(o, row.Reason, projections.OpenedReason, func(reason string) { u.Reason = cmp.Or(reason, u.Reason) })
}

// uploadReason says in words why an upload went no further, as far as that is known here: what the case
// management system says of what it rejects stands in its own words.
func uploadReason(row projections.Upload) string {
	switch row.Status {
	case upload.StatusRejected:
		return upload.RefusalCode(row.Code).Reason()
	case upload.StatusQuarantined:
		return upload.QuarantineCode(row.Code).Reason()
	case upload.StatusDuplicate:
		return "The same file was sent to this case before. This copy was not kept."
	case upload.StatusStopped:
		return cmp.Or(stopReasons[outgoing.Cause(row.Code)], stopReasons[""])
	case upload.StatusAbandoned:
		return abandonReasons[upload.AbandonCause(row.Code)]
	}
	return ""
}

// stopReasons say why a file did not go out. Without a cause: it is none that whoever asks may know.
var stopReasons = map[outgoing.Cause]string{
	"":                       "The file could not go out when its turn came. Try again.",
	outgoing.CaseSuppressed:  "The case was suppressed when the file's turn came. Try again once it is not.",
	outgoing.CaseTransferred: "The case was with another business when the file's turn came.",
	outgoing.CaseErased:      "The data of the case was erased, as its time had come.",
}

var abandonReasons = map[upload.AbandonCause]string{
	upload.Idle:      "No more of the file came for too long, and what was there was deleted. Send it again.",
	upload.Cancelled: "It was cancelled, and what was there was deleted.",
}
