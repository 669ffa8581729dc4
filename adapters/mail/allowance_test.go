package mail_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/mail"
	"casesync/domain/onboarding"
	"casesync/eventstore/sqldb/sqldbtest"
)

// TestStrangersMailOneAddressSeldom: whoever makes access requests in somebody else's name, however he
// writes the address, has three mails sent to it on a day, and what operators do is mailed all the same.
func TestStrangersMailOneAddressSeldom(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, func(config *mail.Config) {
			config.RecipientDigest = func(address string) string { return fmt.Sprintf("digest of %d", len(address)) }
		})
		f.clock.move(time.Until(time.Now().UTC().Truncate(24 * time.Hour).Add(36 * time.Hour))) // tomorrow's noon
		ask := func(id, email string) {
			f.append(t, "onboarding-"+id, &onboarding.RequestSubmitted{Request: request("Cleo Old", email)})
			f.take(t)
		}
		for i, email := range []string{"cleo@firm.example", "Cleo+1@firm.example", "CLEO@Firm.example", "cleo@firm.example", "cleo+2@firm.example"} {
			ask(fmt.Sprint("same-", i), email)
		}
		ask("other", "somebody.else@firm.example")
		kinds := map[string]int{}
		for _, message := range f.send(t) {
			kinds[strings.ToLower(message.To[:4])]++
		}
		if kinds["cleo"] != 3 || kinds["some"] != 1 {
			t.Errorf("sent: got %v, want 3 to the one address and 1 to the other", kinds)
		}
		statuses := map[string]int{}
		for _, entry := range f.entries(t) {
			statuses[string(entry.Status)+" "+entry.Fault]++
		}
		if statuses["sent "] != 4 || statuses["dropped too-many"] != 2 {
			t.Errorf("rows: got %v, want 4 sent and 2 dropped", statuses)
		}
		f.append(t, "onboarding-same-4", &onboarding.DataAsked{}, &onboarding.RequestLapsed{})
		f.take(t)
		if sent := f.send(t); len(sent) != 1 || sent[0].Kind != mail.DataAsked {
			t.Errorf("later: got %d mails, want the one of an operator, and not that the request lapsed", len(sent))
		}
		f.clock.move(24 * time.Hour)
		ask("tomorrow", "cleo@firm.example")
		if sent := f.send(t); len(sent) != 1 {
			t.Errorf("the day after: got %d mails, want 1", len(sent))
		}
	})
}

// TestATriedMailKeepsItsPlace: a mail that is tried again takes no second place, and of many senders at
// once no more than three find one.
func TestATriedMailKeepsItsPlace(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, func(config *mail.Config) {
			config.RecipientDigest = func(string) string { return "the same" }
			config.SendersMax = 8
		})
		for i := range 8 {
			f.append(t, fmt.Sprint("onboarding-", i), &onboarding.RequestSubmitted{Request: request("Cleo Old", "cleo@firm.example")})
		}
		f.take(t)
		f.sink.fail(&mail.Fault{Code: "unreachable"}, nil)
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() { _, _ = f.SendDue(ctx) })
		}
		group.Wait()
		f.sink.fail(nil, nil)
		f.clock.move(2 * time.Hour)
		if sent := f.send(t); len(sent) != 3 {
			t.Errorf("sent: got %d, want 3", len(sent))
		}
	})
}
