package mail

import (
	"slices"
	"strings"
	"testing"

	"casesync/domain/catalog"
)

// TestRulesAreOfEventsThatThereAre: a misspelt name would never be mailed about. And what cases and
// businesses do is never mailed about.
func TestRulesAreOfEventsThatThereAre(t *testing.T) {
	t.Parallel()
	known := catalog.New().Names()
	kinds := map[Kind]bool{}
	for _, r := range rules {
		family, _, _ := strings.Cut(r.event, ".")
		if !slices.Contains(known, r.event) || !slices.Contains([]string{"account", "membership", "onboarding", "ticket"}, family) {
			t.Errorf("%s leads to %s, want an event of people or of a ticket", r.event, r.kind)
		}
		if kinds[r.kind] {
			t.Errorf("two rules are of kind %s: the ids of their mails would be one", r.kind)
		}
		kinds[r.kind] = true
	}
}
