package cms

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/eventstore"
	"casesync/eventstore/sqlitelog"
)

func TestTakeStatuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got := f.send(t, anySystem,
		stage("1", 1, "investigation"),
		stage("1", 1, "investigation"),  // the same id
		stage("1b", 1, "investigation"), // the same sequence, the same content
		stage("1c", 1, "on-hold"),       // the same sequence, other content
		stage("3", 3, "view-issued"),    // before its turn
		stage("3", 3, "view-issued"),
		stage("2", 2, "on-hold"),
		stage("3b", 3, "view-issued"),
		stage("free", 0, "final-decision"),
		message{id: "u", sequence: 4, eventType: "cms.case.unheard-of.v1"},
		message{id: "u", sequence: 4, eventType: "cms.case.unheard-of.v1"},
		stage("5", 5, "on-hold"),
		message{id: "6", sequence: 6, data: map[string]any{}},
		stage("7", 7, "investigation"),
		message{id: "other", subject: "C-2", sequence: 1},
		message{id: "b1", eventType: typeBusinessUpdated, subject: "123456", sequence: 1, data: map[string]any{"frn": "123456", "name": "N"}},
		message{id: "b3", eventType: typeBusinessUpdated, subject: "123456", sequence: 3, data: map[string]any{"frn": "123456", "name": "M"}},
	)
	equal(t, "statuses", strings.Join(got, "\n"), strings.Join([]string{
		"accepted", "duplicate", "duplicate", "rejected sequence-conflict", "held", "duplicate", "accepted", "duplicate", "accepted",
		"rejected unknown-type", "duplicate", "accepted", "rejected invalid-data", "held", "accepted", "accepted", "held",
	}, "\n"))
	equal(t, "the same id on another subject", f.send(t, anySystem, message{id: "other", subject: "C-3", sequence: 1}), []string{"duplicate"})
	equal(t, "events of the case", f.stream(t, "casefile-C-1", typeOf), []string{
		"casefile.stage-changed.v1", "casefile.fact-held.v1", "casefile.stage-changed.v1", "casefile.stage-changed.v1",
		"casefile.stage-changed.v1", "casefile.fact-unrecognised.v1", "casefile.stage-changed.v1", "casefile.fact-held.v1",
	})
	var codes []string
	for _, letter := range f.open(t) {
		codes = append(codes, fmt.Sprint(letter.EventID, " ", letter.Code, " ", letter.Times))
	}
	slices.Sort(codes)
	equal(t, "dead letters", codes, []string{"1c sequence-conflict 1", "6 invalid-data 1", "u unknown-type 2"})
}

// What is rejected is kept whole, sealed, and counted when it comes again.
func TestDeadLettersAreWholeAndSealed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	bad := message{id: "1", sequence: 1, data: map[string]any{"stage": 7, "note": "Jane Specimen"}}
	f.send(t, anySystem, bad, bad)
	letters := f.open(t)
	if len(letters) != 1 || letters[0].Times != 2 || letters[0].Stream != "casefile-C-1" || letters[0].Original != nil {
		t.Fatalf("got %+v, want one letter, twice", letters)
	}
	letter, err := f.letters.Show(context.Background(), letters[0].ID)
	if err != nil {
		t.Fatalf("show: %v", err)
	}
	equal(t, "original", string(letter.Original), string(bad.text(t)))
	var stored string
	if err := f.state.QueryRow(`SELECT original FROM dead_letters`).Scan(&stored); err != nil {
		t.Fatalf("read row: %v", err)
	}
	if strings.Contains(stored, "Specimen") || !strings.Contains(stored, "casefile-C-1") {
		t.Errorf("got stored %q, want it sealed under the case's key", stored)
	}
}

