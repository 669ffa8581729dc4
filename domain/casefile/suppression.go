package casefile

// A case is hidden while its source or an operator says so (requirements 46 and 48); the two are kept apart,
// so that each is shown for what it is. A source that lifts its suppression, and an operator who reverses one,
// have decided about the case, and lift both. A snapshot says what the source's own flag is, and no more: one
// of a source that was not told yet of the operator's decision shows nothing.

// hidden reports whether anybody suppresses the case.
func (f *file) hidden() bool { return f.suppressed || f.suppressedHere }

// show lifts every suppression.
func (f *file) show() { f.suppressed, f.suppressedHere = false, false }

// decided takes what operators decided.
func (f *file) decided(event Event) {
	switch event.(type) {
	case *SuppressionExecuted:
		f.suppressedHere = true
	case *SuppressionReversed:
		f.show()
	}
}

// executeSuppression records the operator's decision also where the source suppresses the case: it stands
// whatever the source's snapshots say.
func (s *State) executeSuppression(c ExecuteSuppression) ([]Event, error) {
	switch {
	case !s.file.converted:
		return nil, refuseUnknown()
	case s.file.suppressedHere:
		return nil, nil
	}
	return []Event{&SuppressionExecuted{Request: c.Request}}, nil
}

func (s *State) reverseSuppression() ([]Event, error) {
	switch {
	case !s.file.converted:
		return nil, refuseUnknown()
	case !s.file.hidden():
		return nil, nil
	}
	return []Event{&SuppressionReversed{}}, nil
}
