package upload_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"casesync/domain/domaintest"
	"casesync/domain/feed"
	"casesync/domain/outgoing"
	"casesync/domain/private"
	"casesync/domain/upload"
)

const (
	cms   = "https://cms.example"
	other = "https://other.example"
)

func origin(source string, sequence int64, contradicts ...string) feed.Origin {
	return feed.Origin{
		Source: source, ID: fmt.Sprint("m", sequence), Sequence: sequence, Time: noon,
		Digest: fmt.Sprint("digest of ", sequence), Contradicts: contradicts,
	}
}

func accept(sequence int64, contradicts ...string) *upload.Accepted {
	return &upload.Accepted{Origin: origin(cms, sequence, contradicts...), Named: ref}
}

func reject(sequence int64, contradicts ...string) *upload.Rejected {
	return &upload.Rejected{
		Origin: origin(cms, sequence, contradicts...), Named: ref, Code: "unreadable", Reason: outgoing.Seal(ref, "Page 3."),
	}
}

// inWords is reject(1), with its reason for the subject of another key.
func inWords(subject string) *upload.Rejected {
	fact := reject(1)
	fact.Reason = private.Of("Page 3.").About(subject)
	return fact
}

func held(fact upload.Event, origin feed.Origin) *upload.FactHeld {
	name, _ := upload.Name(fact)
	return &upload.FactHeld{Origin: origin, Type: name, Fact: fact}
}

func record(fact upload.Event) upload.Command { return upload.Record{Fact: fact, Owner: cms} }

