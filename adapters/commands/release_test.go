package commands_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/business"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/private"
	"casesync/eventstore"
	"casesync/eventstore/sqlitelog"
)

// put appends events to the stream of case C-1, as a process would that ended right after it.
func put(t *testing.T, log *sqlitelog.Log, codec *eventstore.Codec, events ...any) {
	t.Helper()
	const appendMax = 10_000
	for batch := range slices.Chunk(events, appendMax) {
		encoded, err := codec.Encode(t.Context(), "casefile-C-1", eventstore.Metadata{CommandID: uuid.New(), Actor: "cms:" + source, OccurredAt: now}, batch...)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		if _, err := log.Append(t.Context(), "casefile-C-1", eventstore.Any, encoded...); err != nil {
			t.Fatalf("append: %v", err)
		}
	}
}

func numbered(n int64) feed.Origin { return origin(strconv.FormatInt(n, 10), n) }

func stage(n int64) *casefile.StageChanged {
	return &casefile.StageChanged{Origin: numbered(n), Stage: "on-hold"}
}

// held returns the stages of sequences from to to as they are held, the last first.
func held(from, to int64) (events []any) {
	for n := to; n >= from; n-- {
		events = append(events, &casefile.FactHeld{Origin: numbered(n), Type: "casefile.stage-changed.v1", Fact: stage(n)})
	}
	return events
}

// effective fails unless the facts in effect of case C-1 are those of sequences 1 to last, in order.
func effective(t *testing.T, log *sqlitelog.Log, codec *eventstore.Codec, last int64) {
	t.Helper()
	next := int64(1)
	for recorded, err := range log.ReadStream(t.Context(), "casefile-C-1", 0) {
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if recorded.Type == "casefile.fact-held.v1" {
			continue
		}
		decoded, err := codec.Decode(recorded)
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if of, _ := casefile.OriginOf(decoded.Event.(casefile.Event)); of.Sequence != next {
			t.Fatalf("revision %d: got sequence %d, want %d", recorded.Revision, of.Sequence, next)
		}
		next++
	}
	if next != last+1 {
		t.Errorf("got %d facts in effect, want %d", next-1, last)
	}
}

func want(t *testing.T, got commands.Verdict, status commands.Status, log *sqlitelog.Log) {
	t.Helper()
	head, err := log.Head(t.Context())
	if err != nil {
		t.Fatalf("head: %v", err)
	}
	if got.Status != status || got.Position != head.Position {
		t.Errorf("got %+v, want %s at the log's end, %v", got, status, head.Position)
	}
}

func TestManyHeldFacts(t *testing.T) {
	t.Parallel()
	run, log, codec := open(t, eventstore.Limits{})
	const last = 25_002
	put(t, log, codec, stage(1))
	put(t, log, codec, held(3, last)...)
	want(t, record(t, run, numbered(2)), commands.Accepted, log)
	effective(t, log, codec, last)
	want(t, record(t, run, numbered(last+1)), commands.Accepted, log)
}

func TestLargeHeldFacts(t *testing.T) {
	t.Parallel()
	run, log, codec := open(t, eventstore.Limits{})
	const last = 42
	reason := strings.Repeat("x", 675_000) // 900 kB when sealed
	put(t, log, codec, stage(1))
	for n := int64(3); n <= last; n++ {
		o := numbered(n)
		got, err := run.RecordCase(t.Context(), system, "C-1", o, &casefile.Suppressed{Origin: o, Reason: private.Of(reason)}, nil)
		if err != nil || got.Status != commands.Held {
			t.Fatalf("got %+v, %v, want it held", got, err)
		}
	}
	want(t, record(t, run, numbered(2)), commands.Accepted, log)
	effective(t, log, codec, last)
}

// A single held fact is released even where it is as large as the log takes.
func TestHeldFactsOfTheLargestSize(t *testing.T) {
	t.Parallel()
	run, log, codec := open(t, eventstore.Limits{EventBytesMax: 2000, AppendBytesMax: 2000})
	size := 1100
	put(t, log, codec, stage(1))
	for n := int64(3); n <= 5; n++ {
		for ; ; size-- {
			o := numbered(n)
			got, err := run.RecordCase(t.Context(), system, "C-1", o, &casefile.Suppressed{Origin: o, Reason: private.Of(strings.Repeat("x", size))}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got.Status == commands.Held {
				break
			}
		}
	}
	want(t, record(t, run, numbered(2)), commands.Accepted, log)
	effective(t, log, codec, 5)
}

// What a process left behind between two appends, the next message mends, whatever becomes of it.
func TestMendingAfterACrash(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		next feed.Origin
		want commands.Status
		last int64
	}{
		"the same again": {numbered(2), commands.Duplicate, 9},
		"one held":       {numbered(9), commands.Duplicate, 9},
		"one to be held": {numbered(10), commands.Held, 10},
		"a conflict":     {origin("other", 4), commands.Rejected, 9},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run, log, codec := open(t, eventstore.Limits{AppendEventsMax: 3})
			for _, event := range slices.Concat([]any{stage(1)}, held(3, 9), []any{stage(2)}) {
				put(t, log, codec, event)
			}
			if got := record(t, run, test.next); got.Status != test.want {
				t.Errorf("got %+v, want %s", got, test.want)
			}
			effective(t, log, codec, test.last)
		})
	}
}

// A message that is refused for what was left behind is decided again after it.
func TestRefusalIsDecidedAgainAfterMending(t *testing.T) {
	t.Parallel()
	run, log, codec := open(t, eventstore.Limits{})
	other := feed.Origin{Source: "https://cms.example/b", ID: "b1", Sequence: 1, Time: now, Digest: "b1"}
	handover := &casefile.HandedOver{Origin: numbered(3), ToSource: other.Source}
	put(t, log, codec,
		&casefile.Converted{Origin: numbered(1), FRN: "123456", ConvertedAt: now},
		&casefile.FactHeld{Origin: numbered(3), Type: "casefile.handed-over.v1", Fact: handover},
		stage(2))
	got, err := run.RecordCase(t.Context(), system, "C-1", other, &casefile.StageChanged{Origin: other, Stage: "on-hold"}, nil)
	if err != nil {
		t.Fatalf("record: %v", err)
	}
	want(t, got, commands.Accepted, log)
}

func TestSkipReleasesInParts(t *testing.T) {
	t.Parallel()
	run, log, codec := open(t, eventstore.Limits{AppendEventsMax: 3})
	for _, event := range slices.Concat([]any{stage(1)}, held(3, 9)) {
		put(t, log, codec, event)
	}
	got, err := run.Skip(t.Context(), operator, commands.Skip{Stream: "casefile-C-1", Source: source, From: 2, To: 2, Reason: "lost", At: now})
	if err != nil {
		t.Fatalf("skip: %v", err)
	}
	want(t, got, commands.Accepted, log)
	want(t, record(t, run, numbered(10)), commands.Accepted, log)
}

func TestBusinessReleasesInParts(t *testing.T) {
	t.Parallel()
	run, log, _ := open(t, eventstore.Limits{AppendEventsMax: 2})
	update := func(n int64) commands.Verdict {
		got, err := run.RecordBusiness(t.Context(), system, "123456", numbered(n), &business.Updated{Origin: numbered(n), FRN: "123456", Name: "N"}, nil)
		if err != nil {
			t.Fatalf("record: %v", err)
		}
		return got
	}
	for n := int64(2); n <= 8; n++ {
		want(t, update(n), commands.Held, log)
	}
	want(t, update(1), commands.Accepted, log)
	want(t, update(9), commands.Accepted, log)
}
