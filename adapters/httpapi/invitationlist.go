package httpapi

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"casesync/domain/access"
	"casesync/domain/membership"
	"casesync/projections"
	"casesync/projections/engine"
)

// Invitation is an invitation to a business. Its link is mailed, and shown to nobody.
type Invitation struct {
	ID        string           `json:"id" format:"uuid"`
	Business  string           `json:"business" doc:"FRN" example:"123456"`
	User      string           `json:"user" format:"uuid" doc:"The user id of who is invited"`
	Name      string           `json:"name,omitempty" doc:"Absent once the person was erased" example:"Robin Sample"`
	Email     string           `json:"email,omitempty" example:"robin.sample@business.example"`
	Roles     []access.Role    `json:"roles" nullable:"false"`
	Status    string           `json:"status" enum:"pending,accepted,revoked,expired"`
	Cause     membership.Cause `json:"cause,omitempty" enum:"asked,domain-withdrawn,erased,replaced" doc:"Why it was revoked"`
	InvitedBy string           `json:"invitedBy" doc:"Who invited, as the log has it" example:"user:3f0c9a52-6f0e-4b6c-9a51-0c6f3b1f8f10"`
	InvitedAt *time.Time       `json:"invitedAt"`
	Sent      int64            `json:"sent" doc:"How often it was sent"`
	SentAt    *time.Time       `json:"sentAt" doc:"The last time"`
	ExpiresAt *time.Time       `json:"expiresAt"`
	EndedAt   *time.Time       `json:"endedAt,omitempty" doc:"When it was accepted or revoked"`
}

// InvitationPage is a page of invitations.
type InvitationPage struct {
	AsOf  AsOf         `json:"asOf"`
	Items []Invitation `json:"items" nullable:"false" doc:"By FRN and id"`
	Next  *string      `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

// invitationQuery is what the parameters of the list say.
type invitationQuery struct {
	userQuery
	status string
}

var invitationStatuses = []string{
	projections.InvitationPending, projections.InvitationAccepted, projections.InvitationRevoked, projections.InvitationExpired,
}

var invitationParameters = []parameter[invitationQuery]{
	{name: "business", doc: "FRN; without it, of every business whose users you may read", schema: &huma.Schema{Type: huma.TypeString, Pattern: frnPattern.String()},
		set: setFRN(func(q *invitationQuery) *string { return &q.business })},
	{name: "status", doc: "What became of it; all without it", schema: oneOf(invitationStatuses...),
		set: choose(func(q *invitationQuery) *string { return &q.status }, invitationStatuses...)},
	{name: "limit", doc: "Invitations per page", schema: simplePageParameters[0].schema,
		set: setNumber(func(q *invitationQuery) *int { return &q.limit }, 1, simplePageItemsMax)},
	{name: "cursor", doc: "The next of the page before", set: setText(func(q *invitationQuery) *string { return &q.cursor })},
}

func (s *Server) listInvitations(_ context.Context, in *request) (*output[InvitationPage], error) {
	query := invitationQuery{userQuery: userQuery{pageQuery: pageQuery{limit: pageItemsMax}}}
	if refusal := parseParameters(in.http.URL.RawQuery, invitationParameters, &query); refusal != nil {
		return nil, refusal
	}
	var after projections.InvitationCursor
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(query.pageQuery, list, &after); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[InvitationPage]{
		projection: projections.PeopleName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (InvitationPage, error), error) {
			rows, err := projections.ListInvitations(ctx, view, scopeOf(ctx), query.business, query.status, s.config.Now(), after, query.limit+1)
			if err != nil {
				return nil, err
			}
			body := InvitationPage{AsOf: asOf(view)}
			rows, body.Next, err = cut(s, rows, query.pageQuery, list, func(last projections.InvitationRow) any {
				return projections.InvitationCursor{FRN: last.FRN, ID: last.ID}
			})
			return func(ctx context.Context) (InvitationPage, error) {
				if err != nil {
					return body, err
				}
				body.Items = make([]Invitation, len(rows))
				var o opening
				for i, row := range rows {
					body.Items[i] = invitationOf(row)
					addPerson(&o, &body.Items[i].Name, &body.Items[i].Email, row.SealedPerson)
				}
				return body, o.open(ctx, s)
			}, nil
		},
	})
}

func invitationOf(row projections.InvitationRow) Invitation {
	return Invitation{
		ID: row.ID, Business: row.FRN, User: row.Person, Roles: row.Roles, Status: row.Status, Cause: row.Cause,
		InvitedBy: row.InvitedBy, InvitedAt: instant(row.InvitedAt), Sent: row.Sent, SentAt: instant(row.SentAt),
		ExpiresAt: instant(row.ExpiresAt), EndedAt: instant(row.EndedAt),
	}
}
