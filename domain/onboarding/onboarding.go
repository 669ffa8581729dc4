// Package onboarding decides about requests of businesses for access. The stream of a request is
// onboarding-<id>; one request may be for several businesses that share their identity provider
// (requirements 34–37).
//
// It promises that what is recorded is well formed: FRNs, domains and addresses are checked when
// the request comes in, each administrator's address is under the domains of the businesses he is
// to administer, and no secret is taken, only the name of the place where one is kept. What is well
// formed may still lack something: that is asked for, and nothing is configured before all is there.
//
//	submitted ⇄ waiting (for missing data)
//	    ↓           every change of the data leads back to submitted
//	complete → configured → invited → active
//
// What an operator marks complete is what he read: a request that was amended is marked under the revision
// of that reading, and the state that allows to configure belongs to that content alone.
//
// From each state before invited it may be withdrawn by the business or declined by an operator,
// and from each before active it lapses where nothing happens for long (package retention).
//
// The people it names are sealed under the stream's own key, all together. They are copied to their
// accounts when they are invited; some time after the request is over, [PeopleErased] tells that
// the key is to be destroyed.
//
// # Commands that span streams
//
// What can be refused goes first: membership.Configure on access-<frn> for each business, then
// Configure here; account.Create and membership.Invite for each administrator, then NoteInvited
// here; membership.Accept by an administrator, then NoteActive here. A crash between leaves the
// request behind what it led to; the step taken again finds the first part done, and records the
// second.
package onboarding

import (
	"slices"
	"strings"

	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/domain/private"
	"casesync/domain/retention"
)

// Status is where a request stands.
type Status string

// The statuses. Missing: there is no such request.
const (
	Missing    Status = "missing"
	Submitted  Status = "submitted"
	Waiting    Status = "waiting"
	Complete   Status = "complete"
	Configured Status = "configured"
	Invited    Status = "invited"
	Active     Status = "active"
	Withdrawn  Status = "withdrawn"
	Declined   Status = "declined"
	Lapsed     Status = "lapsed"
)

// over are the statuses from which nothing leads on.
var over = []Status{Active, Withdrawn, Declined, Lapsed}

// State is what decisions about a request need to know of it.
type State struct {
	status          Status
	request         Request
	invited, active []string // FRNs
	changed         calendar.Day
	amended         bool
	peopleErased    bool
}

// Initial returns the state of a request that nobody made.
func Initial() *State { return &State{status: Missing} }

// Status returns where the request stands.
func (s *State) Status() Status { return s.status }

// Request returns the request as it is now, with its people sealed.
func (s *State) Request() Request { return s.request }

// Lacks returns what is to be asked for before the request is complete.
func (s *State) Lacks() []Item { return s.request.lacks() }

// Clock returns what the rules of package retention know of the request.
func (s *State) Clock() retention.Request {
	return retention.Request{ChangedOn: s.changed, Over: slices.Contains(over, s.status)}
}

// Request is a request for access as it is recorded.
type Request struct {
	Businesses []Business `json:"businesses"`
	// People are the administrators and who is to be asked.
	People private.Value[People] `json:"people" seal:"case"`
	// IdentityProvider is the product that signs the business's people in, as people call it.
	IdentityProvider string         `json:"identityProvider,omitzero"`
	Authentication   Authentication `json:"authentication,omitzero"`
}

// Business is one of the businesses that a request is for.
type Business struct {
	FRN     string           `json:"frn"`
	Name    string           `json:"name,omitzero"` // full, as in the FCA register
	Domains []address.Domain `json:"domains,omitempty"`
	// Administrators is how many of the people are to administer it.
	Administrators int `json:"administrators,omitzero"`
}

// People are those whom a request names.
type People struct {
	Contact        Person          `json:"contact"`
	Administrators []Administrator `json:"administrators,omitempty"`
}

// Person is a name and an address that mail is sent to.
type Person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Administrator is a person who is to administer businesses of the request.
type Administrator struct {
	Person
	FRNs []string `json:"frns"`
}

// Authentication says how the people of the businesses sign in, with its technical data.
type Authentication struct {
	Method account.Method `json:"method,omitzero"`
	// Issuer and ClientID are the identity provider's for OIDC.
	Issuer   string `json:"issuer,omitzero"`
	ClientID string `json:"clientId,omitzero"`
	// MetadataURL is where a SAML identity provider publishes its metadata; Metadata is the same as
	// XML, for one that does not. Both are public.
	MetadataURL string `json:"metadataUrl,omitzero"`
	Metadata    string `json:"metadata,omitzero"`
}

// Item is something that a request lacks.
type Item struct {
	What Lack `json:"what"`
	// FRN is the business that it concerns, "" for all of them.
	FRN string `json:"frn,omitzero"`
}

// String returns the item in words: "email domains of 123456".
func (i Item) String() string {
	words := strings.ReplaceAll(string(i.What), "-", " ")
	if i.FRN == "" {
		return words
	}
	return words + " of " + i.FRN
}

// Lack is a kind of missing data.
type Lack string

// What a request can lack; stored, so never changed.
const (
	LacksName           Lack = "full-name"
	LacksDomains        Lack = "email-domains"
	LacksAdministrators Lack = "administrators"
	LacksMethod         Lack = "authentication-method"
	LacksProvider       Lack = "identity-provider"
	LacksIssuer         Lack = "issuer"
	LacksClientID       Lack = "client-id"
	LacksMetadata       Lack = "metadata"
)

// lacks returns what the request lacks, in the order of the form.
func (r Request) lacks() []Item {
	var items []Item
	add := func(missing bool, what Lack, frn string) {
		if missing {
			items = append(items, Item{What: what, FRN: frn})
		}
	}
	for _, b := range r.Businesses {
		add(b.Name == "", LacksName, b.FRN)
		add(len(b.Domains) == 0, LacksDomains, b.FRN)
		add(b.Administrators == 0, LacksAdministrators, b.FRN)
	}
	auth := r.Authentication
	add(auth.Method == "", LacksMethod, "")
	add(auth.Method.Federated() && r.IdentityProvider == "", LacksProvider, "")
	add(auth.Method == account.OIDC && auth.Issuer == "", LacksIssuer, "")
	add(auth.Method == account.OIDC && auth.ClientID == "", LacksClientID, "")
	add(auth.Method == account.SAML && auth.MetadataURL == "" && auth.Metadata == "", LacksMetadata, "")
	return items
}
