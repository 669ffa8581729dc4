package account

import (
	"crypto/subtle"
	"errors"
	"time"
)

// ResetLifetimeMax is the longest that a reset link may be used after it was asked for.
const ResetLifetimeMax = 24 * time.Hour

// ResetPurpose says what a reset link lets its holder choose anew.
type ResetPurpose string

// The purposes.
const (
	// ResetPassword: another password; signing in still takes the second factor.
	ResetPassword ResetPurpose = "password"
	// ResetSecondFactor: another second factor, after the password and, where there are some, the
	// security questions.
	ResetSecondFactor ResetPurpose = "second-factor"
)

// Reset is a reset link that was mailed and may be used, once, until it expires. Of its token only
// a digest is kept.
type Reset struct {
	ID          string
	Purpose     ResetPurpose
	TokenDigest string
	ExpiresAt   time.Time
}

// errResetIncomplete: a command lacks an id or digest that its caller makes, or uses one twice.
var errResetIncomplete = errors.New("request reset: the command lacks an id or digest, or repeats one")

func (s *State) requestReset(c RequestReset) ([]Event, error) {
	switch {
	case s.method.Federated():
		return nil, refuseFederated()
	case c.Purpose != ResetPassword && c.Purpose != ResetSecondFactor:
		return nil, refuseResetPurpose()
	case c.ID == "" || c.TokenDigest == "" || s.repeats(c):
		return nil, errResetIncomplete
	case !c.ExpiresAt.After(c.At) || c.ExpiresAt.Sub(c.At) > ResetLifetimeMax:
		return nil, refuseResetLifetime()
	}
	return []Event{&ResetRequested{
		ResetID: c.ID, Purpose: c.Purpose, TokenDigest: c.TokenDigest, ExpiresAt: c.ExpiresAt.UTC(),
	}}, nil
}

// repeats reports whether a pending reset has the id or the token of another command.
func (s *State) repeats(c RequestReset) bool {
	for _, pending := range s.resets {
		if pending.ID == c.ID || pending.TokenDigest == c.TokenDigest {
			return true
		}
	}
	return false
}

// useReset gives one answer to whatever cannot be used: a wrong token, an old, used or voided one,
// an account that is disabled or erased or that there never was. Nobody learns from it which.
func (s *State) useReset(c UseReset) ([]Event, error) {
	reset, pending := s.Reset(c.ID)
	holds := subtle.ConstantTimeCompare([]byte(reset.TokenDigest), []byte(c.TokenDigest)) == 1
	if !pending || !holds || s.Status() != Active || !c.At.Before(reset.ExpiresAt) {
		return nil, refuseResetInvalid()
	}
	return []Event{&ResetUsed{ResetID: c.ID, Purpose: reset.Purpose}}, nil
}

// evolveReset keeps the resets that may be used, the newest of each purpose. Whatever makes their
// mail go to the wrong person, or their purpose pointless, voids all: another address, another way
// of signing in, a disabled or erased account.
func (s *State) evolveReset(event Event) {
	switch event := event.(type) {
	case *ResetRequested:
		s.resets[event.Purpose] = Reset{ID: event.ResetID, Purpose: event.Purpose, TokenDigest: event.TokenDigest, ExpiresAt: event.ExpiresAt}
	case *ResetUsed:
		delete(s.resets, event.Purpose)
	case *DetailsChanged, *MethodChanged, *DisabledFor, *Erased:
		clear(s.resets)
	}
}
