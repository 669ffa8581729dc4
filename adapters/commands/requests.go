package commands

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"casesync/domain/access"
	"casesync/domain/onboarding"
	"casesync/eventstore"
)

// RequestView is an access request as it stands. People is the zero value where they were erased.
type RequestView struct {
	ID       string
	Status   onboarding.Status
	Request  onboarding.Request // its people sealed
	People   onboarding.People
	Lacks    []onboarding.Item
	Revision eventstore.Revision
}

// SubmitRequest makes an access request, and returns the token by which whoever made it sees it again.
// Anybody may: operators find out whether it is true. The same form under the same ask.ID is the same
// request; somebody else's form is not, so that nobody gets another's token.
func (p *People) SubmitRequest(ctx context.Context, ask Ask, form onboarding.Form) (requestID, token string, done Done, err error) {
	o := p.ofHolder(anybody)
	if ask.By.ID != "" {
		o.actor = ask.By.ID
	}
	if ask.ID != uuid.Nil {
		o.id = uuid.NewSHA1(ask.ID, fmt.Appendf(nil, "%#v", form))
	}
	requestID = uuid.NewSHA1(o.id, []byte("request")).String()
	done, err = p.requests.done(ctx, o, requestID, onboarding.Submit{Form: form, Day: o.day()})
	if err != nil {
		return "", "", Done{}, fmt.Errorf("submit access request: %w", err)
	}
	return requestID, p.config.Links.Token(Link{Kind: RequestLink, ID: requestID}), done, nil
}

// ShowRequest returns an access request to who may manage onboarding.
func (p *People) ShowRequest(ctx context.Context, ask Ask, id string) (RequestView, error) {
	if err := Allow(ask.By, access.ManageOnboarding); err != nil {
		return RequestView{}, err
	}
	return p.showRequest(ctx, id)
}

// ShowOwnRequest returns an access request to the holder of its token.
func (p *People) ShowOwnRequest(ctx context.Context, token string) (RequestView, error) {
	id, err := p.ownRequest(token)
	if err != nil {
		return RequestView{}, err
	}
	return p.showRequest(ctx, id)
}

func (p *People) showRequest(ctx context.Context, id string) (RequestView, error) {
	view := RequestView{ID: id}
	err := p.requests.look(ctx, id, func(state *onboarding.State, revision eventstore.Revision) {
		view.Status, view.Request, view.Lacks, view.Revision = state.Status(), state.Request(), state.Lacks(), revision
	})
	switch {
	case err != nil:
		return RequestView{}, fmt.Errorf("look at access request: %w", err)
	case view.Status == onboarding.Missing:
		return RequestView{}, ErrUnknown
	}
	people, err := openAll(ctx, p.config.Codec, view.Request.People)
	if err != nil {
		return RequestView{}, fmt.Errorf("open access request: %w", err)
	}
	view.People = people[0]
	return view, nil
}

// ownRequest returns the id of the request that a token is for.
func (p *People) ownRequest(token string) (id string, err error) {
	link, err := ParseLink(token)
	if err != nil || link.Kind != RequestLink {
		return "", ErrLink
	}
	return link.ID, p.config.Links.Check(token, link)
}

// AmendRequest replaces what was submitted, by an operator.
func (p *People) AmendRequest(ctx context.Context, ask Ask, id string, form onboarding.Form) (Done, error) {
	o, err := p.authorise(ask, "", "onboarding.amend")
	if err != nil {
		return Done{}, err
	}
	return p.onRequest(ctx, o, id, onboarding.Amend{Form: form, Day: o.day()})
}

// AmendOwnRequest replaces what was submitted, by the holder of the token.
func (p *People) AmendOwnRequest(ctx context.Context, token string, form onboarding.Form) (Done, error) {
	id, err := p.ownRequest(token)
	if err != nil {
		return Done{}, err
	}
	o := p.ofHolder(anybody)
	return p.onRequest(ctx, o, id, onboarding.Amend{Form: form, Day: o.day()})
}

// WithdrawOwnRequest ends a request, by the holder of the token.
func (p *People) WithdrawOwnRequest(ctx context.Context, token string) (Done, error) {
	id, err := p.ownRequest(token)
	if err != nil {
		return Done{}, err
	}
	o := p.ofHolder(anybody)
	return p.onRequest(ctx, o, id, onboarding.Withdraw{Day: o.day()})
}

// AskRequest asks the contact of a request for what is missing, and for what question says besides.
func (p *People) AskRequest(ctx context.Context, ask Ask, id, question string) (Done, error) {
	o, err := p.authorise(ask, "", "onboarding.ask")
	if err != nil {
		return Done{}, err
	}
	return p.onRequest(ctx, o, id, onboarding.Ask{Question: question, Day: o.day()})
}

// CompleteRequest notes that an operator checked the request: nothing is missing, and it is true. One that
// was amended takes the revision that the operator read (Ask.Expected), so that nobody changes it between.
func (p *People) CompleteRequest(ctx context.Context, ask Ask, id string) (Done, error) {
	o, err := p.authorise(ask, "", "onboarding.mark-complete")
	if err != nil {
		return Done{}, err
	}
	return p.onRequest(ctx, o, id, onboarding.MarkComplete{AsRead: o.expected != nil, Day: o.day()})
}

// DeclineRequest ends a request, by an operator.
func (p *People) DeclineRequest(ctx context.Context, ask Ask, id string) (Done, error) {
	o, err := p.authorise(ask, "", "onboarding.decline")
	if err != nil {
		return Done{}, err
	}
	return p.onRequest(ctx, o, id, onboarding.Decline{Day: o.day()})
}

// WithdrawRequest ends a request that the business told an operator it does not want any more.
func (p *People) WithdrawRequest(ctx context.Context, ask Ask, id string) (Done, error) {
	o, err := p.authorise(ask, "", "onboarding.withdraw")
	if err != nil {
		return Done{}, err
	}
	return p.onRequest(ctx, o, id, onboarding.Withdraw{Day: o.day()})
}

// EraseRequestPeople erases the people from a request that is over, at somebody's request. Package reactions
// destroys their key, from the event.
func (p *People) EraseRequestPeople(ctx context.Context, ask Ask, id string) (Done, error) {
	o, err := p.authorise(ask, "", "onboarding.erase-people")
	if err != nil {
		return Done{}, err
	}
	return p.onRequest(ctx, o, id, onboarding.ErasePeople{Day: o.day()})
}

// onRequest gives a command to an access request.
func (p *People) onRequest(ctx context.Context, o order, id string, command onboarding.Command) (Done, error) {
	done, err := p.requests.done(ctx, o, id, command)
	if err != nil {
		return Done{}, fmt.Errorf("change access request: %w", err)
	}
	return done, nil
}
