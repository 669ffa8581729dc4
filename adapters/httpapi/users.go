package httpapi

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/calendar"
	"casesync/domain/membership"
	"casesync/projections"
	"casesync/projections/engine"
)

// User is a person with access to a business, as those see him who may read its users.
type User struct {
	ID           string             `json:"id" format:"uuid" doc:"The user id: a pseudonym that stays when the person is erased"`
	Name         string             `json:"name,omitempty" doc:"Absent once the person was erased" example:"Robin Sample"`
	Email        string             `json:"email,omitempty" example:"robin.sample@business.example"`
	Status       account.Status     `json:"status" enum:"missing,invited,active,disabled,erased" doc:"Of the account. missing: it is being made"`
	DisabledFor  []account.Cause    `json:"disabledFor,omitempty" enum:"operator,inactivity" nullable:"false" doc:"Why the whole account is disabled"`
	Method       account.Method     `json:"method,omitempty" enum:"local,oidc,saml" doc:"How the person signs in"`
	Connection   string             `json:"connection,omitempty" doc:"The identity provider's settings"`
	SecondFactor account.FactorKind `json:"secondFactor,omitempty" enum:"totp,passkey" doc:"Of local accounts; absent: none is enrolled"`
	HasQuestions bool               `json:"securityQuestions" doc:"Whether security questions are set"`
	CreatedOn    *calendar.Day      `json:"createdOn,omitempty" format:"date"`
	LastActiveOn *calendar.Day      `json:"lastActiveOn,omitempty" format:"date" doc:"The last day with an authenticated request"`
	DisablesOn   *calendar.Day      `json:"disablesOn,omitempty" format:"date" doc:"When the account is disabled if the person stays away (requirement 41)"`
	ErasesOn     *calendar.Day      `json:"erasesOn,omitempty" format:"date" doc:"When the person is erased if he stays away"`
	Memberships  []Membership       `json:"memberships" nullable:"false" doc:"By FRN; at the businesses whose users you may read, and that you asked for"`
}

// Membership is what a person is at a business.
type Membership struct {
	Business    string            `json:"business" doc:"FRN" example:"123456"`
	Roles       []access.Role     `json:"roles" nullable:"false"`
	Status      string            `json:"status" enum:"active,disabled" doc:"Disabled: the roles are suspended"`
	DisabledFor []membership.Hold `json:"disabledFor,omitempty" enum:"administrator,operator,inactivity" nullable:"false"`
	Since       *time.Time        `json:"since,omitempty"`
}