func TestDiscardReleasesWhatWaits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := context.Background()
	// The first event of the case is bad: its stream does not even exist.
	f.send(t, anySystem, message{id: "1", sequence: 1, data: map[string]any{}})
	letter := f.open(t)[0]
	if err := f.desk.Discard(ctx, operator, letter.ID, " "); !errors.Is(err, commands.ErrNoReason) {
		t.Errorf("without a reason: got %v, want %v", err, commands.ErrNoReason)
	}
	if err := f.desk.Discard(ctx, anySystem.By, letter.ID, "x"); !errors.Is(err, commands.ErrForbidden) {
		t.Errorf("by a case system: got %v, want %v", err, commands.ErrForbidden)
	}
	if err := f.desk.Discard(ctx, operator, letter.ID, "sent by mistake"); err != nil {
		t.Fatalf("discard: %v", err)
	}
	equal(t, "what follows", f.send(t, anySystem, stage("2", 2, "on-hold")), []string{"accepted"})
	// A gap before the letter: its place is passed when the gap has closed, and not before.
	f.send(t, anySystem, message{id: "4", sequence: 4, data: map[string]any{}}, stage("5", 5, "investigation"))
	if err := f.desk.Discard(ctx, operator, f.open(t)[0].ID, "sent by mistake"); err != nil {
		t.Fatalf("discard: %v", err)
	}
	equal(t, "the gap closes", f.send(t, anySystem, stage("3", 3, "view-issued")), []string{"accepted"})
	stages := f.stream(t, "casefile-C-1", func(d eventstore.Decoded) string {
		if fact, ok := d.Event.(*casefile.StageChanged); ok {
			return fact.Stage
		}
		return ""
	})
	equal(t, "stages", stages, []string{"on-hold", "view-issued", "investigation"})
	shown, err := f.letters.Show(ctx, letter.ID)
	if err != nil || shown.Status != commands.DeadLetterDiscarded || shown.Resolution.Actor != operator.ID || shown.Resolution.Reason != "sent by mistake" {
		t.Errorf("got %+v, %v, want it discarded by the operator with his reason", shown, err)
	}
	if err := f.desk.Discard(ctx, operator, letter.ID, "again"); !errors.Is(err, commands.ErrDeadLetterResolved) {
		t.Errorf("again: got %v, want %v", err, commands.ErrDeadLetterResolved)
	}
}

// A message whose type was unknown took its place; once the type is known a retry applies it, late.
func TestRetryOfUnknownType(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := context.Background()
	const newType = "cms.case.stage-changed.v1"
	schema := f.validator.data[newType]
	delete(f.validator.data, newType) // an older version of this program
	equal(t, "at the older version", f.send(t, anySystem, stage("1", 1, "on-hold")), []string{"rejected unknown-type"})
	id := f.open(t)[0].ID
	verdict, err := f.desk.Retry(ctx, operator, id, "try")
	if err != nil || verdict.Code != CodeType {
		t.Fatalf("retry too early: got %+v, %v, want %s", verdict, err, CodeType)
	}
	f.validator.data[newType] = schema
	equal(t, "what follows", f.send(t, anySystem, stage("2", 2, "investigation")), []string{"accepted"})
	if verdict, err = f.desk.Retry(ctx, operator, id, "upgraded"); err != nil || verdict.Status != commands.Accepted {
		t.Fatalf("retry: got %+v, %v, want it accepted", verdict, err)
	}
	if _, err = f.desk.Retry(ctx, operator, id, "again"); !errors.Is(err, commands.ErrDeadLetterResolved) {
		t.Errorf("again: got %v, want %v", err, commands.ErrDeadLetterResolved)
	}
	equal(t, "sent again", f.send(t, anySystem, stage("1", 1, "on-hold")), []string{"duplicate"})
	equal(t, "events", f.stream(t, "casefile-C-1", func(d eventstore.Decoded) string {
		if fact, ok := d.Event.(*casefile.StageChanged); ok {
			return fmt.Sprint(fact.Stage, " by ", d.Meta.Actor, fact.Origin.Contradicts)
		}
		return typeOf(d)
	}), []string{
		"casefile.fact-unrecognised.v1", "investigation by cms:" + sourceA + "[not-converted]", "on-hold by " + operator.ID + "[not-converted recorded-late]",
	})
}

// A retry of a message without a sequence takes it under its own id, so that it is not applied a
// second time when the source sends it again.
func TestRetryThenSentAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	known := f.validator.data["cms.case.stage-changed.v1"]
	f.validator.data["cms.case.stage-changed.v1"] = f.validator.data["cms.case.transferred.v1"] // a schema that was too strict
	free := stage("1", 0, "on-hold")
	equal(t, "too strict", f.send(t, anySystem, free), []string{"rejected invalid-data"})
	f.validator.data["cms.case.stage-changed.v1"] = known
	if verdict, err := f.desk.Retry(context.Background(), operator, f.open(t)[0].ID, "schema corrected"); err != nil || verdict.Status != commands.Accepted {
		t.Fatalf("retry: got %+v, %v, want it accepted", verdict, err)
	}
	equal(t, "sent again", f.send(t, anySystem, free), []string{"duplicate"})
}

// flaky fails the first Resolve, before or after it took effect.
type flaky struct {
	commands.DeadLetters
	kept, failed bool
}

var errPulled = errors.New("plug pulled")