func TestFacts(t *testing.T) {
	t.Parallel()
	elsewhere := &upload.Accepted{Origin: origin(cms, 1), Named: "FOS-2"}
	contradicting := *elsewhere
	contradicting.Origin.Contradicts = []string{outgoing.DifferentCase, outgoing.NotSent}
	foreign := &upload.Accepted{Origin: origin(other, 1), Named: ref}
	unknown := &upload.FactUnrecognised{Origin: origin(cms, 1), Type: "cms.upload.archived.v1"}
	domaintest.Run(t, decider, []row{
		{Name: "accepted", Given: sent, When: record(accept(1)), Then: accepted[6:]},
		{Name: "accepted before it was noted as sent", Given: queued, When: record(accept(1)), Then: events(accept(1))},
		{Name: "rejected", Given: sent, When: record(reject(1)), Then: rejected[6:]},
		{Name: "rejected, in words that are not sealed yet", Given: sent, When: record(inWords("")), Then: rejected[6:]},
		{Name: "rejected, in words sealed for another case", Given: sent, When: record(inWords("casefile-FOS-2")), Then: rejected[6:]},
		{Name: "the same again: nothing happens", Given: accepted, When: record(accept(1))},
		{Name: "confirmed", Given: accepted, When: record(accept(2)), Then: events(accept(2))},
		{Name: "accepted after all", Given: rejected, When: record(accept(2)), Then: events(accept(2, outgoing.AlreadyAnswered))},
		{Name: "rejected after all", Given: accepted, When: record(reject(2)), Then: events(reject(2, outgoing.AlreadyAnswered))},
		{Name: "accepted while it is tried again", Given: retried, When: record(accept(2)), Then: events(accept(2, outgoing.NotSent))},
		{Name: "accepted though we refused it", Given: refused, When: record(accept(1)), Then: events(accept(1, outgoing.NotSent))},
		{Name: "accepted though it was stopped", Given: stopped, When: record(accept(1)), Then: events(accept(1, outgoing.NotSent))},
		{Name: "accepted, of no upload", When: record(accept(1)), Refused: "upload-unknown"},
		{Name: "given up, of no upload: nothing is waited for", When: upload.Skip{Source: cms, From: 1, To: 2}},
		{Name: "released, of no upload", When: upload.Release{}},
		{Name: "accepted for another case", Given: begun, When: record(elsewhere), Then: events(&contradicting)},
		{Name: "accepted after erasure", Given: erased, When: record(accept(2)), Then: events(accept(2, outgoing.NotSent))},
		{Name: "from a source that does not speak for the case", Given: sent, When: record(foreign), Refused: feed.CodeForeignSource},
		{Name: "from any source where every one is heard", Given: sent, When: upload.Record{Fact: foreign}, Then: events(foreign)},
		{Name: "other content under the sequence", Given: accepted, When: record(func() upload.Event {
			conflict := reject(1)
			conflict.Origin.Digest = "another"
			return conflict
		}()), Refused: "sequence-conflict"},

		{Name: "before its turn", Given: sent, When: record(accept(2)), Then: events(held(accept(2), origin(cms, 2)))},
		{
			Name: "with what waited for it", Given: after(sent, held(accept(2), origin(cms, 2))), When: record(reject(1)),
			Then: events(reject(1), accept(2, outgoing.AlreadyAnswered)),
		},
		{
			Name: "alone", Given: after(sent, held(accept(2), origin(cms, 2))), When: upload.Record{Fact: reject(1), Owner: cms, Alone: true},
			Then: events(reject(1)),
		},
		{
			Name: "released", Given: after(sent, held(accept(2), origin(cms, 2)), reject(1)), When: upload.Release{},
			Then: events(accept(2, outgoing.AlreadyAnswered)),
		},
		{
			Name: "given up", Given: after(sent, held(accept(2), origin(cms, 2))), When: upload.Skip{Source: cms, To: 1},
			Then: events(&upload.SequenceSkipped{Source: cms, From: 1, To: 1}, accept(2)),
		},
		{
			Name: "given up, and come all the same", Given: after(sent, &upload.SequenceSkipped{Source: cms, From: 1, To: 1}, accept(2)),
			When: record(reject(1)), Refused: "sequence-skipped",
		},
		{
			Name: "given up, and retried", Given: after(sent, &upload.SequenceSkipped{Source: cms, From: 1, To: 1}, accept(2)),
			When: upload.Record{Fact: reject(1), Owner: cms, Retry: true},
			Then: events(reject(1, outgoing.AlreadyAnswered, feed.RecordedLate)),
		},
		{Name: "of an unknown type", Given: sent, When: record(unknown), Then: events(unknown)},
		{
			Name: "of a type that is known by now", Given: after(sent, unknown), When: upload.Record{Fact: accept(1), Owner: cms, Retry: true},
			Then: events(accept(1, feed.RecordedLate)),
		},
	})
	for _, fact := range []upload.Event{begun[0], held(accept(1), origin(cms, 1)), nil} {
		if got, err := upload.Decide(decider.State(sent...), upload.Record{Fact: fact}); err == nil || got != nil {
			t.Errorf("record %T: got %v, %v, want an error", fact, got, err)
		}
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	s := decider.State(after(sent, held(accept(3), origin(cms, 3)))...)
	if got := fmt.Sprint(s.Waiting(), s.Due(), s.Next(cms)); got != "[{"+cms+" 1 [3]}] false 1" {
		t.Errorf("waiting: got %s", got)
	}
	if s := decider.State(after(sent, held(accept(2), origin(cms, 2)), reject(1))...); !s.Due() {
		t.Error("due: got false, want what waited for the first fact")
	}
	if got, fact := upload.OriginOf(accept(3)); !fact || got.Sequence != 3 {
		t.Errorf("origin: got %v, %v, want that of the fact", got, fact)
	}
	if got, fact := upload.OriginOf(begun[0]); fact {
		t.Errorf("origin: got %v of what is no fact", got)
	}
	for _, broken := range []string{`{}`, `{"type":"upload.begun.v1","fact":{}}`, `{"type":"upload.fact-held.v1","fact":{}}`, `{"type":"upload.accepted.v1"}`} {
		if err := json.Unmarshal([]byte(broken), new(upload.FactHeld)); err == nil {
			t.Errorf("decoded %s", broken)
		}
	}
}

// commands are drawn by TestWhateverIsAsked, with a standing of the case that may be of any kind.
func draw(t *rapid.T, attempt int) upload.Command {
	c := rapid.SampledFrom([]outgoing.Case{standing, standing, standing, closed, suppressed, moved}).Draw(t, "case")
	attempt -= rapid.IntRange(0, 1).Draw(t, "behind")
	finding := rapid.SampledFrom([]upload.Finding{
		{Verdict: upload.FoundNothing}, {Verdict: upload.FoundNothing}, {Verdict: upload.FoundHarmful}, {Verdict: upload.FoundUnclear, Code: upload.ScannerUnclear},
	}).Draw(t, "finding")
	complete := upload.Complete{SHA256: hash, MediaType: pdf, Bytes: 100, Limits: limits, At: noon}
	return rapid.SampledFrom([]upload.Command{
		upload.Begin{Case: ref, Standing: c, FRN: frn, Person: person, Name: "a.pdf", Bytes: 100, Limits: limits, At: noon},
		complete, complete, upload.BeginScan{At: noon}, upload.BeginScan{At: noon},
		upload.NoteScan{Attempt: attempt, Finding: finding, At: noon}, upload.NoteScan{Attempt: attempt, Finding: finding, At: noon},
		upload.Queue{Standing: c, At: noon}, upload.Check{Standing: c, At: noon}, upload.NoteSent{Attempt: attempt, At: noon},
		upload.Retry{Standing: c, FRN: frn, Person: person, At: noon},
		upload.Cancel{FRN: frn, At: noon}, upload.Tick{Limits: limits, Now: noon.Add(2 * limits.IdleAfter)}, upload.Erase{At: noon},
		record(accept(int64(rapid.IntRange(1, 4).Draw(t, "sequence")))),
	}).Draw(t, "command")
}

// TestWhateverIsAsked: in no history of commands is a file queued that was not received whole and found clean in
// that very attempt, nor two times in one attempt; none goes on after its bytes are gone; and attempts only count up.
func TestWhateverIsAsked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state, same := upload.Initial(), upload.Initial()
		clean, inLine := map[int]bool{}, map[int]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "commands") {
			before, gone := state.Attempt(), state.Status() == upload.StatusErased
			command := draw(t, before)
			decided, err := decider.Check(state, same, command)
			if err != nil {
				continue
			}
			for _, event := range decided {
				switch event := event.(type) {
				case *upload.Cleared:
					clean[event.Attempt] = true
				case *upload.Queued:
					if !clean[event.Attempt] || inLine[event.Attempt] || !state.Whole() {
						t.Fatalf("queued in attempt %d: clean in %v, before in %v, whole %v", event.Attempt, clean, inLine, state.Whole())
					}
					inLine[event.Attempt] = true
				}
				if _, fact := upload.OriginOf(event); gone && !fact {
					t.Fatalf("%T after erasure: got %T", command, event)
				}
				state, same = upload.Evolve(state, event), upload.Evolve(same, event)
			}
			if state.Attempt() < before || state.Attempt() > before+1 {
				t.Fatalf("%T: attempt %d after %d", command, state.Attempt(), before)
			}
			if gone && (state.Status() != upload.StatusErased || state.Whole() || state.Downloadable()) {
				t.Fatalf("%T brought an erased upload back: %s", command, state.Status())
			}
			if state.Downloadable() && (!state.Whole() || !clean[state.Attempt()]) {
				t.Fatalf("%T: %s can be downloaded, clean in %v", command, state.Status(), clean)
			}
		}
	})
}
