package httpapi

import (
	"encoding/json"
	"testing"

	"casesync/adapters/commands"
	"casesync/domain/onboarding"
)

// TestErasedPeopleAreAbsent: a request whose people were erased names nobody, instead of somebody
// without a name; and one that names no administrators says so.
func TestErasedPeopleAreAbsent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                       string
		people                     onboarding.People
		wantContact, wantAppointed bool
	}{
		{"erased", onboarding.People{}, false, false},
		{"nobody appointed", onboarding.People{Contact: onboarding.Person{Name: "Casey Contact", Email: "casey@bank.example"}}, true, true},
	} {
		text, err := json.Marshal(accessRequestOf(commands.RequestView{ID: "r1", Status: onboarding.Lapsed, People: c.people}))
		if err != nil {
			t.Fatal(err)
		}
		var shown map[string]any
		if err := json.Unmarshal(text, &shown); err != nil {
			t.Fatal(err)
		}
		_, contact := shown["contact"]
		_, appointed := shown["administrators"]
		if contact != c.wantContact || appointed != c.wantAppointed || shown["missing"] == nil || shown["businesses"] == nil {
			t.Errorf("%s: got %s", c.name, text)
		}
	}
}
