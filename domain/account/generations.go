package account

// Generations says how often each kind of what a local account signs in with was voided: how many
// were before the ones that are good now. What is enrolled keeps the generation that it was enrolled
// under; that of an earlier one is void, however late it is removed, and whatever clocks say.
type Generations struct{ Password, Factor, Questions int }

// Generations returns the present generation of each kind.
func (s *State) Generations() Generations { return s.generations }

// evolveGenerations counts what is voided. Another way of signing in voids everything.
func (s *State) evolveGenerations(event Event) {
	switch event.(type) {
	case *FactorReset:
		s.generations.Factor++
	case *QuestionsReset:
		s.generations.Questions++
	case *MethodChanged:
		s.generations.Password++
		s.generations.Factor++
		s.generations.Questions++
	}
}

// ofGeneration gives event unless what it speaks of was voided since it was enrolled.
func (s *State) ofGeneration(enrolled, present int, event Event) ([]Event, error) {
	if !s.method.Federated() && enrolled != present {
		return nil, refuseVoided()
	}
	return s.ifLocal(event, true)
}
