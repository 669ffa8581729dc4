package savedview_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"casesync/domain/domaintest"
	"casesync/domain/private"
	"casesync/domain/savedview"
)

var decider = domaintest.Decider[*savedview.State, savedview.Command, savedview.Event]{
	Initial: savedview.Initial, Decide: savedview.Decide, Evolve: savedview.Evolve,
}

func events(events ...savedview.Event) []savedview.Event { return events }

func saved(id, name, query string) *savedview.ViewSaved {
	return &savedview.ViewSaved{ID: id, View: private.Of(savedview.View{Name: name, Query: query}).About("account-p1")}
}

func save(id, name, query string) savedview.Command {
	return savedview.Save{Person: "p1", ID: id, Name: name, Query: query}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	one := events(saved("a", "Late ones", "overdue=true&stage=view-issued&stage=on-hold"))
	var full []savedview.Event
	for i := range savedview.ViewsMax {
		full = append(full, saved(fmt.Sprint(i), "x", ""))
	}
	domaintest.Run(t, decider, []domaintest.Case[savedview.Command, savedview.Event]{
		{Name: "saved, in the one form", When: save("a", "  Late   ones ", "stage=view-issued&overdue=true&stage=on-hold"), Then: one},
		{Name: "saved with all there is", When: save("a", "x", strings.Join(savedview.Parameters(), "=1&")+"=1"), Then: events(saved("a", "x", allOnce()))},
		{Name: "saved with what somebody is called", When: save("a", "Müller", "q=M%C3%BCller+%26+Sons"), Then: events(saved("a", "Müller", "q=M%C3%BCller+%26+Sons"))},
		{Name: "saved without a filter", When: save("a", "All", ""), Then: events(saved("a", "All", ""))},
		{Name: "saved anew", Given: one, When: save("a", "Later", "overdue=true"), Then: events(saved("a", "Later", "overdue=true"))},
		{Name: "one too many", Given: full, When: save("new", "x", ""), Refused: "views-limit"},
		{Name: "one of the most there may be, anew", Given: full, When: save("7", "x", ""), Then: events(saved("7", "x", ""))},
		{Name: "without a name", When: save("a", " ", ""), Refused: "view-name-invalid"},
		{Name: "with a name too long", When: save("a", strings.Repeat("é", 81), ""), Refused: "view-name-invalid"},
		{Name: "with a name of controls", When: save("a", "a\x1b[2J", ""), Refused: "view-name-invalid"},
		{Name: "with a name that turns round", When: save("a", "a\u202eb", ""), Refused: "view-name-invalid"},
		{Name: "with a page", When: save("a", "x", "cursor=abc"), Refused: "view-parameter-unknown"},
		{Name: "with another address", When: save("a", "x", "redirect=https://example.org"), Refused: "view-parameter-unknown"},
		{Name: "with a broken query", When: save("a", "x", "q=%zz"), Refused: "view-invalid"},
		{Name: "with a semicolon", When: save("a", "x", "q=a;overdue=true"), Refused: "view-invalid"},
		{Name: "with controls", When: save("a", "x", "q=%00"), Refused: "view-invalid"},
		{Name: "with bytes that are no text", When: save("a", "x", "q=%ff"), Refused: "view-invalid"},
		{Name: "with too many values", When: save("a", "x", strings.Repeat("stage=x&", 201)), Refused: "view-too-large"},
		{Name: "with too much of one", When: save("a", "x", "q="+strings.Repeat("x", 4000)), Refused: "view-too-large"},
		{Name: "removed", Given: one, When: savedview.Remove{ID: "a"}, Then: events(&savedview.ViewRemoved{ID: "a"})},
		{Name: "removed, and never there: nothing happens", Given: one, When: savedview.Remove{ID: "b"}},
		{Name: "cleared", Given: full, When: savedview.Clear{}, Then: events(&savedview.ViewsCleared{Views: savedview.ViewsMax})},
		{Name: "cleared, and none there: nothing happens", When: savedview.Clear{}},
	})
	for _, command := range []savedview.Command{savedview.Save{ID: "a", Name: "x"}, savedview.Save{Person: "p1", Name: "x"}, nil} {
		if got, err := savedview.Decide(savedview.Initial(), command); err == nil || got != nil {
			t.Errorf("%+v: got %v, %v, want an error", command, got, err)
		}
	}
}

// allOnce is every parameter once, sorted.
func allOnce() string {
	names := savedview.Parameters()
	slices.Sort(names)
	return strings.Join(names, "=1&") + "=1"
}

func TestState(t *testing.T) {
	t.Parallel()
	history := events(saved("b", "B", ""), saved("a", "A", ""), saved("c", "C", ""), saved("b", "B2", ""), &savedview.ViewRemoved{ID: "a"})
	s := decider.State(history...)
	if got, want := s.IDs(), []string{"b", "c"}; !slices.Equal(got, want) {
		t.Errorf("ids: got %v, want %v", got, want)
	}
	view := s.View("b")
	if got, _ := view.Get(); got.Name != "B2" {
		t.Errorf("view: got %v, want what was saved last", got)
	}
	if removed := s.View("a"); !removed.IsZero() {
		t.Errorf("removed view: got %v", removed)
	}
	if s := decider.State(append(history, &savedview.ViewsCleared{Views: 2})...); len(s.IDs()) != 0 {
		t.Errorf("cleared: got %v", s.IDs())
	}
}
