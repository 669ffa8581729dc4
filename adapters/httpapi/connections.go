package httpapi

import (
	"context"
	"regexp"

	"casesync/adapters/commands"
	"casesync/domain"
	"casesync/domain/account"
	"casesync/domain/connection"
)

// Connection is the settings of an identity provider (requirements 34 and 38). No secret is among
// them: where there is one, its reference names the file that holds it.
type Connection struct {
	ID     string         `json:"id" doc:"Chosen by operators; businesses are set up with it" example:"example-bank"`
	Method account.Method `json:"method" enum:"oidc,saml"`
	OIDC   *OIDCSettings  `json:"oidc,omitempty"`
	SAML   *SAMLSettings  `json:"saml,omitempty"`
}

// ConnectionChange sets the settings of an identity provider, all of them.
type ConnectionChange struct {
	_ struct{} `additionalProperties:"false"`

	Why
	Method account.Method `json:"method" enum:"oidc,saml" doc:"It never changes: make another connection for another way of signing in"`
	OIDC   *OIDCSettings  `json:"oidc,omitempty" doc:"Where the method is oidc"`
	SAML   *SAMLSettings  `json:"saml,omitempty" doc:"Where the method is saml"`
}

// OIDCSettings are those of an OpenID Connect provider.
type OIDCSettings struct {
	_ struct{} `additionalProperties:"false"`

	Issuer          string `json:"issuer" minLength:"1" maxLength:"2000" doc:"As the provider's tokens have it" example:"https://login.business.example"`
	ClientID        string `json:"clientId" minLength:"1" maxLength:"200"`
	SecretReference string `json:"secretReference" minLength:"1" maxLength:"100" doc:"The name of the file with the client secret, in the directory of secrets; never the secret itself" example:"example-bank"`
	ConfirmsEmail   bool   `json:"confirmsEmail,omitempty" doc:"Takes addresses that the provider does not say to be verified: only where its administrators alone set them"`
}

// SAMLSettings are those of a SAML 2.0 identity provider.
type SAMLSettings struct {
	_ struct{} `additionalProperties:"false"`

	Metadata        string   `json:"metadata" minLength:"1" maxLength:"100000" doc:"What the provider publishes of itself, as XML"`
	MetadataURL     string   `json:"metadataUrl,omitempty" maxLength:"2000" doc:"Where it does; nothing is fetched from there"`
	EmailAttributes []string `json:"emailAttributes,omitempty" maxItems:"10" nullable:"false" doc:"The attributes that may hold the e-mail address; those in common use without it"`
}

func connectionOf(settings connection.Settings) Connection {
	shown := Connection{ID: settings.ID, Method: settings.Method}
	switch settings.Method {
	case account.OIDC:
		oidc := settings.OIDC
		shown.OIDC = &OIDCSettings{Issuer: oidc.Issuer, ClientID: oidc.ClientID, SecretReference: oidc.SecretReference, ConfirmsEmail: oidc.ConfirmsEmail}
	case account.SAML:
		saml := settings.SAML
		shown.SAML = &SAMLSettings{Metadata: saml.Metadata, MetadataURL: saml.MetadataURL, EmailAttributes: saml.EmailAttributes}
	case account.Local:
	}
	return shown
}

func (c ConnectionChange) settings(id string) connection.Settings {
	settings := connection.Settings{ID: id, Method: c.Method}
	if c.OIDC != nil {
		settings.OIDC = connection.OIDC{Issuer: c.OIDC.Issuer, ClientID: c.OIDC.ClientID, SecretReference: c.OIDC.SecretReference, ConfirmsEmail: c.OIDC.ConfirmsEmail}
	}
	if c.SAML != nil {
		settings.SAML = connection.SAML{Metadata: c.SAML.Metadata, MetadataURL: c.SAML.MetadataURL, EmailAttributes: c.SAML.EmailAttributes}
	}
	return settings
}

var connectionPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,39}$`)

// connectionIn returns the id that an address names.
func connectionIn(in *request) (string, error) {
	id := pathValue(in.http, "id")
	if !connectionPattern.MatchString(id) {
		return "", commands.ErrUnknown
	}
	return id, nil
}

func (s *Server) showConnection(ctx context.Context, in *request) (*present[Connection], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	id, err := connectionIn(in)
	if err != nil {
		return nil, s.peopleProblem(ctx, in.http, err)
	}
	settings, found, err := s.config.People.Connection(ctx, id)
	if err != nil {
		return nil, s.peopleProblem(ctx, in.http, err)
	}
	if !found {
		return nil, notFound()
	}
	return &present[Connection]{CacheControl: noStore, Body: connectionOf(settings)}, nil
}

// setConnection tries the settings before they are recorded. Their form is looked at first: nothing
// is asked at an address that could not be an identity provider's.
func (s *Server) setConnection(ctx context.Context, ask commands.Ask, in *command[ConnectionChange]) (*acted[Outcome], error) {
	id, err := connectionIn(&in.request)
	if err != nil {
		return nil, err
	}
	settings := in.Body.settings(id)
	if _, err := connection.Decide(connection.Initial(), connection.Set{Settings: settings}); err != nil {
		return nil, err
	}
	if s.config.CheckConnection != nil {
		if err := s.config.CheckConnection(ctx, settings); err != nil {
			return nil, &domain.Refusal{Code: "connection-unusable", Reason: err.Error()}
		}
	}
	done, err := s.config.People.SetConnection(ctx, ask, settings)
	return told(done, outcomeOf(done)), err
}

func (s *Server) retireConnection(ctx context.Context, ask commands.Ask, in *command[Decision]) (*acted[Outcome], error) {
	id, err := connectionIn(&in.request)
	if err != nil {
		return nil, err
	}
	done, err := s.config.People.RetireConnection(ctx, ask, id)
	return told(done, outcomeOf(done)), err
}
