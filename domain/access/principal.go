package access

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// ErrUnauthenticated is what every refusal to say who asks Is: whoever it was may not go on
// without signing in. Its text is fit to be shown.
var ErrUnauthenticated = errors.New("not signed in")

// Kind says what a principal is.
type Kind string

// The kinds of principals.
const (
	// Machine is a program with a token.
	Machine Kind = "machine"
	// User is a person who works for a business.
	User Kind = "user"
)

// Principal is who asks, as the authentication found it. Its zero value may do nothing.
type Principal struct {
	// ID is stable and says nothing personal: "token:<id>" or "user:<id>". It is the actor of
	// what the principal does.
	ID string
	// Name is what the token or account was called by whoever made it, to be shown to its owner.
	Name string
	Kind Kind
	// Roles are held for all businesses; a business user's role among them gives nothing.
	Roles []Role
	// Grants are a business user's roles by FRN; a role of the other side among them gives nothing.
	Grants map[string][]Role
	// Source is the one CloudEvents source that a case management system may publish as; "" does
	// not limit it.
	Source string
}

// personPrefix begins the ID of a principal that is a person with an account; the user id follows.
const personPrefix = "user:"

// Person returns the bare user id of a person who works for a business, as it stands in events,
// and "" for everybody else.
func (p Principal) Person() string {
	if id, found := strings.CutPrefix(p.ID, personPrefix); found && p.Kind == User {
		return id
	}
	return ""
}

// May reports whether the principal has permission for the cases, users and figures of the
// business frn.
func (p Principal) May(permission Permission, frn string) bool {
	return p.Everywhere(permission) || slices.ContainsFunc(p.Grants[frn], func(r Role) bool {
		return r.OfBusiness() && r.Gives(permission)
	})
}

// Everywhere reports whether the principal has permission for every business, and for what
// belongs to none.
func (p Principal) Everywhere(permission Permission) bool {
	return slices.ContainsFunc(p.Roles, func(r Role) bool { return !r.OfBusiness() && r.Gives(permission) })
}

// Somewhere reports whether the principal has permission for at least one business, or for all.
func (p Principal) Somewhere(permission Permission) bool {
	if p.Everywhere(permission) {
		return true
	}
	for frn := range p.Grants {
		if p.May(permission, frn) {
			return true
		}
	}
	return false
}

// Businesses returns the FRNs of the businesses that grant permission, sorted. It says nothing
// about a principal who has it Everywhere.
func (p Principal) Businesses(permission Permission) []string {
	var frns []string
	for _, frn := range slices.Sorted(maps.Keys(p.Grants)) {
		if slices.ContainsFunc(p.Grants[frn], func(r Role) bool { return r.OfBusiness() && r.Gives(permission) }) {
			frns = append(frns, frn)
		}
	}
	return frns
}

// Permissions returns what the principal may do somewhere, sorted.
func (p Principal) Permissions() []Permission {
	return slices.DeleteFunc(Permissions(), func(permission Permission) bool { return !p.Somewhere(permission) })
}
