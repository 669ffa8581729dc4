package portal

import (
	"net/http"
	"time"

	"casesync/domain/onboarding"
	"casesync/domain/retention"
)

// Guide is what the guide for IT departments tells of this service. All of it comes from the parts
// that hold to it, so that it is true whatever they are set to.
type Guide struct {
	OIDC  OIDCFacts
	SAML  SAMLFacts
	Local LocalFacts
	// InvitationAge is how long an invitation may be accepted, ResetAge how long the link of a reset works.
	InvitationAge, ResetAge time.Duration
	// SessionIdle and SessionAbsolute are when a session ends after its last request, and after signing in.
	SessionIdle, SessionAbsolute time.Duration
	// HelpdeskURL is where the helpdesk is asked. Default: no address is given.
	HelpdeskURL string
}

// OIDCFacts are what an OpenID Connect provider has to know, and what is asked of it.
type OIDCFacts struct {
	RedirectURL        string
	Scopes, Algorithms []string
	// ClockSkew is how far its clock may differ, SignInTime how long signing in there may take, and
	// KeysKept how long its published configuration and keys are kept here.
	ClockSkew, SignInTime, KeysKept time.Duration
}

// SAMLFacts are what a SAML identity provider has to know, and what is asked of it.
type SAMLFacts struct {
	EntityID, ConsumerURL string
	// MetadataURL is where our metadata are, with a slash at its end: the id of the connection comes after it.
	MetadataURL string
	// EmailAttributes are the names of the attribute with the e-mail address, where none is agreed.
	EmailAttributes []string
	// Signatures are the algorithms that may sign, by their names.
	Signatures            []string
	RSABitsMin            int
	RequestsSigned        bool
	ClockSkew, SignInTime time.Duration
}

// LocalFacts are the rules of accounts that this service keeps itself.
type LocalFacts struct {
	PasswordCharactersMin, PasswordCharactersMax int
	RecoveryCodes, CodeDigits                    int
	CodePeriod                                   time.Duration
	SecurityQuestions                            int
	// AttemptsFree wrong attempts have no effect; the next one locks the account for LockBase, each
	// further one for twice as long, up to LockMax.
	AttemptsFree      int
	LockBase, LockMax time.Duration
}

// guideShown is what the page of the guide is given.
type guideShown struct {
	Guide
	Rules                     retention.Rules
	BusinessesMax, DomainsMax int
	WarnedDaysBefore          int
}

func (p *Portal) showGuide(*http.Request) (answer, error) {
	rules := retention.Standard()
	return answer{page: "guide", title: "Guide for IT departments", data: guideShown{
		Guide: p.config.Guide, Rules: rules,
		BusinessesMax: onboarding.BusinessesMax, DomainsMax: onboarding.DomainsMax,
		WarnedDaysBefore: rules.DisableAfterDays - rules.WarnAfterDays,
	}}, nil
}
