package httpapi

import (
	"context"
	"errors"
	"fmt"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/account"
)

// Me is who asks, and what he may do.
type Me struct {
	ID          string              `json:"id" example:"user:3f0c9a52-6f0e-4b6c-9a51-0c6f3b1f8f10"`
	Name        string              `json:"name,omitempty"`
	Kind        access.Kind         `json:"kind" enum:"user,machine"`
	Roles       []access.Role       `json:"roles" nullable:"false" doc:"Held for all businesses"`
	Businesses  []MyBusiness        `json:"businesses" nullable:"false" doc:"Where a user holds roles"`
	Terms       []TermsToAccept     `json:"termsToAccept" nullable:"false" doc:"Terms of use to accept before there are any data of the business: POST /api/v1/terms/acceptances"`
	Privacy     string              `json:"privacyNotice,omitempty" doc:"The version of the privacy notice in force" example:"2026-01"`
	Permissions []access.Permission `json:"permissions" nullable:"false" doc:"What the roles give, for one business at least"`
	Account     *MyAccount          `json:"account,omitempty" doc:"Absent where who asks has none"`
	Cookies     *Cookies            `json:"cookies,omitempty"`
}

// MyBusiness is a business where a user holds roles.
type MyBusiness struct {
	FRN         string              `json:"frn"`
	Roles       []access.Role       `json:"roles" nullable:"false"`
	Permissions []access.Permission `json:"permissions" nullable:"false"`
}

// TermsToAccept is a version of the terms of use that waits to be accepted on behalf of a business.
type TermsToAccept struct {
	Business string `json:"business" doc:"FRN" example:"123456"`
	Version  string `json:"version" example:"2026-01"`
}

// MyAccount is one's own account.
type MyAccount struct {
	Email             string         `json:"email" example:"robin.sample@business.example"`
	Status            account.Status `json:"status" enum:"invited,active,disabled,erased"`
	Method            account.Method `json:"method" enum:"local,oidc,saml" doc:"How you sign in"`
	Connection        string         `json:"connection,omitempty" doc:"The identity provider's settings"`
	SecondFactor      bool           `json:"secondFactor" doc:"Whether a second factor is kept here"`
	RecoveryCodesLeft *int           `json:"recoveryCodesLeft,omitempty" doc:"Of local accounts"`
	SecurityQuestions bool           `json:"securityQuestions" doc:"Whether security questions are set"`
}

// Cookies are the kinds of cookies that are set (requirement 29).
type Cookies struct {
	Necessary  bool `json:"necessary" doc:"Always"`
	Functional bool `json:"functional"`
	Analytics  bool `json:"analytics"`
}

// CookieChoice is which cookies beside the necessary ones somebody agrees to.
type CookieChoice struct {
	_ struct{} `additionalProperties:"false"`

	Functional bool `json:"functional"`
	Analytics  bool `json:"analytics"`
}

func (s *Server) showMe(ctx context.Context, in *request) (*present[Me], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	who := callerOf(ctx).principal
	me := meOf(who)
	if person := who.Person(); person != "" && s.config.People != nil {
		if err := s.addAccount(ctx, &me, person); err != nil {
			return nil, s.problemOf(ctx, err)
		}
	}
	return &present[Me]{CacheControl: noStore, Body: me}, nil
}

func meOf(who access.Principal) Me {
	me := Me{
		ID: who.ID, Name: who.Name, Kind: who.Kind, Roles: append([]access.Role{}, who.Roles...),
		Businesses: []MyBusiness{}, Terms: []TermsToAccept{}, Permissions: who.Permissions(),
	}
	for _, frn := range sortedKeys(who.Grants) {
		there := access.Principal{Grants: map[string][]access.Role{frn: who.Grants[frn]}}
		me.Businesses = append(me.Businesses, MyBusiness{FRN: frn, Roles: who.Grants[frn], Permissions: there.Permissions()})
	}
	return me
}

// addAccount adds what a person's account says; who has a token alone has none.
func (s *Server) addAccount(ctx context.Context, me *Me, person string) error {
	view, err := s.config.People.Account(ctx, person)
	if errors.Is(err, commands.ErrUnknown) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("show own account: %w", err)
	}
	who := callerOf(ctx)
	me.Name = view.Name
	me.Account = &MyAccount{
		Email: view.Email, Status: view.Status, Method: view.Method, Connection: view.Connection,
		SecondFactor: view.HasFactor, SecurityQuestions: view.HasQuestion,
	}
	me.Cookies = &Cookies{Necessary: true, Functional: who.cookies.Functional, Analytics: who.cookies.Analytics}
	me.Terms = who.termsToAccept()
	if me.Privacy, err = s.privacyVersion(ctx); err != nil {
		return err
	}
	if s.config.RecoveryCodesLeft == nil || view.Method != account.Local {
		return nil
	}
	left, err := s.config.RecoveryCodesLeft(ctx, person)
	if err != nil {
		return fmt.Errorf("count own recovery codes: %w", err)
	}
	me.Account.RecoveryCodesLeft = &left
	return nil
}

func (s *Server) chooseCookies(ctx context.Context, ask commands.Ask, in *command[CookieChoice]) (*acted[Outcome], error) {
	done, err := s.config.People.ChooseCookies(ctx, ask, account.Cookies{Functional: in.Body.Functional, Analytics: in.Body.Analytics})
	return told(done, outcomeOf(done)), err
}
