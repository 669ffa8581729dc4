package projtest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"casesync/domain/business"
	"casesync/domain/casefile"
	"casesync/domain/private"
	"casesync/eventstore"
	"casesync/projections/engine"
	"casesync/projections/projtest"
)

type nameRow struct {
	FRN, Name string
	Changes   int64
	Recorded  int64
}

var names = &engine.Table[nameRow]{
	Spec: engine.Spec{Name: "names", Key: 1, Aside: []string{"recorded"}, Columns: []engine.Column{{Name: "frn", Type: engine.Text},
		{Name: "name", Type: engine.Text}, {Name: "changes", Type: engine.BigInt}, {Name: "recorded", Type: engine.BigInt}}},
	Fields: func(r *nameRow) []any { return []any{&r.FRN, &r.Name, &r.Changes, &r.Recorded} },
}

type issueRow struct {
	Ref, Issue, Envelope string
	Words                int64
}

var issues = &engine.Table[issueRow]{
	Spec: engine.Spec{Name: "issues", Key: 1, Columns: []engine.Column{{Name: "ref", Type: engine.Text}, {Name: "issue", Type: engine.Text},
		{Name: "envelope", Type: engine.Text}, {Name: "words", Type: engine.BigInt}}},
	Fields: func(r *issueRow) []any { return []any{&r.Ref, &r.Issue, &r.Envelope, &r.Words} },
}

var (
	businesses = engine.Projection{
		Name: "test_businesses", Version: 1, Tables: []engine.AnyTable{names},
		Key: func(e engine.Event) (string, bool) { return strings.CutPrefix(string(e.Stream), "business-") },
		Fold: func(rows *engine.Rows, e engine.Event) error {
			updated, ok := e.Event.(*business.Updated)
			if !ok {
				return fmt.Errorf("got %T", e.Event)
			}
			row := nameRow{FRN: updated.FRN}
			if known := names.Get(rows, updated.FRN); known != nil {
				row = *known
			}
			row.Name, row.Changes, row.Recorded = updated.Name, row.Changes+1, e.RecordedAt.UnixMicro()
			names.Put(rows, row)
			return nil
		},
	}
	details = engine.Projection{
		Name: "test_details", Version: 1, Tables: []engine.AnyTable{issues},
		Key: func(e engine.Event) (string, bool) {
			return string(e.Stream), strings.HasPrefix(string(e.Stream), "casefile-")
		},
		Fold: func(rows *engine.Rows, e engine.Event) error {
			changed := e.Event.(*casefile.DetailsChanged)
			opened, _ := changed.Details.Get()
			issues.Put(rows, issueRow{string(e.Stream), *opened.Issue, changed.Details.Envelope(), int64(len(e.Words(*opened.Issue)))})
			return nil
		},
	}
)

func TestWhatIsGivenComesOutAsRows(t *testing.T) {
	t.Parallel()
	given := []projtest.Given{
		projtest.On("business-123456", &business.Updated{FRN: "123456", Name: "First"}),
		projtest.On("business-7654321", &business.Updated{FRN: "7654321", Name: "Other"}),
		projtest.On("casefile-C1", &casefile.DetailsChanged{Details: private.Of(casefile.Details{Issue: new("late reply")})}),
		projtest.On("business-123456", &business.Updated{FRN: "123456", Name: "Second"}, &business.Updated{FRN: "123456", Name: "Third"}),
	}
	projtest.Each(t, strings.Fields, []engine.Projection{businesses, details}, given, func(t *testing.T, w *projtest.World) {
		w.Want(businesses, "names", "frn=123456 name=Third changes=3", "frn=7654321 name=Other changes=1")
		rows := w.Rows(details)["issues"]
		if len(rows) != 1 || !strings.HasPrefix(rows[0], "ref=casefile-C1 issue=late reply envelope=casefile-C1|") || !strings.HasSuffix(rows[0], " words=2") {
			t.Errorf("got %q, want one row with the opened issue and its envelope", rows)
		}
		if got, want := w.Now, projtest.Begin.Add(4*time.Hour); got != want {
			t.Errorf("got the clock at %s, want %s", got, want)
		}
		w.Record(projtest.Given{Stream: eventstore.StreamName("business-1234567"), Events: []any{&business.Updated{FRN: "1234567", Name: "Late"}}})
		w.Project()
		w.Check()
		if got := len(w.Rows(businesses)["names"]); got != 3 {
			t.Errorf("got %d rows, want 3", got)
		}
	})
}
