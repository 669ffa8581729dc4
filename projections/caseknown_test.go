package projections

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"casesync/domain/casefile"
	"casesync/projections/engine"
)

// What is known of a case is what its own stream says of it, and is told to who sees every case alone.
func TestKnownCases(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.on("C1", convertedTo("123456", hirePurchase, at(0)), requested("a", "2025-02-10", at(1)), requested("b", "2025-02-03", at(2)), actionClosed("b", at(3)))
		w.on("C2", convertedTo("7654321", creditCards, at(0)), closedAs("change", at(2)), transferredTo("123456", at(3)), &casefile.SuppressionExecuted{})
		w.on("C3", stage("on-hold", at(1)), requested("a", "2025-02-10", at(1))) // nobody has converted it
		w.on("C4", convertedTo("123456", hirePurchase, at(0)), priorityIs(true, at(1)), &casefile.DataErased{})
		w.settle()
		refs := []string{"C1", "C2", "C3", "C4", "C5"}
		w.read(CasesName, func(view engine.View) error {
			known, err := KnownCases(t.Context(), view, AuditorScope("x"), refs)
			if err != nil {
				return err
			}
			for _, ref := range refs {
				if got := known[ref]; !reflect.DeepEqual(got, w.replayed(t, ref)) {
					t.Errorf("%s: got %+v, want %+v", ref, got, w.replayed(t, ref))
				}
			}
			if len(known) != 3 || len(known["C1"].Actions) != 2 || known["C2"].SuppressedBySource || !known["C2"].Suppressed {
				t.Errorf("got %+v", known)
			}
			for _, scope := range []Scope{{}, BusinessScope("x", "123456"), OperatorScope("x")} {
				_, err := KnownCases(t.Context(), view, scope, refs)
				_, walked := CaseStubs(t.Context(), view, scope, "", 10)
				if !errors.Is(err, errNotWhole) || !errors.Is(walked, errNotWhole) {
					t.Errorf("got %v, %v, want %v", err, walked, errNotWhole)
				}
			}
			return nil
		})
		w.walk(t)
	})
}

// replayed is what the events of a case's own stream say of it.
func (w *world) replayed(t *testing.T, ref string) *KnownCase {
	t.Helper()
	var events []engine.Event
	for _, e := range w.log.events {
		if string(e.Stream) == caseStreams+ref {
			events = append(events, e)
		}
	}
	known, err := ReplayedCase(ref, events)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// walk walks the cases one by one.
func (w *world) walk(t *testing.T) {
	t.Helper()
	w.read(CasesName, func(view engine.View) error {
		var walked []string
		for after := ""; ; after = walked[len(walked)-1] {
			stubs, err := CaseStubs(t.Context(), view, AuditorScope("x"), after, 1)
			if err != nil || len(stubs) == 0 {
				if got := strings.Join(walked, " "); got != "C1 C2 C4" {
					t.Errorf("walked over %s, want C1 C2 C4", got)
				}
				return err
			}
			walked = slices.Concat(walked, []string{stubs[0].Ref})
			if open := stubs[0].Ref != "C2"; stubs[0].Open != open || stubs[0].DataErased != (stubs[0].Ref == "C4") || !stubs[0].ConvertedAt.Equal(at(0)) {
				t.Errorf("got %+v", stubs[0])
			}
		}
	})
}
