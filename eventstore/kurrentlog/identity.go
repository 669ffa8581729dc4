package kurrentlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"casesync/eventstore"
)

// identityStream holds one event, whose data is the identity. Its name is stored: it never changes.
const identityStream = "casesync-log-identity"

// Identity implements eventstore.Identifier.
func (l *Log) Identity(ctx context.Context) (string, error) {
	identity, err := l.readIdentity(ctx)
	if err == nil && identity == "" {
		err = errors.New("it is gone: KurrentDB has lost or truncated events: restore a backup")
	}
	if err != nil {
		return "", fmt.Errorf("read identity of log: %w", explain(err))
	}
	return identity, nil
}

// ensureIdentity names the log where it has no name. Of processes that start at once one names it;
// the others find the stream there.
func (l *Log) ensureIdentity(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, l.config.Timeout, errNoAnswer)
	defer cancel()
	for {
		identity, err := l.readIdentity(ctx)
		if err != nil || identity != "" {
			return explain(err)
		}
		naming := &stream{name: identityStream}
		event := eventstore.Event{ID: uuid.New(), Type: "casesync.log-named.v1", Data: []byte(`"` + uuid.NewString() + `"`)}
		if err := l.send(ctx, naming, []eventstore.Event{event}, newMark()); isRefused(err) {
			return explain(err)
		}
	}
}

// readIdentity returns the identity, "" where there is none.
func (l *Log) readIdentity(ctx context.Context) (string, error) {
	page, err := l.readPage(ctx, 1, func(ctx context.Context, client *esdb.Client) (*esdb.ReadStream, error) {
		return client.ReadStream(ctx, l.inServer(identityStream), esdb.ReadStreamOptions{}, 1)
	})
	if err != nil || len(page.events) == 0 {
		return "", err
	}
	var identity string
	if err := json.Unmarshal(page.events[0].Data, &identity); err != nil || identity == "" {
		return "", fmt.Errorf("the event in %s is not a name", identityStream)
	}
	return identity, nil
}
