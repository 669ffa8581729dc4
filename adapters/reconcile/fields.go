package reconcile

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// FieldDifference is a field in which the two sides differ.
type FieldDifference struct {
	// Field is its name in the snapshot's schema, as "stage" or "actions[A-1].dueDate".
	Field string `json:"field"`
	// Here and There are its values as text, "" for none. Of a Personal field they are not told.
	Here     string `json:"here,omitzero"`
	There    string `json:"there,omitzero"`
	Personal bool   `json:"personal,omitzero"`

	kind int // its place in fields
}

// field is a field of a picture, or of an action or document in it.
type field[P any] struct {
	name     string
	personal bool // also what is sealed in the log, and what tells of a person's health
	value    func(P) string
}

var caseFields = []field[*picture]{
	{"frn", false, func(p *picture) string { return p.frn }},
	{"product.sector", false, func(p *picture) string { return p.product.Sector }},
	{"product.group", false, func(p *picture) string { return p.product.Group }},
	{"product.product", false, func(p *picture) string { return p.product.Product }},
	{"stage", false, func(p *picture) string { return p.stage }},
	{"convertedAt", false, func(p *picture) string { return moment(p.convertedAt) }},
	{"closed.outcome", false, func(p *picture) string { return p.outcome }},
	{"closed.closedAt", false, func(p *picture) string { return moment(p.closedAt) }},
	{"closed.decisionReference", false, func(p *picture) string { return p.decisionReference }},
	{"reopenedAt", false, func(p *picture) string { return moment(p.reopenedAt) }},
	{"suppressed", false, func(p *picture) string { return strconv.FormatBool(p.suppressed) }},
	{"priority.priority", false, func(p *picture) string { return strconv.FormatBool(p.priority) }},
	{"priority.reason", true, func(p *picture) string { return p.priorityReason }},
	{"smallBusiness", false, func(p *picture) string { return strconv.FormatBool(p.smallBusiness) }},
	{"issue", true, func(p *picture) string { return p.issue }},
	{"businessReference", true, func(p *picture) string { return p.reference }},
	{"handler", true, func(p *picture) string { return p.handler }},
	{"consumer.name", true, func(p *picture) string { return p.consumer.Name }},
	{"consumer.email", true, func(p *picture) string { return p.consumer.Email }},
	{"consumer.phone", true, func(p *picture) string { return p.consumer.Phone }},
	{"representative.name", true, func(p *picture) string { return p.representative.Name }},
	{"representative.email", true, func(p *picture) string { return p.representative.Email }},
	{"representative.phone", true, func(p *picture) string { return p.representative.Phone }},
}

var actionFields = []field[action]{
	{"kind", false, func(a action) string { return a.kind }},
	{"dueDate", false, func(a action) string { return a.due }},
	{"result", false, func(a action) string { return a.result }},
	{"description", true, func(a action) string { return a.description }},
}

var documentFields = []field[document]{
	{"kind", false, func(d document) string { return d.kind }},
	{"mediaType", false, func(d document) string { return d.mediaType }},
	{"size", false, func(d document) string { return strconv.FormatInt(d.size, 10) }},
	{"sha256", false, func(d document) string { return d.sha256 }},
	{"publishedAt", false, func(d document) string { return moment(d.publishedAt) }},
	{"confidential", false, func(d document) string { return strconv.FormatBool(d.confidential) }},
	{"title", true, func(d document) string { return d.title }},
	{"url", true, func(d document) string { return d.url }},
}

// fields are the names of all fields, by which differences are counted; a whole action or document that is
// on one side alone is one of them.
var fields = fieldNames()

func fieldNames() (names []string) {
	for _, f := range caseFields {
		names = append(names, f.name)
	}
	names = append(names, "actions")
	for _, f := range actionFields {
		names = append(names, "actions."+f.name)
	}
	names = append(names, "documents")
	for _, f := range documentFields {
		names = append(names, "documents."+f.name)
	}
	return names
}

// fieldSet has bit n for the field n of fields.
type fieldSet uint64

func setOf(differences []FieldDifference) (set fieldSet) {
	for _, d := range differences {
		set |= 1 << d.kind
	}
	return set
}

// compare names what differs, in the order of fields, and by id within it; none where nothing does.
func compare(here, there *picture) []FieldDifference {
	if here.equals(there) {
		return nil
	}
	differences := differing(nil, caseFields, 0, "", here, there)
	first := len(caseFields)
	differences = differingIn(differences, "actions", actionFields, first, here.actions, there.actions)
	return differingIn(differences, "documents", documentFields, first+1+len(actionFields), here.documents, there.documents)
}

// differing adds the fields in which two things differ; the first of them is number first of all.
func differing[P any](differences []FieldDifference, list []field[P], first int, prefix string, here, there P) []FieldDifference {
	for i, f := range list {
		found := FieldDifference{Field: prefix + f.name, Here: f.value(here), There: f.value(there), Personal: f.personal, kind: first + i}
		if found.Here == found.There {
			continue
		}
		if f.personal {
			found.Here, found.There = "", ""
		}
		differences = append(differences, found)
	}
	return differences
}

// differingIn compares lists of things that have ids.
func differingIn[P comparable](differences []FieldDifference, name string, list []field[P], number int, here, there map[string]P) []FieldDifference {
	ids := maps.Clone(here)
	maps.Copy(ids, there)
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		ours, isHere := here[id]
		theirs, isThere := there[id]
		which := name + "[" + id + "]"
		switch {
		case isHere && isThere:
			differences = differing(differences, list, number+1, which+".", ours, theirs)
		case isHere:
			differences = append(differences, FieldDifference{Field: which, Here: "present", There: "absent", kind: number})
		default:
			differences = append(differences, FieldDifference{Field: which, Here: "absent", There: "present", kind: number})
		}
	}
	return differences
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
