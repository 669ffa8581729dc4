package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// System is a simulated case management system: it publishes live events, and answers what the portal tells it, as real
// ones do: over HTTP, with the token of a case management system and no other way in. All fields are required but Outbox.
type System struct {
	Register *Register
	// Given is the feed that the portal has been given already: the system's cases until now.
	Given Options
	// URL is where the portal is: "http://127.0.0.1:8080". Token is of role cms, for Source.
	URL, Token string
	// Every is the pause between two live events.
	Every time.Duration
	// AnswerAfter is how long after it was sent a message is answered.
	AnswerAfter time.Duration
	// Outbox is the path of the portal's file of messages, which need not be there yet; "" where the portal tells
	// another system, and nothing is answered.
	Outbox string
	// Books is the path of the system's own database, which is made where it is not there.
	Books  string
	Client *http.Client
	Now    func() time.Time
	Logger *slog.Logger
}

// How often the file of messages is looked at, and a file that is withheld is asked for.
const (
	lookEvery     = 250 * time.Millisecond
	withheldPause = time.Second
)

// Run publishes and answers until ctx ends, and then returns the context's error.
func (s *System) Run(ctx context.Context) error {
	err := s.run(ctx)
	if ended := ctx.Err(); ended != nil {
		return ended // whatever it made of what was under way, which the next start goes on with
	}
	return err
}

func (s *System) run(ctx context.Context) error {
	books, err := openBooks(ctx, s.Books, func(ref string) []Event { return s.Register.history(s.Given, ref) })
	if err != nil {
		return err
	}
	defer books.close() //nolint:errcheck // all that was written is on the disk
	portal := &portal{url: s.URL, token: s.Token, client: s.Client, logger: s.Logger}
	read, err := books.place(ctx)
	if err != nil {
		return err
	}
	answering := &answering{
		portal: portal, books: books, tail: &tail{path: s.Outbox, every: lookEvery, at: read},
		after: s.AnswerAfter, again: withheldPause, now: s.Now,
	}
	defer answering.tail.close() //nolint:errcheck // it was read alone
	left, err := books.outgoing(ctx)
	if err != nil {
		return err
	}
	if err := answering.deliver(ctx, left); err != nil {
		return fmt.Errorf("deliver what an earlier start left: %w", err)
	}
	live := &simulator{register: s.Register, portal: portal, books: books, every: s.Every, seed: s.Given.Seed, now: s.Now}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return live.run(ctx) })
	if s.Outbox != "" {
		group.Go(func() error { return answering.run(ctx) })
	}
	return group.Wait()
}
