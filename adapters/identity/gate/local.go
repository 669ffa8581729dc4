package gate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"casesync/adapters/identity/local"
	"casesync/adapters/identity/signin"
	"casesync/domain/account"
)

// keyChallenge is where the session keeps who has given the right password, and his challenge.
const keyChallenge = "challenge"

// Typed is an e-mail address that somebody typed.
type Typed struct {
	_ struct{} `additionalProperties:"false"`

	Email string `json:"email" minLength:"3" maxLength:"254" doc:"The e-mail address of the account" example:"robin.sample@business.example"`
}

// Way is how the people of an address sign in.
type Way struct {
	Method   string `json:"method" enum:"local,redirect" doc:"local: by password and code; redirect: at the organisation's own sign-in service"`
	Location string `json:"location,omitempty" doc:"For redirect: where to POST the address to be told where to send the browser" example:"/sign-in/federated"`
}

// showWay tells how an address signs in, by its domain alone.
func (g *Gate) showWay(ctx context.Context, in *bodied[Typed]) (*output[Way], error) {
	method, _, err := g.config.People.SignInOf(ctx, in.Body.Email)
	if err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	if method.Federated() {
		return answer(Way{Method: "redirect", Location: pathFederated}), nil
	}
	return answer(Way{Method: "local"}), nil
}

// PasswordTyped is an e-mail address and a password that somebody typed.
type PasswordTyped struct {
	_ struct{} `additionalProperties:"false"`

	Email    string `json:"email" minLength:"3" maxLength:"254" doc:"The e-mail address of the account" example:"robin.sample@business.example"`
	Password string `json:"password" minLength:"1" maxLength:"1024" format:"password"`
}

// Step says what comes next.
type Step struct {
	Next          string         `json:"next" enum:"code,sign-in,done" doc:"code: send a one-time code; sign-in: sign in; done: you are signed in"`
	Authenticator *Authenticator `json:"authenticator,omitempty" doc:"What to give an authenticator app, before the code"`
	RecoveryCodes []string       `json:"recoveryCodes,omitempty" doc:"Shown this once. Each stands in for a one-time code, once"`
}

// Authenticator is what an authenticator app is given.
type Authenticator struct {
	Secret string `json:"secret" doc:"To be typed, in base32"`
	URI    string `json:"uri" doc:"The same as an address, to be shown as a QR code" example:"otpauth://totp/…"`
}

// The next steps.
const (
	nextCode   = "code"
	nextSignIn = "sign-in"
	nextDone   = "done"
)

// checkPassword is the first half of a local sign-in. It does the same work for whoever has no
// account, or none to be signed in to in this way, and takes the same time.
func (g *Gate) checkPassword(ctx context.Context, in *bodied[PasswordTyped]) (*output[Step], error) {
	defer g.evenly(ctx, time.Now())
	t := trial{http: in.http, typed: accountOf(in.Body.Email), method: account.Local}
	person, err := g.config.People.PersonOf(ctx, in.Body.Email)
	if err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	t.person = person
	complete, user := false, ""
	if person != "" {
		standing, err := g.standing(ctx, person)
		if err != nil {
			return nil, err
		}
		complete, user = standing.Complete, person
		if err := mayComeIn(standing, account.Local); err != nil {
			t.because, user = signin.CodeOf(err), ""
		}
	}
	challenge, err := g.config.Local.CheckPassword(ctx, local.Attempt{
		Account: t.typed, User: user, Password: in.Body.Password, Address: g.config.Client(in.http),
	})
	if err != nil {
		return nil, g.refuse(ctx, t, err)
	}
	if !complete {
		// It was reset a moment ago, and what is kept of it here has not gone yet.
		return nil, g.refuse(ctx, t, signin.Refuse(signin.NotEnrolled, "the second factor was reset"))
	}
	g.config.Sessions.Put(ctx, keyChallenge, person+" "+challenge)
	return answer(Step{Next: nextCode}), nil
}

// CodeTyped is a one-time code or a recovery code.
type CodeTyped struct {
	_ struct{} `additionalProperties:"false"`

	Code string `json:"code" minLength:"1" maxLength:"40" example:"492039"`
}

func (g *Gate) checkCode(ctx context.Context, in *bodied[CodeTyped]) (*output[Step], error) {
	return g.answerChallenge(ctx, in, g.config.Local.AnswerCode)
}

func (g *Gate) checkRecoveryCode(ctx context.Context, in *bodied[CodeTyped]) (*output[Step], error) {
	return g.answerChallenge(ctx, in, g.config.Local.AnswerRecoveryCode)
}

// answerChallenge is the second half of a local sign-in. A crash after the code was spent leaves a
// person who waits for the next one.
func (g *Gate) answerChallenge(ctx context.Context, in *bodied[CodeTyped],
	check func(ctx context.Context, challenge, code, address string) (user string, err error),
) (*output[Step], error) {
	kept := g.config.Sessions.Take(ctx, keyChallenge)
	person, challenge, _ := strings.Cut(kept, " ")
	t := trial{http: in.http, person: person, method: account.Local}
	if challenge == "" {
		return nil, g.refuse(ctx, t, signin.Refuse(signin.AttemptOver, "no password was given in this session"))
	}
	// From here on, whatever ends his sessions ends this sign-in too.
	ticket, err := g.config.Sessions.Ticket(ctx, person)
	if err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	user, err := check(ctx, challenge, in.Body.Code, g.config.Client(in.http))
	if err != nil {
		if signin.CodeOf(err) != signin.AttemptOver {
			g.config.Sessions.Put(ctx, keyChallenge, kept) // to be tried again, or later
		}
		return nil, g.refuse(ctx, t, err)
	}
	if user != person {
		return nil, g.config.Fault(ctx, fmt.Errorf("answer challenge: it is of %s, and the session's is of %s", user, person))
	}
	if err := g.admit(ctx, t, ticket); err != nil {
		return nil, err
	}
	return answer(Step{Next: nextDone}), nil
}
