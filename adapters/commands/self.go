package commands

import (
	"context"
	"errors"
	"fmt"

	"casesync/domain"
	"casesync/domain/account"
	"casesync/domain/calendar"
	"casesync/domain/terms"
)

// seenDay is a day on which a person was active.
type seenDay struct {
	person string
	day    calendar.Day
}

// seenDaysMax is how many days of persons are kept in memory, 100 bytes each.
const seenDaysMax = 50_000

// Seen notes that a person made an authenticated request today. An event is appended once a day;
// after that it costs nothing. Who has no account, or none in use, is passed over.
func (p *People) Seen(ctx context.Context, person string) error {
	o := p.ofHolder(actorOf(person))
	today := seenDay{person, o.day()}
	if _, seen := p.seen.Get(today); seen {
		return nil
	}
	_, err := p.accounts.do(ctx, o, person, account.RecordActivity{Day: today.day})
	switch {
	case refusalCode(err) != "", errors.Is(err, ErrUnknown):
		return nil
	case err != nil:
		return fmt.Errorf("note activity: %w", err)
	}
	p.seen.Put(today, struct{}{})
	return nil
}

// AcceptTerms accepts the version of the terms of use that is in force on behalf of a business
// (requirements 25 and 26).
func (p *People) AcceptTerms(ctx context.Context, ask Ask, frn, version string) (Done, error) {
	o, err := p.authorise(ask, frn, "account.accept-terms")
	if err != nil {
		return Done{}, err
	}
	current, found, err := p.Document(ctx, terms.TermsOfUse)
	if err != nil {
		return Done{}, err
	}
	if !found || current.Version != version {
		return Done{}, &domain.Refusal{
			Code:   "terms-not-in-force",
			Reason: "This version of the terms of use is not in force, or not any more. Read the present one, and accept that.",
		}
	}
	done, err := p.accounts.done(ctx, o, ask.By.Person(), account.AcceptTerms{FRN: frn, Version: version, At: o.at})
	if err != nil {
		return Done{}, fmt.Errorf("accept terms: %w", err)
	}
	return done, nil
}

// ChooseCookies sets one's own cookie preferences (requirement 29).
func (p *People) ChooseCookies(ctx context.Context, ask Ask, cookies account.Cookies) (Done, error) {
	person := ask.By.Person()
	if person == "" {
		return Done{}, refusedTo(ask.By, "account.choose-cookies", "")
	}
	o := p.ofHolder(ask.By.ID)
	o.id, o.expected = idOr(ask.ID), ask.Expected
	done, err := p.accounts.done(ctx, o, person, account.ChooseCookies{Cookies: cookies})
	if err != nil {
		return Done{}, fmt.Errorf("choose cookies: %w", err)
	}
	return done, nil
}

// NoteFactor notes that a person enrolled a second factor, in place of any before. The factor itself
// is kept elsewhere, under its generation: a crash before this leaves it there, unused, to be enrolled
// again. It is refused where factors were voided since: the reaction to that removes it, or has.
func (p *People) NoteFactor(ctx context.Context, person string, kind account.FactorKind, generation int) error {
	return p.note(ctx, person, account.EnrolFactor{Kind: kind, Generation: generation})
}

// NoteQuestions notes that a person chose security questions; see NoteFactor.
func (p *People) NoteQuestions(ctx context.Context, person string, generation int) error {
	return p.note(ctx, person, account.SetQuestions{Generation: generation})
}

// LinkIdentity binds a federated account to the subject by which an identity provider knows the
// person. It is refused for another subject than the one the account is bound to. Whether the provider
// vouches for the account's own address is for the caller to have checked.
func (p *People) LinkIdentity(ctx context.Context, person, connection, subject string) error {
	if subject == "" {
		return errors.New("link identity: no subject")
	}
	// Providers use addresses as subjects: only a keyed hash is recorded.
	digest := p.keyed("identity\n" + connection + "\n" + subject)
	return p.note(ctx, person, account.LinkIdentity{Connection: connection, SubjectDigest: digest})
}

// note records what a person did to his own account.
func (p *People) note(ctx context.Context, person string, command account.Command) error {
	if _, err := p.accounts.do(ctx, p.ofHolder(actorOf(person)), person, command); err != nil {
		return fmt.Errorf("note what a person signs in with: %w", err)
	}
	return nil
}
