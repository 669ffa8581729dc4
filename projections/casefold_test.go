package projections

import (
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/domain/casefile"
	"casesync/domain/private"
	"casesync/eventstore"
	"casesync/projections/engine"
)

// foldAll folds the facts of one case.
func foldAll(t *testing.T, ref string, events ...casefile.Event) *engine.Rows {
	t.Helper()
	projection := Cases()
	rows := engine.NewRows(projection.Tables...)
	for i, event := range events {
		e := decoded(eventstore.StreamName(caseStreams+ref), eventstore.Revision(i), i+1, event)
		if err := projection.Fold(rows, e); err != nil {
			t.Fatalf("fold %T: %v", event, err)
		}
	}
	return rows
}

// at is a time some hours after the start.
func at(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }

func day(t *testing.T, text string) Day {
	t.Helper()
	d, err := ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCaseRow(t *testing.T) {
	t.Parallel()
	converted := convertedTo("123456", hirePurchase, at(0))
	base := caseRow{
		Ref: "C1", FRN: "123456", Converted: true, Open: true,
		Sector: "Consumer credit", Group: "Motor finance", Product: "Hire purchase",
		Issue: "Commission not disclosed", Stage: "converted", SmallBusiness: true,
		ConvertedAt: micros(at(0)), ConvertedDay: int64(DayOf(at(0))), DueDay: int64(NoDay), ErasesDay: int64(NoDay), FileRequestedDay: int64(NoDay),
	}
	due := int64(day(t, "2025-02-03"))
	for name, c := range map[string]struct {
		given []casefile.Event
		want  func(*caseRow)
	}{
		"converted": {nil, func(*caseRow) {}},
		"stage moves backwards, and to one that nobody knows": {
			[]casefile.Event{stage("view-issued", at(1)), stage("pre-registration", at(2))},
			func(r *caseRow) { r.Stage = "pre-registration" }},
		"priority set": {
			[]casefile.Event{priorityIs(true, at(1))},
			func(r *caseRow) { r.Priority, r.PriorityReason = true, "medical" }},
		"recategorised": {
			[]casefile.Event{&casefile.Recategorised{Origin: from(at(1)), Product: creditCards}},
			func(r *caseRow) { r.Sector, r.Group, r.Product = "Banking", "Cards", "Credit cards" }},
		"transferred": {
			[]casefile.Event{transferredTo("7654321", at(1))},
			func(r *caseRow) { r.FRN = "7654321" }},
		"the earliest open action is due": {
			[]casefile.Event{requested("a", "2025-02-10", at(1)), requested("b", "2025-02-03", at(2)), requested("c", "2025-01-20", at(3)), actionClosed("c", at(4))},
			func(r *caseRow) { r.ActionsOpen, r.DueDay = 2, due }},
		"an action extended": {
			[]casefile.Event{requested("a", "2025-01-10", at(1)), &casefile.ActionExtended{Origin: from(at(2)), ActionID: "a", DueDate: "2025-02-03"}},
			func(r *caseRow) { r.ActionsOpen, r.DueDay = 1, due }},
		"an unknown action closed": {
			[]casefile.Event{actionClosed("zz", at(1))}, func(*caseRow) {}},
		"closed, as corrected": {
			[]casefile.Event{stage("final-decision", at(1)), closedAs("change", at(2)), closedAs("no-change", at(30))},
			func(r *caseRow) {
				r.Stage, r.StageAtClosure, r.Open, r.Outcome = "final-decision", "final-decision", false, "no-change"
				r.ClosedAt, r.ClosedDay, r.ErasesDay = micros(at(30)), int64(DayOf(at(30))), int64(day(t, "2031-01-02"))
			}},
		"reopened": {
			[]casefile.Event{closedAs("change", at(2)), reopenedAt(at(5))},
			func(r *caseRow) { r.ReopenedAt = micros(at(5)) }},
		"suppressed and shown again": {
			[]casefile.Event{suppressedAt(at(1)), unsuppressedAt(at(2)), suppressedAt(at(3))},
			func(r *caseRow) {
				r.Suppressed, r.SuppressedBySource, r.SuppressedAt = true, true, micros(at(3))
			}},
		"details changed, the rest kept": {
			[]casefile.Event{&casefile.DetailsChanged{
				Origin: from(at(1)), Details: sealed(casefile.Details{Issue: new("Delay")}, "d2"),
				Representative: sealed(casefile.Party{Name: "Oak & Ash LLP"}, "rep"),
			}},
			func(r *caseRow) { r.Issue, r.HasRepresentative = "Delay", true }},
		"a representative taken away": {
			[]casefile.Event{
				&casefile.DetailsChanged{Origin: from(at(1)), Representative: sealed(casefile.Party{Name: "Oak & Ash LLP"}, "rep")},
				&casefile.DetailsChanged{Origin: from(at(2)), Representative: sealed(casefile.Party{}, "none")},
			},
			func(*caseRow) {}},
		"an older time does not move updatedAt back": {
			[]casefile.Event{stage("view-issued", at(9)), stage("on-hold", at(3))},
			func(r *caseRow) { r.Stage, r.UpdatedAt = "on-hold", micros(at(9)) }},
		"allocated, and to another": {
			[]casefile.Event{&casefile.Allocated{To: "ada"}, &casefile.Allocated{To: "bob", From: "ada"}},
			func(r *caseRow) { r.AllocatedTo = "bob" }},
		"given back": {
			[]casefile.Event{&casefile.Allocated{To: "ada"}, &casefile.Allocated{From: "ada"}}, func(*caseRow) {}},
		"returned from who is disabled": {
			[]casefile.Event{&casefile.Allocated{To: "ada"}, &casefile.AllocationReturned{From: "ada", Cause: casefile.HolderDisabled}},
			func(r *caseRow) { r.AllocationReturned = true }},
		"returned, and allocated again": {
			[]casefile.Event{&casefile.AllocationReturned{From: "ada", Cause: casefile.HolderRemoved}, &casefile.Allocated{To: "bob"}},
			func(r *caseRow) { r.AllocatedTo = "bob" }},
		"allocated, then transferred": {
			[]casefile.Event{&casefile.Allocated{To: "ada"}, transferredTo("7654321", at(1))},
			func(r *caseRow) { r.FRN = "7654321" }},
		"returned, then transferred": {
			[]casefile.Event{&casefile.AllocationReturned{From: "ada", Cause: casefile.HolderErased}, transferredTo("7654321", at(1))},
			func(r *caseRow) { r.FRN = "7654321" }},
		"allocated, then transferred to where it is": {
			[]casefile.Event{&casefile.Allocated{To: "ada"}, transferredTo("123456", at(1))},
			func(r *caseRow) { r.AllocatedTo = "ada" }},
		"closed on hold is never due": {
			[]casefile.Event{&casefile.LegalHoldPlaced{}, closedAs("withdrawn", at(2))},
			func(r *caseRow) {
				r.OnHold, r.Open, r.Outcome, r.StageAtClosure = true, false, "withdrawn", "converted"
				r.ClosedAt, r.ClosedDay = micros(at(2)), int64(DayOf(at(2)))
			}},
		"the hold is lifted": {
			[]casefile.Event{&casefile.LegalHoldPlaced{}, closedAs("withdrawn", at(2)), &casefile.LegalHoldLifted{}},
			func(r *caseRow) {
				r.Open, r.Outcome, r.StageAtClosure, r.ErasesDay = false, "withdrawn", "converted", int64(day(t, "2028-01-01"))
				r.ClosedAt, r.ClosedDay = micros(at(2)), int64(DayOf(at(2)))
			}},
		"handed over": {
			[]casefile.Event{&casefile.HandedOver{Origin: from(at(1)), ToSource: "/new"}}, func(*caseRow) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := append([]casefile.Event{converted}, c.given...)
			got, want := *cases.Get(foldAll(t, "C1", given...), "C1"), base
			want.UpdatedAt = got.UpdatedAt
			c.want(&want)
			want.TimelineLen, want.Revision = int64(len(given)), int64(len(given)-1)
			want.RecordedAt, want.LedgerLen = micros(recordedAt(len(given))), got.LedgerLen
			if got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestFactsBeforeConversion(t *testing.T) {
	t.Parallel()
	rows := foldAll(t, "C1", stage("investigation", at(1)), closedAs("change", at(2)))
	if row := cases.Get(rows, "C1"); row.Converted || row.LedgerLen != 0 {
		t.Errorf("got %+v, want a case that is not converted and counts nowhere", row)
	}
	rows = foldAll(t, "C1", stage("investigation", at(1)), closedAs("change", at(2)), convertedTo("123456", hirePurchase, at(0)))
	row := cases.Get(rows, "C1")
	if !row.Converted || row.Open || row.Stage != "investigation" || row.Outcome != "change" || row.UpdatedAt != micros(at(2)) {
		t.Errorf("got %+v, want what was known before the conversion to hold", row)
	}
	if got := upholdLedger.All(rows, "C1"); len(got) != 2 || got[0].Kind != kindNew || got[1].Kind != "change" || got[1].SourceAt != micros(at(2)) {
		t.Errorf("got ledger %+v, want new and change, known from the latest fact on", got)
	}
}

func TestTransferLeavesItsTrace(t *testing.T) {
	t.Parallel()
	rows := foldAll(t, "C1", convertedTo("123456", hirePurchase, at(0)), transferredTo("222222", at(1)),
		transferredTo("222222", at(2)), convertedTo("333333", hirePurchase, at(3)))
	var got []earlierRow
	for _, row := range earlierBusinesses.All(rows, "C1") {
		got = append(got, *row)
	}
	want := []earlierRow{{"C1", 1, "123456", micros(at(1))}, {"C1", 2, "222222", micros(at(3))}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSnapshotReplacesEverything(t *testing.T) {
	t.Parallel()
	snapshot := &casefile.SnapshotTaken{
		Origin: from(at(5)), FRN: "222222", Product: creditCards, Stage: "view-issued", ConvertedAt: at(-48),
		Actions:   []casefile.SnapshotAction{{ActionID: "b", DueDate: "2025-02-03"}, {ActionID: "c", DueDate: "2025-01-02", Result: "completed"}},
		Documents: []casefile.SnapshotDocument{{DocumentID: "shown", PublishedAt: at(1)}, {DocumentID: "secret", PublishedAt: at(1)}, {DocumentID: "undescribed", PublishedAt: at(1)}},
		Content: sealed(casefile.SnapshotContent{
			Details: casefile.Details{Issue: new("Delay")}, Priority: casefile.Priority{Priority: true, Reason: "vulnerability"},
			Actions:   map[string]casefile.Action{"b": {Kind: "reply"}, "c": {Kind: "file-request"}},
			Documents: map[string]casefile.Document{"shown": {Kind: "view"}, "secret": {Kind: "note", Confidential: true}},
		}, "content"),
		Consumer: sealed(casefile.Party{Name: "Jonas Fell"}, "consumer-2"),
	}
	rows := foldAll(t, "C1", convertedTo("123456", hirePurchase, at(0)), requested("a", "2025-01-05", at(1)),
		requested("b", "2025-01-06", at(2)), published("old", false, at(3)), closedAs("change", at(4)), snapshot)
	got := *cases.Get(rows, "C1")
	want := caseRow{
		Ref: "C1", FRN: "222222", Converted: true, Open: true, Sector: "Banking", Group: "Cards", Product: "Credit cards",
		Issue: "Delay", Stage: "view-issued", Priority: true, PriorityReason: "vulnerability",
		ConvertedAt: micros(at(-48)), ConvertedDay: int64(DayOf(at(-48))), ActionsOpen: 1, DueDay: int64(day(t, "2025-02-03")),
		ErasesDay: int64(NoDay), FileRequestedDay: int64(NoDay), UpdatedAt: micros(at(5)), TimelineLen: 6, LedgerLen: 5, RecordedAt: micros(recordedAt(6)), Revision: 5,
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if a := actions.All(rows, "C1"); len(a) != 2 || a[0].ActionID != "b" || a[0].RequestedAt != micros(at(2)) || a[1].Result != "completed" {
		t.Errorf("got actions %+v, want b as requested before, and c completed", a)
	}
	var shown []string
	for _, d := range documents.All(rows, "C1") {
		if !d.Confidential {
			shown = append(shown, d.DocumentID)
		} else if d.Kind != "" || d.Sealed != "" {
			t.Errorf("got %+v, want nothing kept of a confidential document", d)
		}
	}
	if !slices.Equal(shown, []string{"shown"}) {
		t.Errorf("got documents %v, want shown alone", shown)
	}
	if s := caseSealed.Get(rows, "C1"); *s != (sealedRow{Ref: "C1", Consumer: envelope("consumer-2"), ConsumerWords: s.ConsumerWords}) ||
		!strings.Contains(s.ConsumerWords, "#jonas") {
		t.Errorf("got %+v, want the snapshot's consumer alone, and the words of the name", s)
	}
}

// TestDestroyedKeyKeepsBasicData: once a case's key is gone nothing but business, product, outcome,
// stage and dates is left (requirement 64).
func TestDestroyedKeyKeepsBasicData(t *testing.T) {
	t.Parallel()
	gone := *convertedTo("123456", hirePurchase, at(0))
	gone.Details, gone.Consumer = shut[casefile.Details](), shut[casefile.Party]()
	rows := foldAll(t, "C1", &gone, &casefile.PriorityChanged{Origin: from(at(1)), Priority: shut[casefile.Priority]()},
		&casefile.ActionRequested{Origin: from(at(2)), ActionID: "a", DueDate: "2025-02-03", Action: shut[casefile.Action]()},
		&casefile.DocumentPublished{Origin: from(at(3)), DocumentID: "d", PublishedAt: at(3), Document: shut[casefile.Document]()},
		closedAs("change", at(4)))
	row := cases.Get(rows, "C1")
	if row.FRN != "123456" || row.Product != "Hire purchase" || row.Outcome != "change" || row.ConvertedAt == 0 || row.ClosedAt == 0 {
		t.Errorf("got %+v, want the basic data", row)
	}
	if row.Issue != "" || row.Priority || row.PriorityReason != "" || row.SmallBusiness {
		t.Errorf("got %+v, want nothing confidential", row)
	}
	if d := documents.Get(rows, "C1", "d"); !d.Confidential {
		t.Errorf("got %+v, want a document that cannot be opened to be hidden", d)
	}
	if w := found(rows, "C1"); w != [3]string{} {
		t.Errorf("got words %v, want none", w)
	}
}

// shut is a value whose key was destroyed.
func shut[T any]() (v private.Value[T]) {
	v.SetSealed("v1.gone", "test")
	return v
}
