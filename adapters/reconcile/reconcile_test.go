package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/private"
	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections"
	"casesync/projections/engine"
	"casesync/projections/projtest"
)

const (
	sourceA = "urn:example:a"
	sourceB = "urn:example:b"
)

var (
	card  = casefile.Product{Sector: "Banking", Group: "Cards", Product: "Credit card"}
	begun = projtest.Begin.Add(-1000 * time.Hour)
)

// snap is a snapshot of a case by sourceA, as change leaves it.
func snap(sequence int64, hours int, change func(*casefile.SnapshotTaken)) *casefile.SnapshotTaken {
	issue := "Late fee"
	s := &casefile.SnapshotTaken{
		Origin: feed.Origin{Source: sourceA, ID: fmt.Sprintf("s-%d-%d", sequence, hours), Sequence: sequence, Time: begun.Add(time.Duration(hours) * time.Hour)},
		FRN:    "9990001", Product: card, Stage: "investigation", ConvertedAt: begun,
		Consumer: private.Of(casefile.Party{Name: "Zara Specimenworth"}),
		Content:  private.Of(casefile.SnapshotContent{Details: casefile.Details{Issue: &issue}}),
	}
	s.Origin.Digest = s.Origin.ID
	if change != nil {
		change(s)
	}
	return s
}

func at(stage string) func(*casefile.SnapshotTaken) {
	return func(s *casefile.SnapshotTaken) { s.Stage, s.Origin.Digest = stage, stage }
}

// world is a log and a read model, with the commands that correct.
type world struct {
	*projtest.World
	t        *testing.T
	commands *commands.Commands
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		inner := projtest.New(t, address, func(string) []string { return nil }, projections.Cases())
		test(t, &world{inner, t, commands.New(commands.Config{Log: inner.Log, Codec: inner.Codec})})
	})
}

// given records and projects events of cases.
func (w *world) given(given ...projtest.Given) {
	w.Record(given...)
	w.Project()
}

func on(ref string, events ...any) projtest.Given { return projtest.On("casefile-"+ref, events...) }

// line is a line of an extract.
func (w *world) line(number int64, ref string, s *casefile.SnapshotTaken) Line {
	by := access.Principal{ID: "system:reconciliation", Kind: access.Machine, Roles: []access.Role{access.CMS}}
	return Line{Number: number, Bytes: 100, Ref: ref, Snapshot: s, Correct: func(ctx context.Context, c commands.Correction) (commands.Verdict, error) {
		return w.commands.CorrectCase(ctx, by, ref, s.Origin, s, c)
	}}
}

// run compares batches of lines.
func (w *world) run(change func(*Config), batches ...[]Line) *Report {
	w.t.Helper()
	config := Config{
		Store: w.Store, Log: w.Log.(Log), Codec: w.Codec, Wait: time.Minute,
		Read: func(_ context.Context, yield func([]Line) error) error {
			for _, batch := range batches {
				if err := yield(batch); err != nil {
					return err
				}
			}
			return nil
		},
	}
	if change != nil {
		change(&config)
	}
	report, err := Run(w.t.Context(), config)
	if err != nil {
		w.t.Fatalf("run: %v", err)
	}
	return report
}

func repairing(c *Config) { c.Repair = true }

func (w *world) want(what string, got *Report, want Counts) {
	w.t.Helper()
	if got.Counts != want {
		w.t.Errorf("%s: got %+v, want %+v: %+v", what, got.Counts, want, got.Differences)
	}
}

// Who knows of more than the snapshot stands for has moved on, by sequences and, without them, by times.
func TestMovedOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		later := func(sequence int64, hours int) *casefile.StageChanged {
			return &casefile.StageChanged{Origin: feed.Origin{Source: sourceA, ID: "l", Sequence: sequence, Time: begun.Add(time.Duration(hours) * time.Hour)}, Stage: "on-hold"}
		}
		w.given(on("C-1", snap(3, 1, nil), later(4, 2)), on("C-2", snap(0, 1, nil), later(0, 5)), on("C-3", snap(3, 1, nil), later(4, 2)),
			on("C-4", snap(1, 90, func(s *casefile.SnapshotTaken) { s.ConvertedAt = begun.Add(80 * time.Hour) })))
		report := w.run(repairing, []Line{
			w.line(1, "C-1", snap(3, 1, nil)), w.line(2, "C-2", snap(0, 4, nil)),
			w.line(3, "C-3", snap(4, 3, nil)), // at the sequence of what is known: it differs
		})
		w.want("stale snapshots", report, Counts{MovedOn: 3, Different: 1, Repaired: 1}) // C-4 was converted after the extract
	})
}

