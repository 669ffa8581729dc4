package projections

import (
	"slices"

	"casesync/domain/access"
	"casesync/domain/membership"
	"casesync/projections/engine"
)

// businessAccessRow is how the people of a business come in.
type businessAccessRow struct {
	Stream, Method, Connection, Domains string
	ConfiguredAt                        int64
}

var businessAccess = &engine.Table[businessAccessRow]{
	Spec: engine.Spec{
		Name: "business_access", Key: 1,
		Columns: join(texts("stream", "method", "connection", "domains"), numbers("configured_at")),
		Aside:   []string{"configured_at"},
	},
	Fields: func(r *businessAccessRow) []any {
		return []any{&r.Stream, &r.Method, &r.Connection, &r.Domains, &r.ConfiguredAt}
	},
}

// memberRow is a person with roles at a business.
type memberRow struct {
	Stream, Person, Roles, Holds string
	Since                        int64
}

var members = &engine.Table[memberRow]{
	Spec: engine.Spec{
		Name: "members", Key: 2,
		Columns: join(texts("stream", "person", "roles", "holds"), numbers("since")),
		Indexes: []string{"person, stream"},
		Aside:   []string{"since"},
	},
	Fields: func(r *memberRow) []any { return []any{&r.Stream, &r.Person, &r.Roles, &r.Holds, &r.Since} },
}

// invitationRow is an invitation of a person to a business.
type invitationRow struct {
	Stream, InvitationID, Person, Roles, Status, Cause, InvitedBy string
	InvitedAt, SentAt, Sent, ExpiresAt, EndedAt                   int64
}

var invitations = &engine.Table[invitationRow]{
	Spec: engine.Spec{
		Name: "invitations", Key: 2,
		Columns: join(texts("stream", "invitation_id", "person", "roles", "status", "cause", "invited_by"),
			numbers("invited_at", "sent_at", "sent", "expires_at", "ended_at")),
		Indexes: []string{"person, stream WHERE status = 'pending'"},
		Aside:   []string{"invited_at", "sent_at", "ended_at"},
	},
	Fields: func(r *invitationRow) []any {
		return []any{&r.Stream, &r.InvitationID, &r.Person, &r.Roles, &r.Status, &r.Cause, &r.InvitedBy,
			&r.InvitedAt, &r.SentAt, &r.Sent, &r.ExpiresAt, &r.EndedAt}
	},
}

// administratorRequestRow is a request of a business's people for an administrator: Person, or
// somebody to be named. It goes when it is answered.
type administratorRequestRow struct {
	Stream, RequestedBy, Person string
	RequestedAt                 int64
}

var administratorRequests = &engine.Table[administratorRequestRow]{
	Spec: engine.Spec{
		Name: "administrator_requests", Key: 3,
		Columns: join(texts("stream", "requested_by", "person"), numbers("requested_at")),
		Aside:   []string{"requested_at"},
	},
	Fields: func(r *administratorRequestRow) []any {
		return []any{&r.Stream, &r.RequestedBy, &r.Person, &r.RequestedAt}
	},
}

// accessFold is the folding of one event into the people of a business.
type accessFold struct {
	rows   *engine.Rows
	stream string
	at     int64
	by     string
}

func foldAccess(rows *engine.Rows, e engine.Event) {
	f := accessFold{rows: rows, stream: string(e.Stream), at: micros(e.Meta.OccurredAt), by: e.Meta.Actor}
	switch event := e.Event.(type) {
	case *membership.Configured:
		businessAccess.Put(rows, businessAccessRow{
			Stream: f.stream, Method: string(event.Method), Connection: event.Connection,
			Domains: spaced(slices.Sorted(slices.Values(event.Domains))), ConfiguredAt: f.at,
		})
	case *membership.AdministratorRequested:
		administratorRequests.Put(rows, administratorRequestRow{f.stream, event.RequestedBy, event.Person, f.at})
	case *membership.MemberInvited:
		f.answer(event.Roles, event.Warrant, "")
		invitations.Put(rows, invitationRow{
			Stream: f.stream, InvitationID: event.InvitationID, Person: event.Person, Roles: rolesWith("", event.Roles),
			Status: InvitationPending, InvitedBy: f.by, InvitedAt: f.at, SentAt: f.at, Sent: 1, ExpiresAt: micros(event.ExpiresAt),
		})
	case *membership.InvitationResent:
		f.invitation(event.InvitationID, func(r *invitationRow) {
			r.SentAt, r.Sent, r.ExpiresAt = f.at, r.Sent+1, micros(event.ExpiresAt)
		})
	case *membership.InvitationRevoked:
		f.invitation(event.InvitationID, func(r *invitationRow) {
			r.Status, r.Cause, r.EndedAt = InvitationRevoked, string(event.Cause), f.at
		})
	case *membership.InvitationAccepted:
		f.invitation(event.InvitationID, func(r *invitationRow) { r.Status, r.EndedAt = InvitationAccepted, f.at })
		members.Put(rows, memberRow{Stream: f.stream, Person: event.Person, Roles: rolesWith("", event.Roles), Since: f.at})
	default:
		f.member(event)
	}
}

func (f accessFold) member(event any) {
	switch event := event.(type) {
	case *membership.RolesGranted:
		f.answer(event.Roles, event.Warrant, event.Person)
		f.change(event.Person, func(r *memberRow) { r.Roles = rolesWith(r.Roles, event.Roles) })
	case *membership.RolesRevoked:
		f.change(event.Person, func(r *memberRow) { r.Roles = rolesWithout(r.Roles, event.Roles) })
	case *membership.MemberDisabled:
		f.change(event.Person, func(r *memberRow) {
			r.Holds = spaced(slices.Sorted(slices.Values(append(unspaced[membership.Hold](r.Holds), event.Hold))))
		})
	case *membership.MemberEnabled:
		f.change(event.Person, func(r *memberRow) { r.Holds = "" })
	case *membership.MemberRemoved:
		members.Delete(f.rows, f.stream, event.Person)
		f.dropRequests(func(r *administratorRequestRow) bool {
			return r.RequestedBy == event.Person || r.Person == event.Person
		})
	}
}

func (f accessFold) invitation(id string, change func(*invitationRow)) {
	if row := invitations.Get(f.rows, f.stream, id); row != nil {
		change(row)
	}
}

func (f accessFold) change(person string, change func(*memberRow)) {
	if row := members.Get(f.rows, f.stream, person); row != nil {
		change(row)
	}
}

// answer drops the requests that making an administrator answers, as package membership does: of
// whoever is the warrant, for the person, or for nobody named.
func (f accessFold) answer(roles []access.Role, warrant membership.Warrant, person string) {
	if !slices.Contains(roles, access.Administrator) {
		return
	}
	f.dropRequests(func(r *administratorRequestRow) bool {
		return r.RequestedBy == warrant.RequestedBy && (r.Person == "" || r.Person == person)
	})
}

func (f accessFold) dropRequests(want func(*administratorRequestRow) bool) {
	for _, row := range administratorRequests.All(f.rows, f.stream) {
		if want(row) {
			administratorRequests.Delete(f.rows, f.stream, row.RequestedBy, row.Person)
		}
	}
}
