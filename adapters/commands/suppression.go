package commands

import (
	"cmp"
	"context"
	"fmt"

	"casesync/domain"
	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/eventstore"
)

// Suppress hides a case from all business users (requirement 48). Request is the notification that asks for it,
// "" where it was asked for by e-mail; one that does not ask for it of this case, or was declined, is refused.
//
// The order: whether the request can be answered; the case is suppressed; the request is answered. A crash between
// the last two leaves the case suppressed and the request open: the same command again answers it. What is in line
// about the case is stopped by package reactions.
func (c *Casework) Suppress(ctx context.Context, ask Ask, ref, request string) (Done, error) {
	o, err := c.authorise(ask, "", "casefile.execute-suppression", "notification.answer-suppression")
	if err != nil {
		return Done{}, err
	}
	answer, answering := notification.AnswerSuppression{Answer: notification.Executed, At: o.at}, o.following().aboutCase(ref)
	if request != "" {
		if err := c.asksToSuppress(ctx, request, ref); err != nil {
			return Done{}, fmt.Errorf("suppress case: %w", err)
		}
		if err := c.notifications.check(ctx, answering, request, answer); err != nil {
			return Done{}, fmt.Errorf("suppress case: %w", err)
		}
	}
	done, err := c.people.cases.done(ctx, o, ref, casefile.ExecuteSuppression{Request: request})
	if err != nil || request == "" {
		return done, wrapped("suppress case", err)
	}
	answered, err := c.notifications.done(ctx, answering, request, answer)
	return later(done, answered), wrapped("answer request for suppression", err)
}

// asksToSuppress refuses a notification that does not ask for the suppression of a case.
func (c *Casework) asksToSuppress(ctx context.Context, request, ref string) error {
	asks, found := false, false
	err := c.notifications.look(ctx, request, func(state *notification.State, _ eventstore.Revision) {
		found = state.Status() != notification.StatusMissing
		asks = state.Type() == notification.SuppressCase && state.Case() == ref
	})
	switch {
	case err != nil:
		return err
	case !found:
		return ErrUnknown
	case !asks:
		return &domain.Refusal{
			Code: "no-suppression-request", Reason: "This notification does not ask for the suppression of this case. Choose the one that does, or none.",
		}
	}
	return nil
}

// Unsuppress shows a case again, whoever suppressed it.
func (c *Casework) Unsuppress(ctx context.Context, ask Ask, ref string) (Done, error) {
	o, err := c.authorise(ask, "", "casefile.reverse-suppression")
	if err != nil {
		return Done{}, err
	}
	done, err := c.people.cases.done(ctx, o, ref, casefile.ReverseSuppression{})
	return done, wrapped("show case again", err)
}

// DeclineSuppression answers a request for suppression without one.
func (c *Casework) DeclineSuppression(ctx context.Context, ask Ask, request string) (Done, error) {
	o, err := c.authorise(ask, "", "notification.answer-suppression")
	if err != nil {
		return Done{}, err
	}
	ref := ""
	err = c.notifications.look(ctx, request, func(state *notification.State, _ eventstore.Revision) { ref = state.Case() })
	if err != nil || ref == "" {
		return Done{}, wrapped("decline suppression", cmp.Or(err, ErrUnknown))
	}
	answer := notification.AnswerSuppression{Answer: notification.Declined, At: o.at}
	done, err := c.notifications.done(ctx, o.aboutCase(ref), request, answer)
	return done, wrapped("decline suppression", err)
}

// wrapped says what failed, nil where nothing did.
func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
