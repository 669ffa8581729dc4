package demo

import "slices"

// OpenCase is a case that is open at the end of the feed.
type OpenCase struct {
	Reference string
	Stage     string
	// Actions are what waits for the business, the one that is due first at the front.
	Actions []OpenAction
}

// OpenAction is something that waits for the business. Due is a full-date.
type OpenAction struct{ ID, Kind, Due string }

// OpenCases returns the cases of a business that are open, and hidden from nobody, at the end of the feed with the given
// options, those converted last first.
func (r *Register) OpenCases(options Options, frn string) []OpenCase {
	var list []OpenCase
	for i := range r.complaints {
		if business, c := r.openCase(options, i); business == frn {
			list = append(list, c)
		}
	}
	slices.Reverse(list)
	return list
}

// openCase returns a case of the feed, with the business that it concerns: "" where it is closed or hidden.
func (r *Register) openCase(options Options, index int) (business string, c OpenCase) {
	var s standing
	for _, e := range r.told(options, 0, index) {
		s.apply(e)
	}
	if s.Closed || s.Suppressed {
		return "", c
	}
	c = OpenCase{Reference: reference(0, index), Stage: s.Stage}
	for _, a := range s.byDue() {
		c.Actions = append(c.Actions, OpenAction(a))
	}
	return s.Business, c
}
