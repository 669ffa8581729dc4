package mail

import (
	"context"
	"fmt"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/google/uuid"
)

// Message is a mail on its way: a letter, with whom it goes to.
type Message struct {
	// ID is the row's. The Message-ID is derived from it: what is delivered again after a crash has
	// the same one, by which mail programs know it.
	ID   uuid.UUID
	Kind Kind
	// About is the id of the person or access request, or "operators": what is kept of the message
	// is found again by it.
	About string
	To    string
	// At is when it was queued, the date that people see.
	At            time.Time
	Subject, Body string
}

// Transport takes messages.
type Transport interface {
	// Send gives a message to whoever delivers it. When it returns nil the message is durably
	// theirs. An error that Is no *Fault is one of ours; after any error the message may have been
	// taken all the same, and is sent again with the same Message-ID.
	Send(ctx context.Context, message Message) error
}

// Keeper is a Transport that keeps messages itself, instead of giving them away.
type Keeper interface {
	// Purge removes all that is kept about a person or access request. It may be repeated.
	Purge(ctx context.Context, about string) error
}

// Fault is why a message was not sent. It says nothing of the message or of its recipient: what a
// mail server answers often repeats the address, so its text goes nowhere.
type Fault struct { //nolint:errname // one of the ways in which sending ends, and stored
	// Code is a stable word: "unreachable", "timeout", "tls", "smtp-550-5.1.1".
	Code string
	// Permanent is whether sending the same again is of no use.
	Permanent bool
}

func (f *Fault) Error() string { return "send mail: " + f.Code }

// encode returns the message in the form of RFC 5322. No header but To holds anything personal.
func encode(message Message, from *mail.Address) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	m.FromMailAddress(from)
	if err := m.To(message.To); err != nil {
		// The library's error repeats the address.
		return nil, &Fault{Code: "address-unusable", Permanent: true}
	}
	m.Subject(message.Subject)
	m.SetDateWithValue(message.At.UTC())
	m.SetMessageIDWithValue(messageID(message.ID, from))
	// RFC 3834: nobody's absence is to be answered to a program.
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	m.SetGenHeader(kindHeader, string(message.Kind))
	m.SetBodyString(gomail.TypeTextPlain, message.Body)
	return m, nil
}

// kindHeader says which of our mails it is.
const kindHeader = "X-Casesync-Mail"

// messageID returns the Message-ID without its brackets.
func messageID(id uuid.UUID, from *mail.Address) string {
	_, domain, _ := strings.Cut(from.Address, "@")
	return id.String() + "@" + domain
}

// parseFrom reads the address that mail comes from.
func parseFrom(text string) (*mail.Address, error) {
	from, err := mail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("read the address that mail comes from: %w; write it as NAME <ADDRESS>", err)
	}
	return from, nil
}
