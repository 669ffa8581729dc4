package projections

import (
	"time"

	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/upload"
	"casesync/eventstore"
)

// uploaded records events of an upload.
func (w *world) uploaded(id string, events ...upload.Event) {
	for _, event := range events {
		w.log.record(eventstore.StreamName(uploadStreams+id), event)
	}
}

// notified records events of a notification.
func (w *world) notified(id string, events ...notification.Event) {
	for _, event := range events {
		w.log.record(eventstore.StreamName(notificationStreams+id), event)
	}
}

// The events of uploads and notifications that tests are written in.

func about(ref string) outgoing.About { return outgoing.About{Case: ref} }

func begunBy(ref, frn string, bytes int64, at time.Time) *upload.Begun {
	return &upload.Begun{About: about(ref), FRN: frn, Person: "ada", Bytes: bytes, At: at,
		File: sealed(upload.File{Name: "letter.pdf"}, "file")}
}

func receivedOn(ref string, at time.Time) *upload.Received {
	return &upload.Received{About: about(ref), At: at, Content: sealed(upload.Content{SHA256: "ab", MediaType: "application/pdf"}, "content")}
}

func quarantinedOn(ref string, at time.Time) *upload.Quarantined {
	return &upload.Quarantined{About: about(ref), Attempt: 1, Code: upload.ScannerUnreachable, At: at}
}

func uploadAccepted(ref string, at time.Time) *upload.Accepted {
	return &upload.Accepted{About: about(ref), Origin: from(at), Named: ref}
}

func uploadRejected(ref string, at time.Time) *upload.Rejected {
	return &upload.Rejected{About: about(ref), Origin: from(at), Named: ref, Code: "unreadable", Reason: sealed("It can not be read.", "reason")}
}

func sentBy(ref, frn string, kind notification.TypeID, at time.Time) *notification.Sent {
	return &notification.Sent{About: about(ref), FRN: frn, Person: "ada", Type: kind, At: at,
		Content: sealed(notification.Content{Fields: map[string]string{"comments": "To follow."}}, "words")}
}
