package httpapi

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"casesync/adapters/commands"
)

// Allowances bound what is kept here for years, and mailed, by one sender: the limits of requests leave room for
// millions a day. Each takes from what the sender has left, or says how long until there is enough. Nil is no limit.
type Allowances struct {
	// Strangers is asked before something of nobody known is kept of which mail goes to an address that he chose:
	// a question to the helpdesk, a request for access. He is known by the network address of the request.
	Strangers func(r *http.Request) (retryAfter time.Duration, ok bool)
	// Tickets is asked before a person opens one; the messages in it have a limit of their own.
	Tickets func(person string) (retryAfter time.Duration, ok bool)
	// Notifications is asked before a person sends some about so many cases.
	Notifications func(person string, cases int) (retryAfter time.Duration, ok bool)
}

func (a Allowances) stranger(r *http.Request) *Problem {
	if a.Strangers == nil {
		return nil
	}
	return spent(a.Strangers(r))
}

func (a Allowances) ticket(ask commands.Ask) *Problem {
	if a.Tickets == nil {
		return nil
	}
	return spent(a.Tickets(ask.By.Person()))
}

func (a Allowances) notifications(ask commands.Ask, cases int) *Problem {
	if a.Notifications == nil {
		return nil
	}
	return spent(a.Notifications(ask.By.Person(), cases))
}

// allowance says that a route takes of an allowance.
func allowance(op *huma.Operation) { op.Errors = append(op.Errors, http.StatusTooManyRequests) }

// spent refuses who has nothing left.
func spent(retryAfter time.Duration, ok bool) *Problem {
	if ok {
		return nil
	}
	return problem(CodeTooMany, "More was sent from here in a short time than is taken. Nothing of this was kept: send it again later.").retryAfter(retryAfter)
}
