package projections

import (
	"context"
	"strings"
	"time"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/membership"
	"casesync/projections/engine"
)

// The statuses of invitations as they are stored, and InvitationExpired, which time alone makes of a
// pending one; sent again it is pending.
const (
	InvitationPending  = "pending"
	InvitationAccepted = "accepted"
	InvitationRevoked  = "revoked"
	InvitationExpired  = "expired"
)

// InvitationRow is an invitation of a person to a business.
type InvitationRow struct {
	FRN, ID string
	Person  string // user id
	Roles   []access.Role
	// Status is at the instant asked about: pending, accepted, revoked or expired.
	Status string
	// Cause is why it was revoked, "" if it was not.
	Cause membership.Cause
	// InvitedBy is the actor (Metadata.Actor of the event): "user:<id>", "token:<id>".
	InvitedBy string
	// Sent counts how often it was sent, the last time at SentAt.
	Sent                                  int64
	InvitedAt, SentAt, ExpiresAt, EndedAt time.Time
	// SealedPerson is the envelope of the person's account, read by OpenedPerson.
	SealedPerson string
}

// InvitationCursor is a place in a list of invitations.
type InvitationCursor struct{ FRN, ID string }

// ListInvitations returns at most limit (up to PageRowsMax) invitations to the business frn, or to
// all that scope sees where that is "", after after, by business and id; of one status, as of now, or of
// any where that is "". View is of PeopleName.
func ListInvitations(ctx context.Context, view engine.View, scope Scope, frn, status string, now time.Time, after InvitationCursor, limit int) ([]InvitationRow, error) {
	s := &statement{}
	return invitationRows(ctx, view, s.peopleOf(scope, frn, "i.stream")+" AND "+s.invitationStatus(status, now)+
		" AND (i.stream, i.invitation_id) > ("+s.arg(accessStreams+after.FRN)+", "+s.arg(after.ID)+
		") ORDER BY i.stream, i.invitation_id"+s.limit(limit), now, s)
}

// FindInvitation returns the invitation id to the business frn, as of now; false if there is none that
// scope sees.
func FindInvitation(ctx context.Context, view engine.View, scope Scope, frn, id string, now time.Time) (InvitationRow, bool, error) {
	s := &statement{}
	rows, err := invitationRows(ctx, view, "i.stream = "+s.arg(accessStreams+frn)+" AND i.invitation_id = "+s.arg(id)+
		" AND "+s.peopleOf(scope, frn, "i.stream"), now, s)
	if err != nil || len(rows) == 0 {
		return InvitationRow{}, false, err
	}
	return rows[0], true, nil
}

// invitationStatus is true for an invitation, named i in the text, that has a status now.
func (s *statement) invitationStatus(status string, now time.Time) string {
	switch status {
	case "":
		return "1 = 1"
	case InvitationPending:
		return "i.status = 'pending' AND i.expires_at > " + s.arg(micros(now))
	case InvitationExpired:
		return "i.status = 'pending' AND i.expires_at <= " + s.arg(micros(now))
	}
	return "i.status = " + s.arg(status)
}

func invitationRows(ctx context.Context, view engine.View, rest string, now time.Time, s *statement) ([]InvitationRow, error) {
	query := "SELECT " + list(invitations.Columns, "i.") + ", COALESCE(a.sealed, '') FROM {invitations} i" +
		" LEFT JOIN {accounts} a ON a.stream = '" + accountStreams + "' || i.person WHERE " + rest
	return collect(ctx, view, "read invitations", query, s, func(scan func(...any) error) (InvitationRow, error) {
		var r invitationRow
		var sealed string
		err := scan(append(invitations.Fields(&r), &sealed)...)
		row := r.public(now)
		row.SealedPerson = sealed
		return row, err
	})
}

