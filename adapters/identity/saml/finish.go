package saml

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	saml2 "github.com/russellhaering/gosaml2"
	"github.com/russellhaering/gosaml2/types"

	"casesync/adapters/identity/signin"
)

const (
	formatEmail     = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	formatTransient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
)

// Finish ends the attempt that a response belongs to and returns who signed in. The response is
// the form's SAMLResponse, the handle that of the browser's cookie. An attempt is over whatever
// the outcome, once the response is one at all.
func (s *ServiceProvider) Finish(ctx context.Context, handle, response string) (signin.Identity, error) {
	raw, request, err := decode(response)
	if err != nil {
		return signin.Identity{}, err
	}
	var begun attempt
	if err := s.config.Attempts.Take(ctx, attemptsKind+request, handle, &begun); err != nil {
		return signin.Identity{}, err
	}
	identity, err := s.finish(ctx, begun, raw)
	return identity, signin.Of(begun.Provider, err)
}

func (s *ServiceProvider) finish(ctx context.Context, begun attempt, raw []byte) (signin.Identity, error) {
	provider, err := s.find(ctx, begun.Provider)
	if err != nil {
		return signin.Identity{}, err
	}
	assertion, err := s.verify(raw, provider, begun)
	if err != nil {
		return signin.Identity{}, err
	}
	// No later attempt takes what was issued before it began, nor an earlier one lives longer than
	// this: so long the assertion has to be remembered.
	until := s.config.Now().Add(s.config.AttemptAge + 2*s.config.SkewMax)
	if err := s.config.Attempts.Spend(ctx, attemptsKind+provider.EntityID+"|"+assertion.ID, until); err != nil {
		return signin.Identity{}, err
	}
	identity, err := identify(ctx, assertion, provider)
	if err != nil {
		return signin.Identity{}, err
	}
	identity.To = begun.To
	return identity, nil
}

// decode returns the response's XML, and the id of the request that it says it answers.
func decode(response string) (raw []byte, request string, err error) {
	if base64.StdEncoding.DecodedLen(len(response)) > 2*responseBytesMax {
		return nil, "", signin.Refuse(signin.Malformed, "the response is too long")
	}
	raw, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(response), ""))
	if err != nil {
		return nil, "", signin.Refuse(signin.Malformed, "the response is not base64")
	}
	root, err := readXML(raw, responseBytesMax)
	if err != nil {
		return nil, "", signin.Refuse(signin.Malformed, "the response: %s", signin.Shorten(err.Error()))
	}
	if err := checkShape(root); err != nil {
		return nil, "", err
	}
	request = root.SelectAttrValue("InResponseTo", "")
	if request == "" {
		return nil, "", signin.Refuse(signin.Unsolicited, "the response answers no request")
	}
	return raw, request, nil
}

// verify returns the assertion of a response, whose shape was checked, if the provider signed it
// for this service, for this attempt, now.
func (s *ServiceProvider) verify(raw []byte, provider Provider, begun attempt) (*types.Assertion, error) {
	now := s.config.Now()
	gosaml := s.gosaml(provider, now.Add(-s.config.SkewMax)) // which looks at ends of times only
	response, err := gosaml.ValidateEncodedResponse(base64.StdEncoding.EncodeToString(raw))
	if err != nil {
		return nil, classify(err)
	}
	if len(response.Assertions) != 1 || response.Assertions[0].ID == "" {
		return nil, signin.Refuse(signin.BadSignature, "%d assertions are verified", len(response.Assertions))
	}
	assertion := &response.Assertions[0]
	confirmation := assertion.Subject.SubjectConfirmation.SubjectConfirmationData // they exist: ValidateEncodedResponse
	switch {
	case response.InResponseTo != begun.RequestID || confirmation.InResponseTo != begun.RequestID:
		return nil, signin.Refuse(signin.Unsolicited, "the response or its assertion answers another request")
	case response.Destination != s.config.Address || confirmation.Recipient != s.config.Address:
		return nil, signin.Refuse(signin.WrongAudience, "destination %s", signin.Shorten(response.Destination))
	case assertion.Issuer.Value != provider.EntityID:
		return nil, signin.Refuse(signin.WrongIssuer, "issuer %s", signin.Shorten(assertion.Issuer.Value))
	case assertion.Version != "2.0":
		return nil, signin.Refuse(signin.Malformed, "version %s", signin.Shorten(assertion.Version))
	}
	if err := checkAudience(assertion.Conditions, provider.ServiceID); err != nil {
		return nil, err
	}
	return assertion, s.checkTimes(assertion, begun, now)
}

