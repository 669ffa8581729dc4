// Package projections folds events into read models, and queries them. One read model is one
// file here (or a pair): its tables, its fold, its queries. Every query takes the Scope of who
// asks; there is no way to ask without one.
package projections

import "slices"

// Scope says which cases a query may see. Its zero value sees nothing; a Scope is made by the
// authoriser alone, from a principal.
type Scope struct {
	every      bool
	frns       []string
	suppressed bool
	feeds      bool
	// suppressions: open requests for suppression, and which cases are suppressed, but not the cases.
	suppressions bool
	// tickets: those of everybody, and not of user alone; contacts: how strangers can be answered.
	tickets, contacts bool
	// ticket is the one that the holder of its link sees.
	ticket string
	user   string
}

// BusinessScope sees the unsuppressed cases of the given businesses, and the tickets that user opened; user
// is who asks.
func BusinessScope(user string, frns ...string) Scope {
	frns = slices.Clone(frns)
	slices.Sort(frns)
	return Scope{user: user, frns: slices.Compact(frns)}
}

// AuditorScope sees the cases of every business, suppressed ones marked, and every ticket, but not how
// strangers can be answered.
func AuditorScope(user string) Scope {
	return Scope{user: user, every: true, suppressed: true, feeds: true, suppressions: true, tickets: true}
}

// OperatorScope sees no case, but every business's name and what operators watch: feeds, what they
// hold, contradictions, tickets; and what they decide about: requests for suppression, and which cases are
// suppressed.
func OperatorScope(user string) Scope {
	return Scope{user: user, feeds: true, suppressions: true, tickets: true, contacts: true}
}

// HelpdeskScope sees the people and the tickets that operators see, and nothing of suppression.
func HelpdeskScope(user string) Scope {
	return Scope{user: user, feeds: true, tickets: true, contacts: true}
}

// TicketScope sees the ticket id alone: it is for who holds the link to it.
func TicketScope(id string) Scope { return Scope{ticket: id} }

// User is who asks: the id that allocatedTo=me stands for.
func (s Scope) User() string { return s.user }

// Every reports whether the scope spans all businesses.
func (s Scope) Every() bool { return s.every }

// FRNs returns the businesses that the scope is limited to, sorted; it says nothing where Every is true.
func (s Scope) FRNs() []string { return slices.Clone(s.frns) }

// SeesFeeds reports whether the scope sees what operators watch.
func (s Scope) SeesFeeds() bool { return s.feeds }

// SeesSuppressions reports whether the scope sees the open requests for suppression and which cases are
// suppressed.
func (s Scope) SeesSuppressions() bool { return s.suppressions }

// SeesSuppressed reports whether suppressed cases are listed, marked.
func (s Scope) SeesSuppressed() bool { return s.suppressed }

// Sees reports whether a case of business frn may be seen.
func (s Scope) Sees(frn string, suppressed bool) bool {
	if suppressed && !s.suppressed {
		return false
	}
	return s.every || slices.Contains(s.frns, frn)
}

// WithoutTickets sees what the scope does but for the tickets of others: it is for who may not read them.
func (s Scope) WithoutTickets() Scope {
	s.tickets, s.contacts = false, false
	return s
}

// SeesTickets reports whether the scope sees the tickets of everybody.
func (s Scope) SeesTickets() bool { return s.tickets }

// SeesTicket reports whether a ticket may be seen.
func (s Scope) SeesTicket(owner TicketOwner) bool {
	return s.tickets || s.ticket != "" && s.ticket == owner.ID || owner.Person != "" && s.user == owner.Person
}

// Within narrows the scope to the given businesses; those outside it are left out, as if they did
// not exist. Without any it returns the scope as it is.
func (s Scope) Within(frns ...string) Scope {
	if len(frns) == 0 {
		return s
	}
	narrowed := Scope{user: s.user, suppressed: s.suppressed}
	for _, frn := range frns {
		if s.every || slices.Contains(s.frns, frn) {
			narrowed.frns = append(narrowed.frns, frn)
		}
	}
	slices.Sort(narrowed.frns)
	narrowed.frns = slices.Compact(narrowed.frns)
	return narrowed
}
