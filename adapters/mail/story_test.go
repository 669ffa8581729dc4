package mail_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/mail"
	"casesync/adapters/state"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/onboarding"
	"casesync/eventstore/follower"
	"casesync/eventstore/sqldb/sqldbtest"
)

// TestStory goes from an access request to an erasure, with the real commands, follower, checkpoints
// and folder: the tokens in the mails are the ones that the commands know.
func TestStory(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		s := tell(t, address)
		id, token, _, err := s.commands.SubmitRequest(ctx, commands.Ask{}, form())
		must(t, err)
		if got := s.tokenIn(t, mail.RequestReceived, "cleo@firm.example"); got != token {
			t.Errorf("got the token %q by mail, want %q", got, token)
		}
		s.do(t, s.asOperator(func(ask commands.Ask) (commands.Done, error) { return s.commands.CompleteRequest(ctx, ask, id) }))
		s.do(t, s.asOperator(func(ask commands.Ask) (commands.Done, error) {
			return s.commands.ConfigureRequest(ctx, ask, id, "", "")
		}))
		s.do(t, s.asOperator(func(ask commands.Ask) (commands.Done, error) { return s.commands.InviteAdministrators(ctx, ask, id) }))
		s.accept(t, "ben@firm.example") // who stays: somebody has to administer the business
		person := s.accept(t, "ada@firm.example")
		s.do(t, func() (commands.Done, error) {
			return s.commands.RequestReset(ctx, commands.Ask{}, person, account.ResetPassword)
		})
		must(t, s.commands.UseReset(ctx, s.tokenIn(t, mail.ResetLink, "ada@firm.example")))
		s.wait(t, mail.PasswordChanged, "ada@firm.example")

		s.do(t, s.asOperator(func(ask commands.Ask) (commands.Done, error) { return s.commands.EraseAccount(ctx, ask, person) }))
		must(t, s.ring.Destroy(ctx, "account-"+person))
		for s.PurgePerson(ctx, person) != nil {
			time.Sleep(5 * time.Millisecond) // a mail is on its way
		}
		list, err := s.folder.List(ctx)
		must(t, err)
		if slices.ContainsFunc(list, func(m mail.Message) bool { return m.To == "ada@firm.example" || strings.Contains(m.Body, "Ada") }) {
			t.Errorf("got %+v, want nothing of who was erased", list)
		}
	})
}

// story is mails that run, with the real commands.
type story struct {
	*fixture
	commands *commands.People
	folder   *mail.Folder
}

func tell(t *testing.T, at string) *story {
	t.Helper()
	kept, _ := folder(t)
	f := newFixture(t, at, nil)
	people, err := commands.NewPeople(commands.PeopleConfig{
		Log: f.log, Codec: f.codec, AddressKey: []byte(strings.Repeat("a", 32)), Links: f.links, Now: f.clock.Now,
		Memberships:     func(context.Context, string) ([]string, error) { return []string{"900001"}, nil },
		BusinessesUnder: func(context.Context, address.Domain) ([]string, error) { return []string{"900001"}, nil },
	})
	must(t, err)
	f.config.People, f.config.Transport, f.config.PollEvery = people, kept, 10*time.Millisecond
	f.Mails, err = mail.Open(ctx, f.config)
	must(t, err)
	checkpoints, err := state.OpenCheckpoints(ctx, f.db, nil)
	must(t, err)
	running, stop := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { f.Run(running) })
	done.Go(func() {
		err := follower.Run(running, follower.Config{
			Name: "mail", Log: f.log, Checkpoints: checkpoints, Take: f.Take, Wants: mail.Wants, Logger: f.config.Logger,
		})
		if err != nil {
			t.Errorf("follow: %v", err)
		}
	})
	t.Cleanup(func() { stop(); done.Wait() })
	return &story{f, people, kept}
}

func form() onboarding.Form {
	return onboarding.Form{
		Businesses:     []onboarding.BusinessForm{{FRN: "900001", Name: "Sample & Sons Ltd", Domains: []string{"firm.example"}}},
		Administrators: []onboarding.AdministratorForm{{Name: "Ada Specimen", Email: "ada@firm.example"}, {Name: "Ben Sample", Email: "ben@firm.example"}},
		Contact:        onboarding.Person{Name: "Cleo Sample", Email: "cleo@firm.example"},
		Authentication: onboarding.Authentication{Method: account.Local},
	}
}

func (s *story) asOperator(command func(commands.Ask) (commands.Done, error)) func() (commands.Done, error) {
	return func() (commands.Done, error) { return command(commands.Ask{By: operator, Reason: "for the test"}) }
}

func (s *story) do(t *testing.T, command func() (commands.Done, error)) {
	t.Helper()
	_, err := command()
	must(t, err)
}

// accept takes up the invitation that was mailed to an address, and returns who did.
func (s *story) accept(t *testing.T, email string) (person string) {
	t.Helper()
	token := s.tokenIn(t, mail.Invitation, email)
	opened, err := s.commands.OpenLink(ctx, token)
	must(t, err)
	must(t, s.commands.NoteFactor(ctx, opened.Account.Person, account.TOTP, 0))
	_, err = s.commands.AcceptInvitation(ctx, token, "")
	must(t, err)
	return opened.Account.Person
}

// wait waits for a mail of a kind to an address.
func (s *story) wait(t *testing.T, kind mail.Kind, to string) mail.Message {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		list, err := s.folder.List(ctx)
		must(t, err)
		if i := slices.IndexFunc(list, func(m mail.Message) bool { return m.Kind == kind && m.To == to }); i >= 0 {
			return list[i]
		}
	}
	t.Fatalf("got no mail of kind %s: %+v\n%s", kind, s.entries(t), s.logged.text())
	return mail.Message{}
}

// tokenIn returns the token in the link of the mail of a kind to an address.
func (s *story) tokenIn(t *testing.T, kind mail.Kind, to string) string {
	t.Helper()
	message := s.wait(t, kind, to)
	for line := range strings.Lines(message.Body) {
		if link, err := url.Parse(strings.TrimSpace(line)); err == nil && link.Query().Has("token") {
			return link.Query().Get("token")
		}
	}
	t.Fatalf("got no link in %q", message.Body)
	return ""
}
