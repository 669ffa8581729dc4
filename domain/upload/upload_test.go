package upload_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/domain/domaintest"
	"casesync/domain/outgoing"
	"casesync/domain/upload"
)

var decider = domaintest.Decider[*upload.State, upload.Command, upload.Event]{
	Initial: upload.Initial, Decide: upload.Decide, Evolve: upload.Evolve,
}

type row = domaintest.Case[upload.Command, upload.Event]

const (
	ref    = "FOS-1"
	frn    = "123456"
	person = "b1f0"
	pdf    = "application/pdf"
)

var (
	noon   = time.Date(2025, time.January, 6, 12, 0, 0, 0, time.UTC)
	hash   = strings.Repeat("0a", 32)
	limits = upload.Limits{FileBytesMax: 1024, CaseFilesMax: 3, CaseBytesMax: 2048, BusinessDayBytesMax: 4096, MediaTypes: []string{pdf}, IdleAfter: time.Hour}

	standing   = outgoing.Case{FRN: frn, Converted: true, Open: true}
	closed     = outgoing.Case{FRN: frn, Converted: true}
	suppressed = outgoing.Case{FRN: frn, Converted: true, Open: true, Suppressed: true}
	moved      = outgoing.Case{FRN: "7654321", Converted: true, Open: true}
)

// events stamps them as Decide does.
func events(events ...upload.Event) []upload.Event {
	for _, event := range events {
		outgoing.Stamp(event, ref)
		if held, is := event.(*upload.FactHeld); is {
			outgoing.Stamp(held.Fact, ref)
		}
	}
	return events
}

func after(history []upload.Event, more ...upload.Event) []upload.Event {
	return append(slices.Clip(history), events(more...)...)
}

// Histories, each the one before and more.
var (
	begun = events(&upload.Begun{
		About: outgoing.About{Case: ref}, FRN: frn, Person: person, Bytes: 100, File: outgoing.Seal(ref, upload.File{Name: "letter.pdf"}), At: noon,
	})
	received = after(begun, &upload.Received{Content: outgoing.Seal(ref, upload.Content{SHA256: hash, MediaType: pdf}), At: noon})
	scanning = after(received, &upload.ScanBegun{Attempt: 1, At: noon})
	cleared  = after(scanning, &upload.Cleared{Attempt: 1, Scanner: "scanner 1", At: noon})
	queued   = after(cleared, &upload.Queued{Attempt: 1, At: noon})
	sent     = after(queued, &upload.Sent{Attempt: 1, At: noon})

	duplicate    = after(begun, &upload.DuplicateFound{Of: "other", At: noon})
	refused      = after(scanning, &upload.Refused{Code: upload.Harmful, Finding: "Test", At: noon})
	quarantined  = after(scanning, &upload.Quarantined{Attempt: 1, Code: upload.ScannerUnreachable, At: noon})
	stopped      = after(queued, &upload.Stopped{Cause: outgoing.CaseSuppressed, At: noon})
	halfStopped  = after(begun, &upload.Stopped{Cause: outgoing.CaseSuppressed, At: noon})
	wholeStopped = after(halfStopped, received[1], &upload.Stopped{Cause: outgoing.CaseSuppressed, At: noon})
	triedAgain   = after(halfStopped, &upload.Retried{Attempt: 2, Person: person, At: noon.Add(2*time.Hour + time.Minute)})
	abandoned    = after(begun, &upload.Abandoned{Cause: upload.Idle, At: noon})
	accepted     = after(sent, accept(1))
	rejected     = after(sent, reject(1))
	retried      = after(rejected, &upload.Retried{Attempt: 2, Person: person, At: noon})
	erased       = after(accepted, &upload.Erased{At: noon})
)

