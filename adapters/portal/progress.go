package portal

import (
	"fmt"
	"slices"
	"strings"

	"casesync/adapters/commands"
	"casesync/domain/account"
	"casesync/domain/onboarding"
	"casesync/domain/retention"
)

// progress is where an access request stands, in words.
type progress struct {
	Token, Reference string
	Done             string // what was just done, "" for nothing
	Stage
	Missing                []string
	CanAmend, CanWithdraw  bool
	Erased                 bool
	Contact                onboarding.Person
	Businesses             []businessShown
	Administrators         []administratorShown
	Method, Provider       string
	Issuer, ClientID       string
	MetadataURL            string
	HasMetadata            bool
	LapseDays, ErasureDays int
}

type businessShown struct{ FRN, Name, Domains string }

type administratorShown struct{ Name, Email, Businesses string }

// Stage is what people are told of a status.
type Stage struct{ Heading, Tag, Colour, Next string }

// stages say each status in words.
var stages = map[onboarding.Status]Stage{
	onboarding.Submitted:  {"We are checking your request", "Received", "blue", "We check what you have told us, and write to you when we have done so, or if we need more."},
	onboarding.Waiting:    {"We need more from you", "Waiting for you", "orange", "Change the request to add what is missing. We will then look at it again."},
	onboarding.Complete:   {"Your request is complete", "Complete", "teal", "We are setting your businesses up. Nothing is needed from you."},
	onboarding.Configured: {"Your businesses are set up", "Set up", "teal", "We are inviting the administrators that you named, by e-mail. Nothing is needed from you."},
	onboarding.Invited:    {"Your administrators are invited", "Invited", "teal", "Each administrator has an e-mail with a link. Once one of them has accepted, your business is active."},
	onboarding.Active:     {"Your access is active", "Active", "green", "Your administrators can invite everybody else who needs access."},
	onboarding.Withdrawn:  {"You have withdrawn this request", "Withdrawn", "grey", "If you need access after all, make a new request."},
	onboarding.Declined:   {"Your request was declined", "Declined", "red", "If you think that this is a mistake, tell the helpdesk."},
	onboarding.Lapsed:     {"Your request has ended", "Ended", "grey", "Nothing was done about it for too long. If you still need access, make a new request."},
}

// lacks say what is missing.
var lacks = map[onboarding.Lack]string{
	onboarding.LacksName:           "the full name of the business, as it is in the register of the Financial Conduct Authority",
	onboarding.LacksDomains:        "the e-mail domains of the business",
	onboarding.LacksAdministrators: "at least one administrator of the business",
	onboarding.LacksMethod:         "how your people will sign in",
	onboarding.LacksProvider:       "the name of your identity provider",
	onboarding.LacksIssuer:         "the issuer address of your OpenID Connect provider",
	onboarding.LacksClientID:       "the client ID that your OpenID Connect provider has for this service",
	onboarding.LacksMetadata:       "the metadata of your SAML identity provider, or their address",
}

// methods say how people sign in.
var methods = map[account.Method]string{
	account.Local: "With a password and an authenticator app, kept here",
	account.OIDC:  "With your identity provider, by OpenID Connect",
	account.SAML:  "With your identity provider, by SAML 2.0",
}

// The statuses from which the holder of the link may go on; the decider says the same, and has the last word.
var (
	amendable    = []onboarding.Status{onboarding.Submitted, onboarding.Waiting, onboarding.Complete}
	withdrawable = append(slices.Clone(amendable), onboarding.Configured)
)

func progressOf(token, done string, view commands.RequestView) progress {
	rules, how := retention.Standard(), view.Request.Authentication
	shown := progress{
		Token: token, Reference: view.ID, Done: done, Stage: stages[view.Status],
		CanAmend: slices.Contains(amendable, view.Status), CanWithdraw: slices.Contains(withdrawable, view.Status),
		Erased: view.People.Contact.Email == "", Contact: view.People.Contact,
		Method: methods[how.Method], Provider: view.Request.IdentityProvider, Issuer: how.Issuer, ClientID: how.ClientID,
		MetadataURL: how.MetadataURL, HasMetadata: how.Metadata != "",
		LapseDays: rules.LapseAfterDays, ErasureDays: rules.RequestAfterDays,
	}
	if shown.CanAmend {
		for _, item := range view.Lacks {
			shown.Missing = append(shown.Missing, missingText(item))
		}
	}
	for _, b := range view.Request.Businesses {
		var domains []string
		for _, domain := range b.Domains {
			domains = append(domains, domain.Unicode())
		}
		shown.Businesses = append(shown.Businesses, businessShown{b.FRN, b.Name, strings.Join(domains, ", ")})
	}
	for _, a := range view.People.Administrators {
		of := "all businesses of this request"
		if len(a.FRNs) < len(view.Request.Businesses) {
			of = strings.Join(a.FRNs, ", ")
		}
		shown.Administrators = append(shown.Administrators, administratorShown{a.Name, a.Email, of})
	}
	return shown
}

// missingText says what is missing, and for which business.
func missingText(item onboarding.Item) string {
	text, known := lacks[item.What]
	if !known {
		return item.String()
	}
	if item.FRN != "" {
		text = fmt.Sprintf("%s (firm reference number %s)", text, item.FRN)
	}
	return text
}
