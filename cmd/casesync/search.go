package main

import (
	"context"

	"casesync/projections"
	"casesync/projections/engine"
)

// search returns the words under this installation's search key.
func (s *system) search(ctx context.Context) (projections.Words, error) {
	key, err := s.secret(ctx, "search")
	if err != nil {
		return projections.Words{}, err
	}
	return projections.NewWords(key), nil
}

// prepare returns how events are decoded and opened for folding.
func (s *system) prepare(ctx context.Context) (engine.Prepare, error) {
	codec, err := s.codec(ctx)
	if err != nil {
		return nil, err
	}
	words, err := s.search(ctx)
	if err != nil {
		return nil, err
	}
	return engine.NewPrepare(codec, words.Index), nil
}
