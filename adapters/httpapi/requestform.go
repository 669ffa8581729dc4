package httpapi

import (
	"casesync/adapters/commands"
	"casesync/domain/account"
	"casesync/domain/onboarding"
)

// requestBytesMax is the size of an access request's body: metadata of an identity provider make
// most of it.
const requestBytesMax = 256 << 10

// RequestForm is a request of businesses for access, all of it (requirements 34 and 35). What is
// left out is asked for later.
type RequestForm struct {
	_ struct{} `additionalProperties:"false"`

	Businesses       []RequestBusiness      `json:"businesses" minItems:"1" maxItems:"100" nullable:"false" doc:"They share the identity provider"`
	Contact          RequestPerson          `json:"contact" doc:"Who is asked for what is missing"`
	Administrators   []RequestAdministrator `json:"administrators,omitempty" maxItems:"200" nullable:"false" doc:"Who is to manage the businesses' users"`
	IdentityProvider string                 `json:"identityProvider,omitempty" maxLength:"200" doc:"The product that signs your people in, as you call it" example:"Example Directory"`
	Authentication   Authentication         `json:"authentication,omitzero"`
}

// RequestBusiness is one of the businesses of an access request.
type RequestBusiness struct {
	_ struct{} `additionalProperties:"false"`

	FRN     string   `json:"frn" maxLength:"20" doc:"The firm reference number, six or seven digits" example:"123456"`
	Name    string   `json:"name,omitempty" maxLength:"200" doc:"The full name, as in the register of the Financial Conduct Authority" example:"Example Bank plc"`
	Domains []string `json:"emailDomains,omitempty" maxItems:"50" nullable:"false" doc:"Under which the people of the business have their e-mail addresses" example:"[\"business.example\"]"`
}

// RequestPerson is somebody whom an access request names.
type RequestPerson struct {
	_ struct{} `additionalProperties:"false"`

	Name  string `json:"name" minLength:"1" maxLength:"200" example:"Robin Sample"`
	Email string `json:"email" minLength:"3" maxLength:"254" example:"robin.sample@business.example"`
}

// RequestAdministrator is somebody who is to administer businesses of an access request.
type RequestAdministrator struct {
	_ struct{} `additionalProperties:"false"`

	Name       string   `json:"name" minLength:"1" maxLength:"200" example:"Robin Sample"`
	Email      string   `json:"email" minLength:"3" maxLength:"254" example:"robin.sample@business.example"`
	Businesses []string `json:"businesses,omitempty" maxItems:"100" nullable:"false" doc:"FRNs; all of the request without it" example:"[\"123456\"]"`
}

// Authentication says how the people of businesses sign in, with its technical data.
type Authentication struct {
	_ struct{} `additionalProperties:"false"`

	Method      account.Method `json:"method,omitempty" enum:"local,oidc,saml" doc:"local: a password and a second factor that this service keeps"`
	Issuer      string         `json:"issuer,omitempty" maxLength:"2000" doc:"Of an OpenID Connect provider" example:"https://login.business.example"`
	ClientID    string         `json:"clientId,omitempty" maxLength:"2000" doc:"Under which the provider knows this service. The client secret is never sent here"`
	MetadataURL string         `json:"metadataUrl,omitempty" maxLength:"2000" doc:"Where a SAML identity provider publishes its metadata"`
	Metadata    string         `json:"metadata,omitempty" maxLength:"100000" doc:"The metadata themselves, as XML, where they are not published"`
}

func (f RequestForm) form() onboarding.Form {
	form := onboarding.Form{
		Contact: onboarding.Person{Name: f.Contact.Name, Email: f.Contact.Email}, IdentityProvider: f.IdentityProvider,
		Authentication: onboarding.Authentication{
			Method: f.Authentication.Method, Issuer: f.Authentication.Issuer, ClientID: f.Authentication.ClientID,
			MetadataURL: f.Authentication.MetadataURL, Metadata: f.Authentication.Metadata,
		},
	}
	for _, b := range f.Businesses {
		form.Businesses = append(form.Businesses, onboarding.BusinessForm{FRN: b.FRN, Name: b.Name, Domains: b.Domains})
	}
	for _, a := range f.Administrators {
		form.Administrators = append(form.Administrators, onboarding.AdministratorForm{Name: a.Name, Email: a.Email, FRNs: a.Businesses})
	}
	return form
}

// AccessRequest is an access request as it stands: the form that was sent, without the people once they
// were erased.
type AccessRequest struct {
	ID               string                 `json:"id"`
	Status           onboarding.Status      `json:"status" enum:"submitted,waiting,complete,configured,invited,active,withdrawn,declined,lapsed"`
	Businesses       []RequestBusiness      `json:"businesses" nullable:"false"`
	Contact          *RequestPerson         `json:"contact,omitempty" doc:"Who is asked for what is missing; absent once the people were erased"`
	Administrators   []RequestAdministrator `json:"administrators,omitzero" nullable:"false" doc:"Who is to manage the businesses' users; absent once the people were erased"`
	IdentityProvider string                 `json:"identityProvider,omitempty"`
	Authentication   Authentication         `json:"authentication,omitzero"`
	Missing          []MissingItem          `json:"missing" nullable:"false" doc:"What is to be supplied before it is complete"`
}

// MissingItem is something that an access request lacks.
type MissingItem struct {
	What     onboarding.Lack `json:"what" enum:"full-name,email-domains,administrators,authentication-method,identity-provider,issuer,client-id,metadata"`
	Business string          `json:"business,omitempty" doc:"The FRN that it concerns; all without it"`
	Text     string          `json:"text" doc:"The same in words"`
}

// accessRequestOf shows a request; who was erased from it is left out.
func accessRequestOf(view commands.RequestView) AccessRequest {
	given := view.Request.Authentication
	request := AccessRequest{
		ID: view.ID, Status: view.Status, Businesses: []RequestBusiness{}, IdentityProvider: view.Request.IdentityProvider,
		Authentication: Authentication{
			Method: given.Method, Issuer: given.Issuer, ClientID: given.ClientID, MetadataURL: given.MetadataURL, Metadata: given.Metadata,
		},
		Missing: missingOf(view.Lacks),
	}
	for _, b := range view.Request.Businesses {
		request.Businesses = append(request.Businesses, RequestBusiness{FRN: b.FRN, Name: b.Name, Domains: unicodeOf(b.Domains)})
	}
	if view.People.Contact == (onboarding.Person{}) {
		return request
	}
	request.Contact = &RequestPerson{Name: view.People.Contact.Name, Email: view.People.Contact.Email}
	request.Administrators = []RequestAdministrator{}
	for _, a := range view.People.Administrators {
		request.Administrators = append(request.Administrators, RequestAdministrator{Name: a.Name, Email: a.Email, Businesses: a.FRNs})
	}
	return request
}
