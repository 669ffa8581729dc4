package cms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"casesync/adapters/commands"
	"casesync/eventstore"
)

// snapshot is one of C-1 at a sequence.
func snapshot(id string, sequence int, stage string) message {
	return message{id: id, sequence: sequence, eventType: TypeSnapshot, data: map[string]any{
		"frn": "123456", "product": map[string]any{"sector": "S", "group": "G", "product": "P"}, "stage": stage,
		"issue": "I", "consumer": map[string]any{"name": "N"}, "convertedAt": "2026-01-02T03:04:05Z",
	}}
}

// Lines come in the order of the file, with their faults, and nothing is recorded.
func TestScan(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const many = 700 // more than a chunk
	var text strings.Builder
	for i := range many {
		m := snapshot(fmt.Sprint(i), i+1, "on-hold")
		m.subject = fmt.Sprintf("C-%d", i+1)
		fmt.Fprintf(&text, "%s\n", m.text(t))
	}
	fmt.Fprintf(&text, "{}\n\n%s\n{\"cut", stage("s", 1, "on-hold").text(t))
	var got []string
	err := Scan(context.Background(), f.Ingester, strings.NewReader(text.String()), func(lines []ParsedLine) error {
		for i := range lines {
			code := ""
			if lines[i].Fault != nil {
				code = lines[i].Fault.Code
			}
			_, is := lines[i].Snapshot()
			got = append(got, fmt.Sprint(lines[i].Number, lines[i].Subject, is, code))
		}
		return nil
	})
	var want []string
	for i := range many {
		want = append(want, fmt.Sprint(i+1, fmt.Sprintf("C-%d", i+1), true, ""))
	}
	want = append(want, fmt.Sprint(many+1, "", false, CodeEnvelope), fmt.Sprint(many+3, "C-1", false, ""), fmt.Sprint(many+4, "", false, CodeTruncated))
	if err != nil {
		t.Fatalf("scan: %v", err)
	}
	equal(t, "lines", got, want)
	equal(t, "events", f.stream(t, "casefile-C-1", typeOf), []string{})
	if letters := f.open(t); len(letters) != 0 {
		t.Errorf("got dead letters %v, want none", letters)
	}
}

func TestScanEndsWithItsReader(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	stop := errors.New("enough")
	line := string(stage("s", 1, "on-hold").text(t)) + "\n"
	if err := Scan(context.Background(), f.Ingester, strings.NewReader(strings.Repeat(line, 2000)), func([]ParsedLine) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want %v", err, stop)
	}
	if err := Scan(context.Background(), f.Ingester, strings.NewReader("[{}]"), nil); !errors.Is(err, ErrNotLines) {
		t.Errorf("an array: got %v, want %v", err, ErrNotLines)
	}
}

// A correction counts where the same snapshot would be a duplicate, or a conflict; once a revision, and never
// where the case has changed since.
func TestCorrect(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := context.Background()
	reason := commands.Correction{Reason: "reconciliation"}
	correct := func(m message, revision eventstore.Revision) (string, error) {
		reason.Revision = revision
		verdict, err := f.Correct(ctx, anySystem, f.Parse(m.text(t)), reason)
		return strings.TrimSpace(string(verdict.Status) + " " + verdict.Code), err
	}
	first, other := snapshot("s-1", 3, "on-hold"), snapshot("s-1", 3, "view-issued")
	equal(t, "first load", f.send(t, anySystem, first), []string{"accepted"})
	for i, step := range []struct {
		m        message
		revision eventstore.Revision
		want     string
	}{
		{other, 0, "accepted"}, // the same id and sequence, other content
		{other, 0, "duplicate"},
		{first, 1, "accepted"}, // and back
		{snapshot("s-0", 2, "converted"), 2, "duplicate"},
		{message{id: "bad", sequence: 4, eventType: TypeSnapshot, data: map[string]any{}}, 2, "rejected " + CodeData},
	} {
		if got, err := correct(step.m, step.revision); err != nil || got != step.want {
			t.Errorf("step %d: got %s, %v, want %s", i, got, err, step.want)
		}
	}
	if got, err := correct(snapshot("s-9", 9, "on-hold"), 1); !errors.Is(err, eventstore.ErrWrongExpectedRevision) {
		t.Errorf("of an older revision: got %s, %v, want %v", got, err, eventstore.ErrWrongExpectedRevision)
	}
	if got, err := correct(stage("x", 4, "on-hold"), 2); !errors.Is(err, errNoSnapshot) {
		t.Errorf("no snapshot: got %s, %v, want %v", got, err, errNoSnapshot)
	}
	foreign := anySystem
	foreign.By.Source = sourceB
	if verdict, err := f.Correct(ctx, foreign, f.Parse(first.text(t)), reason); err != nil || verdict.Code != CodeSource {
		t.Errorf("for another source: got %+v, %v, want %s", verdict, err, CodeSource)
	}
	if _, err := f.Correct(ctx, Sender{By: operator}, f.Parse(first.text(t)), reason); !errors.Is(err, commands.ErrForbidden) {
		t.Errorf("by an operator: got %v, want %v", err, commands.ErrForbidden)
	}
	reason.Reason = ""
	if _, err := correct(first, 2); !errors.Is(err, commands.ErrNoReason) {
		t.Errorf("without a reason: got %v, want %v", err, commands.ErrNoReason)
	}
	equal(t, "dead letters", len(f.open(t)), 0)
}
