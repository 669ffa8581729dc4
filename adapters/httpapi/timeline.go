package httpapi

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/domain/upload"
	"casesync/projections"
	"casesync/projections/engine"
)

// TimelinePage is a part of a case's timeline.
type TimelinePage struct {
	AsOf  AsOf    `json:"asOf"`
	Items []Entry `json:"items" nullable:"false"`
	Next  *string `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

// Entry is one thing that happened to a case.
type Entry struct {
	Number     int64           `json:"number" doc:"Counts in the order in which it was recorded; may have gaps"`
	Kind       string          `json:"kind" example:"stage-changed"`
	At         time.Time       `json:"at" doc:"When it happened at the source"`
	RecordedAt time.Time       `json:"recordedAt"`
	About      string          `json:"about,omitempty" doc:"The action, document, upload or notification concerned"`
	Data       json.RawMessage `json:"data,omitempty" doc:"What it says, by its kind; people are in it by their user ids"`
	Text       string          `json:"text,omitempty" doc:"An action's description, a document's title, a file's name, what the case management system said of an upload or notification, or a suppression's reason; absent once it was erased"`
	// Fields are of notifications alone.
	Fields      map[string]string `json:"fields,omitempty" doc:"What was filled in, for notification-sent; absent once it was erased"`
	Contradicts []string          `json:"contradicts,omitempty" doc:"What it contradicts of what was known before"`
	Internal    bool              `json:"internal,omitempty" doc:"Shown to auditors alone"`
}

func (s *Server) showTimeline(ctx context.Context, in *request) (*output[TimelinePage], error) {
	page, refusal := parsePage(in)
	if refusal != nil {
		return nil, refusal
	}
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	var after int64
	if refusal := s.resume(page, list, &after); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[TimelinePage]{
		projection: projections.CasesName,
		tag:        tagOf(in),
		load: func(ctx context.Context, view engine.View) (func(context.Context) (TimelinePage, error), error) {
			row, err := findCase(ctx, view, in)
			if err != nil {
				return nil, err
			}
			rows, err := projections.Timeline(ctx, view, scopeOf(ctx), row.Ref, after, page.limit+1)
			if err != nil {
				return nil, err
			}
			body := TimelinePage{AsOf: asOf(view)}
			return func(ctx context.Context) (TimelinePage, error) {
				return s.finishTimeline(ctx, body, rows, page, list)
			}, nil
		},
	})
}

func (s *Server) finishTimeline(ctx context.Context, body TimelinePage, rows []projections.TimelineRow, page pageQuery, list [32]byte) (TimelinePage, error) {
	var err error
	rows, body.Next, err = cut(s, rows, page, list, func(last projections.TimelineRow) any { return last.N })
	if err != nil {
		return TimelinePage{}, err
	}
	body.Items = make([]Entry, len(rows))
	var o opening
	for i, row := range rows {
		body.Items[i] = Entry{
			Number: row.N, Kind: row.Kind, At: row.At, RecordedAt: row.RecordedAt, About: row.About,
			Data: row.Data, Contradicts: slices.Clone(row.Contradicts), Internal: row.Internal,
		}
		addEntry(&o, &body.Items[i], row)
	}
	return body, o.open(ctx, s)
}

// addEntry shows the confidential part of what happened, for the kinds where there is something to
// show. It is a list of what is let out: the address of a document, and whatever else a snapshot
// holds (it may speak of documents given in confidence), are not.
func addEntry(o *opening, entry *Entry, row projections.TimelineRow) {
	switch row.Kind {
	case "action-requested":
		read := func(data []byte) (casefile.Action, error) { return projections.OpenedAction(data, row.About) }
		opened(o, row.Sealed, read, func(a casefile.Action) { entry.Text = a.Description })
	case "suppressed", "unsuppressed", "suppression-executed", "suppression-reversed", // in auditors' timelines alone
		"upload-accepted", "upload-rejected", "notification-acknowledged", "notification-rejected":
		opened(o, row.Sealed, readJSON[string], func(text string) { entry.Text = text })
	case "upload-received", "upload-duplicate", "upload-refused", "upload-quarantined", "upload-stopped", "upload-abandoned":
		opened(o, row.Sealed, readJSON[upload.File], func(file upload.File) { entry.Text = file.Name })
	case "notification-sent":
		opened(o, row.Sealed, readJSON[notification.Content], func(content notification.Content) { entry.Fields = content.Fields })
	case "document-published":
		read := func(data []byte) (casefile.Document, error) { return projections.OpenedDocument(data, row.About) }
		opened(o, row.Sealed, read, func(d casefile.Document) {
			if !d.Confidential {
				entry.Text = d.Title
			}
		})
	}
}
