package gate

import (
	"context"
	"errors"
	"regexp"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/sessions"
	"casesync/domain/account"
)

// myself is whoever is signed in by the request's session. A token signs nobody in here: what
// one signs in with is changed by oneself, in a browser.
func (g *Gate) myself(ctx context.Context, in *request) (trial, error) {
	person := g.Person(ctx)
	if person == "" {
		return trial{}, g.config.Refused(codeSessionNeeded, "This is for somebody who is signed in in a browser. A token does not do.", 0)
	}
	return trial{http: in.http, person: person}, nil
}

// mine is the local account of whoever is signed in.
func (g *Gate) mine(ctx context.Context, in *request) (trial, commands.AccountView, error) {
	t, err := g.myself(ctx, in)
	if err != nil {
		return t, commands.AccountView{}, err
	}
	view, err := g.config.People.Account(ctx, t.person)
	if err != nil {
		return t, view, g.config.Fault(ctx, err)
	}
	t.method, t.typed = view.Method, accountOf(view.Email)
	if view.Method != account.Local {
		return t, view, g.config.Refused(codeFederated, "Your organisation's sign-in service keeps what you sign in with. Change it there.", 0)
	}
	return t, view, nil
}

// PasswordChange is the present password and the next one.
type PasswordChange struct {
	_ struct{} `additionalProperties:"false"`

	Current  string `json:"current" minLength:"1" maxLength:"1024" format:"password"`
	Password string `json:"password" minLength:"1" maxLength:"1024" format:"password" doc:"The new one"`
}

// changePassword replaces one's own password, and ends all sessions but a new one in this browser. A
// crash after it was set leaves the other sessions as they are; they can be ended one by one.
func (g *Gate) changePassword(ctx context.Context, in *bodied[PasswordChange]) (*empty, error) {
	t, view, err := g.mine(ctx, &in.request)
	if err != nil {
		return nil, err
	}
	if _, err := g.prove(ctx, t, in.Body.Current); err != nil {
		return nil, g.refuse(ctx, t, err)
	}
	if err := g.config.Local.SetPassword(ctx, t.person, view.Generations.Password, in.Body.Password, view.Name, view.Email); err != nil {
		return nil, g.refuse(ctx, t, err)
	}
	g.noteCredential(ctx, t, "password")
	if err := g.begin(ctx, t); err != nil {
		return nil, err
	}
	return &empty{CacheControl: noStore}, nil
}

// Questions are security questions.
type Questions struct {
	Questions []string `json:"questions" nullable:"false"`
}

func (g *Gate) listQuestions(context.Context, *request) (*output[Questions], error) {
	return answer(Questions{Questions: local.Catalogue()}), nil
}

func (g *Gate) showQuestions(ctx context.Context, in *request) (*output[Questions], error) {
	t, _, err := g.mine(ctx, in)
	if err != nil {
		return nil, err
	}
	status, err := g.config.Local.Status(ctx, t.person)
	if err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	return answer(Questions{Questions: append([]string{}, status.Questions...)}), nil
}

// QuestionsChosen are three questions of the list with their answers, and the present password.
type QuestionsChosen struct {
	_ struct{} `additionalProperties:"false"`

	Password string           `json:"password" minLength:"1" maxLength:"1024" format:"password" doc:"The present one"`
	Answers  []QuestionChosen `json:"answers" minItems:"1" maxItems:"10"`
}

// QuestionChosen is a question of the list with its answer.
type QuestionChosen struct {
	_ struct{} `additionalProperties:"false"`

	Question string `json:"question" maxLength:"200"`
	Answer   string `json:"answer" maxLength:"256" format:"password"`
}

// changeQuestions replaces one's own security questions. A crash before they are noted leaves
// questions that are asked for all the same.
func (g *Gate) changeQuestions(ctx context.Context, in *bodied[QuestionsChosen]) (*empty, error) {
	t, view, err := g.mine(ctx, &in.request)
	if err != nil {
		return nil, err
	}
	if _, err := g.prove(ctx, t, in.Body.Password); err != nil {
		return nil, g.refuse(ctx, t, err)
	}
	var chosen []local.Answer
	for _, a := range in.Body.Answers {
		chosen = append(chosen, local.Answer{Question: a.Question, Answer: a.Answer})
	}
	if err := g.config.Local.SetQuestions(ctx, t.person, view.Generations.Questions, chosen); err != nil {
		return nil, g.refuse(ctx, t, err)
	}
	if err := g.config.People.NoteQuestions(ctx, t.person, view.Generations.Questions); err != nil {
		return nil, g.refuse(ctx, t, err)
	}
	g.noteCredential(ctx, t, "security questions")
	return &empty{CacheControl: noStore}, nil
}

