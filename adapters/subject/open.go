package subject

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"casesync/eventstore"
)

// Event is an event of the log as it is exported: its data as it was stored, with the values that
// were sealed in their place, null where their key was destroyed.
type Event struct {
	Stream     string    `json:"stream"`
	Revision   int64     `json:"revision"`
	Type       string    `json:"type"`
	RecordedAt time.Time `json:"recordedAt"`
	OccurredAt time.Time `json:"occurredAt"`
	// Actor is who did it: the person, a part of the system, or "another person".
	Actor  string         `json:"actor"`
	Reason string         `json:"reason,omitempty"`
	Data   map[string]any `json:"data"`
}

// sealed is a sealed value in an event's data, and where it stands there.
type sealed struct {
	path, envelope string
	put            func(plain any)
}

// secrets are the names of members that are no business of anybody's: what is kept of tokens.
var secrets = map[string]bool{"tokenDigest": true}

// open reads an event, and opens what is sealed in it and wanted by its path ("person", "fact.consumer").
func (s *Subjects) open(ctx context.Context, recorded eventstore.Recorded, wanted func(path string) bool) (Event, error) {
	decoded, err := s.config.Codec.Decode(recorded)
	if err != nil {
		return Event{}, fmt.Errorf("read event %s: %w", recorded.ID, err)
	}
	event := Event{
		Stream: string(recorded.Stream), Revision: int64(recorded.Revision), Type: recorded.Type,
		RecordedAt: recorded.RecordedAt, OccurredAt: decoded.Meta.OccurredAt, Actor: decoded.Meta.Actor,
	}
	if err := json.Unmarshal(recorded.Data, &event.Data); err != nil {
		return Event{}, fmt.Errorf("read event %s: %w", recorded.ID, err)
	}
	values := find(event.Data, fmt.Sprintf("%s|%s|", recorded.Stream, recorded.ID), "")
	values = append(values, sealed{envelope: decoded.Meta.Reason, put: func(plain any) { event.Reason, _ = plain.(string) }})
	var envelopes []string
	for i := range values {
		if values[i].path != "" && !wanted(values[i].path) {
			values[i].envelope = ""
		}
		envelopes = append(envelopes, values[i].envelope)
	}
	opened, err := s.config.Codec.OpenEnvelopes(ctx, envelopes...)
	if err != nil {
		return Event{}, fmt.Errorf("open event %s: %w", recorded.ID, err)
	}
	for i, value := range values {
		var plain any
		if opened[i] != nil {
			if err := json.Unmarshal(opened[i], &plain); err != nil {
				return Event{}, fmt.Errorf("read what was sealed in event %s: %w", recorded.ID, err)
			}
		}
		value.put(plain)
	}
	return event, nil
}

// find returns the sealed values in data, and drops secrets from it. Place is the beginning of their
// origins, which their path of JSON names ends.
func find(data map[string]any, place, prefix string) (values []sealed) {
	for name, value := range data {
		path := strings.TrimPrefix(prefix+"."+name, ".")
		switch value := value.(type) {
		case string:
			if secrets[name] {
				delete(data, name)
			} else if eventstore.SubjectsOf(value) != nil {
				values = append(values, sealed{path, place + path + "|" + value, func(plain any) { data[name] = plain }})
			}
		case map[string]any:
			values = append(values, find(value, place, path)...)
		}
	}
	return values
}

// settleTime is how long a process may go on using a key that another one destroyed: more than
// keyring.Config.DestructionsCheckEvery. settlePause is how often it is looked meanwhile.
const (
	settleTime  = 5 * time.Second
	settlePause = 100 * time.Millisecond
)

// closed returns an error if anything that is sealed in a stream, at the paths wanted, can still be
// opened after a moment in which this process may have had its key in memory.
func (s *Subjects) closed(ctx context.Context, stream eventstore.StreamName, wanted func(path string) bool) error {
	for deadline := time.Now().Add(settleTime); ; {
		err := s.isClosed(ctx, stream, wanted)
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(settlePause):
		}
	}
}

func (s *Subjects) isClosed(ctx context.Context, stream eventstore.StreamName, wanted func(path string) bool) error {
	for recorded, err := range s.config.Log.ReadStream(ctx, stream, 0) {
		if err != nil {
			return fmt.Errorf("read %s: %w", stream, err)
		}
		var data map[string]any
		if err := json.Unmarshal(recorded.Data, &data); err != nil {
			return fmt.Errorf("read event %s: %w", recorded.ID, err)
		}
		for _, value := range find(data, fmt.Sprintf("%s|%s|", recorded.Stream, recorded.ID), "") {
			if !wanted(value.path) {
				continue
			}
			opened, err := s.config.Codec.OpenEnvelopes(ctx, value.envelope)
			if err != nil {
				return fmt.Errorf("open event %s: %w", recorded.ID, err)
			}
			if opened[0] != nil {
				return fmt.Errorf("%s of event %s at revision %d of %s can still be opened: its key is live", value.path, recorded.Type, recorded.Revision, stream)
			}
		}
	}
	return nil
}
