package portal

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain"
)

// The buttons of the pages of access requests, beside those of requestForm.change.
const (
	actionSend      = "send"
	actionShow      = "show"
	actionEdit      = "edit"
	actionWithdraw  = "withdraw"
	actionWithdrawn = "withdraw-confirmed"
)

// openRequest shows an empty form or, to who comes by a mailed link, the request that it is for.
func (p *Portal) openRequest(r *http.Request) (answer, error) {
	if token := r.URL.Query().Get("token"); token != "" {
		return p.showRequest(r.Context(), token, "")
	}
	return formPage(newForm(), nil), nil
}

// takeRequest does what a button asks.
func (p *Portal) takeRequest(r *http.Request) (answer, error) {
	form, action, err := readForm(r)
	if err != nil {
		return answer{}, err
	}
	switch action {
	case actionSend:
		return p.send(r, form)
	case actionShow:
		return p.showRequest(r.Context(), form.Token, "")
	case actionEdit:
		view, err := p.config.People.ShowOwnRequest(r.Context(), form.Token)
		return formPage(formOf(form.Token, view), nil), err
	case actionWithdraw:
		view, err := p.config.People.ShowOwnRequest(r.Context(), form.Token)
		return answer{page: "withdraw", title: "Withdraw your access request", data: progressOf(form.Token, "", view)}, err
	case actionWithdrawn:
		return p.withdraw(r.Context(), form.Token)
	}
	form.change(action) // what is no button of ours changes nothing: the form is there again
	return formPage(form, nil), nil
}

func formPage(form requestForm, found faults) answer {
	title := "Ask for access to the portal"
	if form.Token != "" {
		title = "Change your access request"
	}
	return answer{page: "request", title: title, data: &form, faults: found}
}

// send makes or changes a request. Sent twice, the same form is one request. Whatever is not taken is
// in the page that answers, as it was typed.
func (p *Portal) send(r *http.Request, form requestForm) (answer, error) {
	if found := form.check(); len(found) > 0 {
		again := formPage(form, found)
		again.status = http.StatusUnprocessableEntity
		return again, nil
	}
	if form.Token == "" && p.exhausted(r) {
		again := formPage(form, faults{{"request-form", exhaustedText}})
		again.status = http.StatusTooManyRequests
		return again, nil
	}
	id, token, err := p.keep(r.Context(), form)
	switch refusal, is := errors.AsType[*domain.Refusal](err); {
	case errors.Is(err, commands.ErrLink), errors.Is(err, commands.ErrUnknown):
		return answer{}, err
	case is:
		again := formPage(form, faults{{"request-form", refusal.Reason}})
		again.status = http.StatusConflict
		return again, nil
	case err != nil:
		p.fault(r, err)
		again := formPage(form, faults{{"request-form", "Your request could not be kept just now. Nothing that you typed is lost: send it again in a few minutes."}})
		again.status = http.StatusServiceUnavailable
		return again, nil
	case form.Token != "":
		return p.showRequest(r.Context(), form.Token, "Your changes are saved. We will look at your request again.")
	}
	return answer{page: "received", title: "Request received", data: received{id, token, form.ContactEmail}}, nil
}

// received is what is told to who made a request.
type received struct{ Reference, Token, Email string }

// keep gives a form to the decider. The token of a request that is there stays the same.
func (p *Portal) keep(ctx context.Context, form requestForm) (id, token string, err error) {
	if form.Token != "" {
		_, err = p.config.People.AmendOwnRequest(ctx, form.Token, form.form())
		return "", form.Token, err
	}
	key, err := uuid.Parse(form.Key)
	if err != nil {
		key = uuid.New() // a form that nobody here made: sent twice, it is two requests
	}
	id, token, _, err = p.config.People.SubmitRequest(ctx, commands.Ask{ID: key}, form.form())
	return id, token, err
}

func (p *Portal) showRequest(ctx context.Context, token, done string) (answer, error) {
	view, err := p.config.People.ShowOwnRequest(ctx, strings.TrimSpace(token))
	if err != nil {
		return answer{}, err
	}
	shown := progressOf(token, done, view)
	return answer{page: "progress", title: shown.Heading, data: shown}, nil
}

// withdraw ends a request. Where it cannot be ended any more the page says where it stands.
func (p *Portal) withdraw(ctx context.Context, token string) (answer, error) {
	_, err := p.config.People.WithdrawOwnRequest(ctx, token)
	if refusal, is := errors.AsType[*domain.Refusal](err); is && !errors.Is(err, commands.ErrUnknown) {
		shown, err := p.showRequest(ctx, token, "")
		shown.status, shown.faults = http.StatusConflict, faults{{"main", refusal.Reason}}
		return shown, err
	}
	if err != nil {
		return answer{}, err
	}
	return p.showRequest(ctx, token, "You have withdrawn your request.")
}
