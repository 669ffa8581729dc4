package commands_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/savedview"
)

// A view is saved, saved anew, and removed by its owner; nobody else has it.
func TestSavedViews(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, desk := t.Context(), w.desk(w.log)
		w.configure(frn, "example.com")
		cas, sue := w.join(frn, "cas@example.com", access.Caseworker), w.join(frn, "sue@example.com", access.Supervisor)
		ada := w.join(frn, "ada@example.com", access.Administrator)
		want := func(what, person string, want ...commands.SavedView) {
			t.Helper()
			if got, err := desk.Views(ctx, person); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: got %+v, %v, want %+v", what, got, err, want)
			}
		}
		ask := named(w.by(cas), uuid.New())
		urgent := commands.SavedView{Name: "Urgent, of Ms Muster", Query: "priority=true&q=Muster"}
		var err error
		for range 2 { // the same command again is the same view
			if urgent.ID, _, err = desk.SaveView(ctx, ask, commands.SavedView{Name: urgent.Name, Query: urgent.Query}); err != nil {
				t.Fatalf("save: %v", err)
			}
		}
		old := commands.SavedView{Name: "Old", Query: "sort=convertedAt"}
		if old.ID, _, err = desk.SaveView(ctx, w.by(cas), old); err != nil {
			t.Fatalf("save: %v", err)
		}
		want("two views", cas, urgent, old)
		urgent.Name = "Urgent"
		if err := third(desk.SaveView(ctx, w.by(cas), urgent)); err != nil {
			t.Errorf("save anew: %v", err)
		}
		want("another name", cas, urgent, old)

		want("a colleague", sue)
		fails(t, "a colleague saves it", third(desk.SaveView(ctx, w.by(sue), urgent)), commands.ErrUnknown)
		w.do(desk.RemoveView(ctx, w.by(sue), urgent.ID))
		want("a colleague removed it", cas, urgent, old)
		fails(t, "an administrator", third(desk.SaveView(ctx, w.by(ada), commands.SavedView{Name: "Mine", Query: "q=x"})), commands.ErrForbidden)
		fails(t, "an operator", third(desk.SaveView(ctx, byOperator(), urgent)), commands.ErrForbidden)
		fails(t, "no such view", third(desk.SaveView(ctx, w.by(cas), commands.SavedView{ID: uuid.NewString(), Name: "Mine", Query: "q=x"})), commands.ErrUnknown)

		w.do(desk.RemoveView(ctx, w.by(cas), old.ID))
		want("one removed", cas, urgent)
		for id := range w.words("Muster") {
			t.Errorf("event %s says a name in clear", id)
		}
	})
}

// words are the ids of the events that say a word in clear.
func (w *world) words(word string) map[string]bool {
	w.t.Helper()
	ids := map[string]bool{}
	events, err := w.events(w.t.Context(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, event := range events {
		if strings.Contains(fmt.Sprintf("%+v", event), word) {
			ids[event.ID.String()] = true
		}
	}
	return ids
}

// What a person saved is limited, is a filter of lists, and goes with the account.
func TestViewsEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, desk := t.Context(), w.desk(w.log)
		w.configure(frn, "example.com")
		w.join(frn, "ada@example.com", access.Administrator)
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		save := func(name, query string) error {
			return third(desk.SaveView(ctx, w.by(cas), commands.SavedView{Name: name, Query: query}))
		}
		refused(t, "no filter", save("Mine", "cursor=abc"), "view-parameter-unknown")
		for n := range savedview.ViewsMax {
			if err := save(fmt.Sprintf("View %d", n), "overdue=true"); err != nil {
				t.Fatalf("view %d: %v", n, err)
			}
		}
		refused(t, "one too many", save("One more", "overdue=true"), "views-limit")
		w.do(w.EraseAccount(ctx, byOperator(), cas))
		if err := w.ring.DestroyTree(ctx, "account-"+cas); err != nil {
			t.Fatalf("destroy key: %v", err)
		}
		if got, err := w.desk(w.log).Views(ctx, cas); err != nil || len(got) > 0 {
			t.Errorf("without the key: got %d views, %v, want none that can be read", len(got), err)
		}
		w.do(desk.ClearViews(ctx, cas))
		if done := w.do(desk.ClearViews(ctx, cas)); !done.Position.IsZero() {
			t.Error("cleared twice: got an event, want nothing")
		}
		if got, err := desk.Views(ctx, cas); err != nil || len(got) > 0 {
			t.Errorf("cleared: got %v, %v, want none", got, err)
		}
	})
}
