package cms

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/adapters/keyring"
	"casesync/adapters/state"
	"casesync/domain/access"
	"casesync/domain/catalog"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqlitelog"
)

const (
	sourceA = "https://cms.example/a"
	sourceB = "https://cms.example/b"
)

var (
	anySystem = Sender{By: access.Principal{ID: "token:cms", Kind: access.Machine, Roles: []access.Role{access.CMS}}, Via: "http"}
	operator  = access.Principal{ID: "token:operator", Kind: access.Machine, Roles: []access.Role{access.Operator}}
)

// fixture is a whole installation but for its read models: log, key ring and state database.
type fixture struct {
	log     *sqlitelog.Log
	codec   *eventstore.Codec
	state   *sqldb.DB
	letters *state.DeadLetters
	*Ingester
	desk *commands.Desk
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	ctx := context.Background()
	dir := tb.TempDir()
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatalf("set up: %v", err)
		}
	}
	ringDB, err := sqldb.Open(ctx, "sqlite:"+filepath.Join(dir, "keyring.db"))
	must(err)
	tb.Cleanup(func() { _ = ringDB.Close() })
	ring, err := keyring.Open(ctx, ringDB, keyring.NewFileKEK(filepath.Join(dir, "kek")), keyring.Config{})
	must(err)
	tb.Cleanup(ring.Close)
	keys, err := ring.Ensure(ctx, "digest")
	must(err)
	f := &fixture{codec: eventstore.NewCodec(catalog.New(), ring)}
	f.log, err = sqlitelog.Open(ctx, filepath.Join(dir, "log.db"), sqlitelog.Config{})
	must(err)
	tb.Cleanup(func() { _ = f.log.Close() })
	f.state, err = sqldb.Open(ctx, "sqlite:"+filepath.Join(dir, "state.db"))
	must(err)
	tb.Cleanup(func() { _ = f.state.Close() })
	f.letters, err = state.OpenDeadLetters(ctx, f.state, f.codec, nil)
	must(err)
	run := commands.New(commands.Config{Log: f.log, Codec: f.codec})
	f.Ingester, err = NewIngester(Config{Commands: run, DeadLetters: f.letters, DigestKey: keys[0].Secret})
	must(err)
	f.desk = &commands.Desk{Letters: f.letters, Commands: run, Retake: f.Retake}
	return f
}

// message is an event of a test; its zero fields stand for the usual.
type message struct {
	id, source, eventType, subject string
	sequence                       int
	data                           map[string]any
}

func (m message) text(tb testing.TB) []byte {
	tb.Helper()
	event := map[string]any{
		"specversion": "1.0", "id": m.id, "source": sourceA, "type": "cms.case.stage-changed.v1", "subject": "C-1",
		"time": time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC).Format(time.RFC3339), "data": map[string]any{"stage": "investigation"},
	}
	if m.source != "" {
		event["source"] = m.source
	}
	if m.eventType != "" {
		event["type"] = m.eventType
	}
	if m.subject != "" {
		event["subject"] = m.subject
	}
	if m.sequence != 0 {
		event["sequence"] = strconv.Itoa(m.sequence)
	}
	if m.data != nil {
		event["data"] = m.data
	}
	text, err := json.Marshal(event)
	if err != nil {
		tb.Fatalf("write event: %v", err)
	}
	return text
}

func stage(id string, sequence int, name string) message {
	return message{id: id, sequence: sequence, data: map[string]any{"stage": name}}
}

// send takes messages and returns their statuses, with the code where there is one.
func (f *fixture) send(tb testing.TB, sender Sender, messages ...message) []string {
	tb.Helper()
	originals := make([][]byte, len(messages))
	for i, m := range messages {
		originals[i] = m.text(tb)
	}
	results, err := f.Take(context.Background(), sender, f.ParseAll(originals))
	if err != nil {
		tb.Fatalf("take: %v", err)
	}
	statuses := make([]string, len(results))
	for i, result := range results {
		if result.ID != messages[i].id {
			tb.Errorf("result %d: got id %q, want %q", i, result.ID, messages[i].id)
		}
		statuses[i] = string(result.Status)
		if result.Code != "" {
			statuses[i] += " " + result.Code
		}
	}
	return statuses
}

// stream returns the events of a stream, opened, as "type" or "type detail" by detail.
func (f *fixture) stream(tb testing.TB, name eventstore.StreamName, detail func(eventstore.Decoded) string) []string {
	tb.Helper()
	var events []string
	for recorded, err := range f.log.ReadStream(context.Background(), name, 0) {
		if err != nil {
			tb.Fatalf("read %s: %v", name, err)
		}
		decoded, err := f.codec.Decode(recorded)
		if err != nil {
			tb.Fatalf("decode: %v", err)
		}
		if err := f.codec.Open(context.Background(), decoded); err != nil {
			tb.Fatalf("open: %v", err)
		}
		if text := detail(decoded); text != "" {
			events = append(events, text)
		}
	}
	return events
}

// open returns the open dead letters.
func (f *fixture) open(tb testing.TB) []commands.DeadLetter {
	tb.Helper()
	letters, err := f.letters.List(context.Background(), commands.DeadLetterFilter{Status: commands.DeadLetterOpen}, uuid.Nil, 1000)
	if err != nil {
		tb.Fatalf("list dead letters: %v", err)
	}
	return letters
}

func typeOf(d eventstore.Decoded) string { return d.Type }

func equal(tb testing.TB, what string, got, want any) {
	tb.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		tb.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}
