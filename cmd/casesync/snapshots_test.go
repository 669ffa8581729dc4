package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"
)

// register is a case management system's own memory of the cases it told of: what each event changes,
// in the words of snapshots. It is written without the product's folds, which it is compared with.
type register struct {
	cases map[string]*registered
}

type registered struct {
	source, time string
	sequence     int
	data         map[string]any
}

// tell takes an event of a feed.
func (r *register) tell(t *testing.T, line string) {
	t.Helper()
	var event struct {
		Source, Type, Subject, Time, Sequence string
		Data                                  map[string]any
	}
	if err := json.Unmarshal([]byte(line), &event); err != nil {
		t.Fatal(err)
	}
	if event.Type == businessUpdated {
		return
	}
	c := r.cases[event.Subject]
	if c == nil {
		c = &registered{data: map[string]any{"stage": "converted"}}
		r.cases[event.Subject] = c
	}
	c.source, c.time = event.Source, event.Time
	if sequence, err := strconv.Atoi(event.Sequence); err == nil {
		c.sequence = max(c.sequence, sequence)
	}
	c.change(event.Type, event.Data)
}

func (c *registered) change(kind string, data map[string]any) {
	switch kind {
	case "cms.case.suppressed.v1", "cms.case.unsuppressed.v1":
		c.data["suppressed"] = kind == "cms.case.suppressed.v1"
	case "cms.case.priority-changed.v1":
		c.data["priority"] = data
	case "cms.case.closed.v1":
		c.data["closed"] = data
	case "cms.case.action-requested.v1", "cms.case.action-extended.v1", "cms.case.action-closed.v1":
		c.merge("actions", "actionId", data)
	case "cms.case.document-published.v1":
		c.merge("documents", "documentId", data)
	default: // converted, stage-changed, details-changed, recategorised, transferred, reopened
		maps.Copy(c.data, data)
	}
}

// merge takes what an event says of an action or document.
func (c *registered) merge(list, id string, data map[string]any) {
	all, _ := c.data[list].([]map[string]any)
	at := slices.IndexFunc(all, func(one map[string]any) bool { return one[id] == data[id] })
	if at < 0 {
		all, at = append(all, map[string]any{}), len(all)
	}
	maps.Copy(all[at], data)
	c.data[list] = all
}

// snapshots returns the extract: a line for each case, in no order of any use.
func (r *register) snapshots(t *testing.T) (lines []string) {
	t.Helper()
	refs := slices.SortedFunc(maps.Keys(r.cases), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), -cmp.Compare(a, b))
	})
	for _, ref := range refs {
		lines = append(lines, r.cases[ref].snapshot(t, ref))
	}
	return lines
}

func (c *registered) snapshot(t *testing.T, ref string) string {
	t.Helper()
	event := map[string]any{
		"specversion": "1.0", "id": fmt.Sprintf("snapshot-%s-%d", ref, c.sequence), "source": c.source, "type": "cms.case.snapshot.v1",
		"subject": ref, "time": c.time, "datacontenttype": "application/json", "data": c.data,
	}
	if c.sequence > 0 {
		event["sequence"] = strconv.Itoa(c.sequence)
	}
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// registerOf returns the register of a feed.
func registerOf(t *testing.T, lines []string) *register {
	t.Helper()
	r := &register{cases: map[string]*registered{}}
	for _, line := range lines {
		r.tell(t, line)
	}
	return r
}

// advance tells of one more change of a case: its stage, a while after what was told last.
func (c *registered) advance(t *testing.T, ref, stage string) string {
	t.Helper()
	last, err := time.Parse(time.RFC3339Nano, c.time)
	if err != nil {
		t.Fatal(err)
	}
	event, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": fmt.Sprintf("%s-more-%d", ref, c.sequence+1), "source": c.source, "type": "cms.case.stage-changed.v1",
		"subject": ref, "time": last.Add(time.Hour).Format(time.RFC3339Nano), "sequence": strconv.Itoa(c.sequence + 1),
		"datacontenttype": "application/json", "data": map[string]any{"stage": stage},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(event)
}