func (r *invitationRow) public(now time.Time) InvitationRow {
	row := InvitationRow{
		FRN: strings.TrimPrefix(r.Stream, accessStreams), ID: r.InvitationID, Person: r.Person, Roles: unspaced[access.Role](r.Roles),
		Status: r.Status, Cause: membership.Cause(r.Cause), InvitedBy: r.InvitedBy, Sent: r.Sent,
		InvitedAt: instant(r.InvitedAt), SentAt: instant(r.SentAt), ExpiresAt: instant(r.ExpiresAt), EndedAt: instant(r.EndedAt),
	}
	if row.Status == InvitationPending && !now.Before(row.ExpiresAt) {
		row.Status = InvitationExpired
	}
	return row
}

// BusinessAccessRow is how the people of a business come in.
type BusinessAccessRow struct {
	FRN        string
	Method     account.Method
	Connection string // the id of the identity provider's settings, "" for local accounts
	Domains    []address.Domain
	// ConfiguredAt is when this was set last.
	ConfiguredAt time.Time
}

// ListBusinessAccess returns at most limit (up to PageRowsMax) of the businesses that were set up
// and that scope sees, after FRN after, by FRN. View is of PeopleName.
func ListBusinessAccess(ctx context.Context, view engine.View, scope Scope, after string, limit int) ([]BusinessAccessRow, error) {
	s := &statement{}
	return businessAccessRows(ctx, view, s.peopleOf(scope, "", "stream")+" AND stream > "+s.arg(accessStreams+after)+
		" ORDER BY stream"+s.limit(limit), s)
}

// FindBusinessAccess returns how the people of the business frn come in; false if it was never set up
// or scope does not see it.
func FindBusinessAccess(ctx context.Context, view engine.View, scope Scope, frn string) (BusinessAccessRow, bool, error) {
	s := &statement{}
	rows, err := businessAccessRows(ctx, view, "stream = "+s.arg(accessStreams+frn)+" AND "+s.peopleOf(scope, frn, "stream"), s)
	if err != nil || len(rows) == 0 {
		return BusinessAccessRow{}, false, err
	}
	return rows[0], true, nil
}

func businessAccessRows(ctx context.Context, view engine.View, rest string, s *statement) ([]BusinessAccessRow, error) {
	rows, err := rowsOf(ctx, view, businessAccess, "SELECT "+list(businessAccess.Columns, "")+" FROM {business_access} WHERE "+rest, s)
	shown := make([]BusinessAccessRow, len(rows))
	for i, r := range rows {
		shown[i] = BusinessAccessRow{
			FRN: strings.TrimPrefix(r.Stream, accessStreams), Method: account.Method(r.Method), Connection: r.Connection,
			Domains: unspaced[address.Domain](r.Domains), ConfiguredAt: instant(r.ConfiguredAt),
		}
	}
	return shown, err
}

// AdministratorRequestRow is a request for an administrator that operators have not answered.
type AdministratorRequestRow struct {
	FRN, RequestedBy string // RequestedBy is a user id
	// Person is who is to be made one, "" for somebody to be named.
	Person      string
	RequestedAt time.Time
}

// AdministratorRequestCursor is a place in a list of such requests.
type AdministratorRequestCursor struct{ FRN, RequestedBy, Person string }

// ListAdministratorRequests returns at most limit (up to PageRowsMax) requests for administrators of
// the business frn, or of all that scope sees where that is "", after after, by business and who asks.
// View is of PeopleName.
func ListAdministratorRequests(ctx context.Context, view engine.View, scope Scope, frn string, after AdministratorRequestCursor, limit int) ([]AdministratorRequestRow, error) {
	s := &statement{}
	rows, err := rowsOf(ctx, view, administratorRequests, "SELECT "+list(administratorRequests.Columns, "")+
		" FROM {administrator_requests} WHERE "+s.peopleOf(scope, frn, "stream")+
		" AND (stream, requested_by, person) > ("+s.arg(accessStreams+after.FRN)+", "+s.arg(after.RequestedBy)+", "+s.arg(after.Person)+
		") ORDER BY stream, requested_by, person"+s.limit(limit), s)
	shown := make([]AdministratorRequestRow, len(rows))
	for i, r := range rows {
		shown[i] = AdministratorRequestRow{strings.TrimPrefix(r.Stream, accessStreams), r.RequestedBy, r.Person, instant(r.RequestedAt)}
	}
	return shown, err
}
