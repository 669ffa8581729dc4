package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"casesync/domain"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/casefile"
	"casesync/domain/membership"
	"casesync/eventstore"
)

// Whom a case may be allocated to or from, beside a user id.
const (
	Me     = "me"
	Nobody = "none"
)

// deskCase is what decides about an allocation, as the log has it.
type deskCase struct {
	frn, allocated string
	visible        bool
}

// Allocate gives an open case to a person: Me, Nobody or a user id (requirement 57). Where from is not
// "", it is refused when somebody else has allocated the case meanwhile. Everybody who works on cases
// takes what nobody has and gives back what he has; whoever may allocate to others does the rest. A
// case that the principal may not act on does not exist for him: ErrUnknown. The same command again, under the
// same id, gets the same answer, also where somebody allocated the case otherwise since.
func (p *People) Allocate(ctx context.Context, ask Ask, ref, to, from string) (Done, error) {
	file, err := p.deskCase(ctx, ref)
	if err != nil {
		return Done{}, fmt.Errorf("allocate case: %w", err)
	}
	o, err := p.authorise(ask, file.frn, "casefile.allocate")
	if err != nil {
		return Done{}, err
	}
	before, err := p.cases.decided(ctx, o, ref)
	if err != nil {
		return Done{}, fmt.Errorf("allocate case: %w", err)
	}
	command := casefile.Allocate{FRN: file.frn}
	if !before {
		if command, err = p.allocation(ctx, ask.By, file, to, from); err != nil {
			return Done{}, err
		}
	}
	done, err := p.cases.done(ctx, o, ref, command)
	if err != nil {
		return Done{}, fmt.Errorf("allocate case: %w", err)
	}
	return done, nil
}

// allocation returns the command that a principal may give about a case, as it stands now.
func (p *People) allocation(ctx context.Context, by access.Principal, file deskCase, to, from string) (casefile.Allocate, error) {
	me := by.Person()
	to = personIn(to, me)
	if to == "" && me == "" {
		return casefile.Allocate{}, refusedTo(by, "casefile.allocate", file.frn)
	}
	command := casefile.Allocate{To: to, FRN: file.frn}
	if from != "" {
		command.From = new(personIn(from, me))
	}
	if !by.May(access.AllocateOthers, file.frn) {
		if to != "" && to != me || file.allocated != "" && file.allocated != me {
			return casefile.Allocate{}, refusedTo(by, string(access.AllocateOthers), file.frn)
		}
		if command.From == nil { // nor is it taken from whoever gets it in this moment
			command.From = &file.allocated
		}
	}
	return command, p.worksFor(ctx, file.frn, to)
}

// personIn returns the user id that a word stands for, "" for nobody.
func personIn(word, me string) string {
	switch word {
	case Me:
		return me
	case Nobody:
		return ""
	}
	return word
}

// deskCase returns a case that business users may see, and ErrUnknown for any other.
func (p *People) deskCase(ctx context.Context, ref string) (file deskCase, err error) {
	err = p.cases.look(ctx, ref, func(state *casefile.State, _ eventstore.Revision) {
		file = deskCase{state.FRN(), state.Allocated(), state.Converted() && !state.Suppressed()}
	})
	if err == nil && !file.visible {
		err = ErrUnknown
	}
	return file, err
}

// worksFor refuses to allocate to a person who may not read cases of the business now.
func (p *People) worksFor(ctx context.Context, frn, person string) error {
	if person == "" {
		return nil
	}
	_, works, err := p.caseworker(ctx, frn, person)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return fmt.Errorf("look whether somebody works on cases: %w", err)
	}
	if !works {
		return &domain.Refusal{
			Code:   "not-caseworker",
			Reason: "This person does not work on cases of this business, or not now. Choose somebody who does.",
		}
	}
	return nil
}

// caseworker reports whether a person may read cases of a business now, and where he may not, why.
func (p *People) caseworker(ctx context.Context, frn, person string) (why casefile.ReturnCause, works bool, err error) {
	var status account.Status
	var name address.Domain
	err = p.accounts.look(ctx, person, func(state *account.State, _ eventstore.Revision) {
		status, name = state.Status(), state.Domain()
	})
	if err != nil {
		return "", false, err
	}
	why = casefile.HolderRemoved
	err = p.memberships.look(ctx, frn, func(state *membership.State, _ eventstore.Revision) {
		works = status == account.Active && slices.ContainsFunc(state.Roles(person, name), func(r access.Role) bool {
			return r.Gives(access.ReadCase)
		})
		if member, _ := state.Member(person); len(member.Holds) > 0 || status == account.Disabled {
			why = casefile.HolderDisabled
		}
	})
	if status == account.Gone {
		why = casefile.HolderErased
	}
	return why, works, err
}

// ReturnCases returns a case that is allocated to a person who can not work on it any more to
// unallocated (requirement 42). It does nothing for who can: he came back before this step came.
func (p *People) ReturnCases(ctx context.Context, ref, person string) (Done, error) {
	frn := ""
	err := p.cases.look(ctx, ref, func(state *casefile.State, _ eventstore.Revision) { frn = state.FRN() })
	if err != nil || frn == "" {
		return Done{}, err
	}
	why, works, err := p.caseworker(ctx, frn, person)
	if err != nil {
		return Done{}, fmt.Errorf("return case: %w", err)
	}
	if works {
		return Done{}, nil
	}
	done, err := p.cases.done(ctx, p.ofSystem(systemReactions), ref, casefile.ReturnAllocation{Person: person, Cause: why})
	if err != nil {
		return Done{}, fmt.Errorf("return case: %w", err)
	}
	return done, nil
}
