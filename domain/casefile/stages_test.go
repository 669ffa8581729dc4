package casefile_test

import (
	"testing"

	"casesync/domain/casefile"
)

func TestStages(t *testing.T) {
	t.Parallel()
	stages := casefile.Stages()
	// The stages of the public contract; others may be added.
	for _, id := range []string{
		"converted", "file-requested", "file-received", "investigation", "view-issued",
		"ombudsman-referral", "provisional-decision", "final-decision", "on-hold",
	} {
		if stage, known := stages.Find(id); !known || stage.Label == id {
			t.Errorf("stage %s: got %+v, %v, want it with a label", id, stage, known)
		}
	}
	for i := 1; i < len(stages.Stages); i++ {
		if stages.Stages[i-1].Order >= stages.Stages[i].Order {
			t.Errorf("order: got %s before %s", stages.Stages[i-1].ID, stages.Stages[i].ID)
		}
	}
	if got, want := stages.Label("view-issued"), "View issued"; got != want {
		t.Errorf("label: got %q, want %q", got, want)
	}
	if got, want := stages.Label("pre-registration"), "pre-registration"; got != want {
		t.Errorf("label of an unknown stage: got %q, want %q", got, want)
	}
}

func TestParseStagesRefuses(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"no JSON":        `stages`,
		"no version":     `{"stages":[{"id":"a","label":"A","order":1}]}`,
		"no id":          `{"version":1,"stages":[{"label":"A","order":1}]}`,
		"no label":       `{"version":1,"stages":[{"id":"a","order":1}]}`,
		"same id twice":  `{"version":1,"stages":[{"id":"a","label":"A","order":1},{"id":"a","label":"B","order":2}]}`,
		"same order":     `{"version":1,"stages":[{"id":"a","label":"A","order":1},{"id":"b","label":"B","order":1}]}`,
		"order as words": `{"version":1,"stages":[{"id":"a","label":"A","order":"first"}]}`,
	} {
		if got, err := casefile.ParseStages([]byte(data)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}