func (f *flaky) Resolve(ctx context.Context, id uuid.UUID, status commands.DeadLetterStatus, resolution commands.Resolution) error {
	if f.failed {
		return f.DeadLetters.Resolve(ctx, id, status, resolution)
	}
	f.failed = true
	if f.kept {
		_ = f.DeadLetters.Resolve(ctx, id, status, resolution)
	}
	return errPulled
}

// A decision on a letter that was cut off between log and letter is simply repeated.
func TestDecisionsAreRepeatable(t *testing.T) {
	t.Parallel()
	for _, kept := range []bool{false, true} {
		f := newFixture(t)
		ctx := context.Background()
		f.send(t, anySystem, message{id: "1", sequence: 1, data: map[string]any{}}, stage("2", 2, "on-hold"))
		f.desk.Letters = &flaky{DeadLetters: f.letters, kept: kept}
		id := f.open(t)[0].ID
		if err := f.desk.Discard(ctx, operator, id, "gone"); !errors.Is(err, errPulled) {
			t.Fatalf("got %v, want %v", err, errPulled)
		}
		before := f.stream(t, "casefile-C-1", typeOf)
		err := f.desk.Discard(ctx, operator, id, "gone")
		if want := map[bool]error{true: commands.ErrDeadLetterResolved}[kept]; !errors.Is(err, want) {
			t.Errorf("kept %v: got %v, want %v", kept, err, want)
		}
		equal(t, "events", f.stream(t, "casefile-C-1", typeOf), before)
		if got := len(f.open(t)); got != 0 {
			t.Errorf("kept %v: got %d open letters, want 0", kept, got)
		}
	}
}

// A token that belongs to one source speaks for no other, not even through an operator's hand.
func TestForeignSource(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	own := anySystem
	own.By.Source = sourceB
	foreign := stage("1", 1, "on-hold")
	equal(t, "statuses", f.send(t, own, foreign, message{id: "x", eventType: "cms.case.unheard-of.v1", sequence: 2}), []string{
		"rejected source-mismatch", "rejected source-mismatch",
	})
	equal(t, "events", f.stream(t, "casefile-C-1", typeOf), []string{})
	if err := f.desk.Discard(context.Background(), operator, f.open(t)[0].ID, "not theirs"); err != nil {
		t.Fatalf("discard: %v", err)
	}
	equal(t, "events after discarding", f.stream(t, "casefile-C-1", typeOf), []string{})
	equal(t, "the right sender", f.send(t, anySystem, foreign), []string{"accepted"})
	mine := stage("1", 1, "on-hold")
	mine.source, mine.subject = sourceB, "C-2"
	equal(t, "its own", f.send(t, own, mine), []string{"accepted"})
}

func TestTakeNeedsPermission(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, role := range []access.Role{access.Operator, access.Auditor, access.Caseworker} {
		_, err := f.Take(context.Background(), Sender{By: access.Principal{ID: "x", Roles: []access.Role{role}}}, nil)
		if !errors.Is(err, commands.ErrForbidden) {
			t.Errorf("%s: got %v, want %v", role, err, commands.ErrForbidden)
		}
	}
}

// While the databases are down nothing is answered, and nothing is lost once they are back.
func TestFaultsAreNoRejections(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good, bad := f.Parse(stage("1", 1, "on-hold").text(t)), f.Parse(message{id: "2", sequence: 2, data: map[string]any{}}.text(t))
	if err := f.state.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if results, err := f.Take(context.Background(), anySystem, []Message{bad}); err == nil {
		t.Errorf("dead letters down: got %+v, want an error", results)
	}
	if results, err := f.Take(context.Background(), anySystem, []Message{good}); err != nil || results[0].Status != commands.Accepted {
		t.Errorf("only dead letters down: got %+v, %v, want it accepted", results, err)
	}
	if err := f.log.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if results, err := f.Take(context.Background(), anySystem, []Message{f.Parse(stage("3", 3, "on-hold").text(t))}); err == nil {
		t.Errorf("log down: got %+v, want an error", results)
	}
}

// history is the events of some cases, in the order of each.
func history(cases, length int) []message {
	var feed []message
	for c := range cases {
		for n := range length {
			feed = append(feed, message{
				id: fmt.Sprintf("%d-%d", c, n), subject: fmt.Sprintf("C-%d", c), sequence: n + 1,
				data: map[string]any{"stage": fmt.Sprintf("stage %d", n)},
			})
		}
	}
	return feed
}

// effective returns the facts of a case that are in effect, in order.
func (f *fixture) effective(tb testing.TB, subject string) []string {
	tb.Helper()
	return f.stream(tb, commands.CaseStream(subject), func(d eventstore.Decoded) string {
		if fact, ok := d.Event.(*casefile.StageChanged); ok {
			return fmt.Sprint(fact.Origin.Sequence, " ", fact.Stage)
		}
		return ""
	})
}

