package httpapi

import (
	"context"
	"fmt"
	"time"

	"casesync/adapters/commands"
	"casesync/domain/terms"
)

// termsBytesMax is the size of the body that publishes a document: its text as JSON has it.
const termsBytesMax = 512 << 10

// TermsInForce is what people agree to and are told (requirement 27).
type TermsInForce struct {
	TermsOfUse    *TermsDocument  `json:"termsOfUse,omitempty" doc:"Absent where none were published: then there are no data for anybody"`
	PrivacyNotice *TermsDocument  `json:"privacyNotice,omitempty" doc:"Absent where none was published"`
	ToAccept      []TermsToAccept `json:"toAccept" nullable:"false" doc:"The businesses for which you have not accepted the terms of use in force"`
}

// TermsDocument is a version of a document.
type TermsDocument struct {
	Kind        terms.Kind `json:"kind" enum:"terms-of-use,privacy-notice"`
	Version     string     `json:"version" example:"2026-01"`
	Text        string     `json:"text" doc:"Markdown"`
	PublishedAt *time.Time `json:"publishedAt,omitempty"`
}

// Acceptance accepts the terms of use on behalf of a business (requirement 25).
type Acceptance struct {
	_ struct{} `additionalProperties:"false"`

	AtBusiness
	Version string `json:"version" minLength:"1" maxLength:"32" doc:"The version that was read, which must be the one in force" example:"2026-01"`
}

// Publication puts a version of a document in force.
type Publication struct {
	_ struct{} `additionalProperties:"false"`

	Why
	Kind    terms.Kind `json:"kind" enum:"terms-of-use,privacy-notice"`
	Version string     `json:"version" minLength:"1" maxLength:"32" example:"2026-01"`
	Text    string     `json:"text" minLength:"1" maxLength:"200000" doc:"Markdown"`
}

func (s *Server) showTerms(ctx context.Context, in *request) (*present[TermsInForce], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	who := callerOf(ctx)
	body := TermsInForce{ToAccept: who.termsToAccept()}
	var err error
	if body.TermsOfUse, err = s.document(ctx, terms.TermsOfUse); err != nil {
		return nil, s.problemOf(ctx, err)
	}
	if body.PrivacyNotice, err = s.document(ctx, terms.PrivacyNotice); err != nil {
		return nil, s.problemOf(ctx, err)
	}
	return &present[TermsInForce]{CacheControl: noStore, Body: body}, nil
}

// document returns the document of a kind that is in force, nil where there is none.
func (s *Server) document(ctx context.Context, kind terms.Kind) (*TermsDocument, error) {
	published, found, err := s.config.People.Document(ctx, kind)
	if err != nil || !found {
		return nil, err
	}
	return &TermsDocument{Kind: kind, Version: published.Version, Text: published.Text, PublishedAt: instant(published.PublishedAt)}, nil
}

func (s *Server) privacyVersion(ctx context.Context) (string, error) {
	published, _, err := s.config.People.Document(ctx, terms.PrivacyNotice)
	if err != nil {
		return "", fmt.Errorf("show privacy notice: %w", err)
	}
	return published.Version, nil
}

// termsToAccept returns the version in force for each business where it was not accepted yet.
func (s *standing) termsToAccept() []TermsToAccept {
	list := make([]TermsToAccept, 0, len(s.pending))
	for _, frn := range s.pending {
		list = append(list, TermsToAccept{Business: frn, Version: s.terms})
	}
	return list
}

// showDocument shows a version that is or was in force, for whoever accepted it.
func (s *Server) showDocument(ctx context.Context, in *request) (*present[TermsDocument], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	kind, version := terms.Kind(pathValue(in.http, "kind")), pathValue(in.http, "version")
	text, found, err := s.config.People.DocumentText(ctx, kind, version)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	if !found {
		return nil, notFound()
	}
	return &present[TermsDocument]{CacheControl: noStore, Body: TermsDocument{Kind: kind, Version: version, Text: text}}, nil
}

func (s *Server) acceptTerms(ctx context.Context, ask commands.Ask, in *command[Acceptance]) (*acted[Outcome], error) {
	done, err := s.config.People.AcceptTerms(ctx, ask, in.Body.Business, in.Body.Version)
	return told(done, outcomeOf(done)), err
}

func (s *Server) publishTerms(ctx context.Context, ask commands.Ask, in *command[Publication]) (*acted[Outcome], error) {
	done, err := s.config.People.PublishTerms(ctx, ask, in.Body.Kind, in.Body.Version, in.Body.Text)
	return told(done, outcomeOf(done)), err
}
