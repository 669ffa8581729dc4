package demo

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options say which feed is made.
type Options struct {
	// Seed is the chance in it: the same seed gives the same feed.
	Seed uint64
	// Now is the time that the feed ends at. The newest complaint of the register was received
	// some 5 to 11 days before it; what would come after it has not happened yet.
	Now time.Time
	// Brief leaves of every case its conversion and its closing alone: many cases in few events.
	Brief bool
}

// Feed yields the register as a case management system would have sent it, in the order of time:
// an event for each business, then 3 to 47 for each complaint, in all some tens of thousands.
func (r *Register) Feed(options Options) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		if r.yieldBusinesses(options, yield) {
			r.yieldRound(options, 0, yield)
		}
	}
}

// Scale yields a feed of exactly the given number of events: the register over and over, each
// time under other references and a week earlier. It needs memory for one round only.
func (r *Register) Scale(options Options, events int) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		left := events
		take := func(e Event) bool {
			if left--; left < 0 {
				return false
			}
			return yield(e)
		}
		for more, round := r.yieldBusinesses(options, take), 0; more; round++ {
			more = r.yieldRound(options, round, take)
		}
	}
}

// Businesses returns the firm reference numbers of the invented businesses, the one with the most
// complaints first.
func (r *Register) Businesses() []string {
	numbers := make([]string, len(r.companies))
	for id := range numbers {
		numbers[id] = FRN(id)
	}
	return numbers
}

func (r *Register) yieldBusinesses(options Options, yield func(Event) bool) bool {
	at := r.complaints[0].Received.Add(r.shift(options.Now)).AddDate(0, 0, -30)
	for id, company := range r.companies {
		data := businessData{FRN: FRN(id), Name: businessName(id, company), Group: groupName(id)}
		if !yield(newEvent("cms.business.updated.v1", data.FRN, 1, at.Add(time.Duration(id)*time.Minute), data)) {
			return false
		}
	}
	return true
}

// yieldRound yields the events of all complaints once, in the order of time.
func (r *Register) yieldRound(options Options, round int, yield func(Event) bool) bool {
	var events []Event
	for i := range r.complaints {
		events = append(events, r.told(options, round, i)...)
	}
	slices.SortStableFunc(events, func(a, b Event) int { return a.Time.Compare(b.Time) })
	for _, e := range events {
		if !yield(e) {
			return false
		}
	}
	return true
}

// told returns the events of one complaint in a round.
func (r *Register) told(options Options, round, index int) []Event {
	shift := r.shift(options.Now) - time.Duration(round)*7*day
	random := rand.New(rand.NewPCG(options.Seed, uint64(round)<<32|uint64(index)))
	return dated(random, reference(round, index), r.complaints[index].moved(shift), len(r.companies), options)
}

// history returns the events of a case in the feed, in order; none for a reference that is not in it.
func (r *Register) history(options Options, ref string) []Event {
	digits, ours := strings.CutPrefix(ref, "DEMO-")
	number, err := strconv.Atoi(digits)
	if !ours || err != nil || number < 1 || number > len(r.complaints) || reference(0, number-1) != ref {
		return nil
	}
	return r.told(options, 0, number-1)
}

// dated returns the events of one case that have happened by now.
func dated(random *rand.Rand, ref string, c complaint, companies int, options Options) []Event {
	at := c.Sent.Add(8*time.Hour + time.Duration(random.IntN(9*60))*time.Minute)
	// The register sends some complaints on months late; none is sent on in the future.
	if latest := options.Now.Add(-day); at.After(latest) {
		at = latest.Add(-time.Duration(random.IntN(5*24*60)) * time.Minute).Truncate(time.Second)
	}
	var events []Event
	for _, step := range tell(random, ref, c, companies) {
		at = at.Add(step.after)
		if at.After(options.Now) || len(events) == caseEventsMax || options.Brief && len(events) == 2 {
			break
		}
		if !options.Brief || step.kind == CaseConverted || step.kind == CaseClosed {
			events = append(events, newEvent(step.kind, ref, len(events)+1, at, step.data(at)))
		}
	}
	return events
}

func reference(round, index int) string {
	if round == 0 {
		return fmt.Sprintf("DEMO-%06d", index+1)
	}
	return fmt.Sprintf("DEMO-%d-%06d", round, index+1)
}

// shift is how far the register is moved: by whole weeks, so that Mondays stay Mondays, until the
// newest complaint is 5 to 11 days before now.
func (r *Register) shift(now time.Time) time.Duration {
	today := now.UTC().Truncate(day)
	return today.Add(-5 * day).Sub(r.last).Truncate(7 * day)
}
