package casefile

import (
	_ "embed" // for the catalogue of stages
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// Stage is a stage that a case may be at (requirement 60). Cases may move between stages in any
// direction; a stage that is not in the catalogue is kept, and shown by its id.
type Stage struct {
	ID    string `json:"id"`
	Label string `json:"label"`
	Order int    `json:"order"` // for lists; it says nothing of which stage may follow which
}

// StageCatalogue is the list of known stages, data and not code: see stages.json.
type StageCatalogue struct {
	Version int     `json:"version"` // counts up with every change
	Stages  []Stage `json:"stages"`  // by Order
}

//go:embed stages.json
var stagesJSON []byte

// Stages returns the catalogue that this version was built with.
var Stages = sync.OnceValue(func() StageCatalogue {
	catalogue, err := ParseStages(stagesJSON)
	if err != nil {
		panic(err) // embedded, and read by a test
	}
	return catalogue
})

// ParseStages reads a catalogue of stages. It fails on one that has no version, or a stage
// without id or label, or two with the same id or order.
func ParseStages(data []byte) (StageCatalogue, error) {
	var catalogue StageCatalogue
	if err := json.Unmarshal(data, &catalogue); err != nil {
		return StageCatalogue{}, fmt.Errorf("parse stages: %w", err)
	}
	if catalogue.Version < 1 {
		return StageCatalogue{}, fmt.Errorf("parse stages: version %d, want 1 or more", catalogue.Version)
	}
	ids, orders := make(map[string]bool), make(map[int]bool)
	for _, stage := range catalogue.Stages {
		if stage.ID == "" || stage.Label == "" || ids[stage.ID] || orders[stage.Order] {
			return StageCatalogue{}, fmt.Errorf("parse stages: stage %q needs an id, a label and an order of its own", stage.ID)
		}
		ids[stage.ID], orders[stage.Order] = true, true
	}
	slices.SortFunc(catalogue.Stages, func(a, b Stage) int { return a.Order - b.Order })
	return catalogue, nil
}

// Find returns the stage with the given id, and false where the catalogue does not have it.
func (c StageCatalogue) Find(id string) (Stage, bool) {
	i := slices.IndexFunc(c.Stages, func(s Stage) bool { return s.ID == id })
	if i < 0 {
		return Stage{}, false
	}
	return c.Stages[i], true
}

// Label returns what people call the stage with the given id: the id where it is unknown.
func (c StageCatalogue) Label(id string) string {
	if stage, known := c.Find(id); known {
		return stage.Label
	}
	return id
}
