package httpapi

import (
	"context"
	"fmt"
	"slices"

	"casesync/eventstore"
	"casesync/projections"
	"casesync/projections/engine"
)

// ticketChange says that a ticket changed, and who opened it.
type ticketChange struct {
	change
	owner projections.TicketOwner
}

// owned finds who opened the tickets that changed, once the read model has come to a position. It is asked once
// for all clients, as each may have opened one: who is told of which is then for his scope to say.
func (c *changes) owned(ctx context.Context, changed []change, to eventstore.Position) ([]ticketChange, error) {
	if len(changed) == 0 {
		return nil, nil
	}
	if err := c.waitFor(ctx, projections.TicketsName, to); err != nil {
		return nil, err
	}
	found := map[string]projections.TicketOwner{}
	for chunk := range slices.Chunk(changed, projections.PageRowsMax) {
		ids := make([]string, len(chunk))
		for i, change := range chunk {
			ids[i] = change.id
		}
		err := engine.Read(ctx, c.server.config.Store, projections.TicketsName, func(view engine.View) error {
			owners, err := projections.TicketOwners(ctx, view, projections.SystemScope("changes"), ids)
			for _, owner := range owners {
				found[owner.ID] = owner
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("ask whose the changed tickets are: %w", err)
		}
	}
	var owned []ticketChange
	for _, change := range changed {
		if owner, there := found[change.id]; there {
			owned = append(owned, ticketChange{change, owner})
		}
	}
	return owned, nil
}

// withTickets adds to the changes of cases those of tickets that scope sees, in their order.
func withTickets(cases []change, owned []ticketChange, scope projections.Scope) []change {
	var seen []change
	for _, ticket := range owned {
		if scope.SeesTicket(ticket.owner) {
			seen = append(seen, ticket.change)
		}
	}
	if len(seen) == 0 {
		return cases
	}
	all := slices.Concat(cases, seen) // cases may be many clients' own
	inOrder(all)
	return all
}
