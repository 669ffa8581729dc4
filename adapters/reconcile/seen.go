package reconcile

import "hash/maphash"

// seen is what became of each case of the extract, in 30 to 60 bytes each.
type seen struct {
	seed     maphash.Seed
	outcomes map[uint64]outcome
}

// outcome is what became of a case.
type outcome struct {
	fields fieldSet
	status statusCode
	repair repairCode
	// mentioned: no line of it was compared.
	mentioned bool
}

func newSeen() *seen {
	return &seen{maphash.MakeSeed(), map[uint64]outcome{}}
}

// mention notes a case that a line names, but of which it says nothing that can be compared.
func (s *seen) mention(ref string) {
	at := s.hash(ref)
	if _, known := s.outcomes[at]; !known {
		s.outcomes[at] = outcome{mentioned: true}
	}
}

// mentioned reports whether any line names a case.
func (s *seen) mentioned(ref string) bool {
	_, named := s.outcomes[s.hash(ref)]
	return named
}

// of returns what became of a case that was compared.
func (s *seen) of(ref string) (outcome, bool) {
	o, known := s.outcomes[s.hash(ref)]
	return o, known && !o.mentioned
}

func (s *seen) set(ref string, o outcome) { s.outcomes[s.hash(ref)] = o }

func (s *seen) hash(ref string) uint64 { return maphash.String(s.seed, ref) }
