package commands

import (
	"context"
	"fmt"

	"casesync/domain"
	"casesync/domain/connection"
	"casesync/eventstore"
)

// Connection returns the settings of an identity provider, and false where there are none in force.
func (p *People) Connection(ctx context.Context, id string) (settings connection.Settings, found bool, err error) {
	if !connection.ValidID(id) {
		return settings, false, nil
	}
	err = p.connections.look(ctx, id, func(state *connection.State, _ eventstore.Revision) {
		settings, found = state.Settings()
	})
	if err != nil {
		return connection.Settings{}, false, fmt.Errorf("look at connection: %w", err)
	}
	return settings, found, nil
}

// SetConnection puts the settings of an identity provider in force, all of them. The secret is read
// where people sign in, from the file that the settings name.
func (p *People) SetConnection(ctx context.Context, ask Ask, settings connection.Settings) (Done, error) {
	o, err := p.authorise(ask, "", "connection.set")
	if err != nil {
		return Done{}, err
	}
	return p.setConnection(ctx, o, settings)
}

func (p *People) setConnection(ctx context.Context, o order, settings connection.Settings) (Done, error) {
	id := settings.ID
	if !connection.ValidID(id) {
		id = "invalid" // of no stream: the decider says what is wrong with it
	}
	done, err := p.connections.done(ctx, o, id, connection.Set{Settings: settings})
	if err != nil {
		return Done{}, fmt.Errorf("set connection: %w", err)
	}
	return done, nil
}

// RetireConnection ends signing in by an identity provider's settings, until they are set again. It is
// refused while a business uses them, whose people could not come in any more: configure it otherwise
// first, or put other settings in force. A business that is configured with them at the same time
// keeps naming them, and nobody signs in by them.
func (p *People) RetireConnection(ctx context.Context, ask Ask, id string) (Done, error) {
	o, err := p.authorise(ask, "", "connection.retire")
	if err != nil {
		return Done{}, err
	}
	if news, err := p.connections.would(ctx, o, id, connection.Retire{}); err != nil {
		return Done{}, fmt.Errorf("retire connection: %w", err)
	} else if news {
		if err := p.unused(ctx, id); err != nil {
			return Done{}, fmt.Errorf("retire connection: %w", err)
		}
	}
	done, err := p.connections.done(ctx, o, id, connection.Retire{})
	if err != nil {
		return Done{}, fmt.Errorf("retire connection: %w", err)
	}
	return done, nil
}

// unused refuses where a business uses a connection.
func (p *People) unused(ctx context.Context, id string) error {
	if p.config.BusinessesWith == nil {
		return nil
	}
	frns, err := p.config.BusinessesWith(ctx, id)
	if err != nil {
		return fmt.Errorf("find businesses with a connection: %w", err)
	}
	var using []string
	for _, frn := range frns {
		business, err := p.Business(ctx, frn)
		if err != nil {
			return err
		}
		if business.Connection == id {
			using = append(using, frn)
		}
	}
	if len(using) == 0 {
		return nil
	}
	return &domain.Refusal{
		Code: "connection-in-use",
		Reason: fmt.Sprintf("%d businesses sign their people in by it, the first is %s. Set their way of signing in first: nobody could come in there any more.",
			len(using), using[0]),
	}
}
