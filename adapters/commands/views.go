package commands

import (
	"context"
	"errors"
)

// SavedView is a filter of case lists that a person saved.
type SavedView struct {
	ID, Name string
	Query    string // as in an address, without "?"
}

// Views returns the views that a person saved, in the order in which they were saved first.
func (c *Casework) Views(ctx context.Context, person string) ([]SavedView, error) {
	return nil, errors.ErrUnsupported
}

// SaveView saves a view, or another one under its id; the id is "" for a new one, and is returned.
func (c *Casework) SaveView(ctx context.Context, ask Ask, view SavedView) (id string, done Done, err error) {
	return "", Done{}, errors.ErrUnsupported
}

// RemoveView removes a view.
func (c *Casework) RemoveView(ctx context.Context, ask Ask, id string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// ClearViews removes all views of a person, as the account is erased.
func (c *Casework) ClearViews(ctx context.Context, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}
