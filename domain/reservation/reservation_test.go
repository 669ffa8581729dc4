package reservation_test

import (
	"testing"

	"pgregory.net/rapid"

	"casesync/domain/domaintest"
	"casesync/domain/reservation"
)

var decider = domaintest.Decider[*reservation.State, reservation.Command, reservation.Event]{
	Initial: reservation.Initial, Decide: reservation.Decide, Evolve: reservation.Evolve,
}

func reserved(holder string) reservation.Event { return &reservation.Reserved{Holder: holder} }

func released(holder string) reservation.Event { return &reservation.Released{Holder: holder} }

func events(events ...reservation.Event) []reservation.Event { return events }

func TestDecide(t *testing.T) {
	t.Parallel()
	domaintest.Run(t, decider, []domaintest.Case[reservation.Command, reservation.Event]{
		{Name: "a free one is reserved", When: reservation.Reserve{Holder: "ann"}, Then: events(reserved("ann"))},
		{Name: "for who has it: nothing happens", Given: events(reserved("ann")), When: reservation.Reserve{Holder: "ann"}},
		{Name: "another's is refused", Given: events(reserved("ann")), When: reservation.Reserve{Holder: "bob"}, Refused: "email-taken"},
		{
			Name: "another's domain is refused", Given: events(reserved("idp")), Refused: "domain-taken",
			When: reservation.Reserve{Thing: reservation.EmailDomain, Holder: "local"},
		},
		{Name: "for nobody, another's is refused", Given: events(reserved("ann")), When: reservation.Reserve{}, Refused: "email-taken"},
		{Name: "released by who has it", Given: events(reserved("ann")), When: reservation.Release{Holder: "ann"}, Then: events(released("ann"))},
		{Name: "released by another: nothing happens", Given: events(reserved("ann")), When: reservation.Release{Holder: "bob"}},
		{Name: "released again: nothing happens", Given: events(reserved("ann"), released("ann")), When: reservation.Release{Holder: "ann"}},
		{Name: "released by nobody: nothing happens", When: reservation.Release{}},
		{Name: "reserved by another once released", Given: events(reserved("ann"), released("ann")), When: reservation.Reserve{Holder: "bob"}, Then: events(reserved("bob"))},
	})
	for _, command := range []reservation.Command{nil, reservation.Reserve{}} {
		if got, err := reservation.Decide(reservation.Initial(), command); err == nil || got != nil {
			t.Errorf("decide %#v: got %v, %v, want an error", command, got, err)
		}
	}
}

// TestOneHolder: in any history nobody gets what another has, and who has it keeps it until he
// gives it up himself.
func TestOneHolder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state, same := reservation.Initial(), reservation.Initial()
		holder := ""
		for range rapid.IntRange(1, 40).Draw(t, "commands") {
			who := rapid.SampledFrom([]string{"ann", "bob", "cas"}).Draw(t, "who")
			var command reservation.Command = reservation.Release{Holder: who}
			refused := false
			if rapid.Bool().Draw(t, "reserve") {
				command, refused = reservation.Reserve{Holder: who}, holder != "" && holder != who
				if holder == "" {
					holder = who
				}
			} else if holder == who {
				holder = ""
			}
			decided, err := decider.Check(state, same, command)
			for _, event := range decided {
				state, same = reservation.Evolve(state, event), reservation.Evolve(same, event)
			}
			if state.Holder() != holder || (err != nil) != refused {
				t.Fatalf("%#v: got holder %q, %v, want %q, refused %v", command, state.Holder(), err, holder, refused)
			}
		}
	})
}
