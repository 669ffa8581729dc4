package demo

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"
)

// Event is a CloudEvent as the case management system of the demonstration sends it.
type Event struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	Sequence        string    `json:"sequence,omitempty"` // "" where the system has lost count
	DataContentType string    `json:"datacontenttype"`
	Data            any       `json:"data"`
}

// Source is the CloudEvents source of the demonstration's case management system.
const Source = "urn:example:case-system"

// newEvent makes the event with the given sequence of subject. Its id is the same each time it is made.
func newEvent(kind, subject string, sequence int, at time.Time, data any) Event {
	return Event{
		SpecVersion: "1.0", ID: eventID(subject, sequence), Source: Source, Type: kind,
		Subject: subject, Time: at, Sequence: strconv.Itoa(sequence), DataContentType: "application/json", Data: data,
	}
}

func eventID(subject string, sequence int) string { return fmt.Sprintf("%s-%d", subject, sequence) }

// Write writes events as JSON lines, as `casesync import` reads them, and returns how many.
func Write(w io.Writer, events iter.Seq[Event]) (written int, err error) {
	buffered := bufio.NewWriterSize(w, 1<<20)
	encoder := json.NewEncoder(buffered)
	for e := range events {
		if err := encoder.Encode(e); err != nil {
			return written, fmt.Errorf("write feed: %w", err)
		}
		written++
	}
	if err := buffered.Flush(); err != nil {
		return written, fmt.Errorf("write feed: %w", err)
	}
	return written, nil
}

// The data of the events, as the contract of a case management system has it.
type (
	businessData struct {
		FRN   string `json:"frn"`
		Name  string `json:"name"`
		Group string `json:"group,omitempty"`
	}
	convertedData struct {
		FRN               string    `json:"frn"`
		BusinessReference string    `json:"businessReference,omitempty"`
		Product           product   `json:"product"`
		Issue             string    `json:"issue"`
		Consumer          *party    `json:"consumer"`
		Representative    *party    `json:"representative,omitempty"`
		SmallBusiness     bool      `json:"smallBusiness,omitempty"`
		Handler           string    `json:"handler,omitempty"`
		ConvertedAt       time.Time `json:"convertedAt"`
	}
	stageData struct {
		Stage string `json:"stage"`
	}
	priorityData struct {
		Priority bool   `json:"priority"`
		Reason   string `json:"reason,omitempty"`
	}
	actionRequestedData struct {
		ActionID    string `json:"actionId"`
		Kind        string `json:"kind"`
		Description string `json:"description"`
		DueDate     string `json:"dueDate"`
	}
	actionExtendedData struct {
		ActionID string `json:"actionId"`
		DueDate  string `json:"dueDate"`
	}
	actionClosedData struct {
		ActionID string `json:"actionId"`
		Result   string `json:"result"`
	}
	detailsData struct {
		Consumer       *party `json:"consumer,omitempty"`
		Representative *party `json:"representative,omitempty"`
		Handler        string `json:"handler,omitempty"`
	}
	recategorisedData struct {
		Product product `json:"product"`
	}
	transferredData struct {
		FRN string `json:"frn"`
	}
	documentData struct {
		DocumentID   string    `json:"documentId"`
		Kind         string    `json:"kind"`
		Title        string    `json:"title"`
		MediaType    string    `json:"mediaType"`
		Size         int       `json:"size"`
		SHA256       string    `json:"sha256"`
		URL          string    `json:"url"`
		PublishedAt  time.Time `json:"publishedAt"`
		Confidential bool      `json:"confidential,omitempty"`
	}
	closedData struct {
		Outcome           string    `json:"outcome"`
		ClosedAt          time.Time `json:"closedAt"`
		DecisionReference string    `json:"decisionReference,omitempty"`
	}
	reopenedData struct {
		ReopenedAt time.Time `json:"reopenedAt"`
	}
	reasonData struct {
		Reason string `json:"reason,omitempty"`
	}
	// answerData is what uploads and notifications are answered with.
	answerData struct {
		CaseReference string `json:"caseReference"`
		Code          string `json:"code,omitempty"`
		Reason        string `json:"reason,omitempty"`
	}
)
