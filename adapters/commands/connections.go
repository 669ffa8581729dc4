package commands

import (
	"context"
	"fmt"

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

// RetireConnection ends signing in by an identity provider's settings, until they are set again.
func (p *People) RetireConnection(ctx context.Context, ask Ask, id string) (Done, error) {
	o, err := p.authorise(ask, "", "connection.retire")
	if err != nil {
		return Done{}, err
	}
	done, err := p.connections.done(ctx, o, id, connection.Retire{})
	if err != nil {
		return Done{}, fmt.Errorf("retire connection: %w", err)
	}
	return done, nil
}
