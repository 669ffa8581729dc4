package eventstore_test

import (
	"slices"
	"testing"

	es "casesync/eventstore"
)

func TestSubjectsOf(t *testing.T) {
	t.Parallel()
	for sealed, want := range map[string][]string{
		"v1.casefile-1.2#3+person-a.Y29tbWl0bWVudCBvZiAxNg.Ym94":                            {"casefile-1.2", "person-a"},
		"casefile-1.2|0f6d|consumer|v1.casefile-1.2/consumer#2.Y29tbWl0bWVudCBvZiAxNg.Ym94": {"casefile-1.2/consumer"},
		"":               nil,
		"plain":          nil,
		"v2.casefile-1.": nil,
		"v1.2.3.4":       nil,
	} {
		if got := es.SubjectsOf(sealed); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", sealed, got, want)
		}
	}
}
