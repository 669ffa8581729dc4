package commands

import (
	"context"
	"errors"

	"casesync/domain/calendar"
)

// PlaceHold puts a legal hold on a case's data.
func (p *People) PlaceHold(ctx context.Context, ask Ask, ref string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// LiftHold lifts the legal hold on a case's data.
func (p *People) LiftHold(ctx context.Context, ask Ask, ref string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// EraseParty erases a party of a case, at somebody's request.
func (p *People) EraseParty(ctx context.Context, ask Ask, ref, party string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// Allocate gives a case to a person, or to nobody.
func (p *People) Allocate(ctx context.Context, ask Ask, ref, to, from string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// TickCase applies the rules of retention to a case.
func (p *People) TickCase(ctx context.Context, ref string, today calendar.Day) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// ReturnCases returns a case that is allocated to a person to unallocated.
func (p *People) ReturnCases(ctx context.Context, ref, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}
