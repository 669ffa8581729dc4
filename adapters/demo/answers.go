package demo

import (
	"fmt"
	"time"
)

// answer is what the simulated case management system makes of a notification.
type answer struct {
	// Refused is why it does not take the notification; zero where it does.
	Refused refusal
	// Then is what it does about the case besides.
	Then []fact
}

// refusal is why something is not taken: a stable word, and a sentence.
type refusal struct{ Code, Reason string }

// fact is an event about a case, yet to be made.
type fact struct {
	kind string
	data any
}

// answers are what the simulated case management system does of itself, by the type of the notification. What is not here
// is acknowledged and left: in a real system a person would have to read it first (an offer, another business,
// a duplicate, an objection, new contact details, a word about the case).
var answers = map[string]func(s standing, fields map[string]string) answer{
	"file-submitted":                fileSubmitted,
	"more-time-requested":           moreTime,
	"accept-view":                   func(s standing, _ map[string]string) answer { return answer{Then: s.close(askReply)} },
	"disagree-with-view":            disagree,
	"provisional-decision-comments": func(s standing, _ map[string]string) answer { return answer{Then: s.close(askComments)} },
}

// answerTo returns what is made of a notification about a case that stands so.
func answerTo(s standing, notification string, fields map[string]string) answer {
	decide := answers[notification]
	if decide == nil || s.Closed {
		return answer{}
	}
	return decide(s, fields)
}

// fileSubmitted takes a file that is complete: the request is done, and the case goes on.
func fileSubmitted(s standing, fields map[string]string) answer {
	if fields["complete"] != "yes" {
		return answer{} // the rest is to come
	}
	then := s.close(askFile)
	if s.Stage == "file-requested" || s.Stage == "converted" {
		then = append(then, fact{stageChanged, stageData{Stage: "file-received"}})
	}
	return answer{Then: then}
}

// extensionDaysMax is how much more time is given without a person.
const extensionDaysMax = 28

// moreTime gives more time for an action that is open.
func moreTime(s standing, fields map[string]string) answer {
	open, found := s.first(fields["actionId"])
	if !found {
		return refuse("nothing-open", "Nothing that we wait for could be given more time.")
	}
	until, err := time.Parse(time.DateOnly, fields["until"])
	due, dueErr := time.Parse(time.DateOnly, open.Due)
	switch {
	case err != nil || dueErr != nil:
		return refuse("not-a-date", "The new date is no date.")
	case !until.After(due):
		return refuse("not-later", fmt.Sprintf("It is due on %s, which is not before the date that was asked for.", open.Due))
	case until.After(due.AddDate(0, 0, extensionDaysMax)):
		return refuse("too-long", fmt.Sprintf("More than %d days are not given.", extensionDaysMax))
	}
	return answer{Then: []fact{{actionExtended, actionExtendedData{ActionID: open.ID, DueDate: fields["until"]}}}}
}

func refuse(code, reason string) answer { return answer{Refused: refusal{code, reason}} }

// disagree takes the reply to a view, and refers the case where an ombudsman is asked for.
func disagree(s standing, fields map[string]string) answer {
	then := s.close(askReply)
	if fields["ombudsman"] == "yes" && s.Stage == "view-issued" {
		then = append(then, fact{stageChanged, stageData{Stage: "ombudsman-referral"}})
	}
	return answer{Then: then}
}

// close closes what is open of a kind.
func (s *standing) close(kind string) (then []fact) {
	for _, a := range s.Actions {
		if a.Kind == kind {
			then = append(then, fact{actionClosed, actionClosedData{ActionID: a.ID, Result: "completed"}})
		}
	}
	return then
}
