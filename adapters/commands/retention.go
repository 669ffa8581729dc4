package commands

import (
	"context"
	"fmt"

	"casesync/domain/access"
	"casesync/domain/calendar"
	"casesync/domain/casefile"
)

// PlaceHold puts a legal hold on a case: its data is kept until LiftHold (requirement 64).
func (p *People) PlaceHold(ctx context.Context, ask Ask, ref string) (Done, error) {
	return p.onCase(ctx, ask, "casefile.place-hold", ref, casefile.PlaceHold{})
}

// LiftHold lifts the legal hold on a case. What was due meanwhile is erased by the next TickCase.
func (p *People) LiftHold(ctx context.Context, ask Ask, ref string) (Done, error) {
	return p.onCase(ctx, ask, "casefile.lift-hold", ref, casefile.LiftHold{})
}

// EraseParty erases a party of a case, casefile.Consumer or casefile.Representative, at somebody's
// request. Package reactions destroys the party's key, from the event.
func (p *People) EraseParty(ctx context.Context, ask Ask, ref, party string) (Done, error) {
	return p.onCase(ctx, ask, "casefile.erase-party", ref, casefile.EraseParty{Party: party})
}

func (p *People) onCase(ctx context.Context, ask Ask, name access.Command, ref string, command casefile.Command) (Done, error) {
	o, err := p.authorise(ask, "", name)
	if err != nil {
		return Done{}, err
	}
	done, err := p.cases.done(ctx, o, ref, command)
	if err != nil {
		return Done{}, fmt.Errorf("change case: %w", err)
	}
	return done, nil
}

// TickCase applies the rules of retention to a case, as of today (requirement 64).
func (p *People) TickCase(ctx context.Context, ref string, today calendar.Day) (Done, error) {
	done, err := p.cases.done(ctx, p.ofSystem(systemClock), ref, casefile.Tick{Today: today})
	if err != nil {
		return Done{}, fmt.Errorf("apply rules to a case: %w", err)
	}
	return done, nil
}
