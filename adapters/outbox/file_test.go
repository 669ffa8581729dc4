package outbox_test

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"casesync/adapters/outbox"
	"casesync/eventstore/sqldb/sqldbtest"
)

func readLines(t *testing.T, path string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for scanner := bufio.NewScanner(bytes.NewReader(text)); scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	return lines
}

// Messages are whole lines, also after a part of one; a file that is renamed is followed by a new one.
func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out", "messages.jsonl")
	file, err := outbox.NewFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	publish := func(payloads ...string) {
		t.Helper()
		var messages []*message.Message
		for _, payload := range payloads {
			messages = append(messages, message.NewMessage(payload, []byte(payload)))
		}
		if err := file.Publish("any", messages...); err != nil {
			t.Fatalf("publish: %v", err)
		}
	}
	publish("1", "2")
	part, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.WriteString(`{"half`); err != nil {
		t.Fatal(err)
	}
	_ = part.Close()
	publish("3")
	if got, want := readLines(t, path), []string{"1", "2", `{"half`, "3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	publish("4")
	if got, want := readLines(t, path), []string{"4"}; !slices.Equal(got, want) {
		t.Errorf("after it was renamed: got %q, want %q", got, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a file for this user alone", info.Mode(), err)
	}
}

// The embedded default: what happens here is in the file, valid and in order.
func TestOutboxToFile(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address)
		path := filepath.Join(t.TempDir(), "messages.jsonl")
		file, err := outbox.NewFile(path)
		w.must(err)
		want := w.busyCases(3, 10)
		config := w.config(file)
		config.BatchMessagesMax, config.LanesMax = 1_000, 1
		_, stop := w.start(config)
		w.caughtUp()
		stop()
		c := &consumer{}
		for _, line := range readLines(t, path) {
			validMessage(t, []byte(line))
			m := message.NewMessage("", []byte(line))
			var got taken
			w.must(jsonInto(line, &got))
			m.UUID = got.ID
			m.Metadata["session"], _ = got.Data["caseReference"].(string)
			w.must(c.Publish("", m))
		}
		for ref, ids := range want {
			if got := c.firsts(ref); !slices.Equal(got, ids) {
				t.Errorf("%s: got %v, want %v", ref, got, ids)
			}
		}
	})
}