func TestBegin(t *testing.T) {
	t.Parallel()
	begin := func(change func(*upload.Begin)) upload.Command {
		c := upload.Begin{
			Case: ref, Standing: standing, FRN: frn, Person: person, Name: `C:\letters\letter.pdf`, Bytes: 100, Limits: limits, At: noon,
		}
		change(&c)
		return c
	}
	domaintest.Run(t, decider, []row{
		{Name: "begun, without the folders", When: begin(func(*upload.Begin) {}), Then: begun},
		{Name: "to a closed case", When: begin(func(c *upload.Begin) { c.Standing = closed }), Then: begun},
		{Name: "begun twice", Given: begun, When: begin(func(*upload.Begin) {}), Refused: "upload-begun"},
		{Name: "to no case", When: begin(func(c *upload.Begin) { c.Standing = outgoing.Case{} }), Refused: "case-unknown"},
		{Name: "to a suppressed case", When: begin(func(c *upload.Begin) { c.Standing = suppressed }), Refused: "case-unknown"},
		{Name: "to a case of another business", When: begin(func(c *upload.Begin) { c.Standing = moved }), Refused: "case-unknown"},
		{Name: "to an erased case", When: begin(func(c *upload.Begin) { c.Standing.Open, c.Standing.Erased = false, true }), Refused: "case-data-erased"},
		{Name: "of nothing", When: begin(func(c *upload.Begin) { c.Bytes = 0 }), Refused: "file-empty"},
		{Name: "of less than nothing", When: begin(func(c *upload.Begin) { c.Bytes = -1 }), Refused: "file-empty"},
		{Name: "of the most there may be", When: begin(func(c *upload.Begin) { c.Bytes = 1024 }), Then: func() []upload.Event {
			most := *begun[0].(*upload.Begun)
			most.Bytes = 1024
			return events(&most)
		}()},
		{Name: "of more", When: begin(func(c *upload.Begin) { c.Bytes = 1025 }), Refused: "file-too-large"},
		{Name: "without a name", When: begin(func(c *upload.Begin) { c.Name = "letters/" }), Refused: "file-name-invalid"},
	})
	for _, lacking := range []upload.Command{
		begin(func(c *upload.Begin) { c.Case = "" }), begin(func(c *upload.Begin) { c.Person = "" }),
		begin(func(c *upload.Begin) { c.FRN = "" }), begin(func(c *upload.Begin) { c.At = time.Time{} }), nil,
	} {
		if got, err := upload.Decide(upload.Initial(), lacking); err == nil || got != nil {
			t.Errorf("%+v: got %v, %v, want an error", lacking, got, err)
		}
	}
}

func TestReceiving(t *testing.T) {
	t.Parallel()
	complete := func(change func(*upload.Complete)) upload.Command {
		c := upload.Complete{SHA256: hash, MediaType: pdf, Bytes: 100, Limits: limits, At: noon}
		change(&c)
		return c
	}
	whole := complete(func(*upload.Complete) {})
	tick := func(last, now time.Duration) upload.Command {
		c := upload.Tick{Limits: limits, Now: noon.Add(now)}
		if last > 0 {
			c.LastByte = noon.Add(last)
		}
		return c
	}
	idle := func(at time.Duration) *upload.Abandoned {
		return &upload.Abandoned{Cause: upload.Idle, At: noon.Add(at)}
	}
	domaintest.Run(t, decider, []row{
		{Name: "complete", Given: begun, When: whole, Then: received[1:]},
		{Name: "complete twice: nothing happens", Given: received, When: whole},
		{Name: "complete after it was abandoned: nothing happens", Given: abandoned, When: whole},
		{Name: "complete though the case was suppressed: kept, and stopped", Given: halfStopped, When: whole, Then: wholeStopped[2:]},
		{Name: "complete twice though the case was suppressed: nothing happens", Given: wholeStopped, When: whole},
		{
			Name: "complete though the case was erased: nothing is kept", When: whole,
			Given: after(begun, &upload.Stopped{Cause: outgoing.CaseErased, At: noon}),
		},
		{Name: "complete, of no upload", When: whole, Refused: "upload-unknown"},
		{
			Name: "of another size", Given: begun, When: complete(func(c *upload.Complete) { c.Bytes = 99 }),
			Then: events(&upload.Refused{Code: upload.SizeDiffers, At: noon}),
		},
		{
			Name: "of a type that is not taken", Given: begun, When: complete(func(c *upload.Complete) { c.MediaType = "application/x-msdownload" }),
			Then: events(&upload.Refused{Code: upload.TypeNotAllowed, At: noon}),
		},
		{Name: "a duplicate", Given: begun, When: complete(func(c *upload.Complete) { c.DuplicateOf = "other" }), Then: duplicate[1:]},

		{Name: "idle for less than the limit: nothing happens", Given: begun, When: tick(0, time.Hour-1)},
		{Name: "idle for the limit", Given: begun, When: tick(0, time.Hour), Then: events(idle(time.Hour))},
		{Name: "a byte came since: nothing happens", Given: begun, When: tick(time.Minute, time.Hour)},
		{Name: "idle since the last byte", Given: begun, When: tick(time.Minute, time.Hour+time.Minute), Then: events(idle(time.Hour + time.Minute))},
		{Name: "whole while its case is suppressed: kept", Given: wholeStopped, When: tick(0, 100*time.Hour)},
		{Name: "tried again after the limit: nothing happens", Given: triedAgain, When: tick(0, 3*time.Hour)},
		{Name: "tried again, and idle for the limit", Given: triedAgain, When: tick(time.Minute, 3*time.Hour+time.Minute), Then: events(idle(3*time.Hour + time.Minute))},
		{Name: "idle while its case is suppressed", Given: halfStopped, When: tick(0, time.Hour), Then: events(idle(time.Hour))},
		{Name: "whole, and waiting for us: nothing happens", Given: received, When: tick(0, 1000*time.Hour)},
		{Name: "whole and stopped: nothing happens", Given: stopped, When: tick(0, 1000*time.Hour)},
		{Name: "abandoned already: nothing happens", Given: abandoned, When: tick(0, 1000*time.Hour)},
	})
	broken := complete(func(c *upload.Complete) { c.SHA256 = strings.ToUpper(hash) })
	if got, err := upload.Decide(decider.State(begun...), broken); err == nil || got != nil {
		t.Errorf("complete with a digest in capitals: got %v, %v, want an error", got, err)
	}
}

