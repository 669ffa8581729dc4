package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"casesync/adapters/commands"
	"casesync/adapters/identity"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/onboarding"
	"casesync/domain/terms"
	"casesync/projections"
	"casesync/projections/engine"
)

// demoDomain is where the people of the demonstration have their addresses; .example is nobody's.
const demoDomain = "demo-business.example"

// demoPerson is somebody who can sign in to the demonstration.
type demoPerson struct {
	Role     access.Role `json:"role"`
	Business string      `json:"business"`
	Name     string      `json:"name"`
	Email    string      `json:"email"`
	Password string      `json:"password"`
	// Secret is what an authenticator app is given, in base32.
	Secret string `json:"oneTimeCodeSecret"`
	// RecoveryCodes each stand in for a one-time code, once.
	RecoveryCodes []string `json:"recoveryCodes"`
	Token         string   `json:"token"`

	id string
}

// demoPeople are the people to be made, the administrator first, who is onboarded with the business.
func demoPeople(business string) []demoPerson {
	return []demoPerson{
		{Role: access.Administrator, Business: business, Name: "Alex Invented", Email: "alex.invented@" + demoDomain},
		{Role: access.Supervisor, Business: business, Name: "Sasha Invented", Email: "sasha.invented@" + demoDomain},
		{Role: access.Caseworker, Business: business, Name: "Casey Invented", Email: "casey.invented@" + demoDomain},
	}
}

// staff makes the people of a demonstration. Every command has an id that the demonstration's time
// gives it: where a start was cut short, the next one goes on with the same people.
type staff struct {
	*serving
	people *commands.People
	anchor time.Time
}

// ask is an operator's command of the demonstration's start.
func (s staff) ask(step string) commands.Ask {
	return commands.Ask{
		By:     access.Principal{ID: "system:demonstration", Kind: access.Machine, Roles: []access.Role{access.Operator}},
		ID:     uuid.NewSHA1(uuid.NameSpaceURL, []byte("casesync demonstration\n"+s.anchor.String()+"\n"+step)),
		Reason: "demonstration",
	}
}

// hire leads the people of a business from the request for access to where they can sign in, and
// returns them with what they sign in with.
func (s staff) hire(ctx context.Context, business string) ([]demoPerson, error) {
	for kind, text := range map[terms.Kind]string{
		terms.TermsOfUse:    "# Terms of use\n\nThis is a demonstration. Everything in it is invented; do with it what you like.",
		terms.PrivacyNotice: "# Privacy notice\n\nThis demonstration runs on your own machine, and tells nobody what you do.",
	} {
		if _, err := s.people.PublishTerms(ctx, s.ask("publish "+string(kind)), kind, "demo-1", text); err != nil {
			return nil, fmt.Errorf("publish terms: %w", err)
		}
	}
	people := demoPeople(business)
	if err := s.onboard(ctx, business, people[0]); err != nil {
		return nil, err
	}
	for i := range people {
		if err := s.enrol(ctx, &people[i]); err != nil {
			return nil, fmt.Errorf("make the %s: %w", people[i].Role, err)
		}
	}
	return people, nil
}

// onboard requests access for the business, and has it configured and its administrator invited.
func (s staff) onboard(ctx context.Context, business string, administrator demoPerson) error {
	request, _, _, err := s.people.SubmitRequest(ctx, s.ask("submit"), onboarding.Form{
		Businesses:     []onboarding.BusinessForm{{FRN: business, Name: "Demonstration Business (invented)", Domains: []string{demoDomain}}},
		Administrators: []onboarding.AdministratorForm{{Name: administrator.Name, Email: administrator.Email}},
		Contact:        onboarding.Person{Name: administrator.Name, Email: administrator.Email},
		Authentication: onboarding.Authentication{Method: account.Local},
	})
	if err != nil {
		return fmt.Errorf("request access: %w", err)
	}
	if _, err := s.people.CompleteRequest(ctx, s.ask("complete"), request); err != nil {
		return fmt.Errorf("complete the request: %w", err)
	}
	if _, err := s.people.ConfigureRequest(ctx, s.ask("configure"), request, "", ""); err != nil {
		return fmt.Errorf("configure the business: %w", err)
	}
	if _, err := s.people.InviteAdministrators(ctx, s.ask("invite"), request); err != nil {
		return fmt.Errorf("invite the administrator: %w", err)
	}
	return nil
}

