package terms_test

import (
	"strings"
	"testing"
	"time"

	"casesync/domain/domaintest"
	"casesync/domain/terms"
)

var decider = domaintest.Decider[*terms.State, terms.Command, terms.Event]{
	Initial: terms.Initial, Decide: terms.Decide, Evolve: terms.Evolve,
}

var noon = time.Date(2025, time.June, 1, 12, 0, 0, 0, time.UTC)

func publish(kind terms.Kind, version, text string) terms.Command {
	return terms.Publish{Kind: kind, Version: version, Text: text, At: noon}
}

func published(kind terms.Kind, version, text string) *terms.Published {
	return &terms.Published{Kind: kind, Version: version, Text: text, PublishedAt: noon}
}

func events(events ...terms.Event) []terms.Event { return events }

func TestPublish(t *testing.T) {
	t.Parallel()
	june, sept := published(terms.TermsOfUse, "2025-06", "Be fair."), published(terms.TermsOfUse, "2025-09", "Be fairer.")
	domaintest.Run(t, decider, []domaintest.Case[terms.Command, terms.Event]{
		{Name: "the first version", When: publish(terms.TermsOfUse, "2025-06", "\r\nBe fair.\r\n"), Then: events(june)},
		{Name: "the same again: nothing happens", Given: events(june), When: publish(terms.TermsOfUse, "2025-06", "Be fair.")},
		{Name: "another version", Given: events(june), When: publish(terms.TermsOfUse, "2025-09", "Be fairer."), Then: events(sept)},
		{Name: "another text for a version", Given: events(june), When: publish(terms.TermsOfUse, "2025-06", "Be unfair."), Refused: "version-taken"},
		{Name: "back to an earlier version", Given: events(june, sept), When: publish(terms.TermsOfUse, "2025-06", "Be fair."), Refused: "version-taken"},
		{
			Name: "the same version of the other document", Given: events(june), When: publish(terms.PrivacyNotice, "2025-06", "We keep little."),
			Then: events(published(terms.PrivacyNotice, "2025-06", "We keep little.")),
		},
		{Name: "another document", When: publish("licence", "1", "Be fair."), Refused: "kind-invalid"},
		{Name: "a version of nothing", When: publish(terms.TermsOfUse, "", "Be fair."), Refused: "version-invalid"},
		{Name: "a version with a space", When: publish(terms.TermsOfUse, "June 2025", "Be fair."), Refused: "version-invalid"},
		{Name: "a text of nothing", When: publish(terms.TermsOfUse, "1", " \n"), Refused: "text-invalid"},
		{Name: "a text that is none", When: publish(terms.TermsOfUse, "1", "\xff"), Refused: "text-invalid"},
		{Name: "too long a text", When: publish(terms.TermsOfUse, "1", strings.Repeat("x", 200_001)), Refused: "text-invalid"},
	})
	if got, err := terms.Decide(terms.Initial(), nil); err == nil || got != nil {
		t.Errorf("decide nil: got %v, %v, want an error", got, err)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	state := decider.State(events(published(terms.TermsOfUse, "1", "Be fair."), published(terms.TermsOfUse, "2", "Be fairer."))...)
	if got, found := state.Current(terms.TermsOfUse); !found || got != *published(terms.TermsOfUse, "2", "Be fairer.") {
		t.Errorf("in force: got %v, %v, want version 2", got, found)
	}
	if text, found := state.Text(terms.TermsOfUse, "1"); !found || text != "Be fair." {
		t.Errorf("version 1: got %q, %v", text, found)
	}
	if got, found := state.Current(terms.PrivacyNotice); found {
		t.Errorf("privacy notice: got %v, want none", got)
	}
	if text, found := state.Text(terms.PrivacyNotice, "1"); found {
		t.Errorf("privacy notice 1: got %q, want none", text)
	}
}