// TestScanning: only an exact OK to the attempt that is being scanned lets a file through.
func TestScanning(t *testing.T) {
	t.Parallel()
	note := func(attempt int, finding upload.Finding) upload.Command {
		return upload.NoteScan{Attempt: attempt, Finding: finding, Scanner: "scanner\x00 1\n", At: noon}
	}
	nothing := upload.Finding{Verdict: upload.FoundNothing}
	harmful := upload.Finding{Verdict: upload.FoundHarmful, Name: "Te\x1bst"}
	unclear := upload.Finding{Verdict: upload.FoundUnclear, Code: upload.ScannerUnreachable}
	second := after(retried, &upload.ScanBegun{Attempt: 2, At: noon})
	domaintest.Run(t, decider, []row{
		{Name: "begun", Given: received, When: upload.BeginScan{At: noon}, Then: scanning[2:]},
		{Name: "begun again: nothing happens", Given: scanning, When: upload.BeginScan{At: noon}},
		{Name: "begun before it was received: nothing happens", Given: begun, When: upload.BeginScan{At: noon}},
		{Name: "begun in quarantine: nothing happens", Given: quarantined, When: upload.BeginScan{At: noon}},
		{Name: "nothing found", Given: scanning, When: note(1, nothing), Then: cleared[3:]},
		{Name: "something found", Given: scanning, When: note(1, harmful), Then: refused[3:]},
		{Name: "not found out", Given: scanning, When: note(1, unclear), Then: quarantined[3:]},
		{Name: "found before it was asked: nothing happens", Given: received, When: note(1, nothing)},
		{Name: "found in quarantine: nothing happens", Given: quarantined, When: note(1, nothing)},
		{Name: "found after it was stopped: nothing happens", Given: stopped, When: note(1, nothing)},
		{Name: "the answer to an earlier attempt: nothing happens", Given: second, When: note(1, nothing)},
		{Name: "the answer to this attempt", Given: second, When: note(2, nothing), Then: events(&upload.Cleared{Attempt: 2, Scanner: "scanner 1", At: noon})},
	})
	for _, finding := range []upload.Finding{{}, {Verdict: "OK"}, {Verdict: upload.FoundUnclear}, {Verdict: upload.FoundUnclear, Code: "tired"}} {
		if got, err := upload.Decide(decider.State(scanning...), note(1, finding)); err == nil || got != nil {
			t.Errorf("%+v: got %v, %v, want an error", finding, got, err)
		}
	}
}

