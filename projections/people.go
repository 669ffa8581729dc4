package projections

import (
	"maps"
	"slices"
	"strings"

	"casesync/domain/access"
	"casesync/eventstore"
	"casesync/projections/engine"
)

// The streams of people begin so; the rest is a user id, an FRN, the id of an access request and of an
// identity provider's settings.
const (
	accountStreams    = "account-"
	accessStreams     = "access-"
	onboardingStreams = "onboarding-"
	connectionStreams = "connection-"
)

// People is the read model of people and of what they may come in by: accounts, memberships and
// invitations by business, access requests, the settings of businesses and of identity providers.
//
// It is one read model, so that a list of users joins accounts and memberships of one position. Its
// key, and the first column of its tables, is the whole name of a stream: ids of different kinds
// cannot meet, and what goes wrong in one stream stops nobody else.
//
// No personal data is in clear in it: a name or an address is an envelope under the person's own key.
// Folds copy envelopes alone and look into none, so that the rows are the same whether the keys still
// exist or not; when a person is erased the envelope goes as well (requirement 42).
func People() engine.Projection {
	return engine.Projection{
		Name: PeopleName, Version: 1,
		Tables: []engine.AnyTable{
			accounts, acceptances,
			businessAccess, members, invitations, administratorRequests,
			accessRequests, requestBusinesses,
			connections,
		},
		Key:  peopleKey,
		Fold: foldPeople,
		Streams: func(stream string) []eventstore.StreamName {
			return []eventstore.StreamName{eventstore.StreamName(stream)}
		},
		Prefixes: slices.Sorted(maps.Keys(peopleFolds)),
	}
}

// peopleFolds are the folds by the kind of stream.
var peopleFolds = map[string]func(rows *engine.Rows, e engine.Event){
	accountStreams:    foldAccount,
	accessStreams:     foldAccess,
	onboardingStreams: foldRequest,
	connectionStreams: foldConnection,
}

// peopleKey is the stream.
func peopleKey(e engine.Event) (key string, wanted bool) {
	_, wanted = peopleFolds[kindOf(e.Stream)]
	return string(e.Stream), wanted
}

// kindOf is how a stream's name begins: "access-" of "access-123456".
func kindOf(stream eventstore.StreamName) string {
	kind, _, _ := strings.Cut(string(stream), "-")
	return kind + "-"
}

// foldPeople takes an event into the rows of its stream. Events that say nothing of what is shown
// here, such as those of links that were mailed, change nothing.
func foldPeople(rows *engine.Rows, e engine.Event) error {
	peopleFolds[kindOf(e.Stream)](rows, e)
	return nil
}

// spaced is the stored form of a list: its texts, which hold no space, joined by spaces.
func spaced[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = string(item)
	}
	return strings.Join(texts, " ")
}

// unspaced is what spaced stored.
func unspaced[T ~string](text string) []T {
	var list []T
	for word := range strings.FieldsSeq(text) {
		list = append(list, T(word))
	}
	return list
}

// rolesWith and rolesWithout are the stored form of roles, in the order of access.Roles, after some
// were added or taken away.
func rolesWith(text string, added []access.Role) string {
	all := slices.Concat(unspaced[access.Role](text), added)
	return spaced(rolesWhere(func(r access.Role) bool { return slices.Contains(all, r) }))
}

func rolesWithout(text string, taken []access.Role) string {
	all := unspaced[access.Role](text)
	return spaced(rolesWhere(func(r access.Role) bool { return slices.Contains(all, r) && !slices.Contains(taken, r) }))
}

func rolesWhere(want func(access.Role) bool) []access.Role {
	return slices.DeleteFunc(access.Roles(), func(r access.Role) bool { return !want(r) })
}