// UserPage is a page of users.
type UserPage struct {
	AsOf  AsOf    `json:"asOf"`
	Items []User  `json:"items" nullable:"false" doc:"By user id: names are sealed, and nothing is in their order"`
	Next  *string `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

// UserDetails is one user.
type UserDetails struct {
	AsOf AsOf `json:"asOf"`
	User
	Acceptances []AcceptedTerms `json:"acceptances" nullable:"false" doc:"The terms of use accepted last, by FRN"`
	Questions   []string        `json:"questions,omitempty" nullable:"false" doc:"What to ask the person before you reset a credential; for those who may"`
}

// AcceptedTerms is the version of the terms of use that somebody accepted for a business.
type AcceptedTerms struct {
	Business   string     `json:"business" doc:"FRN" example:"123456"`
	Version    string     `json:"version" example:"2026-01"`
	AcceptedAt *time.Time `json:"acceptedAt,omitempty"`
}

// userQuery is what the parameters of the list say.
type userQuery struct {
	pageQuery
	business string
}

var userParameters = []parameter[userQuery]{
	{name: "business", doc: "FRN; without it, of every business whose users you may read", schema: &huma.Schema{Type: huma.TypeString, Pattern: frnPattern.String()},
		set: setFRN(func(q *userQuery) *string { return &q.business })},
	{name: "limit", doc: "Users per page", schema: simplePageParameters[0].schema,
		set: setNumber(func(q *userQuery) *int { return &q.limit }, 1, simplePageItemsMax)},
	{name: "cursor", doc: "The next of the page before", set: setText(func(q *userQuery) *string { return &q.cursor })},
}

// setFRN returns a setter of an FRN.
func setFRN[T any](field func(*T) *string) func(*T, []string) error {
	return func(into *T, given []string) error {
		if !frnPattern.MatchString(given[0]) {
			return faultf("%q is not a firm reference number of six or seven digits", clip(given[0]))
		}
		*field(into) = given[0]
		return nil
	}
}

func (s *Server) listUsers(_ context.Context, in *request) (*output[UserPage], error) {
	query := userQuery{pageQuery: pageQuery{limit: pageItemsMax}}
	if refusal := parseParameters(in.http.URL.RawQuery, userParameters, &query); refusal != nil {
		return nil, refusal
	}
	var after string
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(query.pageQuery, list, &after); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[UserPage]{
		projection: projections.PeopleName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (UserPage, error), error) {
			rows, err := projections.ListUsers(ctx, view, scopeOf(ctx), query.business, after, query.limit+1)
			if err != nil {
				return nil, err
			}
			body := UserPage{AsOf: asOf(view)}
			rows, body.Next, err = cut(s, rows, query.pageQuery, list, func(last projections.UserRow) any { return last.Person })
			return func(ctx context.Context) (UserPage, error) {
				if err != nil {
					return body, err
				}
				body.Items = make([]User, len(rows))
				var o opening
				for i, row := range rows {
					body.Items[i] = userOf(row)
					addPerson(&o, &body.Items[i].Name, &body.Items[i].Email, row.SealedPerson)
				}
				return body, o.open(ctx, s)
			}, nil
		},
	})
}

// showUser shows a person whom the caller may see: somebody who is a member or invited at one of the
// businesses whose users he may read.
func (s *Server) showUser(_ context.Context, in *request) (*output[UserDetails], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	person, err := personIn(in)
	if err != nil {
		return nil, notFound()
	}
	return answer(s, in, question[UserDetails]{
		projection: projections.PeopleName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (UserDetails, error), error) {
			row, found, err := projections.FindUser(ctx, view, scopeOf(ctx), person)
			if err != nil {
				return nil, err
			}
			if !found {
				return nil, notFound()
			}
			body := UserDetails{AsOf: asOf(view), User: userOf(row), Acceptances: []AcceptedTerms{}}
			for _, a := range row.Acceptances {
				body.Acceptances = append(body.Acceptances, AcceptedTerms{a.FRN, a.Version, instant(a.AcceptedAt)})
			}
			return func(ctx context.Context) (UserDetails, error) {
				var o opening
				addPerson(&o, &body.Name, &body.Email, row.SealedPerson)
				if err := o.open(ctx, s); err != nil {
					return body, err
				}
				body.Questions, err = s.questionsFor(ctx, row)
				return body, err
			}, nil
		},
	})
}

// questionsFor returns a person's security questions to those who may reset his credentials.
func (s *Server) questionsFor(ctx context.Context, row projections.UserRow) ([]string, error) {
	if s.config.Questions == nil || !row.Questions || row.Method != account.Local {
		return nil, nil
	}
	who := callerOf(ctx).principal
	for _, at := range row.Memberships {
		if who.May(access.ResetFactors, at.FRN) {
			return s.config.Questions(ctx, row.Person)
		}
	}
	return nil, nil
}

// addPerson asks for a name and an address in an answer.
func addPerson(o *opening, name, email *string, envelope string) {
	opened(o, envelope, projections.OpenedPerson, func(person account.Person) { *name, *email = person.Name, person.Email })
}

func userOf(row projections.UserRow) User {
	user := User{
		ID: row.Person, Status: row.Status, DisabledFor: row.Causes, Method: row.Method, Connection: row.Connection,
		SecondFactor: row.Factor, HasQuestions: row.Questions, CreatedOn: dayOf(row.CreatedOn), LastActiveOn: dayOf(row.LastActiveOn),
		DisablesOn: dayOf(row.DisablesOn), ErasesOn: dayOf(row.ErasesOn), Memberships: []Membership{},
	}
	for _, m := range row.Memberships {
		shown := Membership{Business: m.FRN, Roles: m.Roles, Status: "active", DisabledFor: m.Holds, Since: instant(m.Since)}
		if len(m.Holds) > 0 {
			shown.Status = "disabled"
		}
		user.Memberships = append(user.Memberships, shown)
	}
	return user
}

// dayOf leaves out a day that there is not.
func dayOf(day calendar.Day) *calendar.Day {
	if day == 0 {
		return nil
	}
	return &day
}
