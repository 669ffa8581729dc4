package commands

import (
	"context"
	"fmt"

	"casesync/domain/terms"
	"casesync/eventstore"
)

// Document returns the document of a kind that is in force, and false where there is none.
func (p *People) Document(ctx context.Context, kind terms.Kind) (document terms.Published, found bool, err error) {
	err = p.documents.look(ctx, "", func(state *terms.State, _ eventstore.Revision) { document, found = state.Current(kind) })
	if err != nil {
		return terms.Published{}, false, fmt.Errorf("look at document: %w", err)
	}
	return document, found, nil
}

// DocumentText returns what a version of a document says or said, and false where there was none.
func (p *People) DocumentText(ctx context.Context, kind terms.Kind, version string) (text string, found bool, err error) {
	err = p.documents.look(ctx, "", func(state *terms.State, _ eventstore.Revision) { text, found = state.Text(kind, version) })
	if err != nil {
		return "", false, fmt.Errorf("look at document: %w", err)
	}
	return text, found, nil
}

// PublishTerms puts a version of the terms of use or of the privacy notice in force at once. Everybody is
// asked to accept a new version of the terms of use before any more data (requirement 25).
func (p *People) PublishTerms(ctx context.Context, ask Ask, kind terms.Kind, version, text string) (Done, error) {
	o, err := p.authorise(ask, "", "terms.publish")
	if err != nil {
		return Done{}, err
	}
	done, err := p.documents.done(ctx, o, "", terms.Publish{Kind: kind, Version: version, Text: text, At: o.at})
	if err != nil {
		return Done{}, fmt.Errorf("publish document: %w", err)
	}
	return done, nil
}
