package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestErasedOnRequest erases a person and a complainant by command, while the service runs and while
// it does not: either way everything that follows is done when the command ends.
func TestErasedOnRequest(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.storyFeed()
		forwarded := filepath.Join(t.TempDir(), "activity.jsonl")
		o := w.open(&clock{}, "--activity-to", "file:"+forwarded)
		o.publishTerms("2026-01")
		administrator := o.localStory()
		first := o.hire(administrator, "Quentin Vanisher", "quentin.vanisher@local.example")
		second := o.hire(administrator, "Petra Disappear", "petra.disappear@local.example")
		case1 := "/api/v1/cases/S-" + frnLocal + "-0"
		first.browser.must(http.MethodPost, case1+"/allocation", map[string]any{"to": "me"})
		figures := o.figures()

		w.exportsToFiles(first.person, "Quentin Vanisher")

		// Without --yes, without a reason, for nobody: nothing happens.
		for _, args := range [][]string{
			{"subject", "erase", "--account", first.person, "--reason", "request 1"},
			{"subject", "erase", "--account", first.person, "--yes"},
			{"subject", "erase", "--yes", "--reason", "request 1"},
			{"subject", "erase", "--email", "nobody@local.example", "--yes", "--reason", "request 1"},
			{"subject", "export", "--case", "S-NONE"},
		} {
			if text, code := w.run(args...); code == exitDone {
				t.Errorf("casesync %s: done: %s", strings.Join(args, " "), text)
			}
		}
		first.browser.seesCasesOf(frnLocal)

		// While the service runs.
		w.must("subject", "erase", "--email", "quentin.vanisher@local.example", "--reason", "request 1", "--yes")
		if got := first.browser.call(http.MethodGet, "/api/v1/me", nil); got.status != http.StatusUnauthorized {
			t.Errorf("who was erased got %d %s", got.status, got.text)
		}
		o.returned(administrator, "S-"+frnLocal+"-0")
		o.reacted()
		o.stop()

		// While it does not.
		w.must("subject", "erase", "--account", second.person, "--reason", "request 2", "--yes")
		if text := w.must("subject", "export", "--case", "S-"+frnLocal+"-1"); !strings.Contains(text, "Zara Specimenworth") {
			t.Errorf("the export of a complainant has no name: %s", text)
		}
		w.must("subject", "erase", "--case", "S-"+frnLocal+"-1", "--party", "consumer", "--reason", "request 3", "--yes")
		if text := w.must("subject", "export", "--case", "S-"+frnLocal+"-1"); strings.Contains(text, "Zara") {
			t.Errorf("the export of an erased complainant has the name: %s", text)
		}
		w.must("verify")

		o = w.open(&clock{}, "--activity-to", "file:"+forwarded)
		if got := o.figures(); strings.ReplaceAll(got, `"consumer":{"name":"Zara Specimenworth"},`, "") != strings.ReplaceAll(figures, `"consumer":{"name":"Zara Specimenworth"},`, "") {
			t.Errorf("figures changed:\n%s\nwere\n%s", got, figures)
		}
		shown := o.as("auditor").must(http.MethodGet, "/api/v1/cases/S-"+frnLocal+"-1", nil)
		if strings.Contains(shown.text, "Zara") {
			t.Errorf("the case of an erased complainant names him: %s", shown.text)
		}
		o.stop()
		// History goes on under pseudonyms, and the read models are the same when they are computed anew.
		before := w.rows()
		w.must("projections", "rebuild")
		same(t, w.rows(), before)
		w.must("verify")
		w.nowhere(forwarded, "vanisher", "disappear")
	})
}

// exportsToFiles checks that an export that fails leaves no file, so that it can be given again, and
// that what is there stays.
func (w *world) exportsToFiles(person, name string) {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "export.json")
	if text, code := w.run("subject", "export", "--case", "S-NONE", "--to", file); code == exitDone {
		w.t.Errorf("exported a case that is not there: %s", text)
	}
	w.must("subject", "export", "--account", person, "--to", file)
	if text, code := w.run("activity", "export", "--to", file); code == exitDone {
		w.t.Errorf("wrote over a file: %s", text)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), name) {
		w.t.Errorf("got %v and %s, want the export of a person", err, text)
	}
}
