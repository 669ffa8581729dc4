package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"casesync/adapters/demo"
	"casesync/adapters/identity"
	"casesync/adapters/servicebus"
	"casesync/adapters/servicebus/sbtest"
	"casesync/domain/access"
)

// otherSource is a second case management system.
const otherSource = "https://other.cms.example"

// of makes a fact one of another source, with an id of its own.
func of(source, id string, event map[string]any) map[string]any {
	event["source"], event["id"] = source, id
	return event
}

func stageOf(ref string, sequence int, stage string) map[string]any {
	return fact("cms.case.stage-changed.v1", ref, sequence, map[string]any{"stage": stage})
}

// sendTo publishes events to a queue or topic, and waits until what is taken from there took them.
func sendTo(t *testing.T, bus *sbtest.Server, entity, taken string, events ...map[string]any) {
	t.Helper()
	bus.Pending(taken) // makes a subscription
	queued(t, bus, entity, linesOf(t, events))
	emptied(t, bus, taken)
}

func linesOf(t *testing.T, events []map[string]any) (lines []string) {
	t.Helper()
	for _, event := range events {
		line, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	return lines
}

// letterCodes are the codes of the open dead letters, by the ids of their events.
func (a *api) letterCodes() map[string]string {
	a.t.Helper()
	codes := map[string]string{}
	for _, item := range a.object("operator", "/api/v1/dead-letters?status=open")["items"].([]any) {
		letter := item.(map[string]any)
		codes[fmt.Sprint(letter["eventId"])] = fmt.Sprint(letter["code"])
	}
	return codes
}

// speaks posts one event, and returns what became of it.
func (a *api) speaks(as string, event map[string]any) string {
	a.t.Helper()
	body, err := json.Marshal([]any{event})
	if err != nil {
		a.t.Fatal(err)
	}
	status, _, answer := a.do(http.MethodPost, as, "/cms/v1/events", string(body), "Content-Type", "application/cloudevents-batch+json")
	var got struct {
		Results []struct{ Status, Code string }
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil || len(got.Results) != 1 {
		a.t.Fatalf("POST /cms/v1/events as %s: %d %s", as, status, answer)
	}
	return strings.TrimSpace(got.Results[0].Status + " " + got.Results[0].Code)
}

// Two case management systems, each with its own queue, token and sequences: only the one that a case belongs to is heard
// about it, and after it was handed over only the other.
func TestTwoSystemsOverServiceBus(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		bus := sbtest.Start(t)
		bus.Configure("first", sbtest.Options{Sessions: true})
		bus.Configure("second", sbtest.Options{Topic: true})
		const portal = "second/Subscriptions/portal"
		w.storage = append(w.storage, "--servicebus", bus.ConnectionString(), "--servicebus-queue", "first", "--servicebus-source", demo.Source,
			"--servicebus-feed", "second/portal,source="+otherSource+",sessions=false")
		a, _ := w.serve()
		a.token["other"] = w.tokenOf(identity.Spec{Role: access.CMS, Name: "other", Source: otherSource})

		sendTo(t, bus, "first", "first", converted("TWO-1"), stageOf("TWO-1", 2, "investigation"))
		sendTo(t, bus, "second", portal, of(otherSource, "early", stageOf("TWO-1", 1, "on-hold")), stageOf("TWO-2", 1, "on-hold"))
		for event, want := range map[string]string{"early": "foreign-source", "TWO-2-1": "source-mismatch"} {
			if got := a.letterCodes()[event]; got != want {
				t.Errorf("before, event %s: got %q, want %s", event, got, want)
			}
		}
		for as, want := range map[string]string{"other": "rejected foreign-source", "cms": "rejected source-mismatch"} {
			if got := a.speaks(as, of(otherSource, "http-"+as, stageOf("TWO-1", 1, "on-hold"))); got != want {
				t.Errorf("before, over HTTP as %s: got %s, want %s", as, got, want)
			}
		}
		sendTo(t, bus, "first", "first", fact("cms.case.handed-over.v1", "TWO-1", 3, map[string]any{"toSource": otherSource}))
		sendTo(t, bus, "second", portal, of(otherSource, "b1", stageOf("TWO-1", 1, "on-hold")))
		if got := a.speaks("other", of(otherSource, "b2", stageOf("TWO-1", 2, "view-issued"))); got != "accepted" {
			t.Errorf("after, over HTTP as the second: got %s, want it accepted", got)
		}
		sendTo(t, bus, "first", "first", of(demo.Source, "late", stageOf("TWO-1", 4, "final-decision")))
		if got := a.letterCodes(); got["late"] != "foreign-source" || got["b1"] != "" {
			t.Errorf("after: got dead letters %v, want the first system's, and none of the second's", got)
		}
		w.caughtUp()
		if got := a.object("auditor", "/api/v1/cases/TWO-1")["stage"]; got != "view-issued" {
			t.Errorf("got stage %v, want what the second system said last", got)
		}
	})
}

