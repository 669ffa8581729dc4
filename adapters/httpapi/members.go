package httpapi

import (
	"context"
	"net"
	"net/http"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/membership"
)

// AtBusiness says at which business a person is acted on.
type AtBusiness struct {
	Business string `json:"business" pattern:"^[0-9]{6,7}$" doc:"FRN" example:"123456"`
}

func (a AtBusiness) frn() string { return a.Business }

// MemberDecision is a command on a person at a business.
type MemberDecision struct {
	_ struct{} `additionalProperties:"false"`

	Why
	AtBusiness
}

// RoleChange gives a person roles at a business, or takes them away.
type RoleChange struct {
	_ struct{} `additionalProperties:"false"`

	Why
	AtBusiness
	Roles []access.Role `json:"roles" minItems:"1" maxItems:"3" nullable:"false" enum:"caseworker,supervisor,administrator" doc:"Administrators are made by operators: POST /api/v1/administrator-requests/grant"`
}

// NewDetails are a person's name and address from now on.
type NewDetails struct {
	_ struct{} `additionalProperties:"false"`

	Why
	AtBusiness
	Name  string `json:"name" minLength:"1" maxLength:"200" example:"Robin Sample"`
	Email string `json:"email" minLength:"3" maxLength:"254" example:"robin.sample@business.example"`
}

// CredentialReset resets what a person with a local account signs in with.
type CredentialReset struct {
	_ struct{} `additionalProperties:"false"`

	Why
	AtBusiness
	Answers []string `json:"answers,omitempty" maxItems:"10" nullable:"false" doc:"What the person answered to the security questions, in their order: an extra step where there are questions. They are kept nowhere"`
}

// onMember gives a command on a person at a business; where it may have cost the business an
// administrator, the answer says whether one alone is left.
func (s *Server) onMember(give func(context.Context, commands.Ask, string, string) (commands.Done, error), costly bool) func(context.Context, commands.Ask, *command[MemberDecision]) (*acted[Outcome], error) {
	return func(ctx context.Context, ask commands.Ask, in *command[MemberDecision]) (*acted[Outcome], error) {
		person, err := personIn(&in.request)
		if err != nil {
			return nil, err
		}
		done, err := give(ctx, ask, in.Body.Business, person)
		if err != nil || !costly {
			return told(done, outcomeOf(done)), err
		}
		return s.warned(ctx, done, in.Body.Business), nil
	}
}

// warned answers a command, and warns where one administrator is left. What cannot be asked after
// the command is done is left out: the command must not look as if it had failed.
func (s *Server) warned(ctx context.Context, done commands.Done, frn string) *acted[Outcome] {
	out := told(done, outcomeOf(done))
	business, err := s.config.People.Business(ctx, frn)
	if err != nil {
		s.logger.WarnContext(ctx, "administrators not counted after a command", "error", err)
		return out
	}
	if len(business.Administrators) == 1 {
		out.Body.Warning = warnOneLeft
	}
	return out
}

func (s *Server) grantRoles(ctx context.Context, ask commands.Ask, in *command[RoleChange]) (*acted[Outcome], error) {
	person, err := personIn(&in.request)
	if err != nil {
		return nil, err
	}
	done, err := s.config.People.Grant(ctx, ask, in.Body.Business, person, in.Body.Roles, membership.Warrant{})
	return told(done, outcomeOf(done)), err
}

func (s *Server) revokeRoles(ctx context.Context, ask commands.Ask, in *command[RoleChange]) (*acted[Outcome], error) {
	person, err := personIn(&in.request)
	if err != nil {
		return nil, err
	}
	done, err := s.config.People.Revoke(ctx, ask, in.Body.Business, person, in.Body.Roles)
	if err != nil {
		return nil, err
	}
	return s.warned(ctx, done, in.Body.Business), nil
}

func (s *Server) changeDetails(ctx context.Context, ask commands.Ask, in *command[NewDetails]) (*acted[Outcome], error) {
	person, err := personIn(&in.request)
	if err != nil {
		return nil, err
	}
	done, err := s.config.People.ChangeDetails(ctx, ask, in.Body.Business, person, in.Body.Name, in.Body.Email)
	return told(done, outcomeOf(done)), err
}

// onQuestions needs no answers: they are what the person has forgotten.
func (s *Server) onQuestions(reset func(context.Context, commands.Ask, string, string) (commands.Done, error)) func(context.Context, commands.Ask, *command[MemberDecision]) (*acted[Outcome], error) {
	return s.onMember(reset, false)
}

// onCredential resets a credential: whether the administrator may comes first, so that nobody else
// learns whether there are questions or tries answers.
func (s *Server) onCredential(reset func(context.Context, commands.Ask, string, string) (commands.Done, error)) func(context.Context, commands.Ask, *command[CredentialReset]) (*acted[Outcome], error) {
	return func(ctx context.Context, ask commands.Ask, in *command[CredentialReset]) (*acted[Outcome], error) {
		person, err := personIn(&in.request)
		if err != nil {
			return nil, err
		}
		if err := s.config.People.MayReset(ctx, ask, in.Body.Business, person); err != nil {
			return nil, err
		}
		if s.config.CheckAnswers != nil {
			if err := s.config.CheckAnswers(ctx, person, in.Body.Answers, addressOf(in.http)); err != nil {
				return nil, err
			}
		}
		done, err := reset(ctx, ask, in.Body.Business, person)
		return told(done, outcomeOf(done)), err
	}
}

// resetFactor voids a second factor, and has a link mailed by which the person enrols another. A crash
// between the two leaves the person without either; the same command again mails the link.
func (s *Server) resetFactor(ctx context.Context, ask commands.Ask, frn, person string) (commands.Done, error) {
	reset, err := s.config.People.ResetFactor(ctx, ask, frn, person)
	if err != nil {
		return reset, err
	}
	if ask.ID != uuid.Nil {
		ask.ID = uuid.NewSHA1(ask.ID, []byte("link")) // another command on the same stream
	}
	ask.Expected = nil
	mailed, err := s.config.People.RequestReset(ctx, ask, person, account.ResetSecondFactor)
	if err == nil && mailed.Position.IsZero() {
		return reset, nil
	}
	return mailed, err
}

// addressOf is where a request came from, as the proxies that are trusted said.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
