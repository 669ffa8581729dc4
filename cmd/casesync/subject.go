package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"casesync/adapters/activity"
	"casesync/adapters/commands"
	"casesync/adapters/mail"
	"casesync/adapters/reactions"
	"casesync/adapters/subject"
	"casesync/domain/access"
	"casesync/eventstore"
)

// subjectCommand answers the rights of a data subject: to a copy, and to be forgotten.
type subjectCommand struct {
	Export subjectExportCommand `cmd:"" help:"Write everything that is kept about one person, as one JSON document."`
	Erase  subjectEraseCommand  `cmd:"" help:"Erase one person for good: the key of all that is personal is destroyed."`
}

// whose names the person: who works for a business has an account, who complained is a party of a case.
type whose struct {
	Account string `help:"The person with this account, by the user id." placeholder:"ID" xor:"whose"`
	Email   string `help:"The person with the account of this e-mail address." placeholder:"ADDRESS" xor:"whose"`
	Case    string `help:"A party of this case, by its reference." placeholder:"REF" xor:"whose"`
	Party   string `help:"With --case: consumer or representative." enum:"consumer,representative" default:"consumer"`
}

// find returns the user id of a person with an account; "" where a party of a case is meant.
func (w whose) find(ctx context.Context, s *system) (person string, err error) {
	switch {
	case w.Account != "" || w.Case != "":
		return w.Account, nil
	case w.Email == "":
		return "", usage("name the person: --account ID, --email ADDRESS or --case REF")
	}
	people, err := s.people(ctx)
	if err != nil {
		return "", err
	}
	if person, err = people.PersonOf(ctx, w.Email); err == nil && person == "" {
		err = errNoSubject
	}
	return person, err
}

var errNoSubject = errors.New("there is no such person here: look for the user id in the list of a business's users, or for the case's reference")

func explainSubject(err error) error {
	if errors.Is(err, commands.ErrUnknown) {
		return errNoSubject
	}
	return err
}

type subjectExportCommand struct {
	whose
	destination
}

// Help is shown below the command's flags.
func (subjectExportCommand) Help() string {
	return `Holds personal data in clear: hand it to nobody but the person. The export is noted in the activity log.

Examples:
  casesync subject export --email robin.sample@business.example --to robin.json
  casesync subject export --case C-1234 --party consumer`
}

// Run exports what is kept about a person.
func (c subjectExportCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	subjects, err := s.subjects(ctx)
	if err != nil {
		return err
	}
	person, err := c.find(ctx, s)
	if err != nil {
		return err
	}
	if err := s.noteSubject(ctx, commands.DataExported, "subject export", c.whose, person); err != nil {
		return err
	}
	return c.write(p, func(to io.Writer) error {
		if c.Case != "" {
			return explainSubject(subjects.ExportParty(ctx, to, c.Case, c.Party))
		}
		return explainSubject(subjects.Export(ctx, to, person))
	})
}

type subjectEraseCommand struct {
	whose
	decision
	Yes bool `help:"Do not ask: it cannot be undone." short:"y"`
}

// Help is shown below the command's flags.
func (subjectEraseCommand) Help() string {
	return `The erasure is an event; what follows from it (sessions, credentials, roles, mail, and the key last) is done here where no serve does
it, and waited for. History stays, under a pseudonym. Backups of the key ring that are older hold the key still: delete them.

Examples:
  casesync subject erase --email robin.sample@business.example --reason "request 4711" --yes
  casesync subject erase --case C-1234 --party consumer --reason "request 4712" --yes`
}

// eraseTimeout is how long an erasure is waited for. It goes on without anybody who waits.
const eraseTimeout = 5 * time.Minute

// Run erases a person.
func (c subjectEraseCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	subjects, err := s.subjects(ctx)
	if err != nil {
		return err
	}
	person, err := c.find(ctx, s)
	if err != nil {
		return err
	}
	if !c.Yes {
		return usage("this cannot be undone: add --yes to erase the person")
	}
	if err := s.noteSubject(ctx, commands.PersonErased, "subject erase", c.whose, person); err != nil {
		return err
	}
	ask := commands.Ask{By: c.principal(), Reason: c.Reason}
	err = s.meanwhile(ctx, func(ctx context.Context) error {
		if c.Case != "" {
			return subjects.EraseParty(ctx, ask, c.Case, c.Party)
		}
		return subjects.Erase(ctx, ask, person)
	})
	if err != nil {
		return explainSubject(err)
	}
	// No copy of the destroyed key, in the key ring's files, is of any use after this.
	if err := s.openedKeys.Rotate(ctx); err != nil {
		return fmt.Errorf("the person is erased, but the key ring's key was not changed: %w: serve does so within a day", err)
	}
	_, err = fmt.Fprintln(p.stdout, "the person is erased; delete backups of the key ring that are older than this moment")
	return err
}