// tokenOf issues a token.
func (w *world) tokenOf(spec identity.Spec) string {
	w.t.Helper()
	tokens, err := w.inside("serve").tokens(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := tokens.Issue(w.t.Context(), spec)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// bury dead-letters whatever a queue with sessions holds, as somebody else who receives from it may.
func bury(t *testing.T, bus *sbtest.Server, queue, reason, description string) {
	t.Helper()
	subscriber, err := servicebus.NewSubscriber(servicebus.SubscriberConfig{
		Connection: servicebus.Connection{ConnectionString: servicebus.ConnectionString(bus.ConnectionString())}, Sessions: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer subscriber.Close()
	messages, err := subscriber.Subscribe(t.Context(), queue)
	if err != nil {
		t.Fatal(err)
	}
	for n := bus.Pending(queue); n > 0; n-- {
		m := <-messages
		servicebus.DeadLetter(m, reason, description)
		m.Ack()
	}
	emptied(t, bus, queue)
}

// What the broker gave up is a dead letter like any other: listed with the broker's reason, shown whole, retried and
// discarded. Whoever is killed after it was kept and before the broker heard of it keeps it once (requirement 10).
func TestServiceBusDeadLetters(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		bus := sbtest.Start(t)
		bus.Configure("feed", sbtest.Options{Sessions: true, Lock: time.Second})
		queued(t, bus, "feed", append(linesOf(t, []map[string]any{
			converted("DEAD-1"), converted("DEAD-2"), of(otherSource, "foreign", converted("DEAD-3")),
		}), `{"id":"broken","subject":"DEAD-4"}`))
		bury(t, bus, "feed", "MaxDeliveryCountExceeded", "It could not be consumed.")
		const dead = "feed/$DeadLetterQueue"
		settled := make(chan struct{}, 100)
		drops := 0
		bus.SetDropSettle(func(path string) bool {
			if !strings.EqualFold(path, dead) {
				return false
			}
			drops++
			settled <- struct{}{}
			return drops <= 2
		})
		flags := []string{"--servicebus", bus.ConnectionString(), "--servicebus-queue", "feed", "--servicebus-source", demo.Source}
		s := w.start(flags...)
		<-settled
		s.kill() // it is kept, and the broker does not know
		s.restart()
		emptied(t, bus, dead)

		letters := map[string]map[string]any{}
		times := 0.0
		for _, item := range s.object("operator", "/api/v1/dead-letters?status=open")["items"].([]any) {
			letter := item.(map[string]any)
			letters[fmt.Sprint(letter["eventId"])] = letter
			times += letter["times"].(float64)
			if letter["via"] != "servicebus-dead-letter" {
				t.Errorf("got %v, want the way that it came", letter)
			}
		}
		for event, want := range map[string]string{"DEAD-1-1": "dead-lettered", "DEAD-2-1": "dead-lettered", "foreign": "source-mismatch", "broken": "dead-lettered"} {
			if letters[event]["code"] != want {
				t.Errorf("event %s: got %v, want %s", event, letters[event], want)
			}
		}
		if len(letters) != 4 || times <= 4 {
			t.Errorf("got %d letters that came %v times, want 4, and some counted twice", len(letters), times)
		}
		w.decideOnBuried(s, fmt.Sprint(letters["DEAD-1-1"]["id"]), fmt.Sprint(letters["DEAD-2-1"]["id"]))

		s.kill()
		queued(t, bus, "feed", linesOf(t, []map[string]any{converted("DEAD-5")}))
		bury(t, bus, "feed", "left", "It is somebody else's.")
		s.flags = append(s.flags, "--no-servicebus-dead-letters")
		s.restart()
		sendTo(t, bus, "feed", "feed", converted("DEAD-6"))
		if got := bus.Pending(dead); got != 1 {
			t.Errorf("got %d messages in the broker's dead-letter queue, want the one that is to stay there", got)
		}
	})
}

// decideOnBuried retries the conversion of DEAD-1 and discards that of DEAD-2, which releases what waits for them.
func (w *world) decideOnBuried(s *service, retried, discarded string) {
	w.t.Helper()
	output := w.must("dead-letters", "show", retried)
	for _, want := range []string{"servicebus-dead-letter", "MaxDeliveryCountExceeded: It could not be consumed.", `"DEAD-1-1"`} {
		if !strings.Contains(output, want) {
			w.t.Errorf("show: got %s, want %q", output, want)
		}
	}
	for _, ref := range []string{"DEAD-1", "DEAD-2"} {
		if got := s.speaks("cms", stageOf(ref, 2, "on-hold")); got != "held" {
			w.t.Errorf("%s: got %s, want it held", ref, got)
		}
	}
	if output := w.must("dead-letters", "retry", retried, "--reason", "the fault is mended"); !strings.Contains(output, "accepted") {
		w.t.Errorf("retry: got %s, want it accepted", output)
	}
	w.must("dead-letters", "discard", discarded, "--reason", "sent by mistake")
	w.caughtUp()
	if got := s.object("auditor", "/api/v1/cases/DEAD-1")["stage"]; got != "on-hold" {
		w.t.Errorf("DEAD-1: got stage %v, want on-hold, which waited", got)
	}
	for _, ref := range []string{"DEAD-1", "DEAD-2"} {
		if got := s.speaks("cms", stageOf(ref, 3, "investigation")); got != "accepted" {
			w.t.Errorf("%s: got %s, want it accepted: nothing is waited for", ref, got)
		}
	}
}

// troubles are the findings of /readyz about Service Bus, by name, and whether the process is ready.
func (a *api) troubles() (ready bool, troubles map[string]string) {
	a.t.Helper()
	_, _, body := a.get("operator", "/readyz")
	var got struct {
		Ready  bool
		Checks []struct{ Name, Help string }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		a.t.Fatalf("readyz: %v: %s", err, body)
	}
	troubles = map[string]string{}
	for _, finding := range got.Checks {
		if strings.HasPrefix(finding.Name, "Service Bus ") {
			troubles[finding.Name] = finding.Help
		}
	}
	return got.Ready, troubles
}

// A feed that does not work shows with what to do, within a minute, and no more once it works; others are not affected.
func TestServiceBusTroubleShows(t *testing.T) {
	t.Parallel()
	bus := sbtest.Start(t)
	bus.Configure("first", sbtest.Options{Sessions: true})
	w := sqliteWorld(t)
	w.storage = append(w.storage, "--servicebus", bus.ConnectionString(), "--servicebus-queue", "first", "--servicebus-source", demo.Source,
		"--servicebus-feed", "late,source="+otherSource+",sessions=false")
	a, _ := w.serve()
	shows := func(when string, want ...string) {
		t.Helper()
		for limit := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			good, got := a.troubles()
			good = good && len(got) == len(want)
			for _, name := range want {
				good = good && got["Service Bus "+name] != ""
			}
			if good {
				break
			}
			if time.Now().After(limit) {
				t.Fatalf("%s: got %v, want %v", when, got, want)
			}
		}
		_, _, metrics := a.get("operator", "/metrics")
		for _, name := range []string{"first", "late"} {
			wanted := strings.Contains(strings.Join(want, " "), name)
			if at := strings.Index(metrics, `casesync_servicebus_failing_seconds{cause="",dead_letters="false",entity="`+name); wanted == (at >= 0) {
				t.Errorf("%s: the metrics of %s do not say what /readyz says: want it failing: %t\n%s", when, name, wanted, metrics)
			}
		}
	}
	shows("a queue is missing", "late: missing", "late (dead letters): missing")
	bus.Configure("late", sbtest.Options{})
	shows("it is there")
	bus.SetRefuse(func(entity string) bool { return strings.HasPrefix(entity, "first") })
	bus.DropConnections()
	shows("one's rights are gone", "first: unauthorised", "first (dead letters): unauthorised")
	bus.SetRefuse(nil)
	shows("they are back")
	bus.Kill()
	shows("the broker is away", "first: unreachable", "first (dead letters): unreachable", "late: unreachable", "late (dead letters): unreachable")
	if err := bus.Start(); err != nil {
		t.Fatal(err)
	}
	shows("it is back")
}
