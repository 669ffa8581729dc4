package subject

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"casesync/domain/upload"
	"casesync/eventstore"
)

// Sent says of what is asked that was sent about cases: what one person sent, or all about one case.
type Sent struct{ Person, Case string }

// Upload is a file that somebody sent about a case.
type Upload struct {
	ID       string    `json:"id"`
	Case     string    `json:"case"`
	Business string    `json:"business"` // FRN
	Status   string    `json:"status"`
	Bytes    int64     `json:"bytes"`
	BeganAt  time.Time `json:"beganAt"`
	// Name is what the person calls the file, in the export of that person alone; "" where the case's data is
	// erased. Config.Uploads gives it as the envelope of an upload.File.
	Name string `json:"name,omitempty"`
}

// Notification is a notification that somebody sent about a case. What it says is of the case, and not in an export.
type Notification struct {
	ID       string    `json:"id"`
	Case     string    `json:"case"`
	Business string    `json:"business"` // FRN
	Type     string    `json:"type"`
	Status   string    `json:"status"`
	SentAt   time.Time `json:"sentAt"`
}

// View is a filter of case lists that the person saved.
type View struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Query string `json:"query"`
}

// sent adds what was sent to an export; named says whether with the names of files.
func (s *Subjects) sent(ctx context.Context, d *document, of Sent, named bool) {
	d.list("uploads", func(add func(any) error) error {
		return s.config.Uploads(ctx, of, func(u Upload) error {
			envelope := u.Name
			u.Name = ""
			if named {
				var err error
				if u.Name, err = s.fileName(ctx, envelope); err != nil {
					return fmt.Errorf("open name of upload %s: %w", u.ID, err)
				}
			}
			return add(u)
		})
	})
	d.list("notifications", func(add func(any) error) error {
		return s.config.Notifications(ctx, of, func(n Notification) error { return add(n) })
	})
}

// fileName returns the name that an envelope holds, "" where its key was destroyed.
func (s *Subjects) fileName(ctx context.Context, envelope string) (string, error) {
	opened, err := s.config.Codec.OpenEnvelopes(ctx, envelope)
	if err != nil || opened[0] == nil {
		return "", err
	}
	var file upload.File
	err = json.Unmarshal(opened[0], &file)
	return file.Name, err
}

// views returns the views that a person saved.
func (s *Subjects) views(ctx context.Context, person string) ([]View, error) {
	saved, err := s.config.Views(ctx, person)
	views := make([]View, len(saved))
	for i, view := range saved {
		views[i] = View(view)
	}
	return views, err
}

// tickets adds the events of the tickets that a person opened: questions, and what both sides wrote.
func (s *Subjects) tickets(ctx context.Context, person string, add func(any) error) error {
	ids, err := s.config.Tickets(ctx, person)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.events(ctx, eventstore.StreamName(ticketStreams+id), person, add); err != nil {
			return err
		}
	}
	return nil
}

// events adds all events of a stream, opened, with the actors who are other people left out.
func (s *Subjects) events(ctx context.Context, stream eventstore.StreamName, person string, add func(any) error) error {
	for recorded, err := range s.config.Log.ReadStream(ctx, stream, 0) {
		if err != nil {
			return err
		}
		event, err := s.open(ctx, recorded, func(string) bool { return true })
		if err != nil {
			return err
		}
		event.Actor = others(event.Actor, person)
		if err := add(event); err != nil {
			return err
		}
	}
	return nil
}

// ownStreams returns the streams beside the account's in which something is sealed for a person.
func (s *Subjects) ownStreams(ctx context.Context, person string) ([]eventstore.StreamName, error) {
	ids, err := s.config.Tickets(ctx, person)
	if err != nil {
		return nil, fmt.Errorf("find tickets: %w", err)
	}
	streams := []eventstore.StreamName{eventstore.StreamName(viewStreams + person)}
	for _, id := range ids {
		streams = append(streams, eventstore.StreamName(ticketStreams+id))
	}
	return streams, nil
}
