package gate

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/sessions"
	"casesync/adapters/identity/signin"
	"casesync/domain/account"
)

// purposeInvitation stands beside the purposes of resets.
const purposeInvitation = "invitation"

// Enrolment is what a link is for.
type Enrolment struct {
	Purpose   string    `json:"purpose" enum:"invitation,password,second-factor" doc:"What can be done with it: take an invitation up, choose another password, or another second factor"`
	Method    string    `json:"method" enum:"local,redirect" doc:"How the person signs in; redirect: POST /api/v1/enrolment/federated"`
	InUse     bool      `json:"inUse" doc:"Whether the account is in use already: then its password and code are asked for, and not chosen"`
	Email     string    `json:"email" doc:"The address of the account, as much of it as its owner needs to know it" example:"r•••@business.example"`
	Business  string    `json:"business,omitempty" doc:"Of an invitation: the FRN of the business" example:"123456"`
	Questions []string  `json:"questions,omitempty" doc:"To be answered first, at /api/v1/enrolment/answers"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// enrolment is an opened link of an account that can take it.
type enrolment struct {
	trial

	commands.OpenedLink
	token string
}

// inUse reports whether the account is in use: then whoever holds the link must prove to be its
// owner, and not only to read his mail.
func (e enrolment) inUse() bool { return e.Account.Status == account.Active }

func (e enrolment) purpose() string {
	if e.Link.Kind == commands.InvitationLink {
		return purposeInvitation
	}
	return string(e.Purpose)
}

// fitToken: what tokens of links are made of. Other bytes would not get through every database.
var fitToken = regexp.MustCompile(`^[A-Za-z0-9._-]{1,300}$`)

// open opens a link. Whoever's account is disabled or erased can do nothing with it.
func (g *Gate) open(ctx context.Context, in *request) (enrolment, error) {
	e := enrolment{trial: trial{http: in.http}, token: in.http.Header.Get(headerLink)}
	err := commands.ErrLink
	if fitToken.MatchString(e.token) {
		e.OpenedLink, err = g.config.People.OpenLink(ctx, e.token)
	}
	if err != nil {
		return e, g.refuse(ctx, e.trial, err)
	}
	e.person, e.method, e.connection, e.typed = e.Account.Person, e.Account.Method, e.Account.Connection, accountOf(e.Account.Email)
	reset := e.Link.Kind == commands.ResetLink
	switch {
	case e.Link.Kind != commands.InvitationLink && !reset:
		err = signin.Refuse(signin.LinkUnusable, "a link of the kind %s", e.Link.Kind)
	case !e.inUse() && (reset || e.Account.Status != account.Invited):
		err = signin.Refuse(signin.AccountInactive, "the account is %s", e.Account.Status)
	case reset && e.method != account.Local:
		err = signin.Refuse(signin.OtherMethod, "a reset of an account whose method is %s", e.method)
	}
	if err != nil {
		return e, g.refuse(ctx, e.trial, err)
	}
	return e, nil
}

// openLocal opens a link of a local account.
func (g *Gate) openLocal(ctx context.Context, in *request) (enrolment, error) {
	e, err := g.open(ctx, in)
	if err == nil && e.method != account.Local {
		err = g.refuse(ctx, e.trial, signin.Refuse(signin.OtherMethod, "the account's method is %s", e.method))
	}
	return e, err
}

func (g *Gate) openEnrolment(ctx context.Context, in *request) (*output[Enrolment], error) {
	e, err := g.open(ctx, in)
	if err != nil {
		return nil, err
	}
	questions, err := g.questionsFirst(ctx, e)
	if err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	body := Enrolment{
		Purpose: e.purpose(), Method: "local", InUse: e.inUse(), Email: masked(e.Account.Email),
		Business: e.FRN, Questions: questions, ExpiresAt: e.ExpiresAt,
	}
	if e.method.Federated() {
		body.Method = "redirect"
	}
	return answer(body), nil
}

// questionsFirst returns the security questions that stand before what a link is for.
func (g *Gate) questionsFirst(ctx context.Context, e enrolment) ([]string, error) {
	if e.Purpose != account.ResetSecondFactor {
		return nil, nil
	}
	status, err := g.config.Local.Status(ctx, e.person)
	return status.Questions, err
}

// Answers are the answers to security questions, in their order.
type Answers struct {
	_ struct{} `additionalProperties:"false"`

	Answers []string `json:"answers" minItems:"1" maxItems:"10" doc:"In the order of the questions"`
}

// answerQuestions notes in the session that the questions of this link were answered. That lets
// nobody in: the password is asked for next (OWASP ASVS 6.4.2).
func (g *Gate) answerQuestions(ctx context.Context, in *bodied[Answers]) (*empty, error) {
	e, err := g.openLocal(ctx, &in.request)
	if err != nil {
		return nil, err
	}
	if e.Purpose != account.ResetSecondFactor {
		return nil, g.refuse(ctx, e.trial, signin.Refuse(signin.LinkUnusable, "the link asks no questions"))
	}
	if err := g.config.Local.CheckQuestions(ctx, e.person, in.Body.Answers, g.config.Client(in.http)); err != nil {
		return nil, g.refuse(ctx, e.trial, err)
	}
	g.reach(ctx, e, stageAnswered, "")
	return &empty{CacheControl: noStore}, nil
}

// PasswordChosen is a password that somebody chose or proves.
type PasswordChosen struct {
	_ struct{} `additionalProperties:"false"`

	Password string `json:"password" minLength:"1" maxLength:"1024" format:"password"`
}

func (g *Gate) enrolPassword(ctx context.Context, in *bodied[PasswordChosen]) (*output[Step], error) {
	e, err := g.openLocal(ctx, &in.request)
	if err != nil {
		return nil, err
	}
	switch {
	case e.Purpose == account.ResetPassword:
		return g.resetPassword(ctx, e, in.Body.Password)
	case e.Purpose == account.ResetSecondFactor:
		return g.resetFactor(ctx, e, in.Body.Password)
	case e.inUse():
		return g.proveAccount(ctx, e, in.Body.Password)
	}
	// The account was never used: the link alone may choose its password, as often as it takes.
	if err := g.config.Local.SetPassword(ctx, e.person, e.Account.Generations.Password, in.Body.Password, e.Account.Name, e.Account.Email); err != nil {
		return nil, g.refuse(ctx, e.trial, err)
	}
	return g.seed(ctx, e)
}

// proveAccount checks the password of an account in use, whose code is asked for next.
func (g *Gate) proveAccount(ctx context.Context, e enrolment, password string) (*output[Step], error) {
	challenge, err := g.prove(ctx, e.trial, password)
	if err != nil {
		return nil, g.refuse(ctx, e.trial, err)
	}
	if !e.Account.HasFactor {
		return nil, g.refuse(ctx, e.trial, signin.Refuse(signin.NotEnrolled, "the second factor was reset"))
	}
	g.reach(ctx, e, stageProved, challenge)
	return answer(Step{Next: nextCode}), nil
}

// prove checks a person's password, counting as a sign-in does.
func (g *Gate) prove(ctx context.Context, t trial, password string) (challenge string, err error) {
	return g.config.Local.CheckPassword(ctx, local.Attempt{
		Account: t.typed, User: t.person, Password: password, Address: g.config.Client(t.http),
	})
}

// seed gives an authenticator app what it needs, which is put to use by its first code.
func (g *Gate) seed(ctx context.Context, e enrolment) (*output[Step], error) {
	begun, err := g.config.Local.BeginTOTP(ctx, e.person, e.Account.Generations.Factor, e.Account.Email)
	if err != nil {
		return nil, g.refuse(ctx, e.trial, err)
	}
	g.reach(ctx, e, stageSeeded, "")
	return answer(Step{Next: nextCode, Authenticator: &Authenticator{Secret: begun.Secret, URI: begun.URI}}), nil
}

func (g *Gate) enrolCode(ctx context.Context, in *bodied[CodeTyped]) (*taken, error) {
	e, err := g.openLocal(ctx, &in.request)
	if err != nil {
		return nil, err
	}
	// The account is looked at again when the session begins, after this.
	ticket, err := g.config.Sessions.Ticket(ctx, e.person)
	if err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	recovery, err := g.takeCode(ctx, e, in.Body.Code)
	if err != nil {
		return nil, g.refuse(ctx, e.trial, err)
	}
	if e.Link.Kind == commands.ResetLink {
		return g.finishReset(ctx, e, recovery)
	}
	return g.accept(ctx, e, ticket, recovery)
}

// takeCode checks the code that the stage reached in this session asks for. Only the browser that
// was given the seed, or has proved the password, gets so far.
func (g *Gate) takeCode(ctx context.Context, e enrolment, code string) (recovery []string, err error) {
	stage, challenge := g.reached(ctx, e)
	switch {
	case stage == stageSeeded && e.Link.Kind == commands.InvitationLink && e.inUse():
		return nil, signin.Refuse(signin.AttemptOver, "the account came into use by another link: its second factor stays")
	case stage == stageSeeded:
		return g.config.Local.ConfirmTOTP(ctx, e.person, e.Account.Generations.Factor, code)
	case stage == stageProved && e.Link.Kind == commands.InvitationLink:
		user, err := g.config.Local.AnswerCode(ctx, challenge, code, g.config.Client(e.http))
		if err == nil && user != e.person {
			err = errors.New("the challenge is another person's")
		}
		return nil, err
	}
	return nil, signin.Refuse(signin.AttemptOver, "no password was given by this link in this session")
}

// accept takes an invitation up and signs in. A crash before the acceptance leaves a link that can
// be followed again; after it, an account with a password and a second factor to sign in with.
func (g *Gate) accept(ctx context.Context, e enrolment, ticket sessions.Ticket, recovery []string) (*taken, error) {
	if len(recovery) > 0 {
		if err := g.config.People.NoteFactor(ctx, e.person, account.TOTP, e.Account.Generations.Factor); err != nil {
			return nil, g.refuse(ctx, e.trial, err)
		}
		g.noteCredential(ctx, e.trial, "second factor")
	}
	done, err := g.config.People.AcceptInvitation(ctx, e.token, "")
	if err != nil {
		return nil, g.refuse(ctx, e.trial, err)
	}
	if err := g.admit(ctx, e.trial, ticket); err != nil {
		return nil, err
	}
	out := &taken{CacheControl: noStore, Body: Step{Next: nextDone, RecoveryCodes: recovery}}
	if !done.Position.IsZero() {
		out.Position = done.Position.String()
	}
	return out, nil
}

// enrolFederated sends the holder of an invitation to his provider. The token waits in the attempt,
// on the server.
func (g *Gate) enrolFederated(ctx context.Context, in *request) (*departure, error) {
	e, err := g.open(ctx, in)
	if err != nil {
		return nil, err
	}
	if !e.method.Federated() {
		return nil, g.refuse(ctx, e.trial, signin.Refuse(signin.OtherMethod, "the account's method is %s", e.method))
	}
	return g.depart(ctx, e.trial, e.Account.Email, linkPrefix+e.token)
}

// keyStage is where the session keeps how far which link has come.
const keyStage = "enrolment"

// The stages of a link in a session.
const (
	stageAnswered = "answered" // the security questions
	stageProved   = "proved"   // the password of an account in use; a challenge waits for its code
	stageSeeded   = "seeded"   // an authenticator app was given its seed
)

// reach notes the stage that a link has reached in this session. Another link begins anew.
func (g *Gate) reach(ctx context.Context, e enrolment, stage, challenge string) {
	g.config.Sessions.Put(ctx, keyStage, commands.Digest(e.token)+" "+stage+" "+challenge)
}

// reached returns the stage that a link has reached in this session, "" for none.
func (g *Gate) reached(ctx context.Context, e enrolment) (stage, challenge string) {
	kept := g.config.Sessions.Take(ctx, keyStage)
	if kept == "" {
		return "", ""
	}
	g.config.Sessions.Put(ctx, keyStage, kept)
	parts := strings.SplitN(kept, " ", 3)
	if len(parts) != 3 || parts[0] != commands.Digest(e.token) {
		return "", ""
	}
	return parts[1], parts[2]
}
