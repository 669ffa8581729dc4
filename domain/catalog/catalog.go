// Package catalog is the union of all events by their stored names, with the upcasters that turn
// older stored versions into current ones.
//
// What was ever stored can be read for ever: an event type is either current, or has an upcaster
// that leads, step by step, to a current one. Each stored version has an example in
// schemas/events.
package catalog

import (
	"encoding/json"
	"fmt"
	"strings"

	"casesync/domain/account"
	"casesync/domain/business"
	"casesync/domain/casefile"
	"casesync/domain/connection"
	"casesync/domain/documents"
	"casesync/domain/membership"
	"casesync/domain/notification"
	"casesync/domain/onboarding"
	"casesync/domain/reservation"
	"casesync/domain/savedview"
	"casesync/domain/terms"
	"casesync/domain/ticket"
	"casesync/domain/upload"
)

// vocabularies lists the events of each decider, one line each.
var vocabularies = []vocabulary{
	{casefile.Events, casefile.Name, anyEvent(casefile.New)},
	{business.Events, business.Name, anyEvent(business.New)},
	{membership.Events, membership.Name, anyEvent(membership.New)},
	{account.Events, account.Name, anyEvent(account.New)},
	{reservation.Events, reservation.Name, anyEvent(reservation.New)},
	{onboarding.Events, onboarding.Name, anyEvent(onboarding.New)},
	{terms.Events, terms.Name, anyEvent(terms.New)},
	{connection.Events, connection.Name, anyEvent(connection.New)},
	{upload.Events, upload.Name, anyEvent(upload.New)},
	{documents.Events, documents.Name, anyEvent(documents.New)},
	{notification.Events, notification.Name, anyEvent(notification.New)},
	{ticket.Events, ticket.Name, anyEvent(ticket.New)},
	{savedview.Events, savedview.Name, anyEvent(savedview.New)},
}

// vocabulary is what a decider's package says of its events.
type vocabulary struct {
	events func() []string
	name   func(event any) (string, bool)
	event  func(name string) (any, bool)
}

// anyEvent is create with its event in the type that all deciders share.
func anyEvent[Event any](create func(name string) (Event, bool)) func(string) (any, bool) {
	return func(name string) (any, bool) {
		event, known := create(name)
		return event, known
	}
}

// Upcaster turns what was stored under the name From into what the name To stands for.
//
// It may not rename, move or drop a sealed value: sealed text is bound to the path of its field.
type Upcaster struct {
	From, To string
	Upcast   func(data []byte) ([]byte, error)
}

// upcasters lists all of them, one line each. From is a name that no event has any more.
var upcasters []Upcaster

// Catalog knows every event of the domain.
type Catalog struct {
	names     []string
	upcasters map[string]Upcaster
}

// New returns the catalog of all events of this version.
func New() *Catalog { return newCatalog(upcasters) }

func newCatalog(upcasters []Upcaster) *Catalog {
	c := &Catalog{
		upcasters: make(map[string]Upcaster, len(upcasters)),
	}
	for _, v := range vocabularies {
		c.names = append(c.names, v.events()...)
	}
	for _, u := range upcasters {
		c.upcasters[u.From] = u
	}
	return c
}

// Names returns the current stored names of all events.
func (c *Catalog) Names() []string { return append([]string(nil), c.names...) }

// Name returns the stored name of event, and false for a type that is no event.
func (c *Catalog) Name(event any) (string, bool) {
	for _, v := range vocabularies {
		if name, known := v.name(event); known {
			return name, true
		}
	}
	return "", false
}

// New returns a new empty event for a current stored name, and false for an unknown one.
func (c *Catalog) New(name string) (any, bool) {
	for _, v := range vocabularies {
		if event, known := v.event(name); known {
			return event, true
		}
	}
	return nil, false
}

// Upcast turns data stored under an older name into the current name's, and returns what it was
// given where there is nothing to do. A held fact keeps the name it was held under inside it, and
// is upcast there. It fails where an upcaster cannot read the data.
func (c *Catalog) Upcast(name string, data []byte) (string, []byte, error) {
	for {
		u, old := c.upcasters[name]
		if !old {
			break
		}
		upcast, err := u.Upcast(data)
		if err != nil {
			return "", nil, fmt.Errorf("upcast %s to %s: %w", u.From, u.To, err)
		}
		name, data = u.To, upcast
	}
	if len(c.upcasters) > 0 && strings.HasSuffix(name, ".fact-held.v1") {
		upcast, err := c.upcastHeld(data)
		return name, upcast, err
	}
	return name, data, nil
}

// upcastHeld upcasts the fact inside a held one, if it was held under an older name.
func (c *Catalog) upcastHeld(data []byte) ([]byte, error) {
	var held struct {
		Type string          `json:"type"`
		Fact json.RawMessage `json:"fact"`
	}
	if err := json.Unmarshal(data, &held); err != nil {
		return nil, fmt.Errorf("upcast held fact: %w", err)
	}
	if _, old := c.upcasters[held.Type]; !old {
		return data, nil
	}
	name, fact, err := c.Upcast(held.Type, held.Fact)
	if err != nil {
		return nil, err
	}
	whole := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, fmt.Errorf("upcast held fact: %w", err)
	}
	whole["type"], whole["fact"] = fmt.Appendf(nil, "%q", name), fact
	return json.Marshal(whole)
}
