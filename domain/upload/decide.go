package upload

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"casesync/domain/feed"
	"casesync/domain/outgoing"
	"casesync/domain/private"
)

// AttemptsMax is how often one upload may be tried. Whoever comes so far has another problem than the file.
const AttemptsMax = 20

// errIncomplete: a command lacks what its caller makes.
var errIncomplete = errors.New("decide upload: the command lacks a case, business, person, digest or time")

// Decide returns the events that command leads to, none where all is as it asks. It changes
// neither state nor command. An error is a *domain.Refusal, or the fault of the caller.
func Decide(state *State, command Command) ([]Event, error) {
	events, err := state.decide(command)
	for _, event := range events {
		state.stamp(event)
	}
	return events, err
}

func (s *State) decide(command Command) ([]Event, error) {
	if begin, is := command.(Begin); is {
		return s.begin(begin)
	}
	if s.course.status == StatusMissing {
		return decideMissing(command)
	}
	switch command := command.(type) {
	case Record:
		return s.record(command)
	case Skip:
		return facts.Skip(&s.feed, &s.course, feed.Skip(command))
	case Release:
		return facts.Release(&s.feed, &s.course, command.FactsMax), nil
	}
	return s.decideBegun(command)
}

// decideMissing decides the commands about an upload that there is not. Facts about it are refused, as its id
// was never given out here: there is no case that they could be about. So nothing is waited for either.
func decideMissing(command Command) ([]Event, error) {
	switch command.(type) {
	case Record:
		return nil, refuseUnheard()
	case Skip, Release:
		return nil, nil
	}
	return nil, refuseMissing()
}

// stamp notes in event, and in the fact that it holds, which case it is about.
func (s *State) stamp(event Event) {
	if s.course.status == StatusMissing {
		return // begin did
	}
	outgoing.Stamp(event, s.course.ref)
	if held, is := event.(*FactHeld); is {
		outgoing.Stamp(held.Fact, s.course.ref)
	}
}

// decideBegun decides the commands about an upload that there is.
func (s *State) decideBegun(command Command) ([]Event, error) {
	switch command := command.(type) {
	case Complete:
		return s.complete(command)
	case BeginScan:
		return s.when(&ScanBegun{Attempt: s.course.attempt, At: utc(command.At)}, StatusReceived), nil
	case NoteScan:
		return s.noteScan(command)
	case Queue:
		return s.queue(command), nil
	case Check:
		return s.check(command.Standing, command.At), nil
	case NoteSent:
		return s.noteSent(command), nil
	case Retry:
		return s.retry(command)
	case Cancel:
		return s.cancel(command)
	case Tick:
		return s.tick(command), nil
	case Erase:
		return s.unless(&Erased{At: utc(command.At)}, StatusErased), nil
	}
	return nil, fmt.Errorf("decide %T: not a command of an upload", command)
}

func (s *State) begin(c Begin) ([]Event, error) {
	if c.Case == "" || c.FRN == "" || c.Person == "" || c.At.IsZero() {
		return nil, errIncomplete
	}
	if s.course.status != StatusMissing {
		return nil, refuseBegun()
	}
	if cause := c.Standing.Bars(c.FRN, true); cause != "" {
		return nil, cause.Refusal()
	}
	name, ok := FileName(c.Name)
	if !ok {
		return nil, refuseName()
	}
	if err := c.Limits.File(c.Bytes); err != nil {
		return nil, err
	}
	return []Event{&Begun{
		About: outgoing.About{Case: c.Case}, FRN: c.FRN, Person: c.Person, Bytes: c.Bytes, File: outgoing.Seal(c.Case, File{Name: name}), At: utc(c.At),
	}}, nil
}

// complete decides once: what is told again afterwards, such as by a client that lost the answer, changes nothing.
// complete takes what was received also where the upload was stopped before the last byte came: what came whole is
// kept, and Retry leads on from it. Only where the case's data was erased nothing new is kept of it.
func (s *State) complete(c Complete) ([]Event, error) {
	stopped := s.course.status == StatusStopped && !s.course.whole && s.course.stoppedBy != outgoing.CaseErased
	switch {
	case s.course.status != StatusReceiving && !stopped:
		return nil, nil
	case c.Bytes != s.bytes:
		return []Event{&Refused{Code: SizeDiffers, At: utc(c.At)}}, nil
	case !slices.Contains(c.Limits.MediaTypes, c.MediaType):
		return []Event{&Refused{Code: TypeNotAllowed, At: utc(c.At)}}, nil
	case c.DuplicateOf != "":
		return []Event{&DuplicateFound{Of: c.DuplicateOf, At: utc(c.At)}}, nil
	case !validSHA256(c.SHA256):
		return nil, errIncomplete
	}
	content := Content{SHA256: c.SHA256, MediaType: c.MediaType}
	events := []Event{&Received{Content: outgoing.Seal(s.course.ref, content), At: utc(c.At)}}
	if stopped {
		events = append(events, &Stopped{Cause: s.course.stoppedBy, At: utc(c.At)})
	}
	return events, nil
}