// The same feed in order, and with duplicates and in any order, leads to the same facts.
func TestDisorderHasNoEffect(t *testing.T) {
	t.Parallel()
	const cases, length = 20, 12
	feed := history(cases, length)
	ordered, disordered := newFixture(t), newFixture(t)
	ordered.send(t, anySystem, feed...)
	random := rand.New(rand.NewPCG(1, 2))
	for range len(feed) / 20 {
		feed = append(feed, feed[random.IntN(len(feed))])
	}
	random.Shuffle(len(feed), func(i, j int) { feed[i], feed[j] = feed[j], feed[i] })
	for batch := range slices.Chunk(feed, 50) {
		for _, status := range disordered.send(t, anySystem, batch...) {
			if strings.HasPrefix(status, "rejected") {
				t.Fatalf("got %s", status)
			}
		}
	}
	for c := range cases {
		subject := fmt.Sprintf("C-%d", c)
		equal(t, subject, disordered.effective(t, subject), ordered.effective(t, subject))
	}
	if got := len(ordered.effective(t, "C-0")); got != length {
		t.Errorf("got %d facts, want %d", got, length)
	}
}

// Two processes that take the same feed at once record each fact once.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var path string
	if err := f.state.QueryRow(`SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&path); err != nil {
		t.Fatalf("find the files: %v", err)
	}
	log, err := sqlitelog.Open(context.Background(), filepath.Join(filepath.Dir(path), "log.db"), sqlitelog.Config{})
	if err != nil {
		t.Fatalf("open the log again: %v", err)
	}
	defer log.Close()
	second, err := NewIngester(Config{
		Commands: commands.New(commands.Config{Log: log, Codec: f.codec}), DeadLetters: f.letters, DigestKey: f.translator.key,
	})
	if err != nil {
		t.Fatalf("make ingester: %v", err)
	}
	var originals [][]byte
	for _, m := range history(5, 20) {
		originals = append(originals, m.text(t))
	}
	done := make(chan error)
	for _, in := range []*Ingester{f.Ingester, second} {
		go func() {
			_, err := in.Take(context.Background(), anySystem, in.ParseAll(originals))
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatalf("take: %v", err)
		}
	}
	for c := range 5 {
		if got := len(f.effective(t, fmt.Sprintf("C-%d", c))); got != 20 {
			t.Errorf("case %d: got %d facts, want 20", c, got)
		}
	}
}

// What a broker gave up is a letter with the broker's reason, once, and takes its place when it is retried. One that its
// sender may not speak for says so, so that nobody loses a place by it.
func TestBury(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := context.Background()
	sender := Sender{By: access.Principal{ID: "system:broker", Kind: access.Machine, Roles: []access.Role{access.CMS}, Source: sourceA}, Via: "broker"}
	mine := message{id: "1", source: sourceA, sequence: 1}
	foreign := message{id: "2", source: sourceB, subject: "C-2", sequence: 1}
	for _, m := range []message{mine, mine, foreign} {
		if err := f.Bury(ctx, sender, f.Parse(m.text(t)), "tried ten times"); err != nil {
			t.Fatalf("bury: %v", err)
		}
	}
	if err := f.Bury(ctx, Sender{By: operator}, f.Parse(mine.text(t)), "x"); !errors.Is(err, commands.ErrForbidden) {
		t.Errorf("by an operator: got %v, want %v", err, commands.ErrForbidden)
	}
	var got []string
	letters := f.open(t)
	for _, letter := range letters {
		got = append(got, fmt.Sprint(letter.EventID, " ", letter.Code, " ", letter.Via, " ", letter.Times, " ", letter.Reason == "tried ten times"))
	}
	equal(t, "letters", got, []string{"1 dead-lettered broker 2 true", "2 source-mismatch broker 1 false"})
	equal(t, "what follows", f.send(t, sender, message{id: "3", source: sourceA, eventType: "cms.case.stage-changed.v1", sequence: 2, data: map[string]any{"stage": "on-hold"}}), []string{"held"})
	if verdict, err := f.desk.Retry(ctx, operator, letters[0].ID, "mended"); err != nil || verdict.Status != commands.Accepted {
		t.Errorf("retry: got %+v, %v, want it accepted", verdict, err)
	}
	equal(t, "the retried one and what waited for it", f.stream(t, "casefile-C-1", typeOf), []string{"casefile.fact-held.v1", "casefile.stage-changed.v1", "casefile.stage-changed.v1"})
}
