package demo

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A step is an event of a story yet to be dated: what happens so long after the step before it.
type step struct {
	after time.Duration
	kind  string
	data  func(at time.Time) any
}

// story invents what becomes of one complaint.
type story struct {
	random    *rand.Rand
	ref       string
	complaint complaint
	companies int
	steps     []step
	actions   int
	documents int
}

// A case has from 3 to 47 events: in real case logs that is the least, and the ninetieth percentile.
const (
	caseEventsMin = 3
	caseEventsMax = 47
	// closingEvents is how many events the end of a story may take.
	closingEvents = 16
)

// The types of events that a case begins and ends with.
const (
	CaseConverted = "cms.case.converted.v1"
	CaseClosed    = "cms.case.closed.v1"
)

// The types of events that a story and an answer to a business both tell.
const (
	stageChanged   = "cms.case.stage-changed.v1"
	actionExtended = "cms.case.action-extended.v1"
	actionClosed   = "cms.case.action-closed.v1"
)

// The kinds of what is asked of a business.
const (
	askFile     = "business-file"
	askReply    = "reply-to-view"
	askComments = "comments-on-provisional-decision"
)

// tell returns the steps of a case, the first being its conversion.
func tell(random *rand.Rand, ref string, c complaint, companies int) []step {
	s := &story{random: random, ref: ref, complaint: c, companies: companies}
	s.convert()
	s.requestFile()
	outcome := s.outcome()
	switch outcome {
	case "":
		s.investigate() // and is still at it
	case "proactively-settled":
		s.publish("offer")
		s.close(s.days(2, 10), outcome, "")
	case "out-of-jurisdiction", "dismissed", "withdrawn", "abandoned":
		s.investigate()
		s.close(s.days(2, 20), outcome, "")
	default:
		s.investigate()
		s.decide(outcome)
	}
	s.afterwards(outcome)
	return s.steps
}

func (s *story) then(after time.Duration, kind string, data func(at time.Time) any) {
	s.steps = append(s.steps, step{after: after, kind: kind, data: data})
}

func (s *story) days(from, to int) time.Duration {
	return time.Duration(from+s.random.IntN(to-from+1))*day + time.Duration(s.random.IntN(120))*time.Minute
}

func (s *story) minutes() time.Duration { return time.Duration(1+s.random.IntN(20)) * time.Minute }

func (s *story) convert() {
	d := convertedData{
		FRN: FRN(s.complaint.Company), Product: s.complaint.place(), Issue: s.complaint.Issue, Consumer: person(s.random),
	}
	if chance(s.random, 70) {
		d.BusinessReference = fmt.Sprintf("%c%c/%07d", 'A'+s.random.IntN(26), 'A'+s.random.IntN(26), s.random.IntN(1e7))
	}
	if chance(s.random, 6) {
		d.SmallBusiness, d.Consumer = true, smallBusiness(s.random)
	}
	if chance(s.random, 22) {
		d.Representative = representative(s.random)
	}
	if chance(s.random, 50) {
		d.Handler = handler(s.random)
	}
	s.then(0, CaseConverted, func(at time.Time) any { d.ConvertedAt = at; return d })
	s.stage(s.minutes(), "file-requested")
}

func (s *story) requestFile() {
	file := s.ask(s.minutes(), askFile, "Send your complaint file", 14)
	if chance(s.random, 9) {
		reason := pick(s.random, []string{"financial-hardship", "medical", "vulnerability"})
		s.then(s.days(0, 3), "cms.case.priority-changed.v1", func(time.Time) any { return priorityData{Priority: true, Reason: reason} })
	}
	if late := !s.complaint.Timely || chance(s.random, 15); late {
		s.extend(s.days(8, 13), file, 14)
	}
	s.answer(s.days(2, 9), file)
	s.stage(s.minutes(), "file-received")
	if s.complaint.place() == beingCategorised && chance(s.random, 80) {
		placed := product{credit, "Debt collecting", "Household debt"}
		s.then(s.days(1, 9), "cms.case.recategorised.v1", func(time.Time) any { return recategorisedData{Product: placed} })
	}
	if chance(s.random, 1) {
		other := FRN((s.complaint.Company + 1 + s.random.IntN(s.companies-1)) % s.companies)
		s.then(s.days(1, 9), "cms.case.transferred.v1", func(time.Time) any { return transferredData{FRN: other} })
	}
	if chance(s.random, 1) {
		s.then(s.days(1, 9), "cms.case.suppressed.v1", func(time.Time) any { return reasonData{Reason: "Asked for by the consumer"} })
	}
}