// noteScan lets nothing through but what was found clean in this very attempt.
func (s *State) noteScan(c NoteScan) ([]Event, error) {
	if s.course.status != StatusScanning || s.course.attempt != c.Attempt {
		return nil, nil
	}
	switch c.Finding.Verdict {
	case FoundNothing:
		return []Event{&Cleared{Attempt: c.Attempt, Scanner: printable(c.Scanner), At: utc(c.At)}}, nil
	case FoundHarmful:
		return []Event{&Refused{Code: Harmful, Finding: printable(c.Finding.Name), At: utc(c.At)}}, nil
	case FoundUnclear:
		if !c.Finding.Code.known() {
			return nil, fmt.Errorf("note scan: %q is no reason for quarantine", c.Finding.Code)
		}
		return []Event{&Quarantined{Attempt: c.Attempt, Code: c.Finding.Code, At: utc(c.At)}}, nil
	}
	return nil, fmt.Errorf("note scan: %q is no verdict", c.Finding.Verdict)
}

func (s *State) queue(c Queue) []Event {
	if s.course.status != StatusClean {
		return nil
	}
	if stopped := s.check(c.Standing, c.At); stopped != nil {
		return stopped
	}
	return []Event{&Queued{Attempt: s.course.attempt, At: utc(c.At)}}
}

// check stops whatever is on its way. A file in quarantine is going nowhere: Retry checks it.
func (s *State) check(standing outgoing.Case, at time.Time) []Event {
	cause := standing.Bars(s.frn, true)
	if cause == "" {
		return nil
	}
	return s.when(&Stopped{Cause: cause, At: utc(at)}, StatusReceiving, StatusReceived, StatusScanning, StatusClean, StatusQueued)
}

func (s *State) noteSent(c NoteSent) []Event {
	sent := &Sent{Attempt: c.Attempt, At: utc(c.At)}
	switch {
	case c.Attempt != s.course.attempt || !s.course.queued:
		return nil
	case s.course.status == StatusStopped || s.course.status == StatusAbandoned:
		sent.Overtook = s.course.status
	case s.course.status != StatusQueued:
		return nil
	}
	return []Event{sent}
}

func (s *State) retry(c Retry) ([]Event, error) {
	switch cause := c.Standing.Bars(c.FRN, true); {
	case c.Person == "":
		return nil, errIncomplete
	case c.FRN != s.frn:
		return nil, refuseMissing()
	case cause != "":
		return nil, cause.Refusal()
	case s.course.status == StatusReceiving || s.course.status == StatusReceived || s.course.status == StatusScanning:
		return nil, nil // it is being tried
	case !s.Retryable():
		return nil, refuseStatus(s.course.status)
	case s.course.attempt >= AttemptsMax:
		return nil, refuseAttempts()
	}
	return []Event{&Retried{Attempt: s.course.attempt + 1, Person: c.Person, At: utc(c.At)}}, nil
}

func (s *State) cancel(c Cancel) ([]Event, error) {
	if c.FRN != s.frn {
		return nil, refuseMissing()
	}
	switch s.course.status {
	case StatusReceiving, StatusReceived, StatusScanning, StatusClean, StatusQueued, StatusQuarantined, StatusStopped:
		return []Event{&Abandoned{Cause: Cancelled, At: utc(c.At)}}, nil
	case StatusAbandoned:
		return nil, nil
	}
	return nil, refuseStatus(s.course.status)
}

// tick looks at what is not whole: the rest waits for us, and not for the person.
func (s *State) tick(c Tick) []Event {
	last := s.tried
	if c.LastByte.After(last) {
		last = c.LastByte
	}
	if s.course.whole || c.Limits.IdleAfter <= 0 || c.Now.Sub(last) < c.Limits.IdleAfter {
		return nil
	}
	return s.when(&Abandoned{Cause: Idle, At: utc(c.Now)}, StatusReceiving, StatusStopped)
}

// record seals what the source says in words under the key of the case that this is about, whichever case the
// source names: it dies with it.
func (s *State) record(c Record) ([]Event, error) {
	switch fact := c.Fact.(type) {
	case *Accepted:
		sealed := *fact
		sealed.Reason = s.sealed(fact.Reason)
		c.Fact = &sealed
	case *Rejected:
		sealed := *fact
		sealed.Reason = s.sealed(fact.Reason)
		c.Fact = &sealed
	}
	return facts.Record(&s.feed, &s.course, feed.Record[Event]{Fact: c.Fact, Owner: c.Owner, Retry: c.Retry, Alone: c.Alone})
}

func (s *State) sealed(reason private.Value[string]) private.Value[string] {
	if text, open := reason.Get(); open {
		return outgoing.Seal(s.course.ref, text)
	}
	return reason
}

// when returns event where the upload stands at one of statuses.
func (s *State) when(event Event, statuses ...Status) []Event {
	if !slices.Contains(statuses, s.course.status) {
		return nil
	}
	return []Event{event}
}

func (s *State) unless(event Event, status Status) []Event {
	if s.course.status == status {
		return nil
	}
	return []Event{event}
}

func utc(t time.Time) time.Time { return t.UTC() }