// noteSubject notes for Security Operations what is about to be done with somebody's data.
func (s *system) noteSubject(ctx context.Context, kind commands.ActivityKind, operation string, about whose, person string) error {
	noted := commands.Activity{At: s.now(), Kind: kind, Actor: commandLine, Operation: operation, Subject: accountSubject(person)}
	if about.Case != "" {
		noted.Subject = string(commands.CaseStream(about.Case))
		noted.Detail = map[string]string{"party": about.Party}
	}
	return s.openedActivity.Record(ctx, noted)
}

// meanwhile does work while the read models and reactions run here too, in case nobody else runs them.
func (s *system) meanwhile(ctx context.Context, work func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, eraseTimeout)
	defer cancel()
	serving := &serving{system: s, settings: &serveCommand{Roles: []string{"project"}}, stopped: map[string]string{}}
	runs, err := serving.runners(ctx)
	if err != nil {
		return err
	}
	reacts, err := s.reactions(ctx)
	if err != nil {
		return err
	}
	behind, stop := context.WithCancel(ctx)
	var group errgroup.Group
	for _, run := range append(runs, reacts.Run) {
		group.Go(func() error { return run(behind) })
	}
	err = work(ctx)
	stop()
	return errors.Join(err, group.Wait())
}

// subjects returns what can be asked about data subjects.
func (s *system) subjects(ctx context.Context) (*subject.Subjects, error) {
	if _, err := s.mails(ctx); err != nil { // and with it the people and the activity log
		return nil, err
	}
	if _, err := s.credentials(ctx); err != nil {
		return nil, err
	}
	if _, err := s.sessions(ctx); err != nil {
		return nil, err
	}
	if _, err := s.checkpoints(ctx); err != nil {
		return nil, err
	}
	people := s.openedPeople
	config := subject.Config{
		Log: s.openedLog, Codec: s.openedCodec, Account: people.Account, Memberships: s.membershipsOf,
		Allocations: func(ctx context.Context, person string) ([]string, error) { return s.allocations(ctx, person, "") },
		Credentials: s.credentialsOf, Sessions: s.sessionsOf, Mails: s.mailsTo, Activities: s.activitiesOf,
		EraseAccount: people.EraseAccount, EraseParty: people.EraseParty,
		Reacted: func(ctx context.Context, position eventstore.Position) error {
			return reactions.Reacted(ctx, s.openedCheckpoints, position)
		},
	}
	if err := s.subjectsOfCasework(ctx, &config); err != nil {
		return nil, err
	}
	return subject.New(config)
}

func (s *system) credentialsOf(ctx context.Context, person string) (subject.Credentials, error) {
	status, err := s.openedLocal.Status(ctx, person)
	return subject.Credentials{
		PasswordSetAt: status.PasswordSetAt, SecondFactor: status.SecondFactor, RecoveryCodesLeft: status.RecoveryCodesLeft, Questions: status.Questions,
	}, err
}

func (s *system) sessionsOf(ctx context.Context, person string) ([]subject.Session, error) {
	list, err := s.openedSessions.List(ctx, person)
	shown := make([]subject.Session, len(list))
	for i, session := range list {
		shown[i] = subject.Session{Method: session.Method, StartedAt: session.StartedAt, SeenAt: session.SeenAt}
	}
	return shown, err
}

// mailsTo reads the mails about a person as an operator may.
func (s *system) mailsTo(ctx context.Context, person string) ([]subject.Mail, error) {
	by := access.Principal{ID: "system:subject", Kind: access.Machine, Roles: []access.Role{access.Operator}}
	list, err := s.openedMails.List(ctx, by, mail.Filter{About: person, Limit: 1_000})
	shown := make([]subject.Mail, len(list))
	for i, entry := range list {
		shown[i] = subject.Mail{Kind: string(entry.Kind), Status: string(entry.Status), QueuedAt: entry.QueuedAt, EndedAt: entry.EndedAt}
	}
	return shown, err
}

func (s *system) activitiesOf(ctx context.Context, actor string, each func(commands.Activity) error) error {
	for after := int64(0); ; {
		entries, err := s.openedActivity.After(ctx, activity.Filter{Actor: actor}, after, activity.PageEntriesMax)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, entry := range entries {
			if err := each(entry.Activity); err != nil {
				return err
			}
		}
		after = entries[len(entries)-1].Seq
	}
}
