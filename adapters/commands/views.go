package commands

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"casesync/domain/access"
	"casesync/domain/private"
	"casesync/domain/savedview"
	"casesync/eventstore"
)

// SavedView is a filter of case lists that a person saved.
type SavedView struct {
	ID, Name string
	Query    string // as in an address, without "?"
}

// Views returns the views that a person saved, in the order in which they were saved first; none of an account
// that was erased. They are nobody else's to see.
func (c *Casework) Views(ctx context.Context, person string) ([]SavedView, error) {
	var ids []string
	var sealed []private.Value[savedview.View]
	err := c.views.look(ctx, person, func(state *savedview.State, _ eventstore.Revision) {
		for _, id := range state.IDs() {
			ids, sealed = append(ids, id), append(sealed, state.View(id))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("look at saved views: %w", err)
	}
	opened, err := openAll(ctx, c.config.Codec, sealed...)
	if err != nil {
		return nil, fmt.Errorf("open saved views: %w", err)
	}
	views := make([]SavedView, 0, len(ids))
	for i, view := range opened {
		if view.Name != "" { // its key is there
			views = append(views, SavedView{ID: ids[i], Name: view.Name, Query: view.Query})
		}
	}
	return views, nil
}

// SaveView saves a view of the person who asks, or another one under its id; the id is "" for a new one, and is
// returned. An id that is none of the person's views is ErrUnknown.
func (c *Casework) SaveView(ctx context.Context, ask Ask, view SavedView) (id string, done Done, err error) {
	person, o, err := c.ownViews(ask, "savedview.save")
	if err != nil {
		return "", Done{}, err
	}
	id = view.ID
	if id == "" {
		id = uuid.NewSHA1(o.id, []byte("view")).String()
	} else if err := c.hasView(ctx, person, id); err != nil {
		return "", Done{}, err
	}
	done, err = c.views.done(ctx, o, person, savedview.Save{Person: person, ID: id, Name: view.Name, Query: view.Query})
	if err != nil {
		return "", Done{}, fmt.Errorf("save view: %w", err)
	}
	return id, done, nil
}

// hasView returns ErrUnknown where a person has no view with an id.
func (c *Casework) hasView(ctx context.Context, person, id string) error {
	has := false
	err := c.views.look(ctx, person, func(state *savedview.State, _ eventstore.Revision) { has = !state.View(id).IsZero() })
	if err != nil {
		return fmt.Errorf("look at saved views: %w", err)
	}
	if !has {
		return ErrUnknown
	}
	return nil
}

// RemoveView removes a view of the person who asks. Nothing happens where there is none.
func (c *Casework) RemoveView(ctx context.Context, ask Ask, id string) (Done, error) {
	person, o, err := c.ownViews(ask, "savedview.remove")
	if err != nil {
		return Done{}, err
	}
	done, err := c.views.done(ctx, o, person, savedview.Remove{ID: id})
	if err != nil {
		return Done{}, fmt.Errorf("remove view: %w", err)
	}
	return done, nil
}

// ownViews is the order of a person on his own views, with his user id.
func (c *Casework) ownViews(ask Ask, name access.Command) (person string, o order, err error) {
	person = ask.By.Person()
	if person == "" || !ask.By.Somewhere(access.SaveViews) {
		return "", order{}, refusedTo(ask.By, string(name), "")
	}
	return person, c.ofPerson(ask), nil
}

// ClearViews removes all views of a person, as the account is erased; see package reactions.
func (c *Casework) ClearViews(ctx context.Context, person string) (Done, error) {
	done, err := c.views.done(ctx, c.ofSystem(systemReactions), person, savedview.Clear{})
	if err != nil {
		return Done{}, fmt.Errorf("clear saved views: %w", err)
	}
	return done, nil
}
