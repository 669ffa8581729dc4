package httpapi

import (
	"context"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/membership"
)

// AdministratorWish asks for another administrator of a business (requirement 22).
type AdministratorWish struct {
	_ struct{} `additionalProperties:"false"`

	Why
	AtBusiness
	User string `json:"user,omitempty" format:"uuid" doc:"The member who is to be one; without it the Financial Ombudsman Service asks you who"`
}

// AdministratorGrant makes an administrator on request of the business: of a member, or of somebody
// who is invited as such.
type AdministratorGrant struct {
	_ struct{} `additionalProperties:"false"`

	Why
	AtBusiness
	RequestedBy string `json:"requestedBy" format:"uuid" doc:"The user id of the active administrator or supervisor who asks"`
	User        string `json:"user,omitempty" format:"uuid" doc:"The member who becomes an administrator"`
	Name        string `json:"name,omitempty" maxLength:"200" doc:"With email, instead of user: who is invited" example:"Robin Sample"`
	Email       string `json:"email,omitempty" maxLength:"254" example:"robin.sample@business.example"`
}

// AdministratorMade is the answer to it.
type AdministratorMade struct {
	Outcome
	Invitation string `json:"invitation,omitempty" doc:"The invitation, where somebody was invited"`
	User       string `json:"user" format:"uuid"`
}

func (s *Server) requestAdministrator(ctx context.Context, ask commands.Ask, in *command[AdministratorWish]) (*acted[Outcome], error) {
	done, err := s.config.People.RequestAdministrator(ctx, ask, in.Body.Business, in.Body.User)
	return told(done, outcomeOf(done)), err
}

// grantAdministrator makes a member an administrator, or invites one.
func (s *Server) grantAdministrator(ctx context.Context, ask commands.Ask, in *command[AdministratorGrant]) (*acted[AdministratorMade], error) {
	body := in.Body
	if invites := body.Name != "" || body.Email != ""; invites == (body.User != "") {
		p := problem(CodeInvalidBody, "Name either a member or, by name and e-mail address, somebody to be invited.")
		p.Errors = []Fault{{Location: "body.user", Message: "is needed, or name and email, not both"}}
		return nil, p
	}
	roles, warrant := []access.Role{access.Administrator}, membership.Warrant{RequestedBy: body.RequestedBy}
	if body.User != "" {
		done, err := s.config.People.Grant(ctx, ask, body.Business, body.User, roles, warrant)
		return told(done, AdministratorMade{Outcome: outcomeOf(done), User: body.User}), err
	}
	id, person, done, err := s.config.People.Invite(ctx, ask, body.Business,
		commands.Invitation{Name: body.Name, Email: body.Email, Roles: roles, Warrant: warrant})
	return told(done, AdministratorMade{Outcome: outcomeOf(done), Invitation: id, User: person}), err
}

// BusinessAccess is how the people of a business come in (requirements 38 and 39).
type BusinessAccess struct {
	Configured     bool           `json:"configured" doc:"Whether the business was ever set up"`
	Domains        []string       `json:"emailDomains" nullable:"false"`
	Method         account.Method `json:"method,omitempty" enum:"local,oidc,saml"`
	Connection     string         `json:"connection,omitempty" doc:"The identity provider's settings"`
	Administrators []string       `json:"administrators" nullable:"false" doc:"The user ids of the active ones"`
	Warning        string         `json:"warning,omitempty" enum:"one-administrator-left"`
}

// BusinessAccessChange sets it.
type BusinessAccessChange struct {
	_ struct{} `additionalProperties:"false"`

	Why
	Domains    []string       `json:"emailDomains" minItems:"1" maxItems:"50" nullable:"false" doc:"All of them" example:"[\"business.example\"]"`
	Method     account.Method `json:"method" enum:"local,oidc,saml"`
	Connection string         `json:"connection,omitempty" maxLength:"40" doc:"The id of the identity provider's settings; none for local accounts" example:"example-bank"`
}

// showBusinessAccess shows it as it stands in the log at this moment.
func (s *Server) showBusinessAccess(ctx context.Context, in *request) (*present[BusinessAccess], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	frn := pathValue(in.http, "frn")
	if !frnPattern.MatchString(frn) {
		return nil, notFound()
	}
	business, err := s.config.People.Business(ctx, frn)
	if err != nil {
		return nil, s.peopleProblem(ctx, in.http, err)
	}
	body := BusinessAccess{
		Configured: business.Configured, Domains: unicodeOf(business.Domains), Method: business.Method,
		Connection: business.Connection, Administrators: append([]string{}, business.Administrators...),
	}
	if len(body.Administrators) == 1 {
		body.Warning = warnOneLeft
	}
	out := &present[BusinessAccess]{CacheControl: noStore, Body: body}
	if business.Configured {
		out.ETag = revisionTag(business.Revision)
	}
	return out, nil
}

func (s *Server) setBusinessAccess(ctx context.Context, ask commands.Ask, in *command[BusinessAccessChange]) (*acted[Outcome], error) {
	frn := pathValue(in.http, "frn")
	if !frnPattern.MatchString(frn) {
		return nil, commands.ErrUnknown
	}
	done, err := s.config.People.ConfigureBusiness(ctx, ask, frn, in.Body.Domains, in.Body.Method, in.Body.Connection)
	if err != nil {
		return nil, err
	}
	return s.warned(ctx, done, frn), nil
}