func TestGoingOut(t *testing.T) {
	t.Parallel()
	queue := func(c outgoing.Case) upload.Command { return upload.Queue{Standing: c, At: noon} }
	check := func(c outgoing.Case) upload.Command { return upload.Check{Standing: c, At: noon} }
	noteSent := func(attempt int) upload.Command { return upload.NoteSent{Attempt: attempt, At: noon} }
	stop := func(cause outgoing.Cause) []upload.Event { return events(&upload.Stopped{Cause: cause, At: noon}) }
	cancelled := after(queued, &upload.Abandoned{Cause: upload.Cancelled, At: noon})
	domaintest.Run(t, decider, []row{
		{Name: "queued", Given: cleared, When: queue(standing), Then: queued[4:]},
		{Name: "queued about a closed case", Given: cleared, When: queue(closed), Then: queued[4:]},
		{Name: "queued twice: nothing happens", Given: queued, When: queue(standing)},
		{Name: "queued before it is clean: nothing happens", Given: scanning, When: queue(standing)},
		{Name: "queued in quarantine: nothing happens", Given: quarantined, When: queue(standing)},
		{Name: "queued while suppressed", Given: cleared, When: queue(suppressed), Then: stop(outgoing.CaseSuppressed)},

		{Name: "checked: nothing happens", Given: queued, When: check(standing)},
		{Name: "checked while suppressed", Given: queued, When: check(suppressed), Then: stopped[5:]},
		{Name: "checked after a transfer", Given: scanning, When: check(moved), Then: stop(outgoing.CaseTransferred)},
		{Name: "checked half-way", Given: begun, When: check(suppressed), Then: halfStopped[1:]},
		{Name: "checked twice: nothing happens", Given: stopped, When: check(suppressed)},
		{Name: "checked after it was sent: nothing happens", Given: sent, When: check(suppressed)},
		{Name: "checked after its answer: nothing happens", Given: accepted, When: check(suppressed)},

		{Name: "sent", Given: queued, When: noteSent(1), Then: sent[5:]},
		{Name: "sent twice: nothing happens", Given: sent, When: noteSent(1)},
		{Name: "sent in an attempt that is over: nothing happens", Given: retried, When: noteSent(1)},
		{Name: "sent, and answered already: nothing happens", Given: after(queued, accept(1)), When: noteSent(1)},
		{Name: "sent, and never in line: nothing happens", Given: after(received, stopped[5]), When: noteSent(1)},
		{
			Name: "sent while it was stopped", Given: stopped, When: noteSent(1),
			Then: events(&upload.Sent{Attempt: 1, Overtook: upload.StatusStopped, At: noon}),
		},
		{
			Name: "sent while it was cancelled", Given: cancelled, When: noteSent(1),
			Then: events(&upload.Sent{Attempt: 1, Overtook: upload.StatusAbandoned, At: noon}),
		},
	})
	for _, test := range []struct {
		history []upload.Event
		attempt int
		want    bool
	}{{queued, 1, true}, {queued, 2, false}, {stopped, 1, false}, {sent, 1, false}, {cleared, 1, false}} {
		if got := decider.State(test.history...).Deliverable(test.attempt); got != test.want {
			t.Errorf("deliverable after %d events: got %v, want %v", len(test.history), got, test.want)
		}
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	retry := upload.Retry{Standing: standing, FRN: frn, Person: person, At: noon}
	with := func(c outgoing.Case, frn string) upload.Command {
		return upload.Retry{Standing: c, FRN: frn, Person: person, At: noon}
	}
	again := func(attempt int) []upload.Event {
		return events(&upload.Retried{Attempt: attempt, Person: person, At: noon})
	}
	tired := slices.Clone(quarantined)
	for attempt := 2; attempt <= upload.AttemptsMax; attempt++ {
		tired = append(tired, again(attempt)[0], &upload.ScanBegun{Attempt: attempt, At: noon},
			&upload.Quarantined{Attempt: attempt, Code: upload.ScannerUnclear, At: noon})
	}
	domaintest.Run(t, decider, []row{
		{Name: "of a quarantined one", Given: quarantined, When: retry, Then: again(2)},
		{Name: "of a stopped one", Given: stopped, When: retry, Then: again(2)},
		{Name: "of one rejected by the source", Given: rejected, When: retry, Then: again(2)},
		{Name: "while it is tried: nothing happens", Given: retried, When: retry},
		{Name: "of a stopped one, while suppressed", Given: stopped, When: with(suppressed, frn), Refused: "case-unknown"},
		{Name: "by another business", Given: stopped, When: with(moved, "7654321"), Refused: "upload-unknown"},
		{Name: "of one whose case moved", Given: stopped, When: with(moved, frn), Refused: "case-unknown"},
		{Name: "of a harmful one", Given: refused, When: retry, Refused: "upload-rejected"},
		{Name: "of a duplicate", Given: duplicate, When: retry, Refused: "upload-duplicate"},
		{Name: "of an abandoned one", Given: abandoned, When: retry, Refused: "upload-abandoned"},
		{Name: "of one that was sent", Given: sent, When: retry, Refused: "upload-sent"},
		{Name: "of an accepted one", Given: accepted, When: retry, Refused: "upload-accepted"},
		{Name: "of one that is in line", Given: queued, When: retry, Refused: "upload-queued"},
		{Name: "of none", When: retry, Refused: "upload-unknown"},
		{Name: "too often", Given: tired, When: retry, Refused: "upload-attempts"},
	})
	for status, history := range map[upload.Status][]upload.Event{
		upload.StatusReceived: after(stopped, again(2)...), upload.StatusReceiving: after(halfStopped, again(2)...),
	} {
		if state := decider.State(history...); state.Status() != status || state.Attempt() != 2 {
			t.Errorf("retried: got %s, attempt %d, want %s, attempt 2", state.Status(), state.Attempt(), status)
		}
	}
}

func TestTheEnd(t *testing.T) {
	t.Parallel()
	cancel, erase := upload.Cancel{FRN: frn, At: noon}, upload.Erase{At: noon}
	cancelled := events(&upload.Abandoned{Cause: upload.Cancelled, At: noon})
	domaintest.Run(t, decider, []row{
		{Name: "cancelled half-way", Given: begun, When: cancel, Then: cancelled},
		{Name: "cancelled in line", Given: queued, When: cancel, Then: cancelled},
		{Name: "cancelled in quarantine", Given: quarantined, When: cancel, Then: cancelled},
		{Name: "cancelled twice: nothing happens", Given: abandoned, When: cancel},
		{Name: "cancelled when it was sent", Given: sent, When: cancel, Refused: "upload-sent"},
		{Name: "cancelled when it was accepted", Given: accepted, When: cancel, Refused: "upload-accepted"},
		{Name: "cancelled by another business", Given: sent, When: upload.Cancel{FRN: "7654321", At: noon}, Refused: "upload-unknown"},
		{Name: "erased", Given: accepted, When: erase, Then: erased[7:]},
		{Name: "erased half-way", Given: begun, When: erase, Then: events(&upload.Erased{At: noon})},
		{Name: "erased twice: nothing happens", Given: erased, When: erase},
		{Name: "erased, of none", When: erase, Refused: "upload-unknown"},
		{Name: "checked when erased: nothing happens", Given: erased, When: upload.Check{Standing: suppressed, At: noon}},
		{Name: "retried when erased", Given: erased, When: upload.Retry{Standing: standing, FRN: frn, Person: person, At: noon}, Refused: "upload-erased"},
	})
}

func TestState(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		history                        []upload.Event
		want                           upload.Status
		whole, downloadable, retryable bool
	}{
		{nil, upload.StatusMissing, false, false, false},
		{begun, upload.StatusReceiving, false, false, false},
		{received, upload.StatusReceived, true, false, false},
		{scanning, upload.StatusScanning, true, false, false},
		{cleared, upload.StatusClean, true, true, false},
		{queued, upload.StatusQueued, true, true, false},
		{sent, upload.StatusSent, true, true, false},
		{accepted, upload.StatusAccepted, true, true, false},
		{rejected, upload.StatusRejected, true, true, true},
		{retried, upload.StatusReceived, true, false, false},
		{refused, upload.StatusRejected, false, false, false},
		{duplicate, upload.StatusDuplicate, false, false, false},
		{quarantined, upload.StatusQuarantined, true, false, true},
		{stopped, upload.StatusStopped, true, true, true},
		{after(received, stopped[5]), upload.StatusStopped, true, false, true},
		{after(received, stopped[5], accept(1)), upload.StatusAccepted, true, false, false},
		{abandoned, upload.StatusAbandoned, false, false, false},
		{erased, upload.StatusErased, false, false, false},
	} {
		s := decider.State(test.history...)
		if s.Status() != test.want || s.Whole() != test.whole || s.Downloadable() != test.downloadable || s.Retryable() != test.retryable {
			t.Errorf("after %d events: got %s, whole %v, downloadable %v, retryable %v, want %+v",
				len(test.history), s.Status(), s.Whole(), s.Downloadable(), s.Retryable(), test)
		}
	}
	s := decider.State(duplicate...)
	name, _ := s.File().Get()
	if s.Case() != ref || s.FRN() != frn || s.Person() != person || s.Bytes() != 100 || !s.Began().Equal(noon) || name.Name != "letter.pdf" || s.DuplicateOf() != "other" {
		t.Errorf("got %+v, want what was begun", s)
	}
	if content, open := decider.State(received...).Content().Get(); !open || content.SHA256 != hash {
		t.Errorf("content: got %v, want the digest", content)
	}
}
