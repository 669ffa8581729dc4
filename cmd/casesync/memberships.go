package main

import (
	"context"
	"errors"
	"fmt"

	"casesync/eventstore/sharedread"
	"casesync/projections"
	"casesync/projections/engine"
)

// membershipsMax is of how many people the businesses are found in one statement.
const membershipsMax = 100

// memberships finds the businesses that may know a person, which every request of a person asks for:
// the requests that wait at one time share a reading.
func (s *system) memberships(ctx context.Context) (*sharedread.Reader[string, []string], error) {
	return once(s, &s.openedMemberships, func() (*sharedread.Reader[string, []string], func() error, error) {
		store, err := s.store(ctx)
		if err != nil {
			return nil, nil, err
		}
		reader := sharedread.New(membershipsMax, func(ctx context.Context, persons []string) ([][]string, error) {
			return readMemberships(ctx, store, persons)
		})
		return reader, func() error { reader.Close(); return nil }, nil
	})
}

// membershipsOf returns the businesses that may know a person. A read model that is not built yet
// knows none.
func (s *system) membershipsOf(ctx context.Context, person string) ([]string, error) {
	found, err := s.openedMemberships.Read(ctx, person)
	if err != nil {
		return nil, fmt.Errorf("find businesses of a person: %w", err)
	}
	return found[0], nil
}

func readMemberships(ctx context.Context, store engine.Store, persons []string) ([][]string, error) {
	list := make([][]string, len(persons))
	err := engine.Read(ctx, store, projections.PeopleName, func(view engine.View) error {
		found, err := projections.MembershipsOfEach(ctx, view, projections.SystemScope("people"), persons)
		for i, person := range persons {
			list[i] = found[person]
		}
		return err
	})
	if errors.Is(err, engine.ErrNotBuilt) {
		return list, nil
	}
	return list, err
}