func (s *story) investigate() {
	s.stage(s.days(10, 80), "investigation")
	if chance(s.random, 60) {
		name := handler(s.random)
		s.then(s.minutes(), "cms.case.details-changed.v1", func(time.Time) any { return detailsData{Handler: name} })
	}
	for range s.rounds() {
		if len(s.steps) > caseEventsMax-closingEvents {
			break
		}
		action := s.ask(s.days(1, 15), "information-request", pick(s.random, []string{
			"Send the call recordings", "Send the statements of account", "Explain how the charges came about",
			"Send the notes of the complaint", "Send the agreement as it was signed",
		}), 10)
		if chance(s.random, 20) {
			s.extend(s.days(5, 9), action, 7)
		}
		s.answer(s.days(3, 12), action)
	}
	if chance(s.random, 4) {
		s.stage(s.days(1, 9), "on-hold")
		s.stage(s.days(14, 60), "investigation")
	}
}

// rounds is how often an investigator comes back for more: mostly hardly, sometimes for ever.
func (s *story) rounds() int {
	switch n := s.random.IntN(100); {
	case n < 45:
		return 0
	case n < 72:
		return 1
	case n < 90:
		return 2 + n%2
	default:
		return 4 + n
	}
}

func (s *story) decide(outcome string) {
	s.publish("view")
	s.stage(s.minutes(), "view-issued")
	reply := s.ask(s.minutes(), askReply, "Say whether you accept the view", 14)
	s.answer(s.days(3, 16), reply)
	if !s.complaint.Disputed && chance(s.random, 75) {
		s.close(s.days(1, 14), outcome, "")
		return
	}
	s.stage(s.days(1, 7), "ombudsman-referral")
	if chance(s.random, 40) {
		s.publish("provisional-decision")
		s.stage(s.minutes(), "provisional-decision")
		comments := s.ask(s.minutes(), askComments, "Send your comments on the provisional decision", 14)
		s.answer(s.days(5, 14), comments)
	}
	s.publish("final-decision")
	s.stage(s.minutes(), "final-decision")
	s.close(s.days(10, 30), outcome, fmt.Sprintf("DRN-%07d", s.random.IntN(1e7)))
}

// afterwards adds what happens to a few cases once they are closed.
func (s *story) afterwards(outcome string) {
	if outcome != "" && chance(s.random, 2) {
		s.then(s.days(10, 60), "cms.case.reopened.v1", func(at time.Time) any { return reopenedData{ReopenedAt: at} })
		s.stage(s.minutes(), "investigation")
		if chance(s.random, 50) {
			s.close(s.days(10, 40), "change", "")
		}
	}
}

// outcome says how the case ends, after how the company of the register answered; "" if it goes on.
func (s *story) outcome() string {
	weights := map[string][]string{
		"Closed with monetary relief":     {"change", "change", "change", "proactively-settled", "proactively-settled"},
		"Closed with non-monetary relief": {"change", "change", "no-change", "no-change", "proactively-settled"},
		"Closed":                          {"dismissed", "out-of-jurisdiction", "out-of-jurisdiction", "withdrawn", "no-change"},
		"Untimely response":               {"change", "change", "no-change"},
		"In progress":                     {""},
	}[s.complaint.Response]
	if weights == nil {
		weights = []string{
			"no-change", "no-change", "no-change", "no-change", "no-change", "no-change", "no-change", "change", "change", "withdrawn", "abandoned", "out-of-jurisdiction",
		}
	}
	return pick(s.random, weights)
}

func (s *story) stage(after time.Duration, stage string) {
	s.then(after, stageChanged, func(time.Time) any { return stageData{Stage: stage} })
}

// ask requests an action that is due in so many days, and returns its id.
func (s *story) ask(after time.Duration, kind, description string, dueDays int) (id string) {
	s.actions++
	id = fmt.Sprintf("%s-A%d", s.ref, s.actions)
	s.then(after, "cms.case.action-requested.v1", func(at time.Time) any {
		return actionRequestedData{ActionID: id, Kind: kind, Description: description, DueDate: due(at, dueDays)}
	})
	return id
}

func (s *story) extend(after time.Duration, id string, dueDays int) {
	s.then(after, actionExtended, func(at time.Time) any {
		return actionExtendedData{ActionID: id, DueDate: due(at, dueDays)}
	})
}

func (s *story) answer(after time.Duration, id string) {
	s.then(after, actionClosed, func(time.Time) any {
		return actionClosedData{ActionID: id, Result: "completed"}
	})
}

func (s *story) publish(kind string) {
	s.documents++
	d := document{Case: s.ref, Number: s.documents, Kind: kind}
	confidential := chance(s.random, 2)
	s.then(s.days(3, 40), "cms.case.document-published.v1", func(at time.Time) any { return d.published(at, confidential) })
}

func (s *story) close(after time.Duration, outcome, decision string) {
	s.then(after, CaseClosed, func(at time.Time) any {
		return closedData{Outcome: outcome, ClosedAt: at, DecisionReference: decision}
	})
}

func due(at time.Time, days int) string { return at.AddDate(0, 0, days).Format(time.DateOnly) }