// enrol invites a person, unless the onboarding has, and takes the invitation up for him.
func (s staff) enrol(ctx context.Context, p *demoPerson) error {
	if p.Role != access.Administrator {
		_, _, _, err := s.people.Invite(ctx, s.ask("invite "+string(p.Role)), p.Business, commands.Invitation{
			Name: p.Name, Email: p.Email, Roles: []access.Role{p.Role},
		})
		if err != nil {
			return err
		}
	}
	var err error
	if p.id, err = s.people.PersonOf(ctx, p.Email); err != nil {
		return err
	}
	if err := s.equip(ctx, p); err != nil {
		return err
	}
	token, err := s.invitation(ctx, *p)
	if err != nil {
		return err
	}
	if token != "" {
		if _, err := s.people.AcceptInvitation(ctx, token, ""); err != nil {
			return err
		}
	}
	return s.accept(ctx, *p)
}

// equip gives a person a password, a second factor, and a token of the API.
func (s staff) equip(ctx context.Context, p *demoPerson) (err error) {
	p.Password = "demo " + strings.ToLower(rand.Text()[:12])
	view, err := s.people.Account(ctx, p.id)
	if err != nil {
		return err
	}
	present := view.Generations
	if err := s.openedLocal.SetPassword(ctx, p.id, present.Password, p.Password); err != nil {
		return err
	}
	enrolment, err := s.openedLocal.BeginTOTP(ctx, p.id, present.Factor, p.Email)
	if err != nil {
		return err
	}
	p.Secret = enrolment.Secret
	code, err := totp.GenerateCode(p.Secret, s.now())
	if err != nil {
		return err
	}
	if p.RecoveryCodes, err = s.openedLocal.ConfirmTOTP(ctx, p.id, present.Factor, code); err != nil {
		return err
	}
	if err := s.people.NoteFactor(ctx, p.id, account.TOTP, present.Factor); err != nil {
		return err
	}
	p.Token, err = s.openedTokens.Issue(ctx, identity.Spec{
		Name: "demonstration: " + string(p.Role), User: p.id, Businesses: map[string][]access.Role{p.Business: {p.Role}},
	})
	return err
}

// invitation returns the token of a person's pending invitation, "" where it was accepted before.
func (s staff) invitation(ctx context.Context, p demoPerson) (token string, err error) {
	head, err := s.openedLog.Head(ctx)
	if err != nil {
		return "", err
	}
	if err := s.caughtUp(ctx, head.Position); err != nil {
		return "", err
	}
	links, err := s.links(ctx)
	if err != nil {
		return "", err
	}
	err = s.look(ctx, projections.PeopleName, func(view engine.View, scope projections.Scope) error {
		list, err := projections.ListInvitations(ctx, view, scope, p.Business, projections.InvitationPending, s.now(), projections.InvitationCursor{}, projections.PageRowsMax)
		for _, invitation := range list {
			if invitation.Person == p.id {
				token = links.Token(commands.Link{Kind: commands.InvitationLink, Of: p.Business, ID: invitation.ID, ExpiresAt: invitation.ExpiresAt})
			}
		}
		return err
	})
	return token, err
}

// accept accepts the terms for a person.
func (s staff) accept(ctx context.Context, p demoPerson) error {
	by := access.Principal{ID: "user:" + p.id, Kind: access.User, Grants: map[string][]access.Role{p.Business: {p.Role}}}
	_, err := s.people.AcceptTerms(ctx, commands.Ask{By: by}, p.Business, "demo-1")
	return err
}
