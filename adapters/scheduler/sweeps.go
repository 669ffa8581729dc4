package scheduler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"casesync/adapters/commands"
	"casesync/domain/account"
	"casesync/domain/calendar"
	"casesync/projections"
)

const (
	// pageRowsMax is how many things that may be due are read at a time.
	pageRowsMax = 200
	// stepsMax bounds the steps that one thing takes in one sweep; a rule has fewer.
	stepsMax = 8
	// faultsMax is after how many faults in a row a sweep ends: it is not the things then.
	faultsMax = 50
	// faultsToldMax is how many faults of a sweep are told one by one.
	faultsToldMax = 10
)

// faults collects what failed in a sweep.
type faults struct {
	told  []error
	count int
	inRow int
}

// note notes how one thing went, and reports whether to go on.
func (f *faults) note(err error) (goOn bool) {
	if err == nil {
		f.inRow = 0
		return true
	}
	f.count, f.inRow = f.count+1, f.inRow+1
	if len(f.told) < faultsToldMax {
		f.told = append(f.told, err)
	}
	return f.inRow < faultsMax
}

func (f *faults) err() error {
	if f.count == 0 {
		return nil
	}
	return fmt.Errorf("%d failed, such as: %w", f.count, errors.Join(f.told...))
}

// Retention returns the sweep that has a rule of package retention applied: due returns what may be
// due on a day, after a cursor, by a read model; tick gives the command that takes one step. A thing
// takes steps until there is none left.
func Retention(
	name string,
	due func(ctx context.Context, today calendar.Day, after projections.Due, limit int) ([]projections.Due, error),
	tick func(ctx context.Context, id string, today calendar.Day) (commands.Done, error),
) Sweep {
	return Sweep{Name: name, Run: func(ctx context.Context, today calendar.Day) error {
		var faults faults
		// The cursor goes on whatever becomes of a thing: the read model may still show it afterwards.
		for after := (projections.Due{}); ; {
			page, err := due(ctx, today, after, pageRowsMax)
			if err != nil {
				return fmt.Errorf("find what is due: %w", err)
			}
			for _, thing := range page {
				if err := steps(ctx, thing.ID, today, tick); !faults.note(err) || ctx.Err() != nil {
					return faults.err()
				}
			}
			if len(page) < pageRowsMax {
				return faults.err()
			}
			after = page[len(page)-1]
		}
	}}
}

// steps has one thing take all steps that are due. A crash between two leaves the rest to the next sweep.
func steps(ctx context.Context, id string, today calendar.Day, tick func(context.Context, string, calendar.Day) (commands.Done, error)) error {
	for range stepsMax {
		done, err := tick(ctx, id, today)
		if err != nil {
			return fmt.Errorf("tick %s: %w", id, err)
		}
		if done.Position.IsZero() {
			return nil
		}
	}
	return fmt.Errorf("tick %s: more than %d steps", id, stepsMax)
}

// MemberCommand is commands.People's SuspendMember or RemoveMember.
type MemberCommand func(ctx context.Context, frn, person string) (commands.Done, error)

// Members returns the sweep that finds members whose account may not be used, and suspends or
// removes them: what reactions do at once, where an invitation was accepted at that very moment.
func Members(
	inactive func(ctx context.Context, after projections.InactiveMemberCursor, limit int) ([]projections.InactiveMember, error),
	suspend, remove MemberCommand,
) Sweep {
	return Sweep{Name: "members", Run: func(ctx context.Context, _ calendar.Day) error {
		var faults faults
		for after := (projections.InactiveMemberCursor{}); ; {
			page, err := inactive(ctx, after, pageRowsMax)
			if err != nil {
				return fmt.Errorf("find inactive members: %w", err)
			}
			for _, member := range page {
				command := suspend
				if member.Status == account.Gone {
					command = remove
				}
				_, err := command(ctx, member.FRN, member.Person)
				if err != nil {
					err = fmt.Errorf("member %s at %s: %w", member.Person, member.FRN, err)
				}
				if !faults.note(err) || ctx.Err() != nil {
					return faults.err()
				}
			}
			if len(page) < pageRowsMax {
				return faults.err()
			}
			last := page[len(page)-1]
			after = projections.InactiveMemberCursor{FRN: last.FRN, Person: last.Person}
		}
	}}
}

// Allocated is what the sweep of allocations asks and does.
type Allocated struct {
	// Holders returns to whom cases are allocated, by business (projections.Allocatees).
	Holders func(ctx context.Context) ([]projections.Allocatee, error)
	// Works reports whether the person may have cases there, as the log has it now.
	Works func(ctx context.Context, frn, person string) (bool, error)
	// Cases returns the references of the cases of the business frn allocated to the person.
	Cases func(ctx context.Context, person, frn string) ([]string, error)
	// Return returns a case to unallocated.
	Return func(ctx context.Context, ref, person string) (commands.Done, error)
}

// Allocations returns the sweep that finds cases allocated to who does not work at their business any
// more, and returns them (requirement 42): what reactions do at once, where a case was allocated, or
// went to another business, at that very moment.
func Allocations(a Allocated) Sweep {
	return Sweep{Name: "allocations", Run: func(ctx context.Context, _ calendar.Day) error {
		holders, err := a.Holders(ctx)
		if err != nil {
			return fmt.Errorf("find holders of cases: %w", err)
		}
		var faults faults
		for _, holder := range holders {
			if !faults.note(a.returnFrom(ctx, holder)) || ctx.Err() != nil {
				break
			}
		}
		return faults.err()
	}}
}

func (a Allocated) returnFrom(ctx context.Context, holder projections.Allocatee) error {
	works, err := a.Works(ctx, holder.FRN, holder.Person)
	if err != nil || works {
		return err
	}
	refs, err := a.Cases(ctx, holder.Person, holder.FRN)
	if err != nil {
		return fmt.Errorf("find cases of %s at %s: %w", holder.Person, holder.FRN, err)
	}
	var faults faults
	for _, ref := range refs {
		_, err := a.Return(ctx, ref, holder.Person)
		if err != nil {
			err = fmt.Errorf("return case %s: %w", ref, err)
		}
		if !faults.note(err) || ctx.Err() != nil {
			break
		}
	}
	return faults.err()
}

// Purge returns a sweep that has one part delete what it does not need any more.
func Purge(name string, purge func(ctx context.Context) error) Sweep {
	return Sweep{Name: name, Run: func(ctx context.Context, _ calendar.Day) error { return purge(ctx) }}
}

// Daily returns a sweep that is done for today once it has succeeded today.
func Daily(sweep Sweep) Sweep {
	sweep.Daily = true
	return sweep
}

// clocksApart is by how much the clocks of processes may differ.
const clocksApart = time.Hour

// Rotation returns the daily sweep that finishes erasures: where a data key was destroyed since the
// last rotation began, the ring key is rotated, so that no copy of a destroyed key in the database's
// files can be unwrapped. destroyedSince and rotate are those of keyring.Ring.
//
// A rotation that was cut short is not noted as a success, and so is made again.
func Rotation(runs Runs, destroyedSince func(ctx context.Context, since time.Time) (bool, error), rotate func(ctx context.Context) error) Sweep {
	const name = "key-rotation"
	return Sweep{Name: name, Daily: true, Run: func(ctx context.Context, _ calendar.Day) error {
		_, succeeded, _, err := runs.Last(ctx, name)
		if err != nil {
			return err
		}
		if !succeeded.IsZero() {
			succeeded = succeeded.Add(-clocksApart)
		}
		due, err := destroyedSince(ctx, succeeded)
		if err != nil || !due {
			return err
		}
		return rotate(ctx)
	}}
}
