package main

import (
	"context"
	"net/http"
	"time"

	"casesync/adapters/identity/gate"
	"casesync/adapters/portal"
)

// pages returns what people see in a browser. What the guide says comes from the parts that hold to it.
func (s *serving) pages(ctx context.Context, facts gate.Facts, strangers func(*http.Request) (time.Duration, bool)) (*portal.Portal, error) {
	settings := s.settings
	casework, err := s.casework(ctx)
	if err != nil {
		return nil, err
	}
	config := portal.Config{
		Strangers: strangers,
		People:    s.openedPeople, Casework: casework, Store: s.openedStore, Codec: s.openedCodec, PublicURL: settings.publicURL(), Demo: settings.Demo, Version: version, Now: s.now, Logger: s.logger,
		Guide: portal.Guide{
			InvitationAge: settings.InvitationAge, ResetAge: settings.ResetAge, SessionIdle: settings.SessionIdle, SessionAbsolute: settings.SessionAbsolute,
			HelpdeskURL: settings.helpdeskURL(),
			OIDC: portal.OIDCFacts{
				RedirectURL: facts.RedirectURL, Scopes: facts.OIDC.Scopes, Algorithms: facts.OIDC.Algorithms,
				ClockSkew: facts.OIDC.SkewMax, SignInTime: facts.OIDC.AttemptAge, KeysKept: facts.OIDC.DiscoveryAge,
			},
			SAML: portal.SAMLFacts{
				EntityID: facts.SAML.EntityID, ConsumerURL: facts.SAML.Address, MetadataURL: facts.MetadataURL + "/", EmailAttributes: facts.SAML.EmailAttributes,
				Signatures: facts.SAML.Signatures, RSABitsMin: facts.SAML.RSABitsMin, RequestsSigned: facts.SAML.RequestsSigned,
				ClockSkew: facts.SAML.SkewMax, SignInTime: facts.SAML.AttemptAge,
			},
			Local: portal.LocalFacts{
				PasswordCharactersMin: facts.Local.PasswordRunesMin, PasswordCharactersMax: facts.Local.PasswordRunesMax,
				RecoveryCodes: facts.Local.RecoveryCodes, CodeDigits: facts.Local.CodeDigits, CodePeriod: facts.Local.CodePeriod,
				SecurityQuestions: facts.Local.Questions,
				AttemptsFree:      facts.Local.Account.Free, LockBase: facts.Local.Account.Base, LockMax: facts.Local.Account.Max,
			},
		},
	}
	if settings.Demo && settings.SMTP == "" {
		config.Mails = s.keptMails
	}
	return portal.New(config)
}

// keptMails are the mails of a demonstration.
func (s *serving) keptMails(ctx context.Context) ([]portal.Message, error) {
	folder, err := s.folder()
	if err != nil {
		return nil, err
	}
	kept, err := folder.List(ctx)
	list := make([]portal.Message, len(kept))
	for i, message := range kept {
		list[i] = portal.Message{At: message.At, To: message.To, Subject: message.Subject, Body: message.Body}
	}
	return list, err
}