// Only what a source of the extract speaks for can be missing there.
func TestSeveralSources(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ofB := func(s *casefile.SnapshotTaken) { s.Origin.Source = sourceB }
		w.given(on("A-1", snap(1, 1, nil)), on("A-2", snap(1, 1, nil)), on("B-1", snap(1, 1, ofB)), on("B-2", snap(1, 1, ofB)),
			on("A-3", snap(1, 1, func(s *casefile.SnapshotTaken) { s.Outcome, s.ClosedAt = "change", begun.Add(time.Hour) })))
		extract := []Line{w.line(1, "A-1", snap(1, 2, nil)), w.line(2, "B-1", snap(9, 2, at("view-issued")))}
		report := w.run(repairing, extract)
		w.want("source A's extract", report, Counts{InSync: 1, AnotherSource: 1, MissingThere: 2})
		if len(report.Differences) != 2 || report.Differences[0].Case != "A-2" || report.Differences[0].Source != sourceA || report.Differences[0].Repair != "" {
			t.Errorf("got %+v, want A-2 and A-3 missing there", report.Differences)
		}
		report = w.run(func(c *Config) { c.OpenOnly = true }, extract)
		w.want("of open cases", report, Counts{InSync: 1, AnotherSource: 1, MissingThere: 1})
	})
}

// The last line of a case counts, wherever the others are; a line with a fault keeps its case from being
// missing there, and stops nobody.
func TestDuplicatesAndFaults(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.given(on("C-1", snap(1, 1, nil)), on("C-2", snap(1, 1, nil)), on("C-3", snap(1, 1, nil)))
		first := []Line{
			w.line(1, "C-1", snap(1, 2, at("on-hold"))), w.line(2, "C-2", snap(1, 2, nil)), w.line(3, "C-2", snap(1, 2, at("on-hold"))),
			{Number: 4, Code: "invalid-json", Reason: "no"}, {Number: 5, Ref: "C-3", Code: "invalid-data", Reason: "no"},
		}
		report := w.run(nil, first, []Line{w.line(6, "C-1", snap(1, 2, nil))})
		w.want("duplicates", report, Counts{InSync: 1, Different: 1, Duplicates: 2, Faults: 2})
		if len(report.Differences) != 1 || report.Differences[0].Case != "C-2" || report.Differences[0].Line != 3 || report.Fields["stage"] != 1 {
			t.Errorf("got %+v, %v, want C-2 by line 3", report.Differences, report.Fields)
		}
		if got := []Duplicate{{3, "C-2"}, {6, "C-1"}}; !slices.Equal(report.Duplicates, got) {
			t.Errorf("got duplicates %v, want %v", report.Duplicates, got)
		}
		if report.Lines != 6 || report.Left() != 3 {
			t.Errorf("got %d lines, %d left", report.Lines, report.Left())
		}
	})
}

// What is personal is compared, and stands in no report; an operator's suppression is none of the source's.
func TestFields(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.given(on("C-1", snap(1, 1, nil)), on("C-2", snap(1, 1, nil), &casefile.SuppressionExecuted{}))
		changed := snap(1, 2, func(s *casefile.SnapshotTaken) {
			content, _ := s.Content.Get()
			handler := "Quentin Madeup"
			content.Details.Handler = &handler
			content.Priority = casefile.Priority{Priority: true, Reason: "medical"}
			content.Documents = map[string]casefile.Document{"D-1": {Kind: "view", Title: "View of Zara"}}
			s.Documents = []casefile.SnapshotDocument{{DocumentID: "D-1", PublishedAt: begun}}
			s.Content, s.Suppressed = private.Of(content), true
			s.Consumer = private.Of(casefile.Party{Name: "Zara Specimenworth", Email: "zara@mail.example"})
		})
		report := w.run(nil, []Line{w.line(1, "C-1", changed), w.line(2, "C-2", snap(1, 2, nil))})
		w.want("fields", report, Counts{InSync: 1, Different: 1})
		text, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		for _, private := range []string{"Zara", "Quentin", "mail.example", "medical"} {
			if strings.Contains(string(text), private) {
				t.Errorf("the report tells %q: %s", private, text)
			}
		}
		var names []string
		for _, f := range report.Differences[0].Fields {
			names = append(names, f.Field)
		}
		want := []string{"suppressed", "priority.priority", "priority.reason", "handler", "consumer.email", "documents[D-1]"}
		if !slices.Equal(names, want) {
			t.Errorf("got fields %v, want %v", names, want)
		}
	})
}

// A repair brings nothing back that was erased here.
func TestErasureStands(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.given(on("C-1", snap(1, 1, nil), &casefile.PartyErased{Party: casefile.Consumer}), on("C-2", snap(1, 1, nil), &casefile.DataErased{}),
			on("C-3", snap(1, 1, nil), &casefile.DataErased{}), on("C-4", snap(1, 1, nil), &casefile.PartyErased{Party: casefile.Consumer}))
		report := w.run(repairing, []Line{
			w.line(1, "C-1", snap(1, 2, nil)), w.line(2, "C-2", snap(1, 2, nil)), w.line(3, "C-4", snap(1, 2, at("on-hold"))),
		}) // C-3 is not missing there: nobody expects it
		w.want("erasures", report, Counts{InSync: 2, Different: 1, NotRepaired: 1})
		if d := report.Differences; len(d) != 1 || d[0].Case != "C-4" || d[0].Repair != CodeErased {
			t.Errorf("got %+v, want C-4 left alone", d)
		}
	})
}

