package commands

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/private"
	"casesync/domain/reservation"
	"casesync/eventstore"
)

// emailHashDigits is how many hexadecimal digits of the keyed hash name an address's stream.
const emailHashDigits = 32

// emailID is the id of an address's stream: a keyed hash of its canonical form.
func (p *People) emailID(canonical string) string { return p.keyed(canonical)[:emailHashDigits] }

// keyed is the keyed hash of text, in hexadecimal.
func (p *People) keyed(text string) string {
	mac := hmac.New(sha256.New, p.config.AddressKey)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// PersonOf returns the user id of who has an e-mail address, "" for nobody and for what is no usable
// address. An error never tells whether somebody has it.
func (p *People) PersonOf(ctx context.Context, email string) (string, error) {
	parsed, err := address.ParseEmail(email)
	if err != nil {
		return "", nil //nolint:nilerr // nobody has what is no address
	}
	person, err := holderOf(ctx, p.emails, p.emailID(parsed.Canonical()))
	if err != nil {
		return "", fmt.Errorf("find person: %w", err)
	}
	return person, nil
}

// SignInOf returns how people with an address under the domain of email sign in, and the id of the
// identity provider's settings. What is unknown or no address is account.Local, so that nothing is told.
func (p *People) SignInOf(ctx context.Context, email string) (account.Method, string, error) {
	parsed, err := address.ParseEmail(email)
	if err != nil {
		return account.Local, "", nil //nolint:nilerr // what is no address signs in nowhere
	}
	holder, err := holderOf(ctx, p.domains, string(parsed.Domain()))
	if err != nil {
		return "", "", fmt.Errorf("find way of signing in: %w", err)
	}
	if holder == "" || holder == reservation.LocalHolder {
		return account.Local, "", nil
	}
	settings, found, err := p.Connection(ctx, holder)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("find way of signing in: %w", err)
	case !found:
		return account.Local, "", nil
	}
	return settings.Method, holder, nil
}

type reservations = kind[*reservation.State, reservation.Command, reservation.Event]

// holderOf returns who holds what is reserved in a stream, "" for nobody.
func holderOf(ctx context.Context, things reservations, id string) (holder string, err error) {
	err = things.look(ctx, id, func(state *reservation.State, _ eventstore.Revision) { holder = state.Holder() })
	return holder, err
}

// attemptsMax is how often somebody else may be first before a command gives up.
const attemptsMax = 5

// reserveAddress returns the user id of who has an address from now on: who has it already, or a new one.
//
// A crash after it leaves an address that a user id without an account holds; whoever invites that
// address next goes on with the user id.
func (p *People) reserveAddress(ctx context.Context, o order, email address.Email) (person string, err error) {
	id := p.emailID(email.Canonical())
	for range attemptsMax {
		person, err = holderOf(ctx, p.emails, id)
		if err != nil || person != "" {
			return person, err
		}
		person = uuid.NewString()
		_, err = p.emails.do(ctx, o.aside(), id, reservation.Reserve{Thing: reservation.Email, Holder: person})
		if refusalCode(err) == "" { // otherwise somebody was first: the holder is known now
			return person, err
		}
	}
	return "", err
}

// release takes an address from a person, if he has it.
func (p *People) release(ctx context.Context, o order, canonical, person string) (Done, error) {
	return p.emails.done(ctx, o.aside(), p.emailID(canonical), reservation.Release{Holder: person})
}

// releaseFormer takes from a person the addresses that the account had before; once the account is
// erased, all. It is the last step of a change of address and of an erasure, before the person's key
// is destroyed: without the key nobody knows which addresses they were, and each stays taken until
// somebody with that address is invited.
func (p *People) releaseFormer(ctx context.Context, o order, person string) (done Done, err error) {
	addresses, erased, err := p.addressesOf(ctx, person)
	if err != nil || len(addresses) == 0 {
		return Done{}, err
	}
	keep := addresses[len(addresses)-1]
	if erased {
		keep = ""
	}
	slices.Sort(addresses)
	for _, email := range slices.Compact(addresses) {
		if email == "" || email == keep {
			continue
		}
		released, err := p.release(ctx, o, email, person)
		if err != nil {
			return done, err
		}
		done = later(done, released)
	}
	return done, nil
}

// addressesOf returns the addresses that a person's account ever had, in canonical form, the present
// one last, "" for each that cannot be opened any more; and whether the account is erased.
func (p *People) addressesOf(ctx context.Context, person string) (addresses []string, erased bool, err error) {
	var sealed []private.Value[account.Person]
	err = p.accounts.look(ctx, person, func(state *account.State, _ eventstore.Revision) {
		erased, sealed = state.Status() == account.Gone, state.Persons()
	})
	if err != nil {
		return nil, false, err
	}
	persons, err := openAll(ctx, p.config.Codec, sealed...)
	for _, person := range persons {
		addresses = append(addresses, canonical(person.Email))
	}
	return addresses, erased, err
}
