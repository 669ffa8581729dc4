package portal

import (
	"errors"
	"net/url"
	"strconv"
	"time"

	"casesync/adapters/commands"
	"casesync/domain"
	"casesync/domain/ticket"
)

// supportForm is a question, or a message, as it is typed. What is in it is shown again as it is, and nothing is
// taken for granted of it.
type supportForm struct {
	// Key makes sending the same question twice one ticket. Token is of the mailed link to a ticket.
	Key, Token         string
	Type               string
	Name, Email        string
	FRN, Subject, Text string
	// Seen is how many messages the page had that a message was typed in.
	Seen int64
}

func supportFormOf(sent url.Values) supportForm {
	seen, _ := strconv.ParseInt(sent.Get("seen"), 10, 64) // 0 is the beginning
	return supportForm{
		Key: sent.Get("key"), Token: sent.Get("token"), Type: sent.Get("type"), Name: sent.Get("name"), Email: sent.Get("email"),
		FRN: sent.Get("frn"), Subject: sent.Get("subject"), Text: sent.Get("text"), Seen: seen,
	}
}

// question is the form as the decider takes it.
func (f *supportForm) question() commands.Question {
	return commands.Question{Type: ticket.Type(f.Type), FRN: trimmed(f.FRN), Subject: f.Subject, Text: f.Text}
}

func (f *supportForm) contact() ticket.Contact { return ticket.Contact{Name: f.Name, Email: f.Email} }

// check returns what is wrong with a form: what the decider would refuse, each at its field.
func (f *supportForm) check() faults {
	var found finder
	try := func(field string, change func(*ticket.Open)) {
		open := ticket.Open{
			Type: ticket.Technical, Contact: ticket.Contact{Name: "Robin Sample", Email: "robin.sample@business.example"},
			Subject: "A question", Text: "A question", At: time.Unix(0, 0),
		}
		change(&open)
		if refusal, is := refusalOf(open); is {
			found.note(field, refusal.Reason)
		}
	}
	kind := ticket.Type(f.Type)
	if found.must("type-"+string(ticket.Technical), f.Type, "Select what your question is about") {
		try("type-"+string(ticket.Technical), func(o *ticket.Open) { o.Type, o.FRN = kind, "0000000" })
	}
	if found.must("name", f.Name, "Enter your full name") {
		try("name", func(o *ticket.Open) { o.Contact.Name = f.Name })
	}
	if found.must("email", f.Email, "Enter your e-mail address") {
		try("email", func(o *ticket.Open) { o.Contact.Email = f.Email })
	}
	try("frn", func(o *ticket.Open) { o.FRN = trimmed(f.FRN) })
	if kind == ticket.AdditionalAdministrator {
		try("frn", func(o *ticket.Open) { o.Type, o.FRN = kind, trimmed(f.FRN) })
	}
	if found.must("subject", f.Subject, "Enter a subject") {
		try("subject", func(o *ticket.Open) { o.Subject = f.Subject })
	}
	if found.must("text", f.Text, "Enter your question") {
		try("text", func(o *ticket.Open) { o.Text = f.Text })
	}
	return found.found
}

// refusalOf returns what the decider says against a question.
func refusalOf(open ticket.Open) (*domain.Refusal, bool) {
	_, err := ticket.Decide(ticket.Initial(), open)
	return errors.AsType[*domain.Refusal](err)
}