// A correction is of the revision that was compared, and says why in the log.
func TestRepair(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.given(on("C-1", snap(1, 1, nil)), on("C-2", snap(1, 1, nil)))
		raced := w.line(2, "C-2", snap(1, 2, at("on-hold")))
		correct := raced.Correct
		raced.Correct = func(ctx context.Context, c commands.Correction) (commands.Verdict, error) {
			w.Record(on("C-2", &casefile.LegalHoldPlaced{})) // comes between
			return correct(ctx, c)
		}
		extract := []Line{w.line(1, "C-1", snap(1, 2, at("on-hold"))), raced, w.line(3, "C-3", snap(1, 2, nil))}
		report := w.run(repairing, extract)
		w.want("repair", report, Counts{Different: 2, MissingHere: 1, Repaired: 2, NotRepaired: 1})
		if d := report.Differences[1]; d.Case != "C-2" || d.Repair != CodeChanged {
			t.Errorf("got %+v, want it left for another run", d)
		}
		w.Project()
		extract[1] = w.line(2, "C-2", snap(1, 2, at("on-hold")))
		w.want("second run", w.run(repairing, extract), Counts{InSync: 2, Different: 1, Repaired: 1})
		w.Project()
		w.want("third run", w.run(repairing, extract), Counts{InSync: 3})
		w.Check()
		for recorded, err := range w.Log.ReadStream(t.Context(), "casefile-C-1", 1) {
			decoded, failed := w.Codec.Decode(recorded)
			if errors.Join(err, failed) != nil {
				t.Fatal(err, failed)
			}
			reason, err := w.Codec.OpenEnvelopes(t.Context(), decoded.Meta.Reason)
			if err != nil || string(reason[0]) != `"`+Reason+`"` || decoded.Meta.Actor != "system:reconciliation" {
				t.Errorf("got reason %s by %s, %v", reason[0], decoded.Meta.Actor, err)
			}
		}
	})
}

// What somebody altered in the read model is found, and stops nothing.
func TestAlteredEnvelope(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.given(on("C-1", snap(1, 1, nil)), on("C-2", snap(1, 1, nil)))
		err := w.Store.Update(t.Context(), func(tx engine.Tx) error {
			_, err := tx.Exec(t.Context(), "UPDATE case_sealed_1 SET consumer = (SELECT consumer || 'A' FROM case_sealed_1 WHERE ref = 'C-1') WHERE ref = 'C-1'")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		report := w.run(repairing, []Line{w.line(1, "C-1", snap(1, 2, nil)), w.line(2, "C-2", snap(1, 2, nil))})
		w.want("altered", report, Counts{InSync: 1, ReadModelDiffers: 1})
		if d := report.Differences; len(d) != 1 || len(d[0].Fields) != 1 || d[0].Fields[0].Field != "consumer.name" {
			t.Errorf("got %+v", d)
		}
	})
}

// A case with an event that only a newer version knows is told, left alone, and stops nothing.
func TestUnreadableLog(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.given(on("C-1", snap(1, 1, nil)), on("C-2", snap(1, 1, nil)))
		newer := eventstore.Event{ID: uuid.New(), Type: "casefile.unheard-of.v1", Data: []byte("{}"), Metadata: []byte("{}")}
		if _, err := w.Log.Append(t.Context(), "casefile-C-1", eventstore.Any, newer); err != nil {
			t.Fatal(err)
		}
		w.Project()
		report := w.run(repairing, []Line{w.line(1, "C-1", snap(1, 2, at("on-hold"))), w.line(2, "C-2", snap(1, 2, nil))})
		w.want("unreadable", report, Counts{InSync: 1, Different: 1, NotRepaired: 1})
		if d := report.Differences; len(d) != 1 || d[0].Repair != CodeUnreadable {
			t.Errorf("got %+v, want %s", d, CodeUnreadable)
		}
	})
}

// A read model that is behind is waited for, and not compared where it does not come.
func TestBehind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.given(on("C-1", snap(1, 1, nil)))
		w.Record(on("C-1", &casefile.LegalHoldPlaced{}))
		_, err := Run(t.Context(), Config{Store: w.Store, Log: w.Log.(Log), Codec: w.Codec, Wait: time.Millisecond})
		if !errors.Is(err, ErrBehind) {
			t.Errorf("got %v, want %v", err, ErrBehind)
		}
	})
}
