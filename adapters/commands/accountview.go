package commands

import (
	"context"
	"encoding/json"
	"fmt"

	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/private"
	"casesync/eventstore"
)

// Account returns what is known of an account, and ErrUnknown where there is none. It asks for no
// permission: whoever shows it to somebody does.
func (p *People) Account(ctx context.Context, person string) (AccountView, error) {
	view := AccountView{Person: person}
	var sealed private.Value[account.Person]
	err := p.accounts.look(ctx, person, func(state *account.State, revision eventstore.Revision) {
		view.Status, view.Domain, view.Identity = state.Status(), state.Domain(), state.Identity()
		view.Method, view.Connection = state.Method()
		view.HasFactor, view.HasQuestion = state.HasFactor(), state.HasQuestions()
		view.Generations = state.Generations()
		view.Acceptances, view.Revision = state.Acceptances(), revision
		sealed = state.Person()
	})
	switch {
	case err != nil:
		return AccountView{}, fmt.Errorf("look at account: %w", err)
	case view.Status == account.Missing:
		return AccountView{}, ErrUnknown
	case view.Status == account.Gone:
		return view, nil // its key may not be destroyed yet: that is none of the reader's business
	}
	who, err := openAll(ctx, p.config.Codec, sealed)
	if err != nil {
		return AccountView{}, fmt.Errorf("open account: %w", err)
	}
	view.Name, view.Email = who[0].Name, who[0].Email
	return view, nil
}

// openAll opens sealed values, in their order; what cannot be opened any more is the zero value.
func openAll[T any](ctx context.Context, codec *eventstore.Codec, sealed ...private.Value[T]) ([]T, error) {
	envelopes := make([]string, len(sealed))
	for i, value := range sealed {
		envelopes[i] = value.Envelope()
	}
	plain, err := codec.OpenEnvelopes(ctx, envelopes...)
	if err != nil {
		return nil, err
	}
	opened := make([]T, len(sealed))
	for i, text := range plain {
		if text == nil {
			continue
		}
		if err := json.Unmarshal(text, &opened[i]); err != nil {
			return nil, fmt.Errorf("read what was sealed: %w", err)
		}
	}
	return opened, nil
}

// canonical returns the canonical form of an address that was recorded, "" for none.
func canonical(email string) string {
	parsed, err := address.ParseEmail(email)
	if err != nil {
		return ""
	}
	return parsed.Canonical()
}
