package commands

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"casesync/domain/access"
	"casesync/domain/calendar"
	"casesync/domain/membership"
	"casesync/domain/outgoing"
	"casesync/eventstore"
)

// order is a command that its giver may give: who, why, when, and under which id. There are three
// ways to one: authorise, for a principal; ofHolder, for who holds a link or is the person himself; and
// ofSystem.
type order struct {
	by     membership.By
	actor  string
	reason string
	// reasonOf is the subject whose reason it is, "" for that of each stream.
	reasonOf string
	// id is the one that the ids of the commands on each stream are derived from; correlation is the
	// same for all of them.
	id          uuid.UUID
	correlation string
	at          time.Time
	// expected is the revision that the stream that decides must have; nil for any.
	expected *eventstore.Revision
}

// orders makes orders, at the time that now tells.
type orders struct{ now func() time.Time }

// authorise is the one place that says whether a principal may give commands that concern the
// business frn, "" for none or all of them (requirements 20 and 21). All the commands that one
// request leads to are named, and each must be allowed.
//
// Who has no part in a business is told what he would be told if there were no such business or
// person: ErrUnknown. Who has one, and not the permission, is told so: ErrForbidden.
func (p orders) authorise(ask Ask, frn string, commands ...access.Command) (order, error) {
	for _, command := range commands {
		if !ask.By.MayCommand(command, frn) {
			return order{}, refusedTo(ask.By, string(command), frn)
		}
	}
	by := membership.By{Person: ask.By.Person()}
	if ask.By.Everywhere(access.MakeAdministrators) {
		by = membership.By{Operator: true}
	}
	reason := strings.TrimSpace(ask.Reason)
	if reason == "" && slices.ContainsFunc(commands, func(c access.Command) bool { return needsReason(c, by.Operator) }) {
		return order{}, ErrNoReason
	}
	o := p.under(idOr(ask.ID))
	o.by, o.actor, o.reason, o.expected = by, ask.By.ID, reason, ask.Expected
	return o, nil
}

// refusedTo is the error of a principal who may not do something at a business.
func refusedTo(by access.Principal, what, frn string) error {
	ofService := slices.ContainsFunc(by.Roles, func(r access.Role) bool { return !r.OfBusiness() })
	if frn != "" && !ofService && len(by.Grants[frn]) == 0 {
		return ErrUnknown
	}
	return fmt.Errorf("%w: %s may not %s", ErrForbidden, by.ID, what)
}

// reasons says of which commands it must be recorded why they were given: always, or by operators,
// whom nobody at the business could ask.
var reasons = map[access.Command]struct{ always bool }{
	"membership.revoke-invitation": {},
	"membership.revoke":            {},
	"membership.disable":           {always: true},
	"membership.enable":            {},
	"membership.remove":            {always: true},
	"membership.move":              {},

	"account.reset-factor":    {always: true},
	"account.reset-questions": {always: true},
	"account.disable":         {always: true},
	"account.enable":          {},
	"account.erase":           {always: true},

	"onboarding.erase-people": {always: true},

	"casefile.execute-suppression":    {always: true},
	"casefile.reverse-suppression":    {always: true},
	"notification.answer-suppression": {always: true},

	"casefile.place-hold":  {always: true},
	"casefile.lift-hold":   {always: true},
	"casefile.erase-party": {always: true},
}

func needsReason(command access.Command, operator bool) bool {
	rule, listed := reasons[command]
	return listed && (rule.always || operator)
}

// ofSystem is the order of a part of the system. What it asks changes nothing the second time, so
// its id need not be derived.
func (p orders) ofSystem(part string) order {
	o := p.under(uuid.New())
	o.by, o.actor = membership.By{Clock: true}, part
	return o
}

// The parts of the system that give commands.
const (
	systemClock     = "system:clock"
	systemReactions = "system:reactions"
)

// ofHolder is the order of a person who acts for himself, or of somebody who holds a mailed link.
func (p orders) ofHolder(actor string) order {
	o := p.under(uuid.New())
	o.actor = actor
	return o
}

// ofPerson is the order of a principal in what is his own, which the caller has made sure of.
func (p orders) ofPerson(ask Ask) order {
	o := p.under(idOr(ask.ID))
	o.actor, o.expected = ask.By.ID, ask.Expected
	return o
}

func (p orders) under(id uuid.UUID) order {
	return order{id: id, correlation: id.String(), at: p.now().UTC()}
}

// actorOf is how the log names a person.
func actorOf(person string) string { return "user:" + person }

func (o order) day() calendar.Day { return calendar.DayOf(o.at) }

// following is the order on streams other than the one that the caller's expected revision is of.
func (o order) following() order {
	o.expected = nil
	return o
}

// aboutCase is the order with a reason that goes with a case, whatever streams it is on (requirement 64).
func (o order) aboutCase(ref string) order {
	o.reasonOf = outgoing.Subject(ref)
	return o
}

// aside is the order on a reservation. It is decided anew each time, as the thing may have gone to
// somebody else since; and there is no key of the stream's own to seal a reason under.
func (o order) aside() order {
	o.id, o.reason, o.expected = uuid.New(), "", nil
	return o
}

// named is the order under an id derived from its own, for what it does several times on a stream.
func (o order) named(name string) order {
	o.id = uuid.NewSHA1(o.id, []byte(name))
	return o
}

func (o order) expects() eventstore.ExpectedRevision {
	if o.expected == nil {
		return eventstore.Any
	}
	return eventstore.ExpectedRevision(*o.expected)
}

// request is the order on one stream, under an id of its own there.
func (o order) request(stream eventstore.StreamName) eventstore.Request {
	return eventstore.Request{
		Stream: stream, CommandID: uuid.NewSHA1(o.id, []byte(stream)), CorrelationID: o.correlation,
		Actor: o.actor, Reason: o.reason, ReasonOf: o.reasonOf, OccurredAt: o.at, Expected: o.expects(),
	}
}

func idOr(id uuid.UUID) uuid.UUID {
	if id == uuid.Nil {
		return uuid.New()
	}
	return id
}

// later returns the later of what two steps of a command ended at.
func later(a, b Done) Done {
	if a.Position.Compare(b.Position) < 0 {
		return b
	}
	return a
}
