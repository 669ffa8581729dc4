package oidc

import (
	"slices"
	"time"
)

// Facts are what a business's IT department has to know of this relying party.
type Facts struct {
	// Scopes are those that are asked for, and Algorithms those by which id tokens may be signed.
	Scopes, Algorithms []string
	// SkewMax, AttemptAge and DiscoveryAge are as in Config.
	SkewMax, AttemptAge, DiscoveryAge time.Duration
}

// Facts returns what holds for every provider.
func (p *RelyingParty) Facts() Facts {
	return Facts{
		Scopes: slices.Clone(scopes), Algorithms: slices.Clone(algorithms),
		SkewMax: p.config.SkewMax, AttemptAge: p.config.AttemptAge, DiscoveryAge: p.config.DiscoveryAge,
	}
}