// classify names why gosaml2 refused a response.
func classify(err error) *signin.Refusal {
	detail := signin.Shorten(err.Error())
	var invalid saml2.ErrInvalidValue
	if !errors.As(err, &invalid) {
		return signin.Refuse(signin.BadSignature, "%s", detail)
	}
	codes := map[string]signin.Code{
		saml2.DestinationAttr: signin.WrongAudience, saml2.RecipientAttr: signin.WrongAudience,
		saml2.IssuerTag: signin.WrongIssuer, saml2.NotOnOrAfterAttr: signin.OutOfTime,
	}
	code, known := codes[invalid.Key]
	if !known {
		code = signin.Malformed
	}
	return signin.Refuse(code, "%s", detail)
}

// checkAudience wants restrictions, and this service in each of them (SAML Core, 2.5.1.4).
func checkAudience(conditions *types.Conditions, service string) error {
	for _, restriction := range conditions.AudienceRestrictions {
		if !slices.ContainsFunc(restriction.Audiences, func(a types.Audience) bool { return a.Value == service }) {
			return signin.Refuse(signin.WrongAudience, "another audience")
		}
	}
	if len(conditions.AudienceRestrictions) == 0 {
		return signin.Refuse(signin.WrongAudience, "no audience")
	}
	return nil
}

// checkTimes wants the assertion to be valid now, and to be issued since the attempt began.
func (s *ServiceProvider) checkTimes(assertion *types.Assertion, begun attempt, now time.Time) error {
	earliest, latest := now.Add(-s.config.SkewMax), now.Add(s.config.SkewMax)
	if assertion.IssueInstant.After(latest) || assertion.IssueInstant.Before(begun.StartedAt.Add(-s.config.SkewMax)) {
		return signin.Refuse(signin.OutOfTime, "issued at %s", assertion.IssueInstant.UTC().Format(time.RFC3339))
	}
	for _, end := range []string{assertion.Conditions.NotOnOrAfter, assertion.Subject.SubjectConfirmation.SubjectConfirmationData.NotOnOrAfter} {
		if t, err := time.Parse(time.RFC3339, end); err != nil || !earliest.Before(t) {
			return signin.Refuse(signin.OutOfTime, "valid until %s", signin.Shorten(end))
		}
	}
	if begin := assertion.Conditions.NotBefore; begin != "" {
		if t, err := time.Parse(time.RFC3339, begin); err != nil || latest.Before(t) {
			return signin.Refuse(signin.OutOfTime, "valid from %s", signin.Shorten(begin))
		}
	}
	return nil
}

// identify returns who a verified assertion is about.
func identify(ctx context.Context, assertion *types.Assertion, provider Provider) (signin.Identity, error) {
	name := assertion.Subject.NameID
	if name == nil || name.Value == "" || name.Format == formatTransient {
		return signin.Identity{}, signin.Refuse(signin.Malformed, "the subject has no name id that lasts")
	}
	var emails []string
	note := func(email string) {
		if email = strings.TrimSpace(email); email != "" && !slices.Contains(emails, email) {
			emails = append(emails, email)
		}
	}
	if assertion.AttributeStatement != nil {
		for _, attribute := range assertion.AttributeStatement.Attributes {
			for _, value := range attribute.Values {
				if slices.Contains(provider.EmailAttributes, attribute.Name) {
					note(value.Value)
				}
			}
		}
	}
	if name.Format == formatEmail && len(emails) == 0 {
		note(name.Value)
	}
	if len(emails) != 1 {
		return signin.Identity{}, signin.Refuse(signin.EmailUnusable, "%d addresses are given", len(emails))
	}
	email, err := signin.CheckEmail(ctx, emails[0], provider.Domains)
	if err != nil {
		return signin.Identity{}, err
	}
	identity := signin.Identity{Provider: provider.Key, Issuer: provider.EntityID, Subject: name.Value, Email: email}
	if at := assertion.AuthnStatement.AuthnInstant; at != nil {
		identity.AuthenticatedAt = at.UTC()
	}
	return identity, nil
}
