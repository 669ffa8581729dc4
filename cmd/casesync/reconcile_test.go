package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"casesync/adapters/reconcile"
)

// reconcile runs the command with a report, and returns the report, what was printed, and the exit code.
func (w *world) reconcile(lines []string, flags ...string) (report reconcile.Report, output string, code int) {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "report.json")
	output, code = w.run(append([]string{"reconcile", file(w.t, lines), "--report", path}, flags...)...)
	text, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatalf("no report: %v\n%s", err, output)
	}
	if err := json.Unmarshal(text, &report); err != nil {
		w.t.Fatalf("read report: %v", err)
	}
	return report, output, code
}

// named returns the fields named of a case, and its status.
func named(report reconcile.Report, ref string) (status reconcile.Status, fields string) {
	for _, d := range report.Differences {
		if d.Case != ref {
			continue
		}
		var names []string
		for _, f := range d.Fields {
			names = append(names, f.Field)
		}
		return d.Status, strings.Join(names, " ")
	}
	return "", ""
}

// wantCounts compares the counts of a report, and the exit code.
func wantCounts(t *testing.T, what string, report reconcile.Report, want reconcile.Counts, code, wantCode int, output string) {
	t.Helper()
	if report.Counts != want || code != wantCode {
		t.Fatalf("%s: got %+v, exit code %d, want %+v, exit code %d\n%s", what, report.Counts, code, want, wantCode, short(output))
	}
}

// Cases that were told event by event are in sync with the snapshots of who told them, and those that were
// loaded from snapshots with the same snapshots.
func TestReconcileFindsNothing(t *testing.T) {
	t.Parallel()
	feed := feedLines(t, 3000)
	extract := registerOf(t, feed).snapshots(t)
	all := reconcile.Counts{InSync: int64(len(extract))}
	eachWorld(t, func(t *testing.T, w *world) {
		w.must("import", file(t, feed))
		w.must("projections", "rebuild", "cases")
		report, output, code := w.reconcile(extract)
		wantCounts(t, "after events", report, all, code, exitDone, output)
	})
	eachWorld(t, func(t *testing.T, w *world) {
		w.must("import", file(t, extract))
		w.must("projections", "rebuild", "cases")
		report, output, code := w.reconcile(extract, "--repair")
		wantCounts(t, "after snapshots", report, all, code, exitDone, output)
	})
}

// Drift of the extract is named field by field and repaired, also where the sequence is one that a snapshot
// came under before; a second run finds nothing. What changed here since has moved on.
func TestReconcileRepairsDrift(t *testing.T) {
	t.Parallel()
	feed := feedLines(t, 3000)
	eachWorld(t, func(t *testing.T, w *world) {
		system := registerOf(t, feed)
		loaded := system.snapshots(t)
		total := int64(len(loaded))
		w.must("import", file(t, loaded[1:])) // the first one is missing here
		moved := system.cases["DEMO-000007"]
		w.must("import", file(t, []string{moved.advance(t, "DEMO-000007", "on-hold")}))
		w.must("projections", "rebuild", "cases")

		drifted := system.cases["DEMO-000003"]
		drifted.data["stage"], drifted.data["smallBusiness"] = "ombudsman-referral", true
		drifted.data["consumer"] = map[string]any{"name": "Ottoline Fabricated"}
		drifted.data["actions"] = []map[string]any{{"actionId": "NEW", "kind": "file", "description": "Send it", "dueDate": "2026-12-01"}}
		extract := system.snapshots(t)
		report, output, code := w.reconcile(extract)
		wantCounts(t, "drift", report, reconcile.Counts{InSync: total - 3, Different: 1, MissingHere: 1, MovedOn: 1}, code, exitFailed, output)
		status, fields := named(report, "DEMO-000003")
		if status != reconcile.Different || !strings.HasPrefix(fields, "stage smallBusiness consumer.name ") || !strings.Contains(fields, "actions[NEW]") {
			t.Errorf("got %s %s", status, fields)
		}
		if strings.Contains(output, "Ottoline") {
			t.Errorf("a name is told: %s", output)
		}
		report, output, code = w.reconcile(extract, "--repair")
		wantCounts(t, "repair", report, reconcile.Counts{InSync: total - 3, Different: 1, MissingHere: 1, MovedOn: 1, Repaired: 2}, code, exitDone, output)
		w.must("projections", "rebuild", "cases")
		report, output, code = w.reconcile(extract)
		wantCounts(t, "after the repair", report, reconcile.Counts{InSync: total - 1, MovedOn: 1}, code, exitDone, output)

		drifted.data["stage"] = "investigation" // and back, under the same sequence once more
		report, output, code = w.reconcile(system.snapshots(t), "--repair")
		wantCounts(t, "again", report, reconcile.Counts{InSync: total - 2, Different: 1, MovedOn: 1, Repaired: 1}, code, exitDone, output)
		w.must("verify", "cases")
	})
}

// Drift of the read model alone is told apart: the log has nothing to be mended, and a rebuild mends the rows.
func TestReconcileFindsAWrongReadModel(t *testing.T) {
	t.Parallel()
	feed := feedLines(t, 2000)
	eachWorld(t, func(t *testing.T, w *world) {
		extract := registerOf(t, feed).snapshots(t)
		total := int64(len(extract))
		w.must("import", file(t, feed))
		w.must("projections", "rebuild", "cases")
		w.change("UPDATE " + w.liveTable("cases") + " SET stage = 'tampered', priority = NOT priority WHERE ref = 'DEMO-000003'")
		w.change("DELETE FROM " + w.liveTable("cases") + " WHERE ref = 'DEMO-000004'")
		head := w.head()
		report, output, code := w.reconcile(extract, "--repair")
		wantCounts(t, "drift", report, reconcile.Counts{InSync: total - 2, ReadModelDiffers: 2}, code, exitFailed, output)
		if status, fields := named(report, "DEMO-000003"); status != reconcile.ReadModelDiffers || fields != "stage priority.priority" {
			t.Errorf("got %s %s", status, fields)
		}
		if !strings.Contains(output, `stage: here "tampered"`) || !strings.Contains(output, "casesync projections rebuild cases") {
			t.Errorf("got %s", output)
		}
		if w.head() != head {
			t.Errorf("the log has grown, though it agrees with the extract")
		}
		w.must("projections", "rebuild", "cases")
		report, output, code = w.reconcile(extract)
		wantCounts(t, "after the rebuild", report, reconcile.Counts{InSync: total}, code, exitDone, output)
	})
}

// A comparison runs beside a server, which folds what is repaired.
func TestReconcileBesideAServer(t *testing.T) {
	t.Parallel()
	feed := feedLines(t, 2000)
	eachWorld(t, func(t *testing.T, w *world) {
		system := registerOf(t, feed)
		w.must("import", file(t, feed))
		_, stop := w.serve()
		defer stop()
		w.caughtUp()
		total := int64(len(system.cases))
		for _, ref := range []string{"DEMO-000001", "DEMO-000002"} {
			system.cases[ref].data["stage"] = "final-decision"
			system.cases[ref].sequence++ // an event of it was lost
		}
		extract := system.snapshots(t)
		report, output, code := w.reconcile(extract, "--repair")
		wantCounts(t, "repair", report, reconcile.Counts{InSync: total - 2, Different: 2, Repaired: 2}, code, exitDone, output)
		report, output, code = w.reconcile(extract) // waits for the server's fold
		wantCounts(t, "second run", report, reconcile.Counts{InSync: total}, code, exitDone, output)
		stop()
		w.must("verify")
	})
}
