package demo

import (
	"slices"
	"strings"
)

// standing is where a case stands in the simulated case management system, as far as its answers depend on it.
type standing struct {
	Business   string   `json:"business,omitempty"`
	Stage      string   `json:"stage,omitempty"`
	Closed     bool     `json:"closed,omitempty"`
	Suppressed bool     `json:"suppressed,omitempty"`
	Actions    []action `json:"actions,omitempty"` // that wait for the business
}

// action is something that waits for the business.
type action struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Due  string `json:"due"` // a full-date
}

// apply takes in what an event says.
func (s *standing) apply(e Event) {
	switch data := e.Data.(type) {
	case convertedData:
		s.Business = data.FRN
	case transferredData:
		s.Business = data.FRN
	case stageData:
		s.Stage = data.Stage
	case actionRequestedData:
		s.Actions = append(s.Actions, action{data.ActionID, data.Kind, data.DueDate})
	case actionExtendedData:
		if i := s.find(data.ActionID); i >= 0 {
			s.Actions[i].Due = data.DueDate
		}
	case actionClosedData:
		s.Actions = slices.DeleteFunc(s.Actions, func(a action) bool { return a.ID == data.ActionID })
	case closedData:
		s.Closed, s.Actions = true, nil
	case reopenedData:
		s.Closed = false
	}
	switch e.Type {
	case "cms.case.suppressed.v1":
		s.Suppressed = true
	case "cms.case.unsuppressed.v1":
		s.Suppressed = false
	}
}

// moot reports whether an event would say what is so already, because of what was answered meanwhile.
func (s *standing) moot(data any) bool {
	switch data := data.(type) {
	case stageData:
		return s.Stage == data.Stage
	case actionExtendedData:
		i := s.find(data.ActionID)
		return i < 0 || s.Actions[i].Due >= data.DueDate
	case actionClosedData:
		return s.find(data.ActionID) < 0
	}
	return false
}

func (s *standing) find(id string) int {
	return slices.IndexFunc(s.Actions, func(a action) bool { return a.ID == id })
}

// first returns the action with the given id or, where that is "", the one that is due first; false where there is none.
func (s *standing) first(id string) (action, bool) {
	for _, a := range s.byDue() {
		if id == "" || a.ID == id {
			return a, true
		}
	}
	return action{}, false
}

// byDue returns the actions, the one that is due first at the front.
func (s *standing) byDue() []action {
	return slices.SortedStableFunc(slices.Values(s.Actions), func(a, b action) int { return strings.Compare(a.Due, b.Due) })
}
