package notification_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"casesync/domain"
	"casesync/domain/notification"
)

// TestTypes: the types of the requirements are all there, and which of them may be sent about closed cases.
func TestTypes(t *testing.T) {
	t.Parallel()
	want := map[notification.TypeID]bool{
		"file-submitted": false, "more-time-requested": false, "proactive-offer-intended": false, "offer-made": false,
		"accept-view": false, "disagree-with-view": false, "provisional-decision-comments": false, "decision-complied-with": true,
		"wrong-business": false, "duplicate": false, "jurisdiction-objection": false, "suppress-case": true,
		"consumer-contact-change": true, "general-update": true,
	}
	types := notification.Types()
	got := map[notification.TypeID]bool{}
	for _, kind := range types.Types {
		got[kind.ID] = kind.OnClosed
	}
	if !maps.Equal(got, want) {
		t.Errorf("types: got %v, want %v", got, want)
	}
	if got, want := types.Label("accept-view"), "Accept view"; got != want {
		t.Errorf("label: got %q, want %q", got, want)
	}
	if got, want := types.Label("greeting"), "greeting"; got != want {
		t.Errorf("label of an unknown type: got %q, want %q", got, want)
	}
}

func TestParseTypesRefuses(t *testing.T) {
	t.Parallel()
	field := func(field string) string {
		return `{"version":1,"types":[{"id":"a","label":"A","hint":"When.","fields":[` + field + `]}]}`
	}
	if _, err := notification.ParseTypes([]byte(field(`{"name":"n","label":"N","kind":"line","charactersMax":5}`))); err != nil {
		t.Errorf("what is right: got %v", err)
	}
	for name, data := range map[string]string{
		"no JSON":               `types`,
		"no version":            `{"types":[]}`,
		"no id":                 `{"version":1,"types":[{"label":"A","hint":"When."}]}`,
		"no hint":               `{"version":1,"types":[{"id":"a","label":"A"}]}`,
		"same id twice":         `{"version":1,"types":[{"id":"a","label":"A","hint":"When."},{"id":"a","label":"B","hint":"When."}]}`,
		"no name":               field(`{"label":"N","kind":"date"}`),
		"no kind":               field(`{"name":"n","label":"N","kind":"colour"}`),
		"no length":             field(`{"name":"n","label":"N","kind":"text"}`),
		"too long":              field(`{"name":"n","label":"N","kind":"text","charactersMax":10001}`),
		"a date with a length":  field(`{"name":"n","label":"N","kind":"date","charactersMax":5}`),
		"a choice of none":      field(`{"name":"n","label":"N","kind":"choice"}`),
		"a line with choices":   field(`{"name":"n","label":"N","kind":"line","charactersMax":5,"choices":[{"value":"a","label":"A"}]}`),
		"a choice without name": field(`{"name":"n","label":"N","kind":"choice","choices":[{"value":"a"}]}`),
		"a name twice":          field(`{"name":"n","label":"N","kind":"date"},{"name":"n","label":"M","kind":"date"}`),
	} {
		if got, err := notification.ParseTypes([]byte(data)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	kind, _ := notification.Types().Find("offer-made")
	filled := func(name, value string) map[string]string {
		f := map[string]string{"proactive": "yes", "offeredOn": "2025-01-13", "terms": "A payment.\nAnd an apology.", "accepted": "open"}
		if name != "" {
			f[name] = value
		}
		return f
	}
	for _, test := range []struct{ name, value, want string }{
		{"", "", ""},
		{"amount", "0", ""}, {"amount", "250.00", ""}, {"amount", "9999999999.99", ""},
		{"amount", "", "field-invalid"}, {"amount", "250.5", "field-invalid"}, {"amount", "1,250", "field-invalid"},
		{"amount", "-1", "field-invalid"}, {"amount", "£5", "field-invalid"}, {"amount", "٣", "field-invalid"},
		{"offeredOn", "2024-02-29", ""}, {"offeredOn", "2025-02-29", "field-invalid"}, {"offeredOn", "13/01/2025", "field-invalid"},
		{"proactive", "Yes", "field-invalid"}, {"proactive", "", "field-invalid"},
		{"terms", " \n ", "field-invalid"}, {"terms", "a\x00b", "field-invalid"}, {"terms", "a\xffb", "field-invalid"},
		{"terms", strings.Repeat("é", 4000), ""}, {"terms", strings.Repeat("é", 4001), "field-invalid"},
		{"frn", "123456", "field-unknown"},
	} {
		got, err := kind.Read(filled(test.name, test.value))
		var refusal *domain.Refusal
		switch errors.As(err, &refusal); {
		case test.want == "" && (err != nil || !maps.Equal(got, filled(test.name, test.value))):
			t.Errorf("%s %.20q: got %v, %v, want it taken as it is", test.name, test.value, got, err)
		case test.want != "" && (refusal == nil || refusal.Code != test.want || got != nil):
			t.Errorf("%s %.20q: got %v, %v, want %s", test.name, test.value, got, err, test.want)
		case refusal != nil && strings.Contains(refusal.Reason, test.value) && len(test.value) > 4:
			t.Errorf("%s %.20q: the reason repeats what was filled in: %s", test.name, test.value, refusal.Reason)
		}
	}
	line, _ := notification.Types().Find("duplicate")
	if _, err := line.Read(map[string]string{"otherCase": "FOS-1\nFOS-2"}); err == nil {
		t.Error("a line break in a line was taken")
	}
}
