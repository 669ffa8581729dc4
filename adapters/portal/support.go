package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain"
	"casesync/domain/ticket"
)

// The buttons of the pages of the helpdesk, beside actionSend and actionShow.
const (
	actionReply   = "reply"
	actionResolve = "resolve"
)

// openSupport shows an empty form or, to who comes by a mailed link, the conversation that it is for.
func (p *Portal) openSupport(r *http.Request) (answer, error) {
	if token := r.URL.Query().Get("token"); token != "" {
		return p.showConversation(r.Context(), token, "")
	}
	return p.supportPage(supportForm{Key: uuid.NewString()}, nil), nil
}

// takeSupport does what a button asks.
func (p *Portal) takeSupport(r *http.Request) (answer, error) {
	if err := r.ParseForm(); err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return answer{status: http.StatusRequestEntityTooLarge, page: "message", title: "There is too much in this form",
				data: fmt.Sprintf("A text may have %d characters. Shorten it, and send it again.", ticket.TextCharactersMax)}, nil
		}
		return answer{}, fmt.Errorf("%w: %w", errForm, err)
	}
	form := supportFormOf(r.PostForm)
	switch r.PostForm.Get("action") {
	case actionSend:
		return p.askHelpdesk(r, form)
	case actionReply:
		return p.reply(r, form)
	case actionResolve:
		return p.resolve(r, form)
	case actionShow:
		return p.showConversation(r.Context(), form.Token, "")
	}
	return p.supportPage(form, nil), nil // what is no button of ours changes nothing: the form is there again
}

// supportShown is the page of the form.
type supportShown struct {
	supportForm
	Hours
	SubjectMax, TextMax int
}

func (p *Portal) supportPage(form supportForm, found faults) answer {
	return answer{page: "support", title: "Ask the helpdesk", faults: found, data: supportShown{
		form, hoursAt(p.config.Now()), ticket.SubjectCharactersMax, ticket.TextCharactersMax,
	}}
}

// askHelpdesk opens a ticket. Sent twice, the same form is one ticket. The page that answers says nothing of the
// link to it, which goes to the address by mail: whoever sent the form need not be who reads there.
func (p *Portal) askHelpdesk(r *http.Request, form supportForm) (answer, error) {
	if found := form.check(); len(found) > 0 {
		return p.again(form, http.StatusUnprocessableEntity, found), nil
	}
	if p.exhausted(r) {
		return p.again(form, http.StatusTooManyRequests, faults{{"support-form", exhaustedText}}), nil
	}
	key, err := uuid.Parse(form.Key)
	if err != nil {
		key = uuid.New() // a form that nobody here made: sent twice, it is two tickets
	}
	err = p.open(r.Context(), key, form)
	switch refusal, is := errors.AsType[*domain.Refusal](err); {
	case is:
		return p.again(form, http.StatusConflict, faults{{"support-form", refusal.Reason}}), nil
	case err != nil:
		p.fault(r, err)
		return p.again(form, http.StatusServiceUnavailable,
			faults{{"support-form", "Your question could not be kept just now. Nothing that you typed is lost: send it again in a few minutes."}}), nil
	}
	return answer{page: "asked", title: "Question sent", data: asked{form.Email, hoursAt(p.config.Now())}}, nil
}

// open keeps a question. The token of the link to it is for the mail alone, which makes it anew.
func (p *Portal) open(ctx context.Context, key uuid.UUID, form supportForm) error {
	_, _, _, err := p.config.Casework.OpenTicketAsStranger(ctx, commands.Ask{ID: key}, form.question(), form.contact()) //nolint:dogsled // see above
	return err
}

// asked is what is told to who asked.
type asked struct {
	Email string
	Hours
}

// again shows the form as it was typed, and what is wrong.
func (p *Portal) again(form supportForm, status int, found faults) answer {
	page := p.supportPage(form, found)
	page.status = status
	return page
}

// reply writes in the ticket of a link. What was not taken is in the page that answers, as it was typed.
func (p *Portal) reply(r *http.Request, form supportForm) (answer, error) {
	before, err := p.conversationOf(r.Context(), form.Token)
	if err != nil {
		return answer{}, err
	}
	if before.sentSince(form.Seen, form.Text) { // a browser that loads the page anew sends the form again
		return before.page("Your message was sent."), nil
	}
	done, err := p.config.Casework.ReplyByLink(r.Context(), form.Token, form.Text)
	if refusal, is := errors.AsType[*domain.Refusal](err); is {
		before.Text = form.Text
		page := before.page("")
		page.status, page.faults = http.StatusUnprocessableEntity, faults{{"text", refusal.Reason}}
		return page, nil
	}
	if err != nil {
		return p.unsent(r, before, form, err)
	}
	p.caughtUp(r.Context(), done.Position)
	return p.showConversation(r.Context(), form.Token, "Your message was sent.")
}

// unsent keeps what was typed where it could not be recorded now.
func (p *Portal) unsent(r *http.Request, before conversation, form supportForm, err error) (answer, error) {
	if errors.Is(err, commands.ErrLink) || errors.Is(err, commands.ErrUnknown) {
		return answer{}, err
	}
	p.fault(r, err)
	before.Text = form.Text
	page := before.page("")
	page.status = http.StatusServiceUnavailable
	page.faults = faults{{"text", "Your message could not be kept just now. Nothing that you typed is lost: send it again in a few minutes."}}
	return page, nil
}

// resolve says that a question is answered. Said twice, it is so all the same.
func (p *Portal) resolve(r *http.Request, form supportForm) (answer, error) {
	done, err := p.config.Casework.ResolveByLink(r.Context(), form.Token)
	if err != nil {
		return answer{}, err
	}
	p.caughtUp(r.Context(), done.Position)
	return p.showConversation(r.Context(), form.Token, "Thank you. Your question is answered.")
}
