package projections

import (
	"encoding/json"
	"fmt"

	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/domain/upload"
)

// The envelopes of read models come from facts of several types: an action's, say, from the request
// of the action or from a snapshot of the case. The functions here read what an opened envelope
// holds, whichever it came from. Of nil, the content of an envelope whose key was destroyed, they
// return the zero value.

// OpenedBusinessReference reads what CaseRow.SealedBusinessReference holds.
func OpenedBusinessReference(plain []byte) (string, error) {
	details, err := openedDetails(plain)
	return deref(details.BusinessReference), err
}

// OpenedHandler reads what CaseRow.SealedHandler holds.
func OpenedHandler(plain []byte) (string, error) {
	details, err := openedDetails(plain)
	return deref(details.Handler), err
}

// OpenedParty reads what CaseRow.SealedConsumer and SealedRepresentative hold.
func OpenedParty(plain []byte) (casefile.Party, error) {
	var party casefile.Party
	err := read(plain, &party)
	return party, err
}

// OpenedAction reads what ActionRow.Sealed, of the action id, and a timeline row about it hold.
func OpenedAction(plain []byte, id string) (casefile.Action, error) {
	var either struct {
		casefile.Action
		Actions map[string]casefile.Action `json:"actions"`
	}
	err := read(plain, &either)
	if action, ofSnapshot := either.Actions[id]; ofSnapshot {
		return action, err
	}
	return either.Action, err
}

// OpenedDocument reads what DocumentRow.Sealed, of the document id, and a timeline row about it hold.
func OpenedDocument(plain []byte, id string) (casefile.Document, error) {
	var either struct {
		casefile.Document
		Documents map[string]casefile.Document `json:"documents"`
	}
	err := read(plain, &either)
	if document, ofSnapshot := either.Documents[id]; ofSnapshot {
		return document, err
	}
	return either.Document, err
}

// OpenedFile reads what Upload.Name holds, and entries of timelines about uploads but for the source's answers.
func OpenedFile(plain []byte) (upload.File, error) {
	var file upload.File
	err := read(plain, &file)
	return file, err
}

// OpenedContent reads what Upload.Content holds.
func OpenedContent(plain []byte) (upload.Content, error) {
	var content upload.Content
	err := read(plain, &content)
	return content, err
}

// OpenedNotification reads what Notification.Content holds.
func OpenedNotification(plain []byte) (notification.Content, error) {
	var content notification.Content
	err := read(plain, &content)
	return content, err
}

// OpenedReason reads what Upload.Reason and Notification.Reason hold, and the reason of a suppression.
func OpenedReason(plain []byte) (string, error) {
	var reason string
	err := read(plain, &reason)
	return reason, err
}

func openedDetails(plain []byte) (casefile.Details, error) {
	var either struct {
		casefile.Details
		OfSnapshot *casefile.Details `json:"details"`
	}
	err := read(plain, &either)
	if either.OfSnapshot != nil {
		return *either.OfSnapshot, err
	}
	return either.Details, err
}

func read(plain []byte, into any) error {
	if plain == nil {
		return nil
	}
	if err := json.Unmarshal(plain, into); err != nil {
		return fmt.Errorf("read opened envelope: %w", err)
	}
	return nil
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