// beginFactor gives another authenticator app its seed, to whoever proves his password.
func (g *Gate) beginFactor(ctx context.Context, in *bodied[PasswordChosen]) (*output[Step], error) {
	t, view, err := g.mine(ctx, &in.request)
	if err != nil {
		return nil, err
	}
	if _, err := g.prove(ctx, t, in.Body.Password); err != nil {
		return nil, g.refuse(ctx, t, err)
	}
	begun, err := g.config.Local.BeginTOTP(ctx, t.person, view.Generations.Factor, view.Email)
	if err != nil {
		return nil, g.refuse(ctx, t, err)
	}
	return answer(Step{Next: nextCode, Authenticator: &Authenticator{Secret: begun.Secret, URI: begun.URI}}), nil
}

// confirmFactor puts the other authenticator app to use. A crash after that leaves a second factor
// that works, and recovery codes that nobody has seen: beginning again makes others.
func (g *Gate) confirmFactor(ctx context.Context, in *bodied[CodeTyped]) (*output[Step], error) {
	t, view, err := g.mine(ctx, &in.request)
	if err != nil {
		return nil, err
	}
	recovery, err := g.config.Local.ConfirmTOTP(ctx, t.person, view.Generations.Factor, in.Body.Code)
	if err != nil {
		return nil, g.refuse(ctx, t, err)
	}
	if err := g.config.People.NoteFactor(ctx, t.person, account.TOTP, view.Generations.Factor); err != nil {
		return nil, g.refuse(ctx, t, err)
	}
	g.noteCredential(ctx, t, "second factor")
	if err := g.begin(ctx, t); err != nil {
		return nil, err
	}
	return answer(Step{Next: nextDone, RecoveryCodes: recovery}), nil
}

// SessionList are one's own sessions.
type SessionList struct {
	Items []Session `json:"items" nullable:"false" doc:"The last seen first"`
}

// Session is one of one's own sessions.
type Session struct {
	ID        string    `json:"id"`
	Method    string    `json:"method" enum:"local,oidc,saml" doc:"How you signed in"`
	StartedAt time.Time `json:"startedAt"`
	SeenAt    time.Time `json:"seenAt" doc:"The last request, to a minute or so"`
	Current   bool      `json:"current" doc:"Whether it is the one that asks"`
}

func (g *Gate) listSessions(ctx context.Context, in *request) (*output[SessionList], error) {
	t, err := g.myself(ctx, in)
	if err != nil {
		return nil, err
	}
	all, err := g.config.Sessions.List(ctx, t.person)
	if err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	body := SessionList{Items: []Session{}}
	for _, s := range all {
		body.Items = append(body.Items, Session{ID: s.ID, Method: s.Method, StartedAt: s.StartedAt, SeenAt: s.SeenAt, Current: s.Current})
	}
	return answer(body), nil
}

// fitID: what ids of sessions are made of. Other bytes would not get through every database.
var fitID = regexp.MustCompile(`^[a-z0-9]{1,100}$`)

// one is the input of a route about one session.
type one struct {
	request

	ID string `path:"id" doc:"The session's id"`
}

func (g *Gate) endSession(ctx context.Context, in *one) (*empty, error) {
	t, err := g.myself(ctx, &in.request)
	if err != nil {
		return nil, err
	}
	err = sessions.ErrNotFound
	if fitID.MatchString(in.ID) {
		err = g.config.Sessions.End(ctx, t.person, in.ID)
	}
	if errors.Is(err, sessions.ErrNotFound) {
		return nil, g.config.Refused(codeNotFound, "You have no such session.", 0)
	}
	if err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	return g.ended(ctx, t, commands.SessionsEnded)
}

// signOut ends the session that asks. Without one there is nothing to end.
func (g *Gate) signOut(ctx context.Context, in *request) (*empty, error) {
	t, err := g.myself(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := g.config.Sessions.SignOut(ctx); err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	return g.ended(ctx, t, commands.SignedOut)
}

// ended tells Security Operations that a session was ended by its owner. It has happened: what
// cannot be told is logged.
func (g *Gate) ended(ctx context.Context, t trial, kind commands.ActivityKind) (*empty, error) {
	activity := t.activity(kind)
	activity.Actor = actorOf(t.person)
	if err := g.record(ctx, t.http, activity, ""); err != nil {
		g.config.Logger.ErrorContext(ctx, "end of a session was not recorded", "kind", kind, "error", err)
	}
	return &empty{CacheControl: noStore}, nil
}
